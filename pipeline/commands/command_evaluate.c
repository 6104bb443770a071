#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    return fs_run_stages(session, 1u << FS_STAGE_EVALUATE, err);
}

const struct fs_command fs_command_evaluate = {
    .name = "evaluate",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "measure the model before and after",
    .description = "Runs the third stage of a job. Needs the stamp of the same job.",
    .options = fs_job_options,
    .run = run,
};

#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    return fs_run_stages(session, 1u << FS_STAGE_STAMP, err);
}

const struct fs_command fs_command_stamp = {
    .name = "stamp",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "train the Fairness Stamp at that layer",
    .description = "Runs the second stage of a job. Needs the trace of the same job, unless the job names a layer.",
    .options = fs_job_options,
    .run = run,
};

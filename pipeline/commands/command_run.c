#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    return fs_run_stages(session, 0, err);
}

const struct fs_command fs_command_run = {
    .name = "run",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "run all stages that are not finished",
    .description =
        "Runs the stages of a job: trace, the training of each method, evaluate. Each publishes one file in the job's "
        "output folder; a stage whose file exists, is whole and belongs to this job is not run again. Prints the table "
        "of results before and after.",
    .options = fs_job_options,
    .run = run,
};

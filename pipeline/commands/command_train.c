#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    return fs_run_stages(session, fs_training_stages(), err);
}

const struct fs_command fs_command_train = {
    .name = "train",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "train all methods of a job",
    .description = "Trains each method of the job that trains, the stamp among them, and evaluates nothing. Needs the "
                   "trace of the same job where a method's layer is that of the trace. A job without such a method is "
                   "done at once.",
    .options = fs_job_options,
    .run = run,
};

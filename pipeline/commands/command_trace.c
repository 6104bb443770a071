#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    return fs_run_stages(session, 1u << FS_STAGE_TRACE, err);
}

const struct fs_command fs_command_trace = {
    .name = "trace",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "find the layer that carries the bias",
    .description =
        "Runs the first stage of a job: restores hidden states layer by layer and prints the average indirect effect "
        "(AIE) of each layer with its interval, and the decisive layer.",
    .options = fs_job_options,
    .run = run,
};

#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    return fs_run_stages(session, 1u << FS_STAGE_LAYER_SWEEP, err);
}

const struct fs_command fs_command_layer_sweep = {
    .name = "layer_sweep",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "compare stamps at several layers with the traced one",
    .description =
        "Runs the last stage of a job whose layers.compare is random or all: trains a stamp at each of the layers and "
        "measures it, so that one sees where the traced layer ranks. Needs the trace of the same job, unless "
        "the job names a layer.",
    .options = fs_job_options,
    .run = run,
};

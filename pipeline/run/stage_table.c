#include "pipeline/run/stage_table.h"

#include "results/stage_report.h"

static const struct fs_stage_row training = {NULL, fs_stage_run_training, fs_training_report};
static const struct fs_stage_row rows[FS_STAGE_COUNT] = {
    [FS_STAGE_TRACE] = {NULL, fs_stage_run_trace, fs_trace_report},
    [FS_STAGE_EVALUATE] = {"results", fs_stage_run_evaluate, fs_evaluate_report},
    [FS_STAGE_LAYER_SWEEP] = {NULL, fs_stage_run_layer_sweep, fs_layers_report},
};

const struct fs_stage_row *fs_stage_row(enum fs_stage stage)
{
    return fs_stage_method(stage) != NULL ? &training : &rows[stage];
}

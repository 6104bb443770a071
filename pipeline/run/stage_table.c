#include "pipeline/run/stage_table.h"

#include "results/stage_report.h"

const struct fs_stage_row fs_stages[FS_STAGE_COUNT] = {
    [FS_STAGE_TRACE] = {"trace", fs_stage_run_trace, fs_trace_report},
    [FS_STAGE_STAMP] = {"stamp", fs_stage_run_training, fs_training_report},
    [FS_STAGE_EVALUATE] = {"results", fs_stage_run_evaluate, fs_evaluate_report},
    [FS_STAGE_LAYER_SWEEP] = {"layer_sweep", fs_stage_run_layer_sweep, fs_layers_report},
};

/*
 * The runs of a unit, layer by layer: copies join where their restorations begin, and share all layers above. Private to
 * the stage.
 */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_WAVE_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_WAVE_H

#include "stages/trace/trace_layout.h"

/* numbers [layout->values]: the unit's result. Local. */
int fs_trace_wave_run(const struct fs_trace_layout *layout, struct fs_workspace *workspace, double *numbers,
                      struct fs_error *err);

#endif

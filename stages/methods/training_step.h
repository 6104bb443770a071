/* Where a training may stop. `save` NULL: nothing is saved. Collective. */
#ifndef FAIRSTAMP_STAGES_METHODS_TRAINING_STEP_H
#define FAIRSTAMP_STAGES_METHODS_TRAINING_STEP_H

#include "stages/methods/method.h"

/* After a step, which state->step counts: saves it. FS_EXIT_INTERRUPTED after a stop request, but for the last one. */
int fs_training_step_done(struct fs_runner *runner, fs_training_save *save, void *context,
                          const struct fs_training_state *state, struct fs_error *err);
/* After a step that failed with `err`: where it was interrupted, saves those before it. Returns -1, with `err` as it was
 * unless saving fails. */
int fs_training_step_failed(fs_training_save *save, void *context, const struct fs_training_state *state,
                            struct fs_error *err);

#endif

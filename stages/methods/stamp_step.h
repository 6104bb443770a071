/*
 * A training step over the units of a batch, on all ranks: losses and gradient of the stamp as it stands. Private to the
 * stamp's files.
 *
 * L_b needs, for a term whose pairs stand in several units, the differences of all of them before the gradient of any.
 * Where it has a weight, a first sweep runs the units of such terms forward, a second one all units forward and back. What
 * the first has computed of a unit is kept for the second where there is room, and computed again otherwise. The first goes
 * only so far ahead of the second that what it keeps has room: both take turns in parts of the units (fs_stamp_part), of
 * which many ranks have one. Sums go on from part to part in unit order, and what is computed again has the same bits:
 * neither the parts nor the memory change a result.
 *
 * A batch has as many versions as stamp_frames.h says, each with units of its own, and a step runs those of one. Versions
 * share the memory: what has room stays, of the plain one first; generic prompts are in all of them.
 *
 * Memory: stamp_memory.h.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_STEP_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_STEP_H

#include "stages/methods/stamp_trainer.h"

/* Compiles the batch and runs the unedited model. Collective; the caller ends the batch, also on failure. */
int fs_stamp_step_begin(struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer,
                        const struct fs_stamp_batch *batch, struct fs_error *err);
/* Sets total and value for the stamp as it stands, on version `version` of the batch. `width`: tau. Collective. */
int fs_stamp_step_run(struct fs_stamp_step *step, size_t version, double width, struct fs_error *err);
void fs_stamp_step_end(struct fs_stamp_step *step); /* takes one with nothing but the caller's part set */

#endif

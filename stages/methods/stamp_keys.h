/*
 * Where fresh keys begin to fire: b_K of each key such that it does on a stated share of the tokens of the plain text
 * (stamp_text.h), instead of at a multiple of the root mean square that all keys share (key_bias). Of the N products K x of
 * a key, sorted, the m = max(1, round(share N)) largest are to be above -b_K: it lies midway between the m-th and the next.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_KEYS_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_KEYS_H

#include "model/edits/stamp_net.h"
#include "stages/methods/stamp_trainer.h"

/*
 * Sets b_K of `stamp`, the step's, on all ranks, from its keys and the text's x of the unedited model. Collective. Memory
 * for a while, on the root: N d numbers and N FS_STAMP_KEY_PANEL.
 */
#define FS_STAMP_KEY_PANEL ((size_t)64)
int fs_stamp_keys_start(const struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer, struct fs_stamp *stamp,
                        struct fs_error *err);

/* -b_K for one key from its products value[count], count > 0, which are sorted here. Local. */
double fs_stamp_threshold(fs_real *value, size_t count, double share);

#endif

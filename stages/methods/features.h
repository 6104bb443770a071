/*
 * Features of texts: the mean of the last state over all positions of a text, special tokens included, by the unedited
 * model (engine.h, fs_read_mean_states). Units of a plan compute them, so that their bits do not depend on the ranks.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_FEATURES_H
#define FAIRSTAMP_STAGES_METHODS_FEATURES_H

#include <stddef.h>

#include "stages/methods/method.h"
#include "stages/methods/sentences.h"

/*
 * Of texts first .. first + count - 1, each cut to `most_tokens` tokens with its special tokens, and to what the model has
 * positions for: state (count, fs_spec_state_width) on the root; elsewhere it is NULL. Where the runner probes, texts of
 * units that did not run have zeros. Collective; nothing is saved on the way.
 */
int fs_features(const struct fs_method_task *task, size_t most_tokens, const struct fs_text_list *texts, size_t first,
                size_t count, double *state, struct fs_error *err);

#endif

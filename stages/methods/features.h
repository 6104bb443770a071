/*
 * Features of texts: the mean of the last state over all positions of a text, special tokens included, by the unedited
 * model (engine.h, fs_read_mean_states). Units of a plan compute them, so that their bits do not depend on the ranks.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_FEATURES_H
#define FAIRSTAMP_STAGES_METHODS_FEATURES_H

#include <stddef.h>

#include "stages/methods/method.h"
#include "stages/methods/sentences.h"

/* What stands before and behind a text that is read by itself: [CLS] and [SEP], or a begin-of-text of its own; below 0:
 * nothing. */
struct fs_text_around {
    int32_t before, behind;
    size_t most; /* tokens in all */
};
int fs_text_around_find(const struct fs_method_task *task, size_t most_tokens, struct fs_text_around *around,
                        struct fs_error *err);
/* id [around->most]: the tokens of `length` bytes with what stands around them, cut to the most; *count: how many, 0 where the
 * text has none of its own. Local. */
int fs_text_encode(const struct fs_method_task *task, const struct fs_text_around *around, const char *text,
                   size_t length, int32_t *id, size_t *count, struct fs_error *err);

/*
 * Of texts first .. first + count - 1, each cut to `most_tokens` tokens with its special tokens, and to what the model has
 * positions for: state (count, fs_spec_state_width) on the root; elsewhere it is NULL. Where the runner probes, texts of
 * units that did not run have zeros. Collective; nothing is saved on the way.
 */
int fs_features(const struct fs_method_task *task, size_t most_tokens, const struct fs_text_list *texts, size_t first,
                size_t count, double *state, struct fs_error *err);

#endif

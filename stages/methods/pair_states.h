/*
 * What the unedited model makes of the words in which the statements of a pair differ: states behind a layer, at the tokens of
 * the completion where two completions stand in one context (StereoSet), of the subject where two subjects share an object
 * (BiasKE). The text is before + completion + after, between [CLS] and [SEP], or behind begin-of-text where the model has one.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_PAIR_STATES_H
#define FAIRSTAMP_STAGES_METHODS_PAIR_STATES_H

#include <stddef.h>

#include "stages/methods/method.h"

/*
 * The mean state of k1's tokens behind task->layer less that of k2's, of each edited pair: difference (count,d) on the root,
 * elsewhere NULL; the caller frees. Pairs whose subject does not stand in their text as a word, or that are too long, have
 * none, and are counted in `without`; FS_EXIT_DATA where all are such. Where the runner probes, those of units that did
 * not run are zeros. Collective.
 */
int fs_pair_differences(const struct fs_method_task *task, double **difference, size_t *count, size_t *without,
                        struct fs_error *err);

#endif

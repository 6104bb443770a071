/*
 * Which neurons of the FFNs say more of one statement of a pair than of the other: the gap of their integrated gradients (IG^2,
 * Liu et al., ICLR 2024). P(y) is the probability of the completion's first token, as target.prob (masked) or object.mean (causal)
 * reads it, w (F) what W_out of a layer reads at that position alone:
 *
 *     attr(j) = (w_j / m) sum over i = 0 .. m - 1 of dP(y) / dw_j at (i / m) w      gap(j) = attr of k1 less attr of k2
 *
 * Where two completions stand in one context, both are of the same passes; where two subjects share an object, each of its own.
 * Of every layer m passes from there on, and back. Masked models' texts and causal models' prompts are run m at a time, what
 * these begin with once.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_NEURON_GAPS_H
#define FAIRSTAMP_STAGES_METHODS_NEURON_GAPS_H

#include <stddef.h>

#include "stages/methods/method.h"

struct fs_neuron_options {
    size_t steps; /* m */
    double share; /* a neuron is a pair's where its gap is at least this share of the largest of all layers */
};

/* Neurons of all layers, one layer after the other. */
size_t fs_neurons_of(const struct fs_spec *spec);

/*
 * In how many edited pairs each neuron is the pair's: count [fs_neurons_of] on the root, elsewhere NULL; the caller frees.
 * *pairs: how many can be asked, which have two texts that differ in the token or in the context, and are not too long; FS_EXIT_DATA where none.
 * Partial results are saved as `checkpoint` (fs_runner_map). Collective.
 */
int fs_neuron_counts(const struct fs_method_task *task, const struct fs_neuron_options *options, const char *checkpoint,
                     size_t **count, size_t *pairs, struct fs_error *err);

#endif

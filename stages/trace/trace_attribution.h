/*
 * Attribution patching: to first order, what restoring or removing would change, of every component, layer and position
 * and of every neuron, from one backward pass of each run (Nanda 2023; Kramar et al. 2024, arXiv 2403.00745).
 *
 *     restore   log P*[o | restored] - log P*[o]  ~  gradient of log P*[o] in the counterfactual run x difference
 *     remove    log P[o] - log P[o | removed]     ~  gradient of log P[o] in the biased run x difference
 *
 * where the difference is the component's value in the biased run, less that in the counterfactual one: the gradient is
 * that of the run that is patched into. With noise both are means over the samples. Components are those of
 * trace.kinds, of one layer each: the residual stream after it, what attention and what the FFN adds. Effects of positions
 * add up. A neuron is one number behind the FFN's activation (with experts: times the expert's weight, experts one after
 * the other); its effect is the mean of both directions, of all positions together.
 *
 * A unit is a batch of whole runs; the runs of an item begin with the same rows in a causal model, and no other item's do.
 */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_ATTRIBUTION_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_ATTRIBUTION_H

#include "io/archive/archive.h"
#include "io/error.h"
#include "stages/trace/trace_measure.h"

#define FS_ATTRIBUTION_WORK "trace attribution" /* to the runner */

enum { FS_ATTRIBUTION_DIRECTIONS = 2, FS_ATTRIBUTION_COMPONENTS = 3 }; /* enum fs_trace_direction; fs_trace_kind */

/* Zeroed where it was not asked for. n items, L layers. All owned by the struct. */
struct fs_trace_attribution {
    struct fs_trace_shares estimate; /* of every measure of one layer that severs nothing (trace_measure.h) */
    size_t positions;                /* of all items together */
    size_t *first;                   /* [n + 1] positions of each item */
    double *position_effect;         /* [directions][components][L][positions] nats */
    size_t neurons;                  /* k; at most those of a layer */
    size_t *neuron;                  /* [L][k] of largest share, in descending order */
    double *neuron_share; /* [L][k] of the sum over items of |log P[o] - log P*[o]|; an effect against the sign of
                                        its item's counts negative */
};

void fs_trace_attribution_release(struct fs_trace_attribution *attribution); /* takes a zeroed struct */

/* Local (root): the group /trace/attribution, layout at the top of trace_attribution_file.c. */
int fs_trace_attribution_write(struct fs_archive *archive, const struct fs_trace_sizes *sizes,
                               const struct fs_trace_attribution *attribution, struct fs_error *err);
/* Leaves it zeroed where the file has no such group; positions are not read. The caller releases, also on failure. */
int fs_trace_attribution_read(const struct fs_archive *archive, const struct fs_trace_sizes *sizes,
                              struct fs_trace_attribution *attribution, struct fs_error *err);

#endif

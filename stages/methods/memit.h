/*
 * MEMIT: W_out of several layers changed at once for all pairs (Meng et al., arXiv 2210.07229, kmeng01/memit), and AlphaEdit,
 * the same with a change that leaves the keys of a text alone (Fang et al., arXiv 2410.02355). Masked models are this project's
 * adaptation.
 *
 * 1. z = h_0 + delta of each vector of each pair on the unedited model (target_value.h, of_state), h the block's output at the last
 *    layer, in a post-norm model before its norm. Pairs are units, placed by index.
 * 2. For each layer l up to the last one, on the weights edited so far, with a column a vector:
 *
 *        k = half the key of the prompt as it is, half the mean of those behind openings          K (F,n)
 *        r = (z - h) / (layers from l on)                                                        R (d,n)
 *        MEMIT      Delta W_out = R K^T (lambda C + K K^T)^-1
 *        AlphaEdit  Delta W_out = R (K^T P K + L2 I)^-1 K^T P, which is R K^T P (K K^T P + L2 I)^-1
 *
 *    C the second moment of the layer's keys (covariance.h; of MEMIT with its ridge), P the projector on its eigenvectors with values below
 *    `threshold`. In float64 on the root.
 *
 * A step is a batch of pairs, or a layer.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_MEMIT_H
#define FAIRSTAMP_STAGES_METHODS_MEMIT_H

#include "model/edits/weight.h"
#include "stages/methods/covariance.h"
#include "stages/methods/memit_options.h"
#include "stages/methods/method.h"

/* Of a pair: L at delta = 0 and where its search ended, |delta|, iterations, and 0: no request, 1: by the last token of the
 * prompt, 2: by the subject. */
enum { FS_MEMIT_BEFORE, FS_MEMIT_AFTER, FS_MEMIT_DELTA, FS_MEMIT_ITERATIONS, FS_MEMIT_PLACE, FS_MEMIT_TERMS };

struct fs_memit_state {
    struct fs_training_state base;
    struct fs_edit edit;   /* of kind weight: factors, `columns` a pair, where they are fewer numbers than dense ones */
    size_t pairs, columns; /* columns: 1 or 2 */
    size_t batch, batches; /* pairs of a step, and how many such steps there are */
    size_t layers;         /* a step each, behind those */
    double *record;        /* (pairs,FS_MEMIT_TERMS) */
    double *residual;      /* [layers + 1] mean of |z - h| before each layer's change, and at the end */
    double *z;             /* (pairs,columns,d) */
};

int fs_memit_state_create(const struct fs_method_task *task, size_t pairs, struct fs_memit_state *state,
                          struct fs_error *err);
void fs_memit_state_release(struct fs_memit_state *state); /* takes a zeroed struct */

/* As fs_trainer.train. Collective. */
int fs_memit_train(const struct fs_method_task *task, fs_training_save *save, void *context,
                   struct fs_memit_state *state, struct fs_error *err);

/*
 * Local, root. key (n,F) becomes what R is multiplied by: K^T (lambda C + K K^T)^-1 of MEMIT, where c (F,F), the lower half of C, is
 * lost; or that of AlphaEdit, where c is lost too. FS_EXIT_DATA where a matrix is not positive definite.
 */
int fs_memit_solve(const struct fs_memit_options *options, size_t F, double *c, size_t n, double *key,
                   struct fs_error *err);

#endif

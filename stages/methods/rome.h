/*
 * ROME: rank-one changes of one layer's W_out, a pair after the other on the changed weights (Meng et al., arXiv 2202.05262,
 * kmeng01/rome; r-ROME: Gupta et al., arXiv 2403.07175). Masked models are this project's adaptation.
 *
 * v* = v_0 + delta is the FFN's output that the pair asks for (target_value.h). With k_0, y_0 key and FFN output of the pair as
 * it is, k*, y* their means over all its prompts, C the keys' second moment (covariance.h) and U = C^-1 K_u scaled to length 1:
 *
 *     W_out <- W_out + (v* - y) (U^T K)^-1 U^T
 *
 *     r-rome   K_u = k*    K = k*    y = y*       so that W_out' k* = v*
 *     rome     K_u = k*    K = k_0   y = y_0      as published first
 *     p-rome   K_u = k_0   K = k_0   y = y_0
 *
 * in float64 on the root. A pair of two vectors (target_prompts.h) has two columns of each, and both are met at once. A step is
 * a pair.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_ROME_H
#define FAIRSTAMP_STAGES_METHODS_ROME_H

#include "model/edits/weight.h"
#include "stages/methods/covariance.h"
#include "stages/methods/method.h"
#include "stages/methods/rome_options.h"

/* Of a step: L at delta = 0 and where its search ended, |delta| / |v_0|, iterations, and 0: no request, 1: by the last token
 * of the prompt, 2: by the subject. */
enum { FS_ROME_BEFORE, FS_ROME_AFTER, FS_ROME_GROWTH, FS_ROME_ITERATIONS, FS_ROME_PLACE, FS_ROME_TERMS };

struct fs_rome_state {
    struct fs_training_state base;
    struct fs_edit edit; /* of kind weight: factors, `columns` a step, where they are fewer numbers than a dense one */
    size_t columns;      /* 1 or 2 */
    double *record;      /* (steps,FS_ROME_TERMS) */
};

int fs_rome_state_create(const struct fs_method_task *task, size_t pairs, struct fs_rome_state *state,
                         struct fs_error *err);
void fs_rome_state_release(struct fs_rome_state *state); /* takes a zeroed struct */

/* As fs_trainer.train. Collective. */
int fs_rome_train(const struct fs_method_task *task, fs_training_save *save, void *context, struct fs_rome_state *state,
                  struct fs_error *err);

/* What a pair is changed by, n vectors of it: keys of U and of K (n,F), and v* - y (n,d). */
struct fs_rome_request {
    size_t n, keys, hidden; /* n, F, d */
    double *direction, *key, *residual;
};
/* direction becomes U^T, residual (v* - y) (U^T K)^-1, a row a column. Local, root. `factor`: of C. FS_EXIT_DATA where they
 * are not finite. */
int fs_rome_solve(const double *factor, struct fs_rome_request *request, struct fs_error *err);

#endif

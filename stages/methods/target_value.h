/*
 * The target value of ROME and MEMIT (Meng et al., arXiv 2202.05262, kmeng01/rome compute_v.py; 2210.07229): a vector delta (d)
 * that, added to the FFN's output of one layer at the lookup row of every prompt of a pair, makes the model say what the pair
 * asks for.
 *
 *     L(delta) = mean over the prompts of what is asked (requests.h)
 *              + kl_weight KL( P_delta(. | "{subject} is a") || P_0(. | same) )      at the lookup row
 *              + weight_decay |delta| / |v_0|^2
 *
 * v_0: what the FFN puts out at the lookup row of the pair as it is (of_state: the FFN's input and output together, which is
 * the block's output before any norm behind it). Two vectors have a KL and a decay each. Adam from 0; before a step it ends where L <
 * enough, and the last of the iterations measures alone; after a step |delta| is at most clamp |v_0|.
 *
 * Units are independent of one another: their vectors of numbers, added in the order of the units, are what fs_target_begin
 * and fs_target_advance take. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_TARGET_VALUE_H
#define FAIRSTAMP_STAGES_METHODS_TARGET_VALUE_H

#include "stages/methods/target_prompts.h"

struct fs_target_options {
    enum fs_target_request request;
    size_t openings;
    size_t iterations; /* the last one measures alone */
    double learning_rate, weight_decay, clamp, kl_weight, enough;
    bool of_state;
};

struct fs_target {
    const struct fs_method_task *task; /* the caller's, as are the options */
    const struct fs_target_options *options;
    size_t layer;
    const struct fs_edit *edit; /* of W_out of `layer`, or of layers up to it; NULL: none */
    struct fs_target_prompts prompts;
    fs_real *found;                   /* (prompts,vectors,F + d), and a number that is 1 where a prompt was found */
    fs_real *delta;                   /* (vectors,d) */
    fs_real *moment1, *moment2;       /* likewise */
    double origin[FS_TARGET_VECTORS]; /* |v_0| */
    size_t iteration;
    double before, after; /* L at 0, and where it ended */
};

/* What a thread computes with; zeroed at first, and grows. The caller releases. */
struct fs_target_bench {
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    size_t tokens, rows, inner;
    fs_real *h, *dh, *key, *y, *kept; /* (T,d), (T,d), (T,F), (T,d), (T,inner) */
    fs_real *logprob;                 /* (R,V) */
};
void fs_target_bench_release(struct fs_target_bench *bench);

/* target->prompts.vectors 0: the pair makes no request. The caller releases, also on failure. */
int fs_target_create(const struct fs_method_task *task, const struct fs_target_options *options, size_t layer,
                     const struct fs_edit *edit, const struct fs_pair *pair, struct fs_target *target,
                     struct fs_error *err);
void fs_target_release(struct fs_target *target); /* takes a zeroed struct */

/* The model up to the FFN of the layer: what stays from step to step. */
int fs_target_fill(const struct fs_target *target, struct fs_target_bench *bench, size_t unit, struct fs_error *err);
/* numbers [fs_target_found_length]: what a filled unit has found, zeros elsewhere. */
size_t fs_target_found_length(const struct fs_target *target);
void fs_target_gather(const struct fs_target *target, size_t unit, fs_real *numbers);
/* Begins at delta = 0 with the sum over the units. */
void fs_target_begin(struct fs_target *target, const fs_real *numbers);

/* numbers [fs_target_step_length]: gradient and losses of a unit, filled where it is not. */
size_t fs_target_step_length(const struct fs_target *target);
int fs_target_differentiate(const struct fs_target *target, struct fs_target_bench *bench, size_t unit,
                            fs_real *numbers, struct fs_error *err);
/* A step by the sum over the units; *done: it has ended. FS_EXIT_DATA where a number is not finite. */
int fs_target_advance(struct fs_target *target, fs_real *numbers, bool *done, struct fs_error *err);

/* What was found for a prompt: key (F) with the FFN's output (d), or the state, behind it; NULL: nothing was. */
const fs_real *fs_target_found(const struct fs_target *target, size_t prompt, size_t vector);
double fs_target_growth(const struct fs_target *target); /* the largest |delta| / |v_0| */

#endif

/*
 * A whole model trained further on a text (corpus.h): continued pretraining, for CDA (Zmigrod et al. 2019) and Dropout (Webster
 * et al., arXiv 2010.06032), in the form of bias-bench.
 *
 *   masked   15 % of the tokens that are not special are chosen anew each time; 80 % of these become the mask, 10 % a random
 *            token, 10 % stay (Devlin et al. 2019); the loss is the mean of -log p over all that a step chooses
 *   causal   the mean of -log p of every token of a block but the first
 *
 * AdamW (0.9, 0.999, 1e-8) without weight decay, the rate linear to 0, gradients clipped to a norm; dropout. Blocks are taken in an
 * order drawn anew for each round over the text. All draws are counted by seed, step, block of the step and position, and
 * gradients are summed in the order of units, so the bits are the same on any number of ranks and through a restart.
 *
 * Each rank holds all weights once. The difference, the gradient and Adam's two moments are shared out: a rank holds its
 * share of the numbers (fs_runner_share), takes the step of it, and gives the others its weights. Besides, there are the
 * vectors of the sum (pipeline/estimate/memory.h).
 */
#ifndef FAIRSTAMP_STAGES_METHODS_FURTHER_H
#define FAIRSTAMP_STAGES_METHODS_FURTHER_H

#include "stages/methods/further_options.h"
#include "stages/methods/method.h"

struct fs_further_state {
    struct fs_training_state base;
    struct fs_edit edit;   /* of kind all_weights, without numbers; its model is NULL until fs_further_state_begin */
    struct fs_share share; /* of the edit's numbers, which this rank has of: */
    fs_real *delta, *moment1, *moment2; /* [share.count] the difference, Adam; NULL until then */
    double *loss;                       /* [base.steps] before each step */
    size_t seen;                        /* tokens of the steps done */
    struct fs_further_text {
        size_t lines, exchanged, tokens, block; /* struct fs_corpus */
    } text;                                     /* set when the training begins */
};

/* What a method of the family is, beside its settings. */
struct fs_further_form {
    const char *name; /* of the method, and its work */
    bool exchanges;   /* words of the text */
};

int fs_further_state_create(const struct fs_further_form *form, const struct fs_method_task *task,
                            struct fs_further_state *state, struct fs_error *err);
/* Of a state without them: model and share, the unedited model's. */
int fs_further_state_begin(const struct fs_method_task *task, struct fs_further_state *state, struct fs_error *err);
/* Makes the model of the shares. Collective. */
void fs_further_state_apply(const struct fs_method_task *task, struct fs_further_state *state);
void fs_further_state_release(struct fs_further_state *state); /* takes a zeroed struct */

/* As fs_trainer.train. Collective. A gradient that is not finite is FS_EXIT_DATA. */
int fs_further_train(const struct fs_further_form *form, const struct fs_method_task *task, fs_training_save *save,
                     void *context, struct fs_further_state *state, struct fs_error *err);

#endif

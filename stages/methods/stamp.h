/*
 * Stage 2, the Fairness Stamp: trains the side network of one layer (model/edits/stamp_net.h) on the edited pairs,
 *
 *   L = L_e + alpha L_s1 + beta L_s2     (arXiv 2405.09341, step 2)
 *       + level_weight L_m + balance_weight L_b + text_weight L_t        (fairstamp's own; weights of 0 leave them out)
 *
 *   L_e   gap: mean |P'[k1] - P'[k2]|; logratio: mean (log P'[k1] - log P'[k2])^2
 *   L_s1  mean KL(P || P') at the positions where the edited prompts are read, if so wished without the pair's completions
 *   L_s2  mean KL(P || P') at generic prompts on the subjects, "{subject} is a [MASK]." / "{Subject} is a", with
 *         further templates and subjects of no group where the options say so
 *   L_m   mean (log((P'[k1] + P'[k2]) / 2) - log max(P[k1], P[k2]))^2: the rarer completion rises to the commoner one, so
 *         that both stay above unrelated words. Tokens outside the completion count with their unedited probabilities
 *   L_b   mean over target terms of (mean over the term's pairs of tanh(D / tau))^2, D = log P'[k1] - log P'[k2]:
 *         what is left of the gaps shall not point one way
 *   L_t   mean over tokens of a plain text of ||stamp(x)||^2 / ||FFN(x)||^2: the stamp shall be silent elsewhere
 *         (stamp_text.h)
 *
 * With stamp.frames half of the steps take L_e, L_s1, L_m and L_b on the pairs behind neutral sentences (stamp_frames.h).
 * What is judged by a step's losses (keep_best, tau) is judged by the others.
 *
 * What is trained may be another edit of the layer's FFN (stamp_form.h). P is the unedited model, P' the edited one; formulas and gradients in stamp_loss.h. The layers below the stamp never
 * change: FFN inputs, FFN outputs and P's distributions are computed once a batch and kept on the rank that trains the
 * unit; an iteration costs the layers above and the head, once at each row that is read. Gradients are summed in unit
 * order, so the stamp has the same bits on any number of ranks.
 *
 * Memory: pipeline/estimate/memory.h; a batch's is freed with it.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "model/backward.h"
#include "stages/methods/stamp_form.h"
#include "stages/methods/stamp_options.h"
#include "stages/plan/statement.h"
#include "stages/work/runner.h"

#define FS_STAMP_EXTRA 6
/* All that a training run carries from one iteration to the next. */
struct fs_stamp_state {
    struct fs_edit edit;        /* what is trained; owned */
    fs_real *moment1, *moment2; /* [edit.count] Adam */
    size_t step;                /* iterations done, over all batches */
    size_t steps;               /* iterations of the whole run */
    double *loss;               /* [steps][4]: L, L_e, L_s1, L_s2 before each step; filled up to `step` */
    double *extra;              /* [steps][FS_STAMP_EXTRA], likewise: L_m, L_b, how far from 50 the worst category's SS
                                   is, mean |log P'[k1] - log P'[k2]|, L_t, the version of
                                   the statements that all of them are of (stamp_frames.h) */
    fs_real *best;              /* parameters before step `best_step` of the batch that runs */
    size_t best_step;           /* SIZE_MAX: none */
};

int fs_stamp_state_create(const struct fs_stamp_options *options, const struct fs_spec *spec, size_t steps,
                          struct fs_stamp_state *state, struct fs_error *err);
void fs_stamp_state_release(struct fs_stamp_state *state); /* takes a zeroed struct */

/* The root's state to all. Every rank has created its own with the same arguments. Collective. */
int fs_stamp_state_broadcast(struct fs_stamp_state *state, struct fs_runner *runner, struct fs_error *err);

/* Number of iterations that `pairs` edited pairs take: batches x iterations. */
size_t fs_stamp_steps(const struct fs_stamp_options *options, size_t pairs);

/* What a training works on; all owned by the caller. */
struct fs_stamp_task {
    const struct fs_model *model;
    const struct fs_tokenizer *tokenizer;
    const struct fs_pair_list *pairs;
    const bool *held_out; /* [pairs->count] left out; NULL: none */
    const struct fs_stamp_options *options;
    struct fs_runner *runner;
    int (*save)(void *context, const struct fs_stamp_state *state, bool stop, struct fs_error *err); /* NULL: none */
    void *save_context;
};

/*
 * Trains from state->step on. Calls `save` on all ranks after every iteration (the state is the same on all); with
 * `stop` it must save, otherwise it saves where it thinks fit. Collective. FS_EXIT_INTERRUPTED after a stop request; a
 * loss that is not finite is FS_EXIT_DATA and says which settings to lower.
 */
int fs_stamp_train(const struct fs_stamp_task *task, struct fs_stamp_state *state, struct fs_error *err);

/* Local (root): a file of what is trained (whole or partial), layout at the top of stamp_file.c; and back, of an edit of
 * `kind`. */
int fs_stamp_write(struct fs_archive *archive, const struct fs_stamp_options *options,
                   const struct fs_stamp_state *state, struct fs_error *err);
int fs_stamp_read_state(const struct fs_archive *archive, const struct fs_edit_kind *kind, struct fs_stamp_state *state,
                        struct fs_error *err);
/* Without what only a training that goes on needs, and merged files lack: its moments and best parameters are zeros. */
int fs_stamp_read_done(const struct fs_archive *archive, const struct fs_edit_kind *kind, struct fs_stamp_state *state,
                       struct fs_error *err);

#endif

/*
 * BiasEdit (Xu et al., arXiv 2503.08588; zjunlp/BiasEdit): a hyper-network (editor.h) is trained to change W_out of the last layers'
 * FFNs so that both statements of a pair become as probable, by the losses of biasedit_texts.h. Written anew from the paper.
 *
 * This project's protocol, by which the table of methods is fair: the editor learns from the edited pairs alone, and ONE change is
 * made of all of them, by which edited and held-out pairs are scored. (The published one makes a change for each group of test items,
 * scores them by it, and takes it back.)
 *
 *   group    at most `batch` pairs, drawn once by seed; a share of the target terms is for validation
 *   rows     (u_t, g_t) of each row of a pair's two statements and each changed layer, on the unedited model; g_t of the pair's
 *            L_d / (pairs of the largest group). Mean and deviation of the editor are those of all rows of the training groups
 *   a step   a group: Delta of its rows; L = mean over its pairs of L_d + keep_weight L_r of the model with Delta, G = dL/dDelta,
 *            back through the equations and the blocks; gradient clipped, Adam (0.9, 0.999, 1e-8)
 *   an epoch all groups in turn; then the loss of the validation groups, each with the Delta of its own rows
 *   the end  `patience` epochs without a smaller one, or `epochs`; Delta of all rows of all groups, by the best editor
 *
 * All ranks hold the editor and a group's rows; blocks of rows, layers and units of texts are shared out.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_BIASEDIT_H
#define FAIRSTAMP_STAGES_METHODS_BIASEDIT_H

#include "stages/methods/biasedit_run.h"

/* Compiles the pairs, computes what stays, and the rows' mean and deviation. Close it also on failure. Collective. */
int fs_biasedit_open(const struct fs_method_task *task, struct fs_biasedit_state *state, struct fs_biasedit_run *run,
                     struct fs_error *err);
void fs_biasedit_close(struct fs_biasedit_run *run); /* local */
/* The change of the group `now` by run->number, and its loss. Collective. */
int fs_biasedit_change_group(struct fs_biasedit_run *run, double loss[FS_BIASEDIT_LOSSES], struct fs_error *err);

/* As fs_trainer.train. Collective. A loss that is not finite is FS_EXIT_DATA. */
int fs_biasedit_train(const struct fs_method_task *task, fs_training_save *save, void *context,
                      struct fs_biasedit_state *state, struct fs_error *err);

#endif

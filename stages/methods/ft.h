/*
 * Fine-tuning of one FFN's W_out and bias on requests (requests.h), all else frozen: FT, FT-L and FT-M of Meng et al.
 * (arXiv 2202.05262, kmeng01/rome baselines/ft) and EasyEdit.
 *
 *   Adam without weight decay, a step a batch, batches of requests in the order of the pairs, for so many epochs; a batch
 *   whose loss is below `enough` takes no step, an epoch whose mean loss over its requests is ends the training. With
 *   norm_constraint each number is put back to within it of its start after a step (an L-infinity ball).
 *
 * What is trained is the difference from the start (model/edits/weight.h), so that the start is zero. The layers below never
 * change: FFN inputs are computed once and kept on the rank that trains the unit, within `memory`. Gradients are summed in
 * unit order, so the bits are the same on any number of ranks.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_FT_H
#define FAIRSTAMP_STAGES_METHODS_FT_H

#include "model/edits/weight.h"
#include "stages/methods/ft_options.h"
#include "stages/methods/method.h"

struct fs_ft_state {
    struct fs_training_state base; /* steps: those of the whole training; all that it took once it has ended */
    struct fs_edit edit;           /* of kind weight, dense */
    fs_real *moment1, *moment2;    /* [edit.count] Adam */
    size_t planned;                /* steps where no epoch ends the training */
    double *loss;                  /* [planned] before each step */
};

/* Epochs times batches. */
size_t fs_ft_steps(const struct fs_ft_options *options, size_t pairs);
int fs_ft_state_create(const struct fs_ft_options *options, const struct fs_spec *spec, size_t layer, size_t pairs,
                       struct fs_ft_state *state, struct fs_error *err);
void fs_ft_state_release(struct fs_ft_state *state); /* takes a zeroed struct */

/* As fs_trainer.train. Collective. A loss that is not finite is FS_EXIT_DATA. */
int fs_ft_train(const struct fs_method_task *task, fs_training_save *save, void *context, struct fs_ft_state *state,
                struct fs_error *err);

#endif

/* The state of a training of BiasEdit (biasedit.h), and which pairs are in which group. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_BIASEDIT_STATE_H
#define FAIRSTAMP_STAGES_METHODS_BIASEDIT_STATE_H

#include "model/edits/weight.h"
#include "stages/methods/biasedit_options.h"
#include "stages/methods/method.h"

enum { FS_BIASEDIT_L, FS_BIASEDIT_D, FS_BIASEDIT_R, FS_BIASEDIT_LOSSES };

struct fs_biasedit_state {
    struct fs_training_state base; /* steps: those of the whole training; all that it took once it has ended */
    struct fs_edit edit; /* of kind weight, dense; the change once the training has ended, until then nothing */
    size_t layers, rank; /* of the editor */
    size_t parameters;   /* of the editor */
    fs_real *number, *moment1, *moment2, *best; /* [parameters] */
    size_t groups, epochs;                      /* groups of a training epoch; groups x epochs steps at most */
    double *loss;                               /* (groups x epochs,FS_BIASEDIT_LOSSES) before each step */
    double *validation;                         /* [epochs] behind each */
    size_t best_epoch;                          /* from 1; 0: none yet */
};

/* Of an editor; local. */
size_t fs_biasedit_parameters(size_t ffn, size_t hidden, size_t rank, size_t layers);

int fs_biasedit_state_create(const struct fs_method_task *task, size_t pairs, struct fs_biasedit_state *state,
                             struct fs_error *err);
/* Room for what belongs to the sizes, which are set. */
int fs_biasedit_state_allocate(struct fs_biasedit_state *state, struct fs_error *err);
void fs_biasedit_state_release(struct fs_biasedit_state *state); /* takes a zeroed struct */

/* Pairs in the order of their groups: those that are trained on, drawn by seed, then those for validation. The caller frees `pair`. */
struct fs_biasedit_draw {
    size_t *pair, pairs, trained;
};
int fs_biasedit_draw_pairs(const struct fs_method_task *task, struct fs_biasedit_draw *draw, struct fs_error *err);
/* Groups of at most `batch` pairs. */
size_t fs_biasedit_groups(size_t pairs, size_t batch);

#endif

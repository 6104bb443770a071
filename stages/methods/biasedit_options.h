/* How BiasEdit trains its editor and edits (biasedit.h), and the settings that say it. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_BIASEDIT_OPTIONS_H
#define FAIRSTAMP_STAGES_METHODS_BIASEDIT_OPTIONS_H

#include <stddef.h>

#include "io/settings/settings.h"

struct fs_biasedit_options {
    size_t layers;           /* that are changed, fewer where there are fewer */
    size_t above;            /* layers above them */
    size_t rank;             /* r, less where (F + d) is small: fs_biasedit_rank */
    size_t batch;            /* pairs of a group at most: one step */
    size_t epochs;           /* over all groups, at most */
    double learning_rate;    /* Adam's, of all numbers of the editor */
    double edit_rate;        /* eta to begin with */
    double keep_weight;      /* of L_r */
    double clip;             /* bound of the gradient's norm; 0: none */
    double validation;       /* share of the edited pairs that decide when to stop, not trained on */
    size_t patience;         /* epochs without a smaller loss that end the training */
    size_t checkpoint_every; /* steps, for those who save */
    size_t memory;           /* MiB of a rank for what need not be computed again */
};

extern const struct fs_settings fs_biasedit_settings;

/* r of an editor for rows of n = F + d numbers: at most 3/8 of them, as GPT-2 medium has with 1920. */
size_t fs_biasedit_rank(const struct fs_biasedit_options *options, size_t n);

#endif

/* How the Fairness Stamp is trained (stamp.h), and the settings that say it. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_OPTIONS_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/settings/settings.h"
#include "stages/plan/statement.h"

enum fs_edit_loss { FS_LOSS_GAP, FS_LOSS_LOGRATIO };
enum fs_kl_rows { FS_KL_FIRST_ROWS, FS_KL_ALL_ROWS };
enum fs_rate_schedule { FS_RATE_CONSTANT, FS_RATE_COSINE };

struct fs_stamp_form;
struct fs_stamp_options {
    const struct fs_stamp_form *form; /* what is trained; stamp_form.h */
    size_t layer;                     /* FS_AUTO: the decisive layer of the trace, found before the training */
    size_t width;                     /* C */
    enum fs_edit_loss loss;
    enum fs_scoring scoring; /* P[k] */
    double alpha, beta;
    enum fs_kl_rows kl_rows;    /* L_s1: the row of the completion's first token, or every row that is read */
    bool kl_without_completion; /* L_s1: leave the pair's own tokens out of both distributions */
    size_t generic_prompts;     /* L_s2: templates a subject, 1 to FS_GENERIC_TEMPLATES */
    bool vary_prompts;          /* in the versions below: other templates in each */
    size_t neutral_subjects;    /* L_s2: subjects of no group beside those of the pairs, 0 to FS_NEUTRAL_SUBJECTS */
    bool swap_subjects;         /* in the versions below: subjects of another edited pair of the category */
    bool swap_statements;       /* likewise: the object in the statement of another */
    size_t frames;              /* versions of each pair with a neutral sentence before it, 0 to FS_FRAMES;
                                    stamp_frames.h */
    double key_bias;            /* b_K before training, in root mean squares of the components of x over the tokens of
                                    the first batch: a fresh key's products with x have about that deviation, so at -2
                                    it fires at one token in 44, and elsewhere the stamp adds exactly b_V */
    const char *text;           /* L_t: path of a plain text; NULL: the program's own. Not owned */
    size_t text_tokens;         /* N */
    double text_weight;         /* of L_t; 0: the method's plain form */
    double key_share;           /* b_K before training such that a key fires on this share of the text; 0: key_bias */
    double level_weight, balance_weight; /* weights of L_m and L_b; 0: the method's plain form */
    double balance_width; /* tau, as a multiple of the batch's mean gap |log P[k1] - log P[k2]| before training; at most
                             half the mean gap of the step before */
    bool keep_best;       /* end a batch with the best of its last quarter: gap below an eighth, SS nearest to 50,
                             lowest loss, in this order; on the edited pairs alone */
    double learning_rate;
    enum fs_rate_schedule schedule; /* over the iterations of a batch */
    double adam_beta1, adam_beta2, adam_epsilon;
    size_t iterations;       /* Adam steps a batch */
    size_t batch;            /* pairs a batch; 0: all */
    size_t unit_tokens;      /* of a training unit; 0: as stamp_pack.h chooses */
    size_t checkpoint_every; /* iterations, for those who save */
    size_t memory;           /* MiB of a rank for what need not be computed again; stamp_memory.h */
    uint64_t seed;
};

/* Of stamp.preset and ft_equal.preset, stamp_presets.c. */
extern const struct fs_presets fs_stamp_presets, fs_ft_equal_presets;
/* The keys stamp.* and ft_equal.*, which fill it but for form, scoring and seed. */
extern const struct fs_settings fs_stamp_settings, fs_ft_equal_settings;

#define FS_GENERIC_TEMPLATES 64 /* of stamp_prompts.c */
#define FS_NEUTRAL_SUBJECTS 32
#define FS_FRAMES 64 /* of stamp_frames.c */

#endif

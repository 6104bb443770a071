/*
 * The loss of one training unit, from the log probabilities of the rows that are read to its gradient with respect to
 * their logits. What the rows are, stamp_unit.h says; what the terms are for, stamp.h. Local.
 *
 *   u = log P'[k]   log mean_i exp(lp_i)  (target.prob)   or   mean_i lp_i  (the others)       lp_i: log p' of read i
 *   du/dlp_i        exp(lp_i) / sum_j exp(lp_j)           or   1/n
 *
 *   L_e gap         |P1 - P2|, P = exp(u)    d/du1 = sign(P1 - P2) P1    d/du2 = -sign(P1 - P2) P2    sign(0) = 0
 *   L_e logratio    D^2, D = u1 - u2         d/du1 = 2 D                 d/du2 = -2 D
 *   L_m             z^2, z = log((exp(v1) + exp(v2)) / 2) - max(u1, u2 of the unedited model)
 *                   v: u with the unedited model's lp at reads outside the completion
 *                   dz/dv1 = exp(v1) / (exp(v1) + exp(v2))
 *   L_b             m^2, m = mean over a term's pairs of tanh(D / tau)      dm/dD = (1 - tanh^2) / (tau n)
 *                   m of a term that is cut, whose pairs stand in several units, comes from outside: fs_loss_differences
 *                   of all of them, then fs_loss_balance
 *
 *   d lp_i/dlogit_v = 1[v = token i] - p'_v       d KL(P || P')/dlogit_v = p'_v - p_v
 *   KL without the tokens X: of p / Z0 and p' / Z, Z = 1 - p'(X), Z0 = 1 - p(X)
 *                   d/dlogit_v = p'_v / Z - p_v / Z0 outside X, 0 in X
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_LOSS_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_LOSS_H

#include "stages/methods/stamp_options.h"

enum fs_loss_term {
    FS_TERM_EDIT,
    FS_TERM_CONTEXT,
    FS_TERM_GENERIC,
    FS_TERM_LEVEL,
    FS_TERM_BALANCE,
    FS_TERM_TEXT,
    FS_TERM_COUNT
};
enum { FS_MEAN_GAP = FS_TERM_COUNT, FS_VALUE_COUNT }; /* beside the terms: mean |D| */

/* log p of `token` at row `row`. */
struct fs_loss_read {
    size_t row;
    int32_t token;
    bool completion;  /* of what tells the statement from its counterpart, or of the object both share */
    double reference; /* log p of the unedited model */
};

/* A pair: k1's reads stand at first .. first + count[0] - 1, k2's behind them. */
struct fs_loss_pair {
    size_t first, count[2];
    double reference[2]; /* u of the unedited model */
    size_t term;         /* the number of its target term in the batch */
    size_t place;        /* among the pairs of all cut terms of the batch; not of a term that is whole in its unit */
    size_t category;     /* of its category in the batch */
    double share;        /* of its category's SS: 100 / (pairs of its term x terms of its category) */
};

/* Adjacent pairs of one target term: all of them, or some where the term is cut. */
struct fs_loss_group {
    size_t first, count;
    size_t pairs; /* of the term in the batch */
    size_t cut;   /* its number among the cut terms; FS_LOSS_WHOLE: all its pairs are here */
};
#define FS_LOSS_WHOLE SIZE_MAX

/* The cut terms of a batch; the places of a term's pairs stand side by side, in the order of the batch. */
struct fs_loss_cuts {
    size_t terms, pairs;
    size_t *first;      /* [terms + 1] place of a term's first pair */
    double term_weight; /* 1 / terms of the batch */
};

/* A row whose distribution shall stay, as often as pairs or prompts ask for it. */
struct fs_kl_row {
    enum fs_loss_term term;          /* FS_TERM_CONTEXT or FS_TERM_GENERIC */
    double weight;                   /* share in the term's mean */
    size_t row, distribution;        /* its row, and P's place in `probability` */
    size_t excluded_first, excluded; /* in fs_loss_unit.excluded: the tokens X */
};

struct fs_loss_unit {
    size_t vocabulary; /* V */
    size_t rows;       /* R */
    size_t reads, pairs, groups, kl_rows, distributions, excluded_tokens;
    struct fs_loss_read *read;       /* [reads] */
    struct fs_loss_pair *pair;       /* [pairs] */
    struct fs_loss_group *group;     /* [groups] */
    double pair_weight, term_weight; /* 1 / pairs and 1 / target terms of the batch */
    struct fs_kl_row *kl_row;        /* [kl_rows] */
    int32_t *excluded;               /* [excluded_tokens] */
    size_t *distribution_row;        /* [distributions] */
    fs_real *probability;            /* (distributions,V): p of the unedited model */
    double *entropy;                 /* [distributions] -sum p log p */
};

/* u of a statement's n log probabilities, and slope [n], its derivatives. */
double fs_loss_fold(enum fs_scoring scoring, const double *logprob, size_t n, double *slope);

/* Takes what the loss needs of the unedited model from its logprob (R,V), which is overwritten. */
int fs_loss_keep(struct fs_loss_unit *unit, enum fs_scoring scoring, fs_real *logprob, struct fs_error *err);

/* What a step gives to the loss of each unit, and takes. */
struct fs_loss_step {
    double width;       /* tau */
    const double *mean; /* [cut terms] m; NULL: L_b has no pull on their pairs */
    double *difference; /* [pairs of cut terms] receives D of those of the unit; NULL: not wanted */
};

/*
 * In: logprob (R,V) of the stamped model. Out: dL/dlogits (R,V) in its place; value[FS_VALUE_COUNT], the unit's share
 * of each term, without weights, and of the mean gap, L_b without cut terms; score [categories], its share of each
 * category's SS (added to).
 */
int fs_loss_evaluate(const struct fs_loss_unit *unit, const struct fs_stamp_options *options,
                     const struct fs_loss_step *step, fs_real *logprob, double value[FS_VALUE_COUNT], double *score,
                     struct fs_error *err);

/* D of the unit's pairs of cut terms, each to its place, from logprob (R,V) of the stamped model. */
int fs_loss_differences(const struct fs_loss_unit *unit, enum fs_scoring scoring, const fs_real *logprob,
                        double *difference, struct fs_error *err);
/* m of each cut term to `mean` [terms] from D of all their pairs; returns their share of L_b. */
double fs_loss_balance(const struct fs_loss_cuts *cuts, const double *difference, double width, double *mean);

#endif

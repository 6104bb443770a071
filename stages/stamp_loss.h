/*
 * The loss of one training unit, from the log probabilities of the rows that are read to its gradient with respect to
 * their logits. What the rows are, stamp_unit.h says. Local.
 *
 *   u = log P'[k]     log mean_i exp(lp_i)  (target.prob)   or   mean_i lp_i  (the others)      lp_i: log p' of read i
 *   du/dlp_i          exp(lp_i) / sum_j exp(lp_j)           or   1/n
 *
 *   gap       |P1 - P2|, P = exp(u)      d/du1 = sign(P1 - P2) P1      d/du2 = -sign(P1 - P2) P2      sign(0) = 0
 *   logratio  (u1 - u2)^2                d/du1 = 2 (u1 - u2)           d/du2 = -d/du1
 *
 *   d lp_i/dlogit_v = 1[v = token i] - p'_v          d KL(P || P')/dlogit_v = p'_v - p_v
 */
#ifndef FAIRSTAMP_STAGES_STAMP_LOSS_H
#define FAIRSTAMP_STAGES_STAMP_LOSS_H

#include "stages/stamp.h"

enum fs_loss_term { FS_TERM_EDIT, FS_TERM_CONTEXT, FS_TERM_GENERIC, FS_TERM_COUNT }; /* L_e, L_s1, L_s2 */

/* log p of `token` at row `row`. */
struct fs_loss_read {
    size_t row;
    int32_t token;
};

/* A pair: k1's reads stand at first .. first + count[0] - 1, k2's behind them. */
struct fs_loss_pair {
    size_t first, count[2];
};

/* A row whose distribution shall stay: `weight` is its share in the means L_s1 and L_s2, by enum fs_loss_term. */
struct fs_loss_kept {
    size_t row;
    double weight[FS_TERM_COUNT];
    double entropy; /* -sum p log p of the unedited model */
};

struct fs_loss_unit {
    size_t vocabulary;                /* V */
    size_t rows;                      /* R */
    size_t reads, pairs, kept_rows;
    struct fs_loss_read *read;        /* [reads] */
    struct fs_loss_pair *pair;        /* [pairs] */
    double pair_weight;               /* 1 / pairs of the batch */
    struct fs_loss_kept *kept;        /* [kept_rows], one a row at most */
    fs_real *probability;             /* (kept_rows,V): p of the unedited model */
};

/* Fills unit->probability and the entropies from the unedited model's logprob (kept_rows,V), which is overwritten. */
void fs_loss_keep(struct fs_loss_unit *unit, fs_real *logprob);

/*
 * In: logprob (R,V) of the stamped model. Out: dL/dlogits (R,V) in its place, L = L_e + alpha L_s1 + beta L_s2, and
 * value[FS_TERM_COUNT]: the unit's share of each term, without alpha and beta.
 */
int fs_loss_evaluate(const struct fs_loss_unit *unit, const struct fs_stamp_options *options, fs_real *logprob,
                     double value[FS_TERM_COUNT], struct fs_error *err);

#endif

#include "stages/stamp_loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* u of n reads and its derivatives du/dlp_i. */
static double fold_statement(enum fs_variant variant, const double *logprob, size_t n, double *slope)
{
    double sum = 0;
    if (variant != FS_TARGET_PROB) {
        for (size_t i = 0; i < n; i++) {
            slope[i] = 1.0 / (double)n;
            sum += logprob[i];
        }
        return sum / (double)n;
    }
    double max = logprob[0];
    for (size_t i = 1; i < n; i++)
        max = logprob[i] > max ? logprob[i] : max;
    for (size_t i = 0; i < n; i++)
        sum += slope[i] = exp(logprob[i] - max);
    for (size_t i = 0; i < n; i++)
        slope[i] /= sum;
    return max + log(sum / (double)n);
}

/* The pair's loss from u1, u2, and its derivatives. */
static double edit_loss(enum fs_edit_loss loss, const double u[2], double slope[2])
{
    if (loss == FS_LOSS_LOGRATIO) {
        double difference = u[0] - u[1];
        slope[0] = 2 * difference;
        slope[1] = -slope[0];
        return difference * difference;
    }
    double p[2] = {exp(u[0]), exp(u[1])};
    double sign = (double)((p[0] > p[1]) - (p[0] < p[1]));
    slope[0] = sign * p[0];
    slope[1] = -sign * p[1];
    return fabs(p[0] - p[1]);
}

/* gradient[i] = dL_e/dlp of read i; logprob [reads] in, used up. Returns the unit's share of L_e. */
static double edit_term(const struct fs_loss_unit *unit, const struct fs_stamp_options *options, double *logprob,
                        double *gradient)
{
    double total = 0;
    for (size_t p = 0; p < unit->pairs; p++) {
        const struct fs_loss_pair *pair = &unit->pair[p];
        size_t first[2] = {pair->first, pair->first + pair->count[0]};
        double u[2], slope[2];
        for (int k = 0; k < 2; k++)
            u[k] = fold_statement(options->variant, logprob + first[k], pair->count[k], gradient + first[k]);
        total += edit_loss(options->loss, u, slope);
        for (int k = 0; k < 2; k++)
            for (size_t i = first[k]; i < first[k] + pair->count[k]; i++)
                gradient[i] *= unit->pair_weight * slope[k];
    }
    return total * unit->pair_weight;
}

void fs_loss_keep(struct fs_loss_unit *unit, fs_real *logprob)
{
    size_t V = unit->vocabulary;
    for (size_t i = 0; i < unit->kept_rows; i++) {
        fs_real *p = unit->probability + i * V, *row = logprob + i * V;
        memcpy(p, row, V * sizeof *p);
        fs_distribution_gradient(p, NULL, V, 1, 0);           /* p = exp(log p) */
        unit->kept[i].entropy = -fs_distribution_gradient(row, p, V, 1, 1);
    }
}

int fs_loss_evaluate(const struct fs_loss_unit *unit, const struct fs_stamp_options *options, fs_real *logprob,
                     double value[FS_TERM_COUNT], struct fs_error *err)
{
    size_t V = unit->vocabulary;
    double *scratch = fs_allocate(2 * unit->reads + unit->rows, sizeof *scratch, "a training unit's reads", err);
    const struct fs_loss_kept **kept = fs_allocate(unit->rows, sizeof *kept, "a training unit's rows", err);
    if (!scratch || !kept) {
        free(scratch);
        free(kept);
        return -1;
    }
    double *read_logprob = scratch, *gradient = scratch + unit->reads, *pull = gradient + unit->reads;
    for (size_t i = 0; i < unit->reads; i++)
        read_logprob[i] = (double)logprob[unit->read[i].row * V + (size_t)unit->read[i].token];
    value[FS_TERM_EDIT] = edit_term(unit, options, read_logprob, gradient);
    value[FS_TERM_CONTEXT] = value[FS_TERM_GENERIC] = 0;

    for (size_t i = 0; i < unit->reads; i++)
        pull[unit->read[i].row] += gradient[i];
    for (size_t i = 0; i < unit->kept_rows; i++)
        kept[unit->kept[i].row] = &unit->kept[i];
    for (size_t r = 0; r < unit->rows; r++) {
        const fs_real *p = NULL;
        double keep = 0;
        if (kept[r]) {
            p = unit->probability + (size_t)(kept[r] - unit->kept) * V;
            keep = options->alpha * kept[r]->weight[FS_TERM_CONTEXT] + options->beta * kept[r]->weight[FS_TERM_GENERIC];
        }
        double cross = fs_distribution_gradient(logprob + r * V, p, V, (fs_real)(keep - pull[r]), (fs_real)keep);
        for (int term = FS_TERM_CONTEXT; kept[r] && term < FS_TERM_COUNT; term++)
            value[term] += kept[r]->weight[term] * (-kept[r]->entropy - cross);
    }
    for (size_t i = 0; i < unit->reads; i++)
        logprob[unit->read[i].row * V + (size_t)unit->read[i].token] += (fs_real)gradient[i];
    free(scratch);
    free(kept);
    return 0;
}

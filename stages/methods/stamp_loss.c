#include "stages/methods/stamp_loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/kernels.h"

#define LOG_2 0.69314718055994530942
#define LEAST_MASS 1e-6 /* of a distribution without the tokens left out */

double fs_loss_fold(enum fs_scoring scoring, const double *logprob, size_t n, double *slope)
{
    double sum = 0;
    if (scoring != FS_TARGET_PROB) {
        for (size_t i = 0; i < n; i++) {
            slope[i] = 1.0 / (double)n;
            sum += logprob[i];
        }
        return sum / (double)n;
    }
    double max = logprob[0];
    for (size_t i = 1; i < n; i++) {
        max = logprob[i] > max ? logprob[i] : max;
    }
    for (size_t i = 0; i < n; i++) {
        sum += slope[i] = exp(logprob[i] - max);
    }
    for (size_t i = 0; i < n; i++) {
        slope[i] /= sum;
    }
    return max + log(sum / (double)n);
}

/* The pair's L_e, and its derivatives with respect to u1 and u2. */
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

/* The pair's L_m, and its derivatives with respect to v1 and v2. */
static double level_loss(const double reference[2], const double v[2], double slope[2])
{
    double max = fmax(v[0], v[1]), sum = exp(v[0] - max) + exp(v[1] - max);
    double z = max + log(sum) - LOG_2 - fmax(reference[0], reference[1]);
    for (int k = 0; k < 2; k++) {
        slope[k] = 2 * z * exp(v[k] - max) / sum;
    }
    return z * z;
}

/* What the terms over pairs work with. */
struct pair_terms {
    const struct fs_loss_unit *unit;
    const struct fs_stamp_options *options;
    const struct fs_loss_step *step;
    double *logprob;    /* [reads] of the stamped model */
    double *slope;      /* [reads] du/dlp, of v while L_m is at work */
    double *mixed;      /* [reads] lp of v */
    double *gradient;   /* [reads] dL/dlp */
    double *difference; /* [pairs] D */
    double *pull;       /* [pairs] dL_b/dD with its weight */
};

static double *reads_of(const struct fs_loss_pair *pair, double *of_reads, int k)
{
    return of_reads + pair->first + (k == 0 ? 0 : pair->count[0]);
}

/* L_m of a pair; adds its gradient. */
static double add_level(struct pair_terms *t, const struct fs_loss_pair *pair)
{
    double v[2], slope[2];
    for (int k = 0; k < 2; k++) {
        size_t first = (size_t)(reads_of(pair, t->mixed, k) - t->mixed);
        for (size_t i = first; i < first + pair->count[k]; i++) {
            t->mixed[i] = t->unit->read[i].completion ? t->logprob[i] : t->unit->read[i].reference;
        }
        v[k] = fs_loss_fold(t->options->scoring, t->mixed + first, pair->count[k], t->slope + first);
    }
    double loss = level_loss(pair->reference, v, slope);
    for (int k = 0; k < 2; k++) {
        size_t first = (size_t)(reads_of(pair, t->mixed, k) - t->mixed);
        for (size_t i = first; i < first + pair->count[k]; i++) {
            if (t->unit->read[i].completion) {
                t->gradient[i] += t->options->level_weight * t->unit->pair_weight * slope[k] * t->slope[i];
            }
        }
    }
    return loss;
}

static double mean_of(const double *difference, size_t count, double width)
{
    double mean = 0;
    for (size_t p = 0; p < count; p++) {
        mean += tanh(difference[p] / width) / (double)count;
    }
    return mean;
}

double fs_loss_balance(const struct fs_loss_cuts *cuts, const double *difference, double width, double *mean)
{
    double total = 0;
    for (size_t t = 0; t < cuts->terms; t++) {
        mean[t] = mean_of(difference + cuts->first[t], cuts->first[t + 1] - cuts->first[t], width);
        total += mean[t] * mean[t] * cuts->term_weight;
    }
    return total;
}

/* L_b of the terms that are whole here; sets pull. */
static double balance(struct pair_terms *t)
{
    double total = 0, width = t->step->width;
    for (size_t g = 0; g < t->unit->groups; g++) {
        const struct fs_loss_group *group = &t->unit->group[g];
        bool whole = group->cut == FS_LOSS_WHOLE;
        double mean = 0;
        if (whole) {
            mean = mean_of(t->difference + group->first, group->count, width);
            total += mean * mean * t->unit->term_weight;
        } else if (t->step->mean != NULL) {
            mean = t->step->mean[group->cut];
        }
        for (size_t p = group->first; p < group->first + group->count; p++) {
            double tanh_p = tanh(t->difference[p] / width);
            t->pull[p] = t->options->balance_weight * t->unit->term_weight * 2 * mean * (1 - tanh_p * tanh_p) /
                         (width * (double)group->pairs);
            if (!whole && t->step->difference != NULL) {
                t->step->difference[t->unit->pair[p].place] = t->difference[p];
            }
        }
    }
    return total;
}

/* All terms over pairs: value and score, and gradient[i] = dL/dlp of read i. */
static void evaluate_pairs(struct pair_terms *t, double value[FS_VALUE_COUNT], double *score)
{
    const struct fs_loss_unit *unit = t->unit;
    for (size_t p = 0; p < unit->pairs; p++) { /* D of all pairs first: a group's mean is in every pair's slope */
        for (int k = 0; k < 2; k++) {
            const struct fs_loss_pair *pair = &unit->pair[p];
            t->difference[p] += (k == 0 ? 1 : -1) * fs_loss_fold(t->options->scoring, reads_of(pair, t->logprob, k),
                                                                 pair->count[k], reads_of(pair, t->slope, k));
        }
    }
    value[FS_TERM_BALANCE] = balance(t);
    for (size_t p = 0; p < unit->pairs; p++) {
        const struct fs_loss_pair *pair = &unit->pair[p];
        double u[2], slope[2];
        for (int k = 0; k < 2; k++) {
            u[k] = fs_loss_fold(t->options->scoring, reads_of(pair, t->logprob, k), pair->count[k],
                                reads_of(pair, t->slope, k));
        }
        value[FS_TERM_EDIT] += unit->pair_weight * edit_loss(t->options->loss, u, slope);
        for (int k = 0; k < 2; k++) {
            double factor = unit->pair_weight * slope[k] + (k == 0 ? t->pull[p] : -t->pull[p]);
            for (size_t i = 0; i < pair->count[k]; i++) {
                reads_of(pair, t->gradient, k)[i] = factor * reads_of(pair, t->slope, k)[i];
            }
        }
        value[FS_MEAN_GAP] += unit->pair_weight * fabs(u[0] - u[1]);
        value[FS_TERM_LEVEL] += unit->pair_weight * add_level(t, pair);
        score[pair->category] += u[0] > u[1] ? pair->share : 0;
    }
}

/* What the KL terms ask of a row: dlogits = plus p' - minus p, before the tokens left out are set right. */
struct row_pull {
    double plus, minus;
    double cross;        /* sum p log p' */
    size_t distribution; /* SIZE_MAX: none */
};

/* Without the excluded tokens: Z0, Z, and sum over X of p log p' and p log p. */
struct outside {
    double before, now, cross, entropy;
};

static struct outside measure_outside(const struct fs_loss_unit *unit, const struct fs_kl_row *kl_row,
                                      const double *excluded_logprob)
{
    struct outside outside = {1, 1, 0, 0};
    const fs_real *p = unit->probability + kl_row->distribution * unit->vocabulary;
    for (size_t i = kl_row->excluded_first; i < kl_row->excluded_first + kl_row->excluded; i++) {
        double before = (double)p[unit->excluded[i]];
        outside.before -= before;
        outside.now -= exp(excluded_logprob[i]);
        outside.cross += before * excluded_logprob[i];
        outside.entropy += before > 0 ? before * log(before) : 0;
    }
    outside.before = fmax(outside.before, LEAST_MASS);
    outside.now = fmax(outside.now, LEAST_MASS);
    return outside;
}

static double weight_of(const struct fs_stamp_options *options, const struct fs_kl_row *kl_row)
{
    return (kl_row->term == FS_TERM_CONTEXT ? options->alpha : options->beta) * kl_row->weight;
}

/* From log probabilities to gradients of the logits; the terms over rows. */
static void evaluate_rows(const struct fs_loss_unit *unit, const struct fs_stamp_options *options,
                          const double *gradient, double *excluded_logprob, struct row_pull *pull, fs_real *logprob,
                          double value[FS_VALUE_COUNT])
{
    size_t V = unit->vocabulary;
    for (size_t r = 0; r < unit->rows; r++) {
        pull[r].distribution = SIZE_MAX;
    }
    for (size_t i = 0; i < unit->reads; i++) {
        pull[unit->read[i].row].plus -= gradient[i];
    }
    for (size_t k = 0; k < unit->kl_rows; k++) {
        const struct fs_kl_row *kl_row = &unit->kl_row[k];
        for (size_t i = kl_row->excluded_first; i < kl_row->excluded_first + kl_row->excluded; i++) {
            excluded_logprob[i] = (double)logprob[kl_row->row * V + (size_t)unit->excluded[i]];
        }
        struct outside outside = measure_outside(unit, kl_row, excluded_logprob);
        pull[kl_row->row].plus += weight_of(options, kl_row) / outside.now;
        pull[kl_row->row].minus += weight_of(options, kl_row) / outside.before;
        pull[kl_row->row].distribution = kl_row->distribution;
    }
    for (size_t r = 0; r < unit->rows; r++) {
        const fs_real *p = pull[r].distribution == SIZE_MAX ? NULL : unit->probability + pull[r].distribution * V;
        pull[r].cross = fs_distribution_gradient(logprob + r * V, p, V, (fs_real)pull[r].plus, (fs_real)pull[r].minus);
    }
    for (size_t k = 0; k < unit->kl_rows; k++) {
        const struct fs_kl_row *kl_row = &unit->kl_row[k];
        struct outside outside = measure_outside(unit, kl_row, excluded_logprob);
        double divergence =
            (-unit->entropy[kl_row->distribution] - outside.entropy - pull[kl_row->row].cross + outside.cross) /
            outside.before;
        value[kl_row->term] += kl_row->weight * (divergence - log(outside.before) + log(outside.now));
        double weight = weight_of(options, kl_row);
        const fs_real *p = unit->probability + kl_row->distribution * V;
        for (size_t i = kl_row->excluded_first; i < kl_row->excluded_first + kl_row->excluded; i++) {
            size_t v = (size_t)unit->excluded[i];
            logprob[kl_row->row * V + v] +=
                (fs_real)(weight * ((double)p[v] / outside.before - exp(excluded_logprob[i]) / outside.now));
        }
    }
    for (size_t i = 0; i < unit->reads; i++) {
        logprob[unit->read[i].row * V + (size_t)unit->read[i].token] += (fs_real)gradient[i];
    }
}

static double logprob_of(const struct fs_loss_unit *unit, const fs_real *logprob, size_t read)
{
    return (double)logprob[unit->read[read].row * unit->vocabulary + (size_t)unit->read[read].token];
}

int fs_loss_keep(struct fs_loss_unit *unit, enum fs_scoring scoring, fs_real *logprob, struct fs_error *err)
{
    size_t V = unit->vocabulary;
    double *scratch = fs_allocate(2 * unit->reads, sizeof *scratch, "a training unit's reads", err);
    if (scratch == NULL) {
        return -1;
    }
    for (size_t i = 0; i < unit->reads; i++) {
        unit->read[i].reference = scratch[i] = logprob_of(unit, logprob, i);
    }
    for (size_t p = 0; p < unit->pairs; p++) {
        for (int k = 0; k < 2; k++) {
            unit->pair[p].reference[k] = fs_loss_fold(scoring, reads_of(&unit->pair[p], scratch, k),
                                                      unit->pair[p].count[k], scratch + unit->reads);
        }
    }
    free(scratch);
    for (size_t i = 0; i < unit->distributions; i++) {
        fs_real *p = unit->probability + i * V, *row = logprob + unit->distribution_row[i] * V;
        memcpy(p, row, V * sizeof *p);
        fs_distribution_gradient(p, NULL, V, 1, 0); /* p = exp(log p) */
        unit->entropy[i] = -fs_distribution_gradient(row, p, V, 1, 1);
    }
    return 0;
}

int fs_loss_differences(const struct fs_loss_unit *unit, enum fs_scoring scoring, const fs_real *logprob,
                        double *difference, struct fs_error *err)
{
    double *scratch = fs_allocate(2 * unit->reads, sizeof *scratch, "a training unit's reads", err);
    if (scratch == NULL) {
        return -1;
    }
    for (size_t i = 0; i < unit->reads; i++) {
        scratch[i] = logprob_of(unit, logprob, i);
    }
    for (size_t g = 0; g < unit->groups; g++) {
        const struct fs_loss_group *group = &unit->group[g];
        for (size_t p = group->first; group->cut != FS_LOSS_WHOLE && p < group->first + group->count; p++) {
            const struct fs_loss_pair *pair = &unit->pair[p];
            double u[2];
            for (int k = 0; k < 2; k++) {
                u[k] = fs_loss_fold(scoring, reads_of(pair, scratch, k), pair->count[k], scratch + unit->reads);
            }
            difference[pair->place] = u[0] - u[1];
        }
    }
    free(scratch);
    return 0;
}

int fs_loss_evaluate(const struct fs_loss_unit *unit, const struct fs_stamp_options *options,
                     const struct fs_loss_step *step, fs_real *logprob, double value[FS_VALUE_COUNT], double *score,
                     struct fs_error *err)
{
    size_t numbers = 4 * unit->reads + 2 * unit->pairs + unit->excluded_tokens;
    double *scratch = fs_allocate(numbers, sizeof *scratch, "a training unit's reads", err);
    struct row_pull *pull = fs_allocate(unit->rows, sizeof *pull, "a training unit's rows", err);
    if (scratch != NULL && pull != NULL) {
        struct pair_terms t = {.unit = unit, .options = options, .step = step, .logprob = scratch};
        t.slope = t.logprob + unit->reads;
        t.mixed = t.slope + unit->reads;
        t.gradient = t.mixed + unit->reads;
        t.difference = t.gradient + unit->reads;
        t.pull = t.difference + unit->pairs;
        for (size_t i = 0; i < unit->reads; i++) {
            t.logprob[i] = logprob_of(unit, logprob, i);
        }
        memset(value, 0, FS_VALUE_COUNT * sizeof *value);
        evaluate_pairs(&t, value, score);
        evaluate_rows(unit, options, t.gradient, t.pull + unit->pairs, pull, logprob, value);
    }
    int status = scratch != NULL && pull != NULL ? 0 : -1;
    free(scratch);
    free(pull);
    return status;
}

#include "stages/suites/capability.h"

#include <math.h>
#include <stdlib.h>

#include "model/numbers/random.h"
#include "stages/metrics/paired.h"
#include "stages/metrics/quantile.h"

/* The answers of one suite. */
struct part {
    const struct fs_suite *suite;
    double *yes;     /* [items][columns] 1: right, 0: not */
    size_t *items;   /* [clusters] that are kept, of each cluster */
    double *right;   /* [clusters][columns] of them */
    size_t clusters; /* with an item that is kept */
};

struct capability {
    struct part *part; /* [parts] */
    size_t parts, columns;
    double *sum;   /* [columns] scratch */
    double *drawn; /* [2 columns][resamples]: values, and what they are more than that of column `against` */
    size_t against;
    struct fs_metric *value;
    struct fs_paired *change;
    size_t items, skipped[FS_SKIP_COUNT];
};

static int count_part(struct part *part, struct fs_error *err)
{
    const struct fs_suite *suite = part->suite;
    size_t columns = suite->columns, most = 2 * suite->items; /* numbers of clusters are below it (suite.c) */
    size_t *place = fs_allocate(most, sizeof *place, "clusters of a suite", err); /* 1 + that in `items`; 0: none yet */
    part->yes = fs_suite_scores(suite, suite->items, 1, err);
    part->items = fs_allocate(suite->items, sizeof *part->items, "clusters of a suite", err);
    part->right = fs_allocate(suite->items, columns * sizeof *part->right, "clusters of a suite", err);
    if (place == NULL || part->yes == NULL || part->items == NULL || part->right == NULL) {
        free(place);
        return -1;
    }
    suite->operations->answers(suite, part->yes);
    for (size_t i = 0; i < suite->items; i++) {
        size_t *at = &place[suite->cluster_number[i]];
        if (suite->skip[i] != FS_KEPT) {
            continue;
        }
        if (*at == 0) {
            *at = ++part->clusters;
        }
        part->items[*at - 1]++;
        for (size_t c = 0; c < columns; c++) {
            part->right[(*at - 1) * columns + c] += part->yes[i * columns + c];
        }
    }
    free(place);
    return 0;
}

/* The mean of the accuracies of all clusters, or of as many drawn by `random`, to mean[columns]. */
static void measure(const struct capability *all, struct fs_random *random, double *mean)
{
    const size_t columns = all->columns;
    for (size_t c = 0; c < columns; c++) {
        mean[c] = 0;
    }
    for (size_t p = 0; p < all->parts; p++) {
        const struct part *part = &all->part[p];
        size_t items = 0;
        for (size_t c = 0; c < columns; c++) {
            all->sum[c] = 0;
        }
        for (size_t k = 0; k < part->clusters; k++) {
            size_t cluster = random != NULL ? fs_random_below(random, part->clusters) : k;
            items += part->items[cluster];
            for (size_t c = 0; c < columns; c++) {
                all->sum[c] += part->right[cluster * columns + c];
            }
        }
        for (size_t c = 0; c < columns; c++) {
            mean[c] += 100.0 * all->sum[c] / (double)items / (double)all->parts;
        }
    }
}

/* McNemar's test of an edit over the items of all parts. */
static void test(const struct capability *all, size_t column, struct fs_paired *change)
{
    size_t gained = 0, lost = 0;
    for (size_t p = 0; p < all->parts; p++) {
        const struct fs_suite *suite = all->part[p].suite;
        for (size_t i = 0; i < suite->items; i++) {
            const double *yes = &all->part[p].yes[i * suite->columns];
            if (suite->skip[i] == FS_KEPT) {
                gained += yes[column] > yes[all->against] ? 1 : 0;
                lost += yes[column] < yes[all->against] ? 1 : 0;
            }
        }
    }
    change->p_value = fs_mcnemar(gained, lost);
    change->gained = (int64_t)gained;
    change->lost = (int64_t)lost;
}

static int fill(struct capability *all, const struct fs_bootstrap *bootstrap, struct fs_error *err)
{
    const size_t columns = all->columns, resamples = bootstrap->resamples;
    double *mean = fs_allocate(columns, sizeof *mean, "the capability", err);
    if (mean == NULL) {
        return -1;
    }
    for (size_t r = 0; r < resamples; r++) {
        struct fs_random random = fs_random_start(bootstrap->seed, r);
        measure(all, &random, mean);
        for (size_t c = 0; c < columns; c++) {
            all->drawn[c * resamples + r] = mean[c];
            all->drawn[(columns + c) * resamples + r] = mean[c] - mean[all->against];
        }
    }
    measure(all, NULL, mean);
    for (size_t c = 0; c < columns; c++) {
        struct fs_metric *value = &all->value[c];
        *value = (struct fs_metric){mean[c], NAN, NAN, all->items, 0};
        fs_quantile_interval(all->drawn + c * resamples, resamples, FS_QUANTILE_OUTER, &value->low, &value->high);
        if (c > 0) {
            struct fs_paired *change = &all->change[c - 1];
            change->difference = mean[c] - mean[all->against];
            fs_quantile_interval(all->drawn + (columns + c) * resamples, resamples, FS_QUANTILE_OUTER, &change->low,
                                 &change->high);
            test(all, c, change);
        }
    }
    free(mean);
    return 0;
}

/* Suites of which nothing is scored are no parts. */
static int count_parts(struct capability *all, struct fs_suite *const *suite, size_t suites, struct fs_error *err)
{
    for (size_t s = 0; s < suites; s++) {
        struct part *part = &all->part[all->parts];
        if (suite[s]->operations->answers == NULL) {
            continue;
        }
        *part = (struct part){.suite = suite[s]};
        all->parts++;
        if (count_part(part, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < suite[s]->items; i++) {
            all->skipped[suite[s]->skip[i]] += suite[s]->skip[i] != FS_KEPT ? 1 : 0;
            all->items += suite[s]->skip[i] == FS_KEPT ? 1 : 0;
        }
        if (part->clusters == 0) {
            free(part->yes);
            free(part->items);
            free(part->right);
            all->parts--;
        }
    }
    return 0;
}

int fs_add_capability(struct fs_suite *const *suite, size_t suites, struct fs_suite_rows *rows, struct fs_error *err)
{
    const size_t columns = rows->results->columns, resamples = rows->bootstrap.resamples;
    struct capability all = {.columns = columns,
                             .against = rows->against,
                             .part = fs_allocate(suites, sizeof *all.part, "the capability", err),
                             .sum = fs_allocate(columns, sizeof *all.sum, "the capability", err),
                             .drawn = fs_allocate(2 * columns, resamples * sizeof *all.drawn, "the capability", err),
                             .value = fs_allocate(columns, sizeof *all.value, "the capability", err),
                             .change = fs_allocate(columns, sizeof *all.change, "the capability", err)};
    int status = all.part != NULL && all.sum != NULL && all.drawn != NULL && all.value != NULL && all.change != NULL
                     ? count_parts(&all, suite, suites, err)
                     : -1;
    if (status == 0 && all.parts > 1) {
        const struct fs_new_row row = {.text = {"capability", "none", "all", "accuracy", "mean of suites"},
                                       .value = all.value,
                                       .change = all.change,
                                       .skipped = all.skipped};
        status = fill(&all, &rows->bootstrap, err) == 0 ? fs_add_row(rows, &row, err) : -1;
    }
    for (size_t p = 0; p < all.parts; p++) {
        free(all.part[p].yes);
        free(all.part[p].items);
        free(all.part[p].right);
    }
    free(all.part);
    free(all.sum);
    free(all.drawn);
    free(all.value);
    free(all.change);
    return status;
}

/* Results of jobs that differ in their seed alone, made one row each: mean and spread over the seeds. Local. */
#ifndef FAIRSTAMP_RESULTS_OVER_SEEDS_H
#define FAIRSTAMP_RESULTS_OVER_SEEDS_H

#include "results/result_table.h"

/* Over the values that are not NaN; all NaN where there is none. */
struct fs_spread {
    size_t n;
    double mean, deviation; /* standard deviation of a sample, by n - 1; NaN for one value */
    double least, most;
};
struct fs_spread fs_spread_of(const double *value, size_t n);

/* What is spread: before, after, difference. */
enum { FS_SPREADS = 3 };
extern const enum fs_result_number fs_spread_numbers[FS_SPREADS];

/* Rows of a table that belong together have the same series, suite, category, subset, metric, scoring and edit. */
struct fs_over_seeds {
    size_t groups;
    size_t *first;                          /* [groups] the first of its rows in the order given: its texts */
    size_t *seeds;                          /* [groups] */
    struct fs_spread (*spread)[FS_SPREADS]; /* [groups] */
};
/*
 * row[rows]: those wanted; series and seed [table->rows]: what each is of. Groups are in the order of their first rows. A row
 * of series "" is a group by itself; of several rows of one seed, which are one job's result several times, the first
 * counts. The caller releases, also on failure.
 */
int fs_over_seeds_make(const struct fs_result_table *table, const size_t *row, size_t rows, const char *const *series,
                       const char *const *seed, struct fs_over_seeds *over, struct fs_error *err);
void fs_over_seeds_release(struct fs_over_seeds *over); /* takes a zeroed struct */

/* The id of a sweep's cell without its ".seed=N" of this seed, or a copy as it is; the caller frees. NULL without
 * memory. */
char *fs_name_without_seed(const char *cell, const char *seed);

#endif

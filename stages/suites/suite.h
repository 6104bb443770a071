/*
 * A further suite of evaluate: items compiled to the common plan, a score an item and candidate folded back from the
 * values, rows of the result table made of the scores, one group /suites/<name> in the archive.
 *
 * A suite's own struct begins with a struct fs_suite; its maker fills the operations, calls fs_suite_create, and
 * returns it as struct fs_suite *. To add a suite: a reader in io/, a maker here, a key of the job (jobs/data.c).
 *
 * Score arrays are [items][candidates][2 models]; model 0 is the unedited one, 1 the stamped (NaN without a stamp). An
 * item that cannot be scored has its reason in `skip`, and NaN.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_SUITE_H
#define FAIRSTAMP_STAGES_SUITES_SUITE_H

#include <stddef.h>
#include <stdint.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "stages/metrics/metrics.h"
#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

struct fs_suite;
struct fs_suite_rows;

/* What the executor gave, on the root. */
struct fs_plan_values {
    const struct fs_read_value *read; /* [fs_plan_reads] */
    const double *state;              /* [fs_plan_states][2][hidden] */
    size_t hidden;
};

struct fs_suite_operations {
    /* Adds the items' passes, reads and states to the plan, and sets `skip`. On every rank. */
    int (*compile)(struct fs_suite *suite, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err);
    /* Fills the scores of one model. Root. */
    int (*fold)(struct fs_suite *suite, const struct fs_plan_values *values, size_t model, struct fs_error *err);
    /* Adds the suite's rows by the functions below, from the scores of all models. Root. */
    int (*add_rows)(struct fs_suite *suite, struct fs_suite_rows *rows, struct fs_error *err);
    /* Datasets beyond those of every suite, below /suites/<name>; NULL: none. Root. */
    int (*write)(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err);
    /* Frees what the suite's own struct owns, not the base, not the struct. */
    void (*release)(struct fs_suite *suite);
};

struct fs_suite {
    const struct fs_suite_operations *operations;
    const char *name;    /* "winobias": suite of the rows, group of the archive */
    const char *scoring; /* of the rows */
    const char *unit;    /* of the scores, such as "natural log probability" */
    size_t items, candidates;
    const char *const *candidate; /* [candidates] names */
    const char **id, **category;  /* [items] texts owned by the suite's data; filled by the maker */
    uint8_t *skip;                /* [items] fs_skip */
    double *score;                /* [items][candidates][2] */
};

/* Allocates the base's arrays (skip zeroed, scores NaN); the maker has set all other fields but id and category. */
int fs_suite_create(struct fs_suite *suite, struct fs_error *err);
/* Releases all and frees the suite, which was allocated with fs_allocate; takes NULL. */
void fs_suite_destroy(struct fs_suite *suite);

/* Index of an item's candidate and model in `score`. */
static inline size_t fs_suite_at(const struct fs_suite *suite, size_t item, size_t candidate, size_t model)
{
    return (item * suite->candidates + candidate) * 2 + model;
}

/* /suites/<name>/id, category, skip, candidate, score, attributes scoring and unit, and the suite's own datasets. */
int fs_suite_write(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err);

/*
 * Rows, one for each category in order of first appearance and one for "all", subset "all", with intervals, and the
 * paired test of stamped against unedited. Items that are skipped are left out and counted by reason; so are items with
 * a NaN in a column, uncounted. Columns are [items][2 models]. A category without any item left gives no row.
 * `category` [items] NULL: the suite's own.
 */
struct fs_suite_column {
    const double *value; /* of item i and model m: value[i * stride + m] */
    size_t stride;
};
/* The column of one candidate's scores. */
static inline struct fs_suite_column fs_suite_candidate(const struct fs_suite *suite, size_t candidate)
{
    return (struct fs_suite_column){suite->score + 2 * candidate, 2 * suite->candidates};
}
/* 100 x share(a > b). */
int fs_suite_add_share(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                       const char *metric, double ideal, struct fs_suite_column a, struct fs_suite_column b,
                       struct fs_error *err);
/* 100 x share of the items with 1 in a column of 0 and 1. */
int fs_suite_add_yes(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                     const char *metric, double ideal, struct fs_suite_column yes, struct fs_error *err);
/* Mean of the column times `scale`; no share, so without McNemar's test. */
int fs_suite_add_mean(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                      const char *metric, double ideal, double scale, struct fs_suite_column value,
                      struct fs_error *err);
/* Mean of |a - b|: a gap, from log probabilities. */
int fs_suite_add_gap(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                     const char *metric, struct fs_suite_column a, struct fs_suite_column b, struct fs_error *err);
/* One row of values made by the suite itself; metric[1] is not read without a stamp. */
int fs_suite_add_row(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *category, const char *metric,
                     double ideal, const struct fs_metric value[2], struct fs_error *err);
size_t fs_suite_models(const struct fs_suite_rows *rows); /* 1, or 2 with a stamp */
const struct fs_bootstrap *fs_suite_bootstrap(const struct fs_suite_rows *rows);

#endif

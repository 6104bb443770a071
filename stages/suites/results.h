/*
 * The result table: one line a metric of a set of items, with a value for the unedited model and one for each edit.
 * Local.
 *
 * Rows come suite by suite, in each the categories in the order of the items and "all" last, in each the subsets edited,
 * held_out (when tuning: validation), all (the latter alone where there is no split), in each the metrics in the suite's
 * order. A set of no items gives no row.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_RESULTS_H
#define FAIRSTAMP_STAGES_SUITES_RESULTS_H

#include "stages/metrics/metrics.h"
#include "stages/metrics/paired.h"
#include "stages/plan/statement.h"

/* What a row is called: "stereoset", "gender" or "all", "edited", "ss.macro", "target.prob". */
enum fs_row_text { FS_ROW_SUITE, FS_ROW_CATEGORY, FS_ROW_SUBSET, FS_ROW_METRIC, FS_ROW_SCORING, FS_ROW_TEXTS };

struct fs_result_row {
    const char *suite, *category, *subset, *metric, *scoring; /* owned by the table, of any length; the category by its
                                                                 name (fs_category_name), in files of any age */
    double ideal;                                             /* NaN: none */
    struct fs_metric *value;                                  /* [columns] 0: the unedited model */
    struct fs_paired *change;      /* [columns - 1] of each edit against the unedited model */
    size_t skipped[FS_SKIP_COUNT]; /* items left out, by reason; [FS_KEPT] is 0 */
    size_t first_unscored;         /* items of the suite scored without a first token, which nothing stands before */
};

struct fs_results {
    size_t columns; /* 1 + edits */
    char **column;  /* [columns] "unedited", then the edits' names */
    size_t rows, room;
    struct fs_result_row *row; /* [rows] */
};

/* A table without rows; `name` [edits] is copied. The caller releases, also on failure. */
int fs_results_create(size_t edits, const char *const *name, struct fs_results *results, struct fs_error *err);
void fs_results_release(struct fs_results *results); /* takes a zeroed struct */

/* The text of a row. */
const char *fs_row_text(const struct fs_result_row *row, enum fs_row_text which);
/*
 * Adds a row of these names, which are copied; values and changes are NaN, and the caller sets them. NULL without
 * memory.
 */
struct fs_result_row *fs_results_add(struct fs_results *results, const char *const text[FS_ROW_TEXTS],
                                     struct fs_error *err);
/* Items left out of a row, for any reason. */
size_t fs_row_skipped(const struct fs_result_row *row);

#endif

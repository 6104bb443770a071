/* How suites add rows to the result table; private to the suites. Local. */
#ifndef FAIRSTAMP_STAGES_SUITES_RESULT_ROWS_H
#define FAIRSTAMP_STAGES_SUITES_RESULT_ROWS_H

#include "stages/suites/results.h"

struct fs_suite_rows {
    struct fs_results *results; /* rows are appended */
    struct fs_bootstrap bootstrap;
    const char *held_out; /* name of the subset that is not edited: "held_out", or "validation" */
    size_t against;       /* column that changes are measured from: 0, the unedited model, or a method's */
    bool from_ideal;      /* changes are of distances to the ideal, of metrics that can lie on both sides of it */
    bool changes_alone;   /* the columns' own values need no interval */
};

/* `bootstrap` as the columns' own values take it. */
struct fs_bootstrap fs_value_bootstrap(const struct fs_suite_rows *rows, struct fs_bootstrap bootstrap);

/* `bootstrap` as the changes of `metric` take it; *ideal is where it may point to. */
struct fs_bootstrap fs_change_bootstrap(const struct fs_suite_rows *rows, const char *metric,
                                        struct fs_bootstrap bootstrap, double *ideal);

/*
 * value [columns]; change [columns - 1] or NULL: the differences of the values alone; skipped [FS_SKIP_COUNT] or NULL.
 * `text`: as fs_results_add has it.
 */
struct fs_new_row {
    const char *text[FS_ROW_TEXTS];
    const struct fs_metric *value;
    const struct fs_paired *change;
    const size_t *skipped;
};
int fs_add_row(struct fs_suite_rows *rows, const struct fs_new_row *row, struct fs_error *err);

#endif

/* How rows come into the result table of evaluate; private to the stage. Local. */
#ifndef FAIRSTAMP_STAGES_SUITES_RESULT_ROWS_H
#define FAIRSTAMP_STAGES_SUITES_RESULT_ROWS_H

#include "stages/evaluate/evaluate.h"

struct fs_suite_rows {
    struct fs_evaluate_result *result; /* rows are appended */
    struct fs_bootstrap bootstrap;
    size_t models;        /* 1, or 2 with a stamp */
    const char *held_out; /* name of the subset that is not edited: "held_out", or "validation" */
    size_t capacity;      /* of result->row; it holds no rows before the first is added here */
};

/* What a row is called. `subset`: "edited", "all" or rows->held_out. */
struct fs_row_name {
    const char *suite, *category, *subset, *metric, *scoring;
};

/* metric[models]; `paired` is not read without a stamp; `skipped` [FS_SKIP_COUNT] or NULL. Names are cut where too
 * long. */
int fs_add_row(struct fs_suite_rows *rows, const struct fs_row_name *name, double ideal, const struct fs_metric *metric,
               const struct fs_paired *paired, const size_t *skipped, struct fs_error *err);

#endif

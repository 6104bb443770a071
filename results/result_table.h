/*
 * Rows of results in columns, a row for each metric and edit: of one job's evaluate file, or of many cells in a merged
 * file. A job without edits has a row a metric, of edit "". Local.
 */
#ifndef FAIRSTAMP_RESULTS_RESULT_TABLE_H
#define FAIRSTAMP_RESULTS_RESULT_TABLE_H

#include "io/archive/archive.h"

enum fs_result_text {
    FS_RESULT_CELL,
    FS_RESULT_MODEL,      /* jobs/model_names.h */
    FS_RESULT_CATEGORIES, /* of the job: "all", or "gender,race" */
    FS_RESULT_SUITE,
    FS_RESULT_CATEGORY, /* of the row */
    FS_RESULT_SUBSET,
    FS_RESULT_METRIC,
    FS_RESULT_SCORING,
    FS_RESULT_EDIT, /* whose value is "after" */
    FS_RESULT_TEXTS
};
enum fs_result_number {
    FS_RESULT_IDEAL,
    FS_RESULT_BEFORE,
    FS_RESULT_BEFORE_LOW,
    FS_RESULT_BEFORE_HIGH,
    FS_RESULT_AFTER,
    FS_RESULT_AFTER_LOW,
    FS_RESULT_AFTER_HIGH,
    FS_RESULT_DIFFERENCE,
    FS_RESULT_DIFFERENCE_LOW,
    FS_RESULT_DIFFERENCE_HIGH,
    FS_RESULT_P_VALUE,
    FS_RESULT_NUMBERS
};
enum fs_result_count {
    FS_RESULT_N,
    FS_RESULT_N_AFTER,
    FS_RESULT_TIES,
    FS_RESULT_TIES_AFTER,
    FS_RESULT_GAINED,
    FS_RESULT_LOST,
    FS_RESULT_SKIPPED,
    FS_RESULT_COUNTS
};
/* Names of the columns, as in a merged file's /results. */
extern const char *const fs_result_text_names[FS_RESULT_TEXTS];
extern const char *const fs_result_number_names[FS_RESULT_NUMBERS];
extern const char *const fs_result_count_names[FS_RESULT_COUNTS];

struct fs_result_table {
    size_t rows, room;
    const char **text[FS_RESULT_TEXTS]; /* [rows]; kept by the table */
    double *number[FS_RESULT_NUMBERS];  /* [rows]; NaN: none */
    int64_t *count[FS_RESULT_COUNTS];   /* [rows]; -1: none */
    void **block;                       /* [blocks] memory of the texts */
    size_t blocks, block_room;
};

/*
 * Adds the rows of `group` ("/results" of an evaluate file, or a cell's in a merged file); `cell`, `model`,
 * `categories` are copied. Nothing where there is no such group. Columns that an older version did not write are NaN or
 * -1.
 */
int fs_result_table_add(struct fs_result_table *table, const struct fs_archive *archive, const char *group,
                        const char *cell, const char *model, const char *categories, struct fs_error *err);
/* Adds the rows of a merged file's /results. */
int fs_result_table_add_merged(struct fs_result_table *table, const struct fs_archive *archive, struct fs_error *err);
/* Writes /results of a merged file. */
int fs_result_table_write(const struct fs_result_table *table, struct fs_archive *archive, struct fs_error *err);
void fs_result_table_release(struct fs_result_table *table); /* takes a zeroed struct */

#endif

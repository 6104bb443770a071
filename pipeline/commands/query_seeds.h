/* query's tables for people, and those of mean and spread over seeds. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_QUERY_SEEDS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_QUERY_SEEDS_H

#include "results/over_seeds.h"
#include "results/table.h"

/* All owned by the caller. */
struct fs_query_seeds {
    const struct fs_result_table *table;
    const struct fs_over_seeds *over;
    const size_t *group; /* [rows] in the order of printing */
    size_t rows;
    const size_t *by; /* [shown] columns of text */
    size_t shown;
};

#define FS_QUERY_NUMBERS 9 /* columns of numbers of a table for people */

/* The names of a table's columns, which outlive it. */
struct fs_query_columns {
    char heading[FS_RESULT_TEXTS][32];
    const char *name[FS_RESULT_TEXTS + FS_QUERY_NUMBERS];
};
/* An empty table of columns of text, by [shown], and of numbers. The caller destroys it. */
int fs_query_table(const size_t *by, size_t shown, const char *const numbers[FS_QUERY_NUMBERS],
                   struct fs_query_columns *columns, struct fs_table **table, struct fs_error *err);

/* Both print to stdout. */
int fs_query_seeds_text(const struct fs_query_seeds *query, struct fs_error *err);
int fs_query_seeds_json(const struct fs_query_seeds *query, struct fs_error *err);

#endif

/* query's tables of mean and spread over seeds. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_QUERY_SEEDS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_QUERY_SEEDS_H

#include "results/over_seeds.h"

/* All owned by the caller. */
struct fs_query_seeds {
    const struct fs_result_table *table;
    const struct fs_over_seeds *over;
    const size_t *group; /* [rows] in the order of printing */
    size_t rows;
    const size_t *by; /* [shown] columns of text */
    size_t shown;
};

/* Both print to stdout. */
int fs_query_seeds_text(const struct fs_query_seeds *query, struct fs_error *err);
int fs_query_seeds_json(const struct fs_query_seeds *query, struct fs_error *err);

#endif

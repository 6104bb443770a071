/*
 * Rows of scored pairs: SS, LMS, ICAT, gap and PS of each category and subset. The cluster is the target term, of
 * paraphrases that of their pair. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_PAIR_ROWS_H
#define FAIRSTAMP_STAGES_SUITES_PAIR_ROWS_H

#include "io/benchmarks/benchmark.h"
#include "stages/suites/result_rows.h"

/* Pairs and their scores in `columns` columns, all owned by the caller. */
struct fs_scored_pairs {
    const char *suite, *scoring;
    size_t columns;
    const struct fs_pair_list *pairs;
    const bool *held_out;           /* [pairs], NULL: no split, one subset "all" */
    const double *score, *log;      /* [pairs][4][columns]; log NULL: no gap */
    const double *paraphrase_log;   /* [sum of paraphrases][2][columns]; not read where there is none */
    const uint8_t *skip;            /* [pairs] */
    const uint8_t *paraphrase_skip; /* [sum of paraphrases] */
};
int fs_add_pair_rows(struct fs_suite_rows *rows, const struct fs_scored_pairs *scored, struct fs_error *err);

#endif

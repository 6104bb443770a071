/*
 * Rows of scored pairs: SS, LMS, ICAT, gap and PS of each category and subset. The cluster is the target term, of
 * paraphrases that of their pair. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_PAIR_ROWS_H
#define FAIRSTAMP_STAGES_SUITES_PAIR_ROWS_H

#include "io/benchmarks/benchmark.h"
#include "stages/suites/result_rows.h"
#include "stages/suites/suite.h"

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

/* Begins the struct of a suite whose rows those are, with what they are made of beside the base. */
struct fs_pair_suite {
    struct fs_suite base;
    const struct fs_pair_list *pairs;
    size_t paraphrases;       /* of all pairs */
    double *log;              /* [pairs][4][columns] */
    double *paraphrase_log;   /* [paraphrases][2][columns] */
    uint8_t *paraphrase_skip; /* [paraphrases] */
};
/* An operation of the suite. */
int fs_pair_suite_add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err);
/* Frees the arrays, for the suite's own release. */
void fs_pair_suite_release(struct fs_pair_suite *suite);

#endif

/*
 * Stage 3: scores every suite on the unedited and the stamped model in one pass, and folds the scores to metrics,
 * edited and held-out items apart.
 */
#ifndef FAIRSTAMP_STAGES_EVALUATE_EVALUATE_H
#define FAIRSTAMP_STAGES_EVALUATE_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "stages/metrics/metrics.h"
#include "stages/metrics/paired.h"
#include "stages/plan/statement.h"
#include "stages/suites/suite.h"
#include "stages/work/runner.h"

/* What is to be evaluated; lists may be empty (zeroed). All owned by the caller. */
struct fs_evaluate_input {
    const char *pairs_suite; /* "stereoset" or "biaske": the suite behind `pairs`, names datasets and rows */
    const struct fs_pair_list *pairs;
    const bool *held_out; /* [pairs->count], NULL: none */
    bool tuning;          /* the pairs held out are validation pairs */
    enum fs_scoring pair_scoring;
    const struct fs_crows_list *crows;
    enum fs_scoring crows_scoring;
    const struct fs_fact_list *facts;
    enum fs_scoring fact_scoring;
    struct fs_suite *const *suite; /* [suites] further suites; their scores are filled */
    size_t suites;
    struct fs_bootstrap bootstrap;
};

/*
 * One line of the result table: a metric of a set of items, before and after. Rows come suite by suite (pairs,
 * CrowS-Pairs, facts), in each the categories in the order of the items and "all" last, in each the subsets edited,
 * held_out (when tuning: validation), all (the latter alone where there is no split, and for CrowS-Pairs and facts), in
 * each the metrics in the order below; then the further suites in their order. A set of no items gives no row.
 * `skipped[FS_KEPT]` is 0. Names: suite "stereoset", "biaske", "crows_pairs"; category "gender" ... or "all"; subset
 * "edited", "held_out", "all"; metric "ss.macro", "ss.micro", "lms.macro", "lms.micro", "icat.macro", "icat.micro",
 * "gap", "crows", "crows.stereo", "crows.antistereo", "ps", "ds", "rs.top1", "rs.pair". `ideal` is NaN where there is
 * none. `model[1]` is NaN without a stamp.
 */
struct fs_result_row {
    char suite[24], category[80], subset[16], metric[24], scoring[24];
    double ideal;
    struct fs_metric model[2];
    struct fs_paired paired; /* of model[1] against model[0] */
    size_t skipped[FS_SKIP_COUNT];
};

struct fs_evaluate_result {
    size_t rows;
    struct fs_result_row *row;
    /* per item, for the archive; [count][candidates][2 models], NaN where missing */
    double *pair_score;       /* [pairs][4][2], score */
    double *pair_log;         /* [pairs][4][2], natural log */
    double *paraphrase_log;   /* [sum of paraphrases][2 statements][2] */
    double *crows_score;      /* [crows][2: more, less][2] */
    double *fact_log;         /* [facts][2: true, counterpart][2] */
    int32_t *fact_top1;       /* [facts][2 models]: most probable token at the first token of the object */
    uint8_t *pair_skip;       /* [pairs] fs_skip of the pair's statements, the first that is not FS_KEPT */
    uint8_t *paraphrase_skip; /* [sum of paraphrases] */
    uint8_t *crows_skip;      /* [crows] */
    uint8_t *fact_skip;       /* [facts] */
};

/* Collective; the result is filled on the root. `checkpoint` as fs_runner_map. */
int fs_evaluate_run(const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                    const struct fs_evaluate_input *input, const struct fs_stamp *stamp, struct fs_runner *runner,
                    const char *checkpoint, struct fs_evaluate_result *result, struct fs_error *err);
void fs_evaluate_result_release(struct fs_evaluate_result *result); /* takes a zeroed struct */

/* Local (root): the datasets of an evaluate file, layout at the top of evaluate_file.c; the table is /results/.... */
int fs_evaluate_write(struct fs_archive *archive, const struct fs_evaluate_input *input,
                      const struct fs_evaluate_result *result, struct fs_error *err);
/* Reads the table back (rows only), for export and printing. */
int fs_evaluate_read_table(const struct fs_archive *archive, struct fs_evaluate_result *result, struct fs_error *err);

/*
 * The metrics of StereoSet scores made elsewhere: rows for each category of `pairs` and "all", scoring "given", no gap
 * (what the scores are logarithms of is not known); items of which not all three sentences have a score are left out
 * and counted in `unscored`. Local.
 */
int fs_evaluate_scores(const struct fs_pair_list *pairs, const struct fs_scores *scores,
                       const struct fs_bootstrap *bootstrap, struct fs_evaluate_result *result, size_t *unscored,
                       struct fs_error *err);

#endif

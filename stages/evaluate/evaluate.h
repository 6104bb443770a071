/*
 * Stage 3: scores every suite on the unedited model and on every edit in one pass, and folds the scores to metrics,
 * edited and held-out items apart. It knows no suite and no method by name.
 */
#ifndef FAIRSTAMP_STAGES_EVALUATE_EVALUATE_H
#define FAIRSTAMP_STAGES_EVALUATE_EVALUATE_H

#include <stdbool.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "stages/suites/results.h"
#include "stages/suites/suite.h"
#include "stages/work/runner.h"

/* What is to be evaluated; all owned by the caller. */
struct fs_evaluate_input {
    struct fs_suite *const *suite; /* [suites] their scores are filled */
    size_t suites;
    struct fs_edit_list edits;    /* none: the unedited model alone */
    const char *const *edit_name; /* [edits.count] names of the columns */
    bool tuning;                  /* the pairs held out are validation pairs */
    struct fs_bootstrap bootstrap;
};

/* Collective; the results are filled on the root (elsewhere zeroed), and the caller releases them. `checkpoint` as
 * fs_runner_map. */
int fs_evaluate_run(const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                    const struct fs_evaluate_input *input, struct fs_runner *runner, const char *checkpoint,
                    struct fs_results *results, struct fs_error *err);

/* Local (root): the datasets of an evaluate file, layout at the top of evaluate_file.c. */
int fs_evaluate_write(struct fs_archive *archive, const struct fs_evaluate_input *input,
                      const struct fs_results *results, struct fs_error *err);
/*
 * Reads the table of `group` back ("/results", or that of a cell in a merged file), of this layout or the former one. No
 * rows where nothing was evaluated. Local.
 */
int fs_evaluate_read(const struct fs_archive *archive, const char *group, struct fs_results *results,
                     struct fs_error *err);

/*
 * The metrics of scores made elsewhere for the pairs of `suite`: rows for each category and "all", scoring "given", no gap
 * (what the scores are logarithms of is not known); items of which not all three sentences have a score are left out
 * and counted in `unscored`. Local.
 */
int fs_evaluate_scores(const char *suite, const struct fs_pair_list *pairs, const struct fs_scores *scores,
                       const struct fs_bootstrap *bootstrap, struct fs_results *results, size_t *unscored,
                       struct fs_error *err);

#endif

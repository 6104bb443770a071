/* What the tests of this folder share: small random-weight models of the repository, stamps, suites, their results. */
#ifndef TESTS_UNIT_STAGES_SUPPORT_H
#define TESTS_UNIT_STAGES_SUPPORT_H

#include "io/formats/json.h"
#include "model/edits/stamp_net.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "stages/evaluate/evaluate.h"
#include "stages/plan/statement.h"
#include "stages/suites/suite_registry.h"
#include "stages/work/runner.h"

struct loaded {
    struct fs_model *model;
    struct fs_tokenizer *tokenizer;
    struct fs_runner *runner;
    struct fs_prompt_style style;
};

/* `folder` absolute, or relative to the source root. Fails the test where it cannot be loaded. */
struct loaded load(const char *folder, size_t threads);
/* The same of tests/golden/models/`name`. */
struct loaded load_golden(const char *name, size_t threads);
void unload(struct loaded *loaded);

/* A statement that owns nothing: text is before + completion + after in a static buffer for `slot` < 8. */
struct fs_statement_text text_of(size_t slot, const char *before, const char *completion, const char *after);

/* A stamp whose values are normal with this deviation, 0: a fresh one. The caller releases. */
struct fs_stamp make_stamp(const struct loaded *loaded, size_t layer, uint64_t seed, double deviation);

/* Opens a suite of the registry; fails the test where it cannot. The caller destroys. */
struct fs_suite *open_suite(const char *name, const char *path, const struct fs_suite_options *options);
/* Evaluates or fails the test; the caller releases. */
struct fs_results evaluate(const struct loaded *loaded, const struct fs_evaluate_input *input);
/* The first row of these names; NULL: any. Fails the test where there is none. */
const struct fs_result_row *row_of(const struct fs_results *results, const char *category, const char *subset,
                                   const char *metric);
/* Same columns, rows, names, and numbers bit for bit. */
void assert_results_equal(const struct fs_results *a, const struct fs_results *b);

/* The path of a file in tests/golden, in one of two static buffers in turn. */
const char *from_source(const char *name);
/* A JSON file there; fails the test where it cannot be read. The caller destroys. */
struct fs_json_document *open_golden(const char *name);

/* A folder that is made for the tests of one program, and removed with all that is in it. */
int make_folder(void **state);
int remove_folder(void **state);
extern char folder[];
/* The path of a file in it, in a static buffer; write_text also writes the file. */
const char *path_of(const char *name);
const char *write_text(const char *name, const char *text);

#endif

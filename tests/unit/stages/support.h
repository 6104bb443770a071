/* What the tests of this folder share: small random-weight models of the repository, loaded whole. */
#ifndef TESTS_UNIT_STAGES_SUPPORT_H
#define TESTS_UNIT_STAGES_SUPPORT_H

#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "stages/plan/statement.h"
#include "stages/work/runner.h"

struct loaded {
    struct fs_model *model;
    struct fs_tokenizer *tokenizer;
    struct fs_runner *runner;
    struct fs_prompt_style style;
};

/* `folder` relative to the source root. Fails the test where it cannot be loaded. */
struct loaded load(const char *folder, size_t threads);
void unload(struct loaded *loaded);

/* A statement that owns nothing: text is before + completion + after in a static buffer for `slot` < 8. */
struct fs_statement_text text_of(size_t slot, const char *before, const char *completion, const char *after);

#endif

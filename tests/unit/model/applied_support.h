/* What the tests of applied edits share. */
#ifndef FAIRSTAMP_TESTS_UNIT_MODEL_APPLIED_SUPPORT_H
#define FAIRSTAMP_TESTS_UNIT_MODEL_APPLIED_SUPPORT_H

#include "support.h"

void expect(int status, const struct fs_error *err);
void expect_refusal(int status, const struct fs_error *err, const char *word);
const char *model_path(const char *name);
/* Log p of token[i] at position i of one sequence. */
void log_probabilities(const struct fs_model *model, const struct fs_edit *edit, const int32_t *token, size_t count,
                       fs_real *logprob);

#endif

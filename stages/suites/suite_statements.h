/*
 * The base of suites whose candidates are statements: each candidate of an item is one statement text, scored by one
 * scoring as natural log P[k] (statement.h). Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_SUITE_STATEMENTS_H
#define FAIRSTAMP_STAGES_SUITES_SUITE_STATEMENTS_H

#include "stages/suites/suite.h"
#include "stages/suites/suite_registry.h"

/* Begins a suite's own struct; the base's name, candidates and items are set before fs_statement_suite_create. */
struct fs_statement_suite {
    struct fs_suite suite;
    enum fs_scoring scoring;
    struct fs_statement_text
        *text; /* [items][candidates] owned; an empty completion skips the item; zeroed where unusable */
    struct fs_statement *statement; /* [items][candidates] compiled */
    char **owned;                   /* [owned_count] texts behind id and category */
    size_t owned_count, owned_capacity;
    double *found; /* [items][columns] 1: answered rightly, else 0; of suites with the two operations below */
};

/* Arrays for suite.items; sets scoring and unit of the base. The operations are the suite's own, or the ones below. */
int fs_statement_suite_create(struct fs_statement_suite *suite, enum fs_scoring scoring, struct fs_error *err);
/* A copy of `length` bytes of `text` that lives as long as the suite; NULL with `err` set. */
const char *fs_statement_suite_keep(struct fs_statement_suite *suite, const char *text, size_t length,
                                    struct fs_error *err);
/* `length` bytes of a text, which need not end there; not owned. */
struct fs_text_part {
    const char *text;
    size_t length;
};
/* The text of a candidate: what is scored, and what stands around it. */
struct fs_candidate_text {
    struct fs_text_part before, completion, after;
};
/* Sets the text of a candidate from copies of its parts. */
int fs_statement_suite_set(struct fs_statement_suite *suite, size_t item, size_t candidate,
                           const struct fs_candidate_text *parts, struct fs_error *err);

/* Operations of struct fs_suite_operations of suites that fill `found` in their fold. */
int fs_statement_suite_allocate(struct fs_suite *suite, struct fs_error *err);
void fs_statement_suite_answers(const struct fs_suite *suite, double *yes);
/* Operations of any: compile, fold, release. */
int fs_statement_suite_compile(struct fs_suite *suite, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                               const struct fs_prompt_style *style, struct fs_error *err);
int fs_statement_suite_fold(struct fs_suite *suite, const struct fs_plan_values *values, size_t column,
                            struct fs_error *err);
void fs_statement_suite_release(struct fs_suite *suite);

#endif

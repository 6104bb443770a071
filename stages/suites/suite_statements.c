#include "stages/suites/suite_statements.h"

#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"

int fs_statement_suite_create(struct fs_statement_suite *suite, enum fs_scoring scoring, struct fs_error *err)
{
    size_t statements;
    suite->scoring = scoring;
    suite->suite.scoring = fs_scoring_name(scoring);
    suite->suite.unit = "natural log probability";
    if (fs_suite_create(&suite->suite, err) != 0 ||
        fs_multiply(suite->suite.items, suite->suite.candidates, &statements) != 0) {
        return -1;
    }
    suite->text = fs_allocate(statements, sizeof *suite->text, "statements", err);
    suite->statement = fs_allocate(statements, sizeof *suite->statement, "statements", err);
    return suite->text != NULL && suite->statement != NULL ? 0 : -1;
}

static char *copy(const char *text, size_t length, struct fs_error *err)
{
    char *made = fs_allocate(length + 1, 1, "the text of a benchmark", err);
    if (made != NULL) {
        memcpy(made, text, length);
    }
    return made;
}

const char *fs_statement_suite_keep(struct fs_statement_suite *suite, const char *text, size_t length,
                                    struct fs_error *err)
{
    if (fs_grow(&suite->owned, &suite->owned_capacity, suite->owned_count + 1, sizeof *suite->owned,
                "the texts of a suite", err) != 0) {
        return NULL;
    }
    char *made = copy(text, length, err);
    if (made != NULL) {
        suite->owned[suite->owned_count++] = made;
    }
    return made;
}

int fs_statement_suite_set(struct fs_statement_suite *suite, size_t item, size_t candidate,
                           const struct fs_candidate_text *parts, struct fs_error *err)
{
    struct fs_statement_text *text = &suite->text[item * suite->suite.candidates + candidate];
    const struct fs_text_part *before = &parts->before, *completion = &parts->completion, *after = &parts->after;
    size_t length = before->length + completion->length + after->length;
    text->before = copy(before->text, before->length, err);
    text->completion = copy(completion->text, completion->length, err);
    text->after = copy(after->text, after->length, err);
    text->id = copy("", 0, err);
    text->text = fs_allocate(length + 1, 1, "the text of a benchmark", err);
    if (text->before == NULL || text->completion == NULL || text->after == NULL || text->id == NULL ||
        text->text == NULL) {
        return -1;
    }
    memcpy(text->text, before->text, before->length);
    memcpy(text->text + before->length, completion->text, completion->length);
    memcpy(text->text + before->length + completion->length, after->text, after->length);
    return 0;
}

int fs_statement_suite_compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                               const struct fs_prompt_style *style, struct fs_error *err)
{
    struct fs_statement_suite *suite = (struct fs_statement_suite *)base;
    for (size_t item = 0; item < base->items; item++) {
        const enum fs_skip given = (enum fs_skip)base->skip[item]; /* it is unusable, or the suite leaves it out */
        for (size_t candidate = 0; candidate < base->candidates; candidate++) {
            size_t at = item * base->candidates + candidate;
            fs_statement_release(&suite->statement[at]);
            if (given != FS_KEPT) {
                fs_statement_skip(&suite->statement[at], given);
                continue;
            }
            if (fs_suite_begin_item(base, item, plan, err) != 0 ||
                fs_statement_compile(plan, tokenizer, style, suite->scoring, &suite->text[at], &suite->statement[at],
                                     err) != 0) {
                return fs_error_prepend(err, "item %s", base->id[item]);
            }
            if (base->skip[item] == FS_KEPT) {
                base->skip[item] = (uint8_t)suite->statement[at].skip;
            }
            fs_suite_note(base, item, &suite->statement[at]);
        }
    }
    return 0;
}

int fs_statement_suite_allocate(struct fs_suite *base, struct fs_error *err)
{
    struct fs_statement_suite *suite = (struct fs_statement_suite *)base;
    free(suite->found);
    suite->found = fs_suite_scores(base, base->items, 1, err);
    return suite->found != NULL ? 0 : -1;
}

void fs_statement_suite_answers(const struct fs_suite *base, double *yes)
{
    memcpy(yes, ((const struct fs_statement_suite *)base)->found, base->items * base->columns * sizeof *yes);
}

int fs_statement_suite_fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column,
                            struct fs_error *err)
{
    struct fs_statement_suite *suite = (struct fs_statement_suite *)base;
    (void)err;
    for (size_t item = 0; item < base->items; item++) {
        for (size_t candidate = 0; candidate < base->candidates; candidate++) {
            base->score[fs_suite_at(base, item, candidate, column)] =
                fs_statement_log(&suite->statement[item * base->candidates + candidate], values, column);
        }
    }
    return 0;
}

void fs_statement_suite_release(struct fs_suite *base)
{
    struct fs_statement_suite *suite = (struct fs_statement_suite *)base;
    const bool filled = suite->text != NULL && suite->statement != NULL; /* not of a file */
    for (size_t i = 0; filled && i < base->items * base->candidates; i++) {
        free(suite->text[i].before);
        free(suite->text[i].completion);
        free(suite->text[i].after);
        free(suite->text[i].gaps);
        free(suite->text[i].text);
        free(suite->text[i].id);
        fs_statement_release(&suite->statement[i]);
    }
    for (size_t i = 0; i < suite->owned_count; i++) {
        free(suite->owned[i]);
    }
    free(suite->text);
    free(suite->statement);
    free(suite->owned);
    free(suite->found);
}

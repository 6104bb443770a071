/*
 * LAMBADA (Paperno et al. 2016): texts whose last word is to be found from all before it.
 *
 *   continuation.sum  causal  log p of the last word's tokens, as lm-evaluation-harness has it (lm_eval/tasks/lambada,
 *                             lambada_openai): the word begins behind the last blank, with the white space before it
 *   target.logprob    masked  log p of the word at its place, masked, a full stop behind it; a word of several tokens
 *                             is skipped: what the mask is would tell how many
 *
 * Rows, of category none: "accuracy" 100 x share of texts whose last word is the most probable, token by token, ideal 100;
 * "perplexity.word" exp(- mean log p of the last word), whose interval is that of the mean.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/record_items.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_statements.h"

enum { WORD, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"last word"};
static const char *const keys[] = {"text", NULL};

/* What a text is made of; NULL where the record cannot be used. */
struct lambada_text {
    char *text;
    uint8_t unusable;
};

struct lambada {
    struct fs_statement_suite base;
    double *found; /* [items][columns] 1: each token of the word is the most probable at its place */

    /* while the data are read */
    struct lambada_text *text;
    size_t texts, room;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int take(void *context, const struct fs_record *record, enum fs_skip *reason, struct fs_error *err)
{
    struct lambada *suite = context;
    const char *text;
    if (fs_grow(&suite->text, &suite->room, suite->texts + 1, sizeof *suite->text, "texts of LAMBADA", err) != 0) {
        return -1;
    }
    struct lambada_text *out = &suite->text[suite->texts++];
    *out = (struct lambada_text){0};
    suite->base.suite.report.items++;
    int status = fs_record_text(record, keys[0], &text, reason, err);
    if (status == 0) {
        const char *last = strrchr(text, ' ');
        size_t begin = strspn(text, " \t\r\n\v\f");
        if (last == NULL || last[1] == '\0' || last < text + begin) {
            *reason = FS_SKIP_BAD_RECORD;
            status = fs_json_wrong(record->document, record->place, keys[0],
                                   last != NULL && last[1] == '\0' ? "a blank at the end" : "one word",
                                   "a text and, behind a blank, its last word", err);
        } else if ((out->text = strdup(text)) == NULL) {
            status = fs_error_memory(err, strlen(text), "a text of LAMBADA");
        }
    }
    out->unusable = (uint8_t)*reason;
    return status;
}

static int set_text(struct lambada *suite, size_t item, struct fs_error *err)
{
    struct fs_suite *base = &suite->base.suite;
    const char *text = suite->text[item].text;
    char id[32];
    (void)snprintf(id, sizeof id, "%zu", item);
    base->id[item] = fs_statement_suite_keep(&suite->base, id, strlen(id), err);
    base->category[item] = "none";
    base->unusable[item] = suite->text[item].unusable;
    if (base->id[item] == NULL || base->unusable[item] != FS_KEPT) {
        return base->id[item] != NULL ? 0 : -1;
    }
    bool masked = suite->base.scoring == FS_TARGET_LOGPROB;
    size_t before = (size_t)(strrchr(text, ' ') - text);
    while (before > 0 && is_space(text[before - 1])) {
        before--;
    }
    const char *word = text + before;
    const struct fs_candidate_text parts = {{text, before}, {word, strlen(word)}, {masked ? "." : "", masked ? 1 : 0}};
    return fs_statement_suite_set(&suite->base, item, WORD, &parts, err);
}

/* A masked word of several tokens is skipped before it is compiled, for its passes would be run in vain. */
static int skip_several(struct lambada *suite, const struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    struct fs_suite *base = &suite->base.suite;
    for (size_t i = 0; i < base->items; i++) {
        struct fs_encoding encoding = {0};
        const char *word = suite->base.text[i].completion;
        if (base->skip[i] != FS_KEPT) {
            continue;
        }
        if (fs_tokenizer_encode(tokenizer, word, strlen(word), &encoding, err) != 0) {
            return -1;
        }
        if (encoding.count > 1) {
            base->skip[i] = FS_SKIP_SEVERAL_TOKENS;
        }
        fs_encoding_release(&encoding);
    }
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct lambada *suite = (struct lambada *)base;
    if (suite->base.scoring == FS_TARGET_LOGPROB && skip_several(suite, tokenizer, err) != 0) {
        return -1;
    }
    return fs_statement_suite_compile(base, plan, tokenizer, style, err);
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct lambada *suite = (struct lambada *)base;
    for (size_t i = 0; i < base->items; i++) {
        const struct fs_statement *statement = &suite->base.statement[i];
        bool all = fs_statement_found(statement, values, column) == statement->count;
        suite->base.found[i * base->columns + column] = all ? 1.0 : 0.0;
    }
    return fs_statement_suite_fold(base, values, column, err);
}

static int add_perplexity(const struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    struct fs_bootstrap bootstrap = *fs_suite_bootstrap(rows);
    struct fs_metric *value = fs_allocate(base->columns, sizeof *value, "the perplexity of words", err);
    double *kept = fs_allocate(base->items, sizeof *kept, "the perplexity of words", err);
    int status = value != NULL && kept != NULL ? 0 : -1;
    for (size_t column = 0; status == 0 && column < base->columns; column++) {
        size_t n = 0;
        for (size_t i = 0; i < base->items; i++) {
            if (base->skip[i] == FS_KEPT) {
                kept[n++] = base->score[fs_suite_at(base, i, WORD, column)];
            }
        }
        status = fs_metrics_mean(n, kept, 1.0, &bootstrap, &value[column], err);
        const struct fs_metric mean = value[column];
        value[column].value = exp(-mean.value);
        value[column].low = exp(-mean.high);
        value[column].high = exp(-mean.low);
    }
    status = status == 0 ? fs_suite_add_row(rows, base, "none", "perplexity.word", value, err) : -1;
    free(value);
    free(kept);
    return status;
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    struct lambada *suite = (struct lambada *)base;
    return fs_suite_add_yes(rows, base, "accuracy", fs_suite_own(base, suite->base.found), err) == 0
               ? add_perplexity(base, rows, err)
               : -1;
}

static void release_texts(struct lambada *suite)
{
    for (size_t i = 0; i < suite->texts; i++) {
        free(suite->text[i].text);
    }
    free(suite->text);
    suite->text = NULL;
    suite->texts = 0;
}

static void release(struct fs_suite *base)
{
    struct lambada *suite = (struct lambada *)base;
    release_texts(suite);
    fs_statement_suite_release(base);
}

static const struct fs_suite_operations operations = {.answers = fs_statement_suite_answers,
                                                      .compile = compile,
                                                      .allocate = fs_statement_suite_allocate,
                                                      .fold = fold,
                                                      .add_rows = add_rows,
                                                      .release = release};

static int read_texts(struct lambada *suite, const char *path, enum fs_scoring scoring, struct fs_error *err)
{
    static const struct fs_record_kind kind = {.keys = keys};
    struct fs_suite *base = &suite->base.suite;
    const struct fs_record_taker taker = {&kind, take, suite};
    if (fs_record_items_read(path, &taker, &base->report, err) != 0) {
        return -1;
    }
    base->items = suite->texts;
    if (fs_statement_suite_create(&suite->base, scoring, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < base->items; i++) {
        if (set_text(suite, i, err) != 0) {
            return -1;
        }
    }
    release_texts(suite);
    return 0;
}

static int open_lambada(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                        struct fs_error *err)
{
    struct lambada *suite = fs_allocate(1, sizeof *suite, "LAMBADA", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    suite->base.suite = (struct fs_suite){
        .operations = &operations, .name = "lambada", .candidates = CANDIDATES, .candidate = candidates};
    if (read_texts(suite, path, options->kind == FS_MASKED ? FS_TARGET_LOGPROB : FS_CONTINUATION_SUM, err) != 0) {
        fs_suite_destroy(&suite->base.suite);
        return -1;
    }
    *result = &suite->base.suite;
    return 0;
}

const struct fs_suite_kind fs_suite_lambada = {.name = "lambada",
                                               .key = "lambada",
                                               .about = "whether the last word of a text is found from all before it",
                                               .data = "LAMBADA's jsonl file (OpenAI's text), measured",
                                               .open = open_lambada,
                                               .restore = fs_restore_answers};

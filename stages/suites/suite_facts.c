/*
 * Facts on no group, which an edit should leave alone: what it costs in knowledge.
 *
 * counterfact: CounterFact (Meng et al. 2022) in EasyEdit's layout. "ds" 100 x share(P[true] > P[new]), ideal 100, at
 * the prompt, and "ds.rephrase" at its paraphrase; "rs.top1", "rs.rephrase", "rs.locality" 100 x share of prompts whose
 * most probable next token is the unedited model's; "rs.pair" 100 x share of prompts with the same order of true and
 * new.
 *
 * known_facts: ROME's facts that GPT-2 knows. "rs.top1".
 *
 * Both: "accuracy" 100 x share of prompts whose most probable next token is the first of the true answer.
 *
 * P as object.mean (causal) or target.logprob (masked: the prompt, the answer, a full stop).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "stages/suites/suite_statements.h"

enum { TRUE_ANSWER, NEW_ANSWER, TRUE_REPHRASED, NEW_REPHRASED, LOCALITY, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"true", "new", "rephrased true", "rephrased new", "locality"};

struct facts {
    struct fs_statement_suite base;
    int32_t *top1;  /* [items][candidates][2] most probable token where the answer begins */
    int32_t *first; /* [items] first token of the true answer */
    double *column; /* [items][2] of the row that is being made */
};

static int set_answer(struct facts *suite, size_t item, size_t candidate, const char *prompt, const char *answer,
                      bool masked, struct fs_error *err)
{
    char *before = NULL;
    size_t length = strlen(prompt);
    while (length > 0 && prompt[length - 1] == ' ') {
        length--;
    }
    while (*answer == ' ') {
        answer++;
    }
    if (asprintf(&before, "%.*s ", (int)length, prompt) < 0) {
        return fs_error_memory(err, length, "a prompt");
    }
    int status = fs_statement_suite_set(&suite->base, item, candidate, before, length + 1, answer, strlen(answer),
                                        masked ? "." : "", masked ? 1 : 0, err);
    free(before);
    return status;
}

/* The keys of the prompts and answers of a layout, one for each candidate. */
struct layout {
    const char *name, *id;
    size_t candidates;
    struct {
        const char *prompt, *answer;
    } key[CANDIDATES];
};
static const struct layout counterfact = {"counterfact",
                                          "case_id",
                                          CANDIDATES,
                                          {{"prompt", "ground_truth"},
                                           {"prompt", "target_new"},
                                           {"rephrase_prompt", "ground_truth"},
                                           {"rephrase_prompt", "target_new"},
                                           {"locality_prompt", "locality_ground_truth"}}};
static const struct layout known_facts = {"known_facts", "known_id", 1, {{"prompt", "attribute"}}};

static int fill(struct facts *suite, const struct layout *layout, const struct fs_json_document *document, bool masked,
                struct fs_error *err)
{
    struct fs_suite *base = &suite->base.suite;
    const cJSON *entry;
    size_t item = 0;
    cJSON_ArrayForEach(entry, fs_json_root(document))
    {
        char where[32], id[32];
        size_t number;
        snprintf(where, sizeof where, "[%zu]", item);
        if (fs_json_size(document, entry, where, layout->id, 0, (size_t)1 << 40, &number, err) != 0) {
            return -1;
        }
        snprintf(id, sizeof id, "%zu", number);
        base->id[item] = fs_statement_suite_keep(&suite->base, id, strlen(id), err);
        base->category[item] = "none";
        if (base->id[item] == NULL) {
            return -1;
        }
        for (size_t k = 0; k < layout->candidates; k++) {
            const char *prompt, *answer;
            if (fs_json_text(document, entry, where, layout->key[k].prompt, &prompt, err) != 0 ||
                fs_json_text(document, entry, where, layout->key[k].answer, &answer, err) != 0 ||
                set_answer(suite, item, k, prompt, answer, masked, err) != 0) {
                return -1;
            }
        }
        item++;
    }
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct facts *suite = (struct facts *)base;
    if (fs_statement_suite_compile(base, plan, tokenizer, style, err) != 0) {
        return -1;
    }
    for (size_t item = 0; item < base->items; item++) {
        const struct fs_statement *statement = &suite->base.statement[item * base->candidates];
        suite->first[item] = statement->count > 0 ? fs_plan_read_token(plan, statement->read[0]) : -1;
    }
    return 0;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t model, struct fs_error *err)
{
    struct facts *suite = (struct facts *)base;
    for (size_t i = 0; i < base->items * base->candidates; i++) {
        const struct fs_statement *statement = &suite->base.statement[i];
        suite->top1[2 * i + model] = statement->count > 0 ? values->read[statement->read[0]].top1[model] : -1;
    }
    return fs_statement_suite_fold(base, values, model, err);
}

static int add_column(struct facts *suite, struct fs_suite_rows *rows, const char *metric, struct fs_error *err)
{
    return fs_suite_add_mean(rows, &suite->base.suite, NULL, metric, 100, 100.0,
                             (struct fs_suite_column){suite->column, 2}, err);
}

/* Share of items whose most probable token is the unedited model's. */
static int add_retention(struct facts *suite, struct fs_suite_rows *rows, size_t candidate, const char *metric,
                         struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    for (size_t i = 0; i < 2 * base->items; i++) {
        const int32_t *top1 = &suite->top1[fs_suite_at(base, i / 2, candidate, 0)];
        suite->column[i] = top1[0] == top1[i % 2] ? 1.0 : 0.0;
    }
    return add_column(suite, rows, metric, err);
}

static int add_accuracy(struct facts *suite, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    for (size_t i = 0; i < 2 * base->items; i++) {
        suite->column[i] = suite->top1[fs_suite_at(base, i / 2, TRUE_ANSWER, i % 2)] == suite->first[i / 2] ? 1.0 : 0.0;
    }
    return fs_suite_add_yes(rows, base, NULL, "accuracy", 100, (struct fs_suite_column){suite->column, 2}, err);
}

static int order_of(const struct fs_suite *base, size_t item, size_t model)
{
    double yes = base->score[fs_suite_at(base, item, TRUE_ANSWER, model)];
    double no = base->score[fs_suite_at(base, item, NEW_ANSWER, model)];
    return (yes > no) - (yes < no);
}

static int add_pairs(struct facts *suite, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    if (fs_suite_add_share(rows, base, NULL, "ds", 100, fs_suite_candidate(base, TRUE_ANSWER),
                           fs_suite_candidate(base, NEW_ANSWER), err) != 0 ||
        fs_suite_add_share(rows, base, NULL, "ds.rephrase", 100, fs_suite_candidate(base, TRUE_REPHRASED),
                           fs_suite_candidate(base, NEW_REPHRASED), err) != 0 ||
        add_retention(suite, rows, TRUE_REPHRASED, "rs.rephrase", err) != 0 ||
        add_retention(suite, rows, LOCALITY, "rs.locality", err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < 2 * base->items; i++) {
        suite->column[i] = order_of(base, i / 2, 0) == order_of(base, i / 2, i % 2) ? 1.0 : 0.0;
    }
    return add_column(suite, rows, "rs.pair", err);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    struct facts *suite = (struct facts *)base;
    suite->column = fs_allocate(base->items, 2 * sizeof *suite->column, "scores of facts", err);
    if (suite->column == NULL || add_accuracy(suite, rows, err) != 0 ||
        add_retention(suite, rows, TRUE_ANSWER, "rs.top1", err) != 0) {
        return -1;
    }
    return base->candidates == CANDIDATES ? add_pairs(suite, rows, err) : 0;
}

static int write_top1(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct facts *suite = (const struct facts *)base;
    const size_t shape[3] = {base->items, base->candidates, 2};
    char name[64];
    snprintf(name, sizeof name, "/suites/%.20s/top1", base->name);
    return fs_archive_write(archive, name, FS_ARCHIVE_I32, 3, shape, suite->top1, err);
}

static void release(struct fs_suite *base)
{
    struct facts *suite = (struct facts *)base;
    free(suite->top1);
    free(suite->first);
    free(suite->column);
    fs_statement_suite_release(base);
}

static const struct fs_suite_operations operations = {compile, fold, add_rows, write_top1, release};

static int create(struct facts *suite, const struct layout *layout, const struct fs_json_document *document,
                  bool masked, struct fs_error *err)
{
    const cJSON *root = fs_json_root(document);
    if (!cJSON_IsArray(root) || root->child == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected an array of facts", fs_json_name(document),
                            cJSON_IsArray(root) ? "an empty array" : fs_json_kind(root));
    }
    size_t items = (size_t)cJSON_GetArraySize(root);
    suite->base.suite = (struct fs_suite){.operations = &operations,
                                          .name = layout->name,
                                          .items = items,
                                          .candidates = layout->candidates,
                                          .candidate = candidates};
    suite->top1 = fs_allocate(items, 2 * layout->candidates * sizeof *suite->top1, "facts", err);
    suite->first = fs_allocate(items, sizeof *suite->first, "facts", err);
    return suite->top1 != NULL && suite->first != NULL &&
                   fs_statement_suite_create(&suite->base, masked ? FS_TARGET_LOGPROB : FS_OBJECT_MEAN, err) == 0
               ? fill(suite, layout, document, masked, err)
               : -1;
}

static int make(const char *path, const struct layout *layout, const struct fs_suite_options *options,
                struct fs_suite **result, struct fs_error *err)
{
    struct fs_json_document *document;
    *result = NULL;
    if (fs_json_load(path, &document, err) != 0) {
        return -1;
    }
    struct facts *suite = fs_allocate(1, sizeof *suite, "facts", err);
    int status = suite != NULL ? create(suite, layout, document, options->kind == FS_MASKED, err) : -1;
    if (status == 0) {
        *result = &suite->base.suite;
    } else if (suite != NULL && suite->base.suite.operations != NULL) {
        fs_suite_destroy(&suite->base.suite);
    } else {
        free(suite);
    }
    fs_json_destroy(document);
    return status;
}

int fs_suite_counterfact(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                         struct fs_error *err)
{
    return make(path, &counterfact, options, result, err);
}

int fs_suite_known_facts(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                         struct fs_error *err)
{
    return make(path, &known_facts, options, result, err);
}

/*
 * Facts on no group, which an edit should leave alone: what it costs in knowledge.
 *
 * counterfact: CounterFact (Meng et al. 2022) in the layouts of stages/suites/fact_layouts.h. "ds" 100 x share(P[true] > P[new]), ideal 100, at
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

#include "io/benchmarks/benchmark.h"
#include "stages/suites/fact_layouts.h"
#include "stages/suites/result_rows.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_statements.h"

enum {
    TRUE_ANSWER = FS_FACT_TRUE,
    NEW_ANSWER = FS_FACT_NEW,
    TRUE_REPHRASED = FS_FACT_TRUE_REPHRASED,
    NEW_REPHRASED = FS_FACT_NEW_REPHRASED,
    LOCALITY = FS_FACT_LOCALITY,
    CANDIDATES = FS_FACT_CANDIDATES
};
static const char *const candidates[CANDIDATES] = {"true", "new", "rephrased true", "rephrased new", "locality"};

struct facts {
    struct fs_statement_suite base;
    int32_t *top1;  /* [items][candidates][columns] most probable token where the answer begins */
    double *column; /* [items][columns] of the row that is being made */
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
    const struct fs_candidate_text text = {
        {before, length + 1}, {answer, strlen(answer)}, {masked ? "." : "", masked ? 1 : 0}};
    int status = fs_statement_suite_set(&suite->base, item, candidate, &text, err);
    free(before);
    return status;
}

static int read_fact(struct facts *suite, const struct fs_fact_file *file, const cJSON *entry, size_t item, bool masked,
                     struct fs_error *err)
{
    struct fs_fact_record fact;
    int status = fs_fact_record_read(file, entry, item, &fact, err);
    const char *id = fact.id[0] != '\0' ? fs_statement_suite_keep(&suite->base, fact.id, strlen(fact.id), err) : NULL;
    suite->base.suite.id[item] = id != NULL ? id : "";
    status = status == 0 ? fs_suite_set_cluster(&suite->base.suite, item, fact.subject, strlen(fact.subject), err) : -1;
    for (size_t k = 0; status == 0 && k < suite->base.suite.candidates; k++) {
        status = set_answer(suite, item, k, fact.prompt[k], fact.answer[k], masked, err);
    }
    fs_fact_record_release(&fact);
    return status;
}

/* Results of two models are joined by id. */
static int check_ids(const struct fs_suite *base, const struct fs_fact_file *file, struct fs_error *err)
{
    const char **id = fs_allocate(base->items, sizeof *id, "the ids of facts", err);
    size_t count = 0;
    for (size_t i = 0; id != NULL && i < base->items; i++) {
        if (base->unusable[i] == FS_KEPT) {
            id[count++] = base->id[i];
        }
    }
    int status = id != NULL
                     ? fs_refuse_duplicates(fs_json_name(file->records.document), fs_fact_file_id(file), id, count, err)
                     : -1;
    free(id);
    return status;
}

static int fill(struct facts *suite, const struct fs_fact_file *file, bool masked, struct fs_error *err)
{
    struct fs_suite *base = &suite->base.suite;
    const cJSON *entry;
    size_t item = 0;
    cJSON_ArrayForEach(entry, file->records.list)
    {
        struct fs_error why = FS_ERROR_INIT;
        base->id[item] = "";
        base->category[item] = "none";
        if (read_fact(suite, file, entry, item, masked, &why) != 0 &&
            fs_suite_skip(base, item, fs_json_name(file->records.document), FS_SKIP_BAD_RECORD, &why, err) != 0) {
            return -1;
        }
        item++;
    }
    base->report.items = base->items;
    return fs_item_report_check(&base->report, fs_json_name(file->records.document), err) == 0
               ? check_ids(base, file, err)
               : -1;
}

static int allocate(struct fs_suite *base, struct fs_error *err)
{
    struct facts *suite = (struct facts *)base;
    free(suite->top1);
    free(suite->column);
    suite->top1 = fs_allocate(base->items * base->candidates, base->columns * sizeof *suite->top1, "facts", err);
    suite->column = fs_suite_scores(base, base->items, 1, err);
    return suite->top1 != NULL && suite->column != NULL ? fs_statement_suite_allocate(base, err) : -1;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct facts *suite = (struct facts *)base;
    for (size_t i = 0; i < base->items * base->candidates; i++) {
        const struct fs_statement *statement = &suite->base.statement[i];
        suite->top1[i * base->columns + column] =
            statement->count > 0 ? fs_values_top1(values, column, statement->read[0]) : -1;
    }
    for (size_t item = 0; item < base->items; item++) {
        const struct fs_statement *answer = &suite->base.statement[item * base->candidates + TRUE_ANSWER];
        suite->base.found[item * base->columns + column] = fs_statement_found(answer, values, column) > 0 ? 1.0 : 0.0;
    }
    return fs_statement_suite_fold(base, values, column, err);
}

static int add_column(struct facts *suite, struct fs_suite_rows *rows, const char *metric, struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    const struct fs_suite_column column = fs_suite_own(base, suite->column);
    /* the unedited model retains everything by definition, which a test need not ask */
    return rows->against > 0 ? fs_suite_add_yes(rows, base, metric, column, err)
                             : fs_suite_add_mean(rows, base, metric, 100.0, column, err);
}

/* Share of items whose most probable token is the unedited model's. */
static int add_retention(struct facts *suite, struct fs_suite_rows *rows, size_t candidate, const char *metric,
                         struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    for (size_t i = 0; i < base->columns * base->items; i++) {
        const int32_t *top1 = &suite->top1[fs_suite_at(base, i / base->columns, candidate, 0)];
        suite->column[i] = top1[0] == top1[i % base->columns] ? 1.0 : 0.0;
    }
    return add_column(suite, rows, metric, err);
}

static int order_of(const struct fs_suite *base, size_t item, size_t column)
{
    double yes = base->score[fs_suite_at(base, item, TRUE_ANSWER, column)];
    double no = base->score[fs_suite_at(base, item, NEW_ANSWER, column)];
    return (yes > no) - (yes < no);
}

static int add_pairs(struct facts *suite, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    if (fs_suite_add_share(rows, base, "ds", fs_suite_candidate(base, TRUE_ANSWER),
                           fs_suite_candidate(base, NEW_ANSWER), err) != 0 ||
        fs_suite_add_share(rows, base, "ds.rephrase", fs_suite_candidate(base, TRUE_REPHRASED),
                           fs_suite_candidate(base, NEW_REPHRASED), err) != 0 ||
        add_retention(suite, rows, TRUE_REPHRASED, "rs.rephrase", err) != 0 ||
        add_retention(suite, rows, LOCALITY, "rs.locality", err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < base->columns * base->items; i++) {
        size_t item = i / base->columns;
        suite->column[i] = order_of(base, item, 0) == order_of(base, item, i % base->columns) ? 1.0 : 0.0;
    }
    return add_column(suite, rows, "rs.pair", err);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    struct facts *suite = (struct facts *)base;
    if ((suite->base.found != NULL &&
         fs_suite_add_yes(rows, base, "accuracy", fs_suite_own(base, suite->base.found), err) != 0) ||
        add_retention(suite, rows, TRUE_ANSWER, "rs.top1", err) != 0) {
        return -1;
    }
    return base->candidates == CANDIDATES ? add_pairs(suite, rows, err) : 0;
}

static int write_top1(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct facts *suite = (const struct facts *)base;
    const size_t shape[3] = {base->items, base->candidates, base->columns};
    char *path = fs_suite_path(base, "top1", err);
    int status = path != NULL ? fs_archive_write(archive, path, FS_ARCHIVE_I32, 3, shape, suite->top1, err) : -1;
    free(path);
    return status;
}

static void release(struct fs_suite *base)
{
    struct facts *suite = (struct facts *)base;
    free(suite->top1);
    free(suite->column);
    fs_statement_suite_release(base);
}

static const struct fs_suite_operations operations = {.answers = fs_statement_suite_answers,
                                                      .compile = fs_statement_suite_compile,
                                                      .allocate = allocate,
                                                      .fold = fold,
                                                      .add_rows = add_rows,
                                                      .write = write_top1,
                                                      .release = release};

static int create(struct facts *suite, const char *name, const struct fs_fact_file *file, bool masked,
                  struct fs_error *err)
{
    size_t items = file->records.count;
    suite->base.suite = (struct fs_suite){.operations = &operations,
                                          .name = name,
                                          .cluster_kind = "subject",
                                          .items = items,
                                          .candidates = file->candidates,
                                          .candidate = candidates};
    return fs_statement_suite_create(&suite->base, masked ? FS_TARGET_LOGPROB : FS_OBJECT_MEAN, err) == 0
               ? fill(suite, file, masked, err)
               : -1;
}

static int make(const char *path, const char *name, const struct fs_suite_options *options, struct fs_suite **result,
                struct fs_error *err)
{
    struct fs_fact_file file;
    *result = NULL;
    if (fs_fact_file_open(path, name, &file, err) != 0) {
        return -1;
    }
    struct facts *suite = fs_allocate(1, sizeof *suite, "facts", err);
    int status = suite != NULL ? create(suite, name, &file, options->kind == FS_MASKED, err) : -1;
    if (status == 0) {
        *result = &suite->base.suite;
    } else if (suite != NULL && suite->base.suite.operations != NULL) {
        fs_suite_destroy(&suite->base.suite);
    } else {
        free(suite);
    }
    fs_fact_file_close(&file);
    return status;
}

static int open_counterfact(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                            struct fs_error *err)
{
    return make(path, "counterfact", options, result, err);
}

static int open_known_facts(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                            struct fs_error *err)
{
    return make(path, "known_facts", options, result, err);
}

/* Files of former versions do not have the answers. */
static const struct fs_suite_operations without_answers = {.add_rows = add_rows, .release = release};

static int read_stored(const struct fs_suite_file *file, const struct fs_suite_kind *kind, struct facts *suite,
                       struct fs_error *err)
{
    struct fs_suite *base = &suite->base.suite;
    if (fs_stored_suite_read(file, kind, base, err) != 0) {
        return -1;
    }
    const size_t shape[3] = {base->items, base->candidates, base->columns};
    suite->top1 = fs_stored_read(file, base, "top1", FS_ARCHIVE_I32, shape, err);
    suite->column = fs_suite_scores(base, base->items, 1, err);
    if (base->operations == &operations) {
        suite->base.found = fs_stored_answers(file, base, err);
    }
    return suite->top1 != NULL && suite->column != NULL &&
                   (base->operations != &operations || suite->base.found != NULL)
               ? 0
               : -1;
}

static int restore(const struct fs_suite_kind *kind, size_t count, const struct fs_suite_file *file,
                   struct fs_suite **result, struct fs_error *err)
{
    struct facts *suite = fs_allocate(1, sizeof *suite, "facts", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    bool answered = fs_stored_has(file, kind->name, FS_SUITE_ANSWER);
    suite->base.suite = (struct fs_suite){.operations = answered ? &operations : &without_answers, .candidates = count};
    if (read_stored(file, kind, suite, err) != 0) {
        fs_suite_destroy(&suite->base.suite);
        return -1;
    }
    *result = &suite->base.suite;
    return 0;
}

static int restore_counterfact(const struct fs_suite_kind *kind, const struct fs_suite_file *file,
                               struct fs_suite **suite, struct fs_error *err)
{
    return restore(kind, CANDIDATES, file, suite, err);
}

static int restore_known_facts(const struct fs_suite_kind *kind, const struct fs_suite_file *file,
                               struct fs_suite **suite, struct fs_error *err)
{
    return restore(kind, 1, file, suite, err);
}

const struct fs_suite_kind fs_suite_counterfact = {
    .name = "counterfact",
    .key = "counterfact",
    .about = "facts on no group against a false answer",
    .data = "CounterFact's JSON file (ROME's or EasyEdit's): DS, RS and paraphrases of facts on no group",
    .open = open_counterfact,
    .restore = restore_counterfact};

const struct fs_suite_kind fs_suite_known_facts = {
    .name = "known_facts",
    .key = "known_facts",
    .about = "facts on no group; accuracy: the true answer is the most probable",
    .data = "ROME's JSON file of known facts, measured",
    .open = open_known_facts,
    .restore = restore_known_facts};

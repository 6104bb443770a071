/*
 * BiasKE's facts (Omega_D): commonsense that holds for one group and not for the other. "ds" 100 x share(P[true] >
 * P[counterpart]), ideal 100; "rs.top1", "rs.pair" 100 x share of facts answered as by the unedited model, by the most
 * probable first token of the object or by the order of the two statements.
 */
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "model/numbers/random.h"
#include "stages/suites/selection.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_registry.h"

enum { TRUE_FACT, COUNTERPART, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"true", "counterpart"};
#define VALIDATION_STREAM ((uint64_t)1 << 40) /* of the random numbers that choose facts */

struct biaske_facts {
    struct fs_suite base; /* scores: fs_statement_log */
    enum fs_scoring scoring;
    struct fs_fact_list facts;
    struct fs_statement (*statement)[CANDIDATES]; /* [facts] */
    struct fs_statement *object; /* [facts] the true fact by a scoring whose first read is the object's first token */
    int32_t *top1;               /* [facts][columns] most probable token there; -1: none */
};

static int compile_fact(struct biaske_facts *suite, size_t i, struct fs_plan *plan,
                        const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style, struct fs_error *err)
{
    const struct fs_fact *fact = &suite->facts.item[i];
    const struct fs_statement_text *const text[CANDIDATES] = {&fact->statement, &fact->counterpart};
    enum fs_scoring object = style->kind == FS_MASKED ? FS_TARGET_LOGPROB : FS_OBJECT_MEAN;
    uint8_t *skip = &suite->base.skip[i];
    for (size_t k = 0; k < CANDIDATES; k++) {
        struct fs_statement *statement = &suite->statement[i][k];
        fs_statement_release(statement);
        if (fact->skip != FS_KEPT) {
            fs_statement_skip(statement, fact->skip);
            continue;
        }
        if (fs_statement_compile(plan, tokenizer, style, suite->scoring, text[k], statement, err) != 0) {
            return -1;
        }
        *skip = *skip == FS_KEPT ? (uint8_t)statement->skip : *skip;
        fs_suite_note(&suite->base, i, statement);
    }
    fs_statement_release(&suite->object[i]);
    if (fact->skip != FS_KEPT) {
        fs_statement_skip(&suite->object[i], fact->skip);
        return 0;
    }
    if (fs_statement_compile(plan, tokenizer, style, object, &fact->statement, &suite->object[i], err) != 0) {
        return -1;
    }
    *skip = *skip == FS_KEPT ? (uint8_t)suite->object[i].skip : *skip;
    fs_suite_note(&suite->base, i, &suite->object[i]);
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct biaske_facts *suite = (struct biaske_facts *)base;
    for (size_t i = 0; i < base->items; i++) {
        if (fs_suite_begin_item(base, i, plan, err) != 0 || compile_fact(suite, i, plan, tokenizer, style, err) != 0) {
            return fs_error_prepend(err, "fact %s", base->id[i]);
        }
    }
    return 0;
}

static int allocate(struct fs_suite *base, struct fs_error *err)
{
    struct biaske_facts *suite = (struct biaske_facts *)base;
    free(suite->top1);
    suite->top1 = fs_allocate(base->items, base->columns * sizeof *suite->top1, "scores of facts", err);
    return suite->top1 != NULL ? 0 : -1;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct biaske_facts *suite = (struct biaske_facts *)base;
    (void)err;
    for (size_t i = 0; i < base->items; i++) {
        const struct fs_statement *object = &suite->object[i];
        for (size_t k = 0; k < CANDIDATES; k++) {
            base->score[fs_suite_at(base, i, k, column)] = fs_statement_log(&suite->statement[i][k], values, column);
        }
        suite->top1[i * base->columns + column] =
            object->skip == FS_KEPT ? fs_values_top1(values, column, object->read[0]) : -1;
    }
    return 0;
}

static int order_of(const struct fs_suite *base, size_t item, size_t column)
{
    double yes = base->score[fs_suite_at(base, item, TRUE_FACT, column)];
    double no = base->score[fs_suite_at(base, item, COUNTERPART, column)];
    return (yes > no) - (yes < no);
}

/* Whether a column answers the fact as the unedited model does. */
static bool is_retained(const struct biaske_facts *suite, size_t item, size_t column, bool by_top)
{
    const struct fs_suite *base = &suite->base;
    const int32_t *top = &suite->top1[item * base->columns];
    return by_top ? top[0] == top[column] : order_of(base, item, 0) == order_of(base, item, column);
}

static int add_retention(const struct biaske_facts *suite, struct fs_suite_rows *rows, const char *category,
                         bool by_top, struct fs_selection *selection, struct fs_error *err)
{
    const struct fs_suite *base = &suite->base;
    const struct fs_bootstrap bootstrap = fs_selection_bootstrap(selection, rows),
                              of_values = fs_value_bootstrap(rows, bootstrap);
    size_t n = 0;
    for (size_t column = 0; column < base->columns; column++) {
        double *answer = fs_selected(selection, column, TRUE_FACT);
        n = 0;
        for (size_t i = 0; i < selection->count; i++) {
            size_t item = selection->item[i];
            if (base->skip[item] == FS_KEPT) {
                selection->flag[n] = is_retained(suite, item, column, by_top);
                answer[n] = selection->flag[n] ? 1.0 : 0.0;
                selection->cluster[n++] = selection->number[item];
            }
        }
        if (fs_metrics_flags(n, selection->flag, &of_values, &selection->value[column], err) != 0) {
            return -1;
        }
    }
    for (size_t column = 1; column < base->columns; column++) {
        /* the unedited model retains everything by definition, which a test need not ask */
        const struct fs_paired_values answers = {n, fs_selected(selection, rows->against, TRUE_FACT),
                                                 fs_selected(selection, column, TRUE_FACT), 100.0, rows->against > 0};
        if (fs_paired_mean(&answers, &bootstrap, &selection->change[column - 1], err) != 0) {
            return -1;
        }
    }
    const struct fs_new_row row = {
        .text = {base->table, category, "all", by_top ? "rs.top1" : "rs.pair", base->scoring},
        .value = selection->value,
        .change = selection->change,
        .skipped = selection->skipped};
    return fs_add_row(rows, &row, err);
}

static int add_category(const struct fs_suite *base, struct fs_suite_rows *rows, const char *category,
                        struct fs_selection *selection, struct fs_error *err)
{
    const struct biaske_facts *suite = (const struct biaske_facts *)base;
    const struct fs_share_row ds = {.text = {base->table, category, "all", "ds", base->scoring},
                                    .a = TRUE_FACT,
                                    .b = COUNTERPART,
                                    .n = fs_gather(selection, base->score, CANDIDATES, base->skip)};
    return fs_add_share_row(rows, selection, &ds, err) == 0 &&
                   add_retention(suite, rows, category, true, selection, err) == 0
               ? add_retention(suite, rows, category, false, selection, err)
               : -1;
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    return fs_add_category_rows(base, CANDIDATES, add_category, rows, err);
}

static int write_top1(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct biaske_facts *suite = (const struct biaske_facts *)base;
    const size_t shape[2] = {base->items, base->columns};
    char *path = fs_suite_path(base, "object_top1", err);
    int status = path != NULL ? fs_archive_write(archive, path, FS_ARCHIVE_I32, 2, shape, suite->top1, err) : -1;
    free(path);
    return status;
}

static void release(struct fs_suite *base)
{
    struct biaske_facts *suite = (struct biaske_facts *)base;
    for (size_t i = 0; i < base->items; i++) {
        for (size_t k = 0; suite->statement != NULL && k < CANDIDATES; k++) {
            fs_statement_release(&suite->statement[i][k]);
        }
        if (suite->object != NULL) {
            fs_statement_release(&suite->object[i]);
        }
    }
    free(suite->statement);
    free(suite->object);
    free(suite->top1);
    fs_fact_list_release(&suite->facts);
}

static const struct fs_suite_operations operations = {.compile = compile,
                                                      .allocate = allocate,
                                                      .fold = fold,
                                                      .add_rows = add_rows,
                                                      .write = write_top1,
                                                      .release = release};

/* Facts of no group are always taken. With a share below 1, each fact stays with that probability. */
static int keep_facts(const struct fs_suite_options *options, struct fs_fact_list *facts, struct fs_error *err)
{
    bool *keep = fs_allocate(facts->count, sizeof *keep, "the facts of a suite", err);
    if (keep == NULL) {
        return -1;
    }
    size_t place = 0; /* among those of the job's categories */
    for (size_t i = 0; i < facts->count; i++) {
        keep[i] = fs_suite_takes(options, facts->item[i].category) || fs_suite_is_none(facts->item[i].category);
        if (keep[i] && options->fact_share < 1) {
            struct fs_random random = fs_random_start(options->split_seed, VALIDATION_STREAM + place);
            keep[i] = fs_random_uniform(&random) < options->fact_share;
            place++;
        }
    }
    fs_fact_list_keep(facts, keep);
    free(keep);
    return 0;
}

static int create(struct biaske_facts *suite, const struct fs_suite_options *options, struct fs_error *err)
{
    size_t facts = suite->facts.count;
    if (fs_scoring_parse(options->scoring, options->kind, &suite->scoring, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return -1;
    }
    suite->base.scoring = fs_scoring_name(suite->scoring);
    suite->base.items = facts;
    suite->statement = fs_allocate(facts, sizeof *suite->statement, "facts", err);
    suite->object = fs_allocate(facts, sizeof *suite->object, "facts", err);
    if (suite->statement == NULL || suite->object == NULL || fs_suite_create(&suite->base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < facts; i++) {
        suite->base.id[i] = suite->facts.item[i].id;
        suite->base.category[i] = suite->facts.item[i].category;
        suite->base.unusable[i] = (uint8_t)suite->facts.item[i].skip;
        const char *subject = suite->facts.item[i].subject;
        if (fs_suite_set_cluster(&suite->base, i, subject, strlen(subject), err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int open_biaske_facts(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                             struct fs_error *err)
{
    struct fs_pair_list pairs; /* a suite of their own */
    *result = NULL;
    struct biaske_facts *suite = fs_allocate(1, sizeof *suite, "facts", err);
    if (suite == NULL) {
        return -1;
    }
    suite->base = (struct fs_suite){.operations = &operations,
                                    .name = "biaske_facts",
                                    .table = "biaske",
                                    .unit = "natural log probability",
                                    .cluster_kind = "subject",
                                    .candidates = CANDIDATES,
                                    .candidate = candidates};
    int status = fs_biaske_read(path, NULL, &pairs, &suite->facts, err);
    if (status == 0) {
        fs_pair_list_release(&pairs);
        suite->base.report = suite->facts.report;
        status = keep_facts(options, &suite->facts, err);
    }
    if (status == 0 && suite->facts.count > 0) {
        status = create(suite, options, err);
        *result = status == 0 ? &suite->base : NULL;
    }
    if (*result == NULL) {
        fs_suite_destroy(&suite->base);
    }
    return status;
}

static int restore(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **result,
                   struct fs_error *err)
{
    struct biaske_facts *suite = fs_allocate(1, sizeof *suite, "facts", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    suite->base = (struct fs_suite){.operations = &operations, .candidates = CANDIDATES};
    if (fs_stored_suite_read(file, kind, &suite->base, err) == 0) {
        const size_t shape[3] = {suite->base.items, suite->base.columns};
        suite->top1 = fs_stored_read(file, &suite->base, "object_top1", FS_ARCHIVE_I32, shape, err);
    }
    if (suite->top1 == NULL) {
        fs_suite_destroy(&suite->base);
        return -1;
    }
    *result = &suite->base;
    return 0;
}

const struct fs_suite_kind fs_suite_biaske_facts = {.name = "biaske_facts",
                                                    .table = "biaske",
                                                    .key = "biaske",
                                                    .about = "facts that differ between groups (DS, RS)",
                                                    .headlines = "ds rs",
                                                    .scoring_key = "biaske",
                                                    .masked = "target.prob",
                                                    .causal = "object.mean",
                                                    .compares_layers = true,
                                                    .open = open_biaske_facts,
                                                    .restore = restore};

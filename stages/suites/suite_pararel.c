/*
 * ParaRel (Elazar et al. 2021): what a model says of a fact in several patterns that mean the same. A model's object in a pattern
 * is the most probable of all that the relation's facts have:
 *
 *   target.logprob    masked  at [Y], masked
 *   continuation.sum  causal  behind what stands before [Y], in patterns that end there
 *
 * Each statement is one read whose choice (plan.h) is the objects. Objects of several tokens are no candidates, and their facts are skipped. Of each relation at most suite_items
 * statements, which are facts in all patterns. Rows, of category none: "accuracy" 100 x share of facts whose object is right in the
 * first pattern, the one of LAMA; "accuracy.all" in all patterns; "consistency" 100 x mean share of the pairs of patterns
 * whose object is the same one, right or not; "accuracy" and "consistency" as the mean over relations (macro) and of each.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/pararel_data.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_parts.h"
#include "stages/suites/suite_registry.h"

struct pararel {
    struct fs_suite suite;
    enum fs_scoring scoring;
    struct fs_pararel data;
    const char **relation_name; /* [relations] */
    char **text;                /* [texts] owned: ids, names of candidates */
    size_t texts;
    const char **candidate;            /* [candidates] */
    size_t *relation;                  /* [items] */
    size_t *first_item;                /* [relations] */
    int32_t **token;                   /* [relations], each [patterns][objects] as find_tokens has them */
    size_t *read;                      /* [items][candidates] of the plan; of those that are scored */
    double *right, *all_right, *alike; /* [items][columns] in the first pattern, in all; share of pairs, NaN: no pair */
};

static const struct fs_pararel_relation *relation_of(const struct pararel *suite, size_t item)
{
    return &suite->data.relation[suite->relation[item]];
}

static const struct fs_pararel_fact *fact_of(const struct pararel *suite, size_t item)
{
    return &relation_of(suite, item)->fact[item - suite->first_item[suite->relation[item]]];
}

/* What statements are compiled with. */
struct compiling {
    const struct fs_tokenizer *tokenizer;
    const struct fs_prompt_style *style;
    enum fs_scoring scoring;
};

static int compile_pattern(const struct compiling *with, const struct fs_pararel_pattern *pattern, const char *subject,
                           const char *object, struct fs_plan *plan, struct fs_statement *statement,
                           struct fs_error *err)
{
    char *before = fs_pararel_fill(pattern->before, subject, err),
         *after = fs_pararel_fill(pattern->after, subject, err);
    char *completion = NULL, none[] = "";
    struct fs_statement_text text = {.id = none};
    bool behind = with->scoring == FS_CONTINUATION_SUM, blank = false;
    size_t length = before != NULL ? strlen(before) : 0;
    int status = before != NULL && after != NULL ? 0 : -1;
    while (status == 0 && behind && length > 0 && before[length - 1] == ' ') {
        before[--length] = '\0'; /* the blank before a word is of the word's first token */
        blank = true;
    }
    if (status == 0 && (asprintf(&completion, "%s%s", blank ? " " : "", object) < 0 ||
                        asprintf(&text.text, "%s%s%s", before, completion, behind ? "" : after) < 0)) {
        status = fs_error_memory(err, length, "a text of ParaRel");
    }
    if (status == 0) {
        text.before = before;
        text.completion = completion;
        text.after = behind ? none : after;
        status = fs_statement_compile(plan, with->tokenizer, with->style, with->scoring, &text, statement, err);
    }
    free(before);
    free(after);
    free(completion);
    free(text.text);
    return status;
}

/* token [patterns][objects]: what an object is in a pattern, -1 where it is of several tokens. A subject changes nothing
 * about it. */
static int find_tokens(const struct compiling *with, const struct fs_pararel_relation *relation, int32_t *token,
                       struct fs_error *err)
{
    struct fs_plan *plan = NULL; /* is not run */
    int status = fs_plan_create(&plan, err);
    for (size_t i = 0; status == 0 && i < relation->patterns * relation->objects; i++) {
        struct fs_statement statement = {0};
        status = compile_pattern(with, &relation->pattern[i / relation->objects], "It",
                                 relation->object[i % relation->objects], plan, &statement, err);
        token[i] = status == 0 && statement.count == 1 ? fs_plan_read_token(plan, statement.read[0]) : -1;
        fs_statement_release(&statement);
    }
    fs_plan_destroy(plan);
    return status;
}

/* The choice of each pattern; SIZE_MAX where all objects are of several tokens. */
static int add_choices(const struct fs_pararel_relation *relation, const int32_t *token, struct fs_plan *plan,
                       size_t *choice, struct fs_error *err)
{
    int32_t *kept = fs_allocate(relation->objects, sizeof *kept, "objects of ParaRel", err);
    int status = kept != NULL ? 0 : -1;
    for (size_t k = 0; status == 0 && k < relation->patterns; k++) {
        size_t count = 0;
        for (size_t o = 0; o < relation->objects; o++) {
            kept[count] = token[k * relation->objects + o];
            count += kept[count] >= 0 ? 1 : 0;
        }
        choice[k] = SIZE_MAX;
        status = count > 0 ? fs_plan_add_choice(plan, kept, count, &choice[k], err) : 0;
    }
    free(kept);
    return status;
}

/* Adds the statement's read once more, with a choice. */
static int add_read(struct fs_plan *plan, const struct fs_statement *statement, size_t choice, size_t *read,
                    struct fs_error *err)
{
    size_t pass, position;
    fs_plan_read_place(plan, statement->read[0], &pass, &position);
    return fs_plan_add_choosing_read(plan, pass, position, fs_plan_read_token(plan, statement->read[0]), choice, read,
                                     err);
}

/* choice [patterns] of the item's relation. */
static int compile_item(struct pararel *suite, size_t item, const struct compiling *with, const size_t *choice,
                        struct fs_plan *plan, struct fs_error *err)
{
    const int32_t *token = suite->token[suite->relation[item]];
    const struct fs_pararel_relation *relation = relation_of(suite, item);
    const struct fs_pararel_fact *fact = fact_of(suite, item);
    const char *object = relation->object[fact->object];
    for (size_t k = 0; k < relation->patterns; k++) {
        if (token[k * relation->objects + fact->object] < 0) {
            suite->suite.skip[item] = FS_SKIP_SEVERAL_TOKENS;
            return 0;
        }
    }
    if (fs_suite_begin_item(&suite->suite, item, plan, err) != 0) {
        return -1;
    }
    for (size_t k = 0; k < relation->patterns && suite->suite.skip[item] == FS_KEPT; k++) {
        struct fs_statement statement = {0};
        int status = compile_pattern(with, &relation->pattern[k], fact->subject, object, plan, &statement, err);
        if (status == 0 && statement.skip != FS_KEPT) {
            suite->suite.skip[item] = (uint8_t)statement.skip;
        } else if (status == 0 && statement.count != 1) {
            suite->suite.skip[item] = FS_SKIP_SEVERAL_TOKENS;
        } else if (status == 0) {
            fs_suite_note(&suite->suite, item, &statement);
            status = add_read(plan, &statement, choice[k], &suite->read[item * suite->suite.candidates + k], err);
        }
        fs_statement_release(&statement);
        if (status != 0) {
            return fs_error_prepend(err, "item %s", suite->suite.id[item]);
        }
    }
    return 0;
}

static int compile_relation(struct pararel *suite, size_t number, const struct compiling *with, struct fs_plan *plan,
                            struct fs_error *err)
{
    const struct fs_pararel_relation *relation = &suite->data.relation[number];
    int32_t *token = fs_allocate(relation->patterns * relation->objects, sizeof *token, "objects of ParaRel", err);
    size_t *choice = fs_allocate(relation->patterns, sizeof *choice, "objects of ParaRel", err);
    free(suite->token[number]);
    suite->token[number] = token;
    int status = token != NULL && choice != NULL && find_tokens(with, relation, token, err) == 0
                     ? add_choices(relation, token, plan, choice, err)
                     : -1;
    for (size_t i = 0; status == 0 && i < relation->facts; i++) {
        size_t item = suite->first_item[number] + i;
        status = suite->suite.skip[item] == FS_KEPT ? compile_item(suite, item, with, choice, plan, err) : 0;
    }
    free(choice);
    return status;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct pararel *suite = (struct pararel *)base;
    const struct compiling with = {tokenizer, style, suite->scoring};
    int status = 0;
    for (size_t r = 0; status == 0 && r < suite->data.relations; r++) {
        status = compile_relation(suite, r, &with, plan, err);
    }
    return status;
}

static int allocate(struct fs_suite *base, struct fs_error *err)
{
    struct pararel *suite = (struct pararel *)base;
    double **const column[] = {&suite->right, &suite->all_right, &suite->alike};
    for (size_t i = 0; i < sizeof column / sizeof column[0]; i++) {
        free(*column[i]);
        *column[i] = fs_suite_scores(base, base->items, 1, err);
        if (*column[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

/* The first object whose token [objects] is the chosen one. */
static size_t object_of(const int32_t *token, size_t objects, int32_t chosen)
{
    size_t o = 0;
    while (o < objects && token[o] != chosen) {
        o++;
    }
    return o;
}

/* `best` [patterns]: scratch. */
static void fold_item(struct pararel *suite, const struct fs_plan_values *values, size_t column, size_t item,
                      size_t *best)
{
    const struct fs_pararel_relation *relation = relation_of(suite, item);
    const size_t own = fact_of(suite, item)->object, patterns = relation->patterns;
    size_t right = 0, alike = 0, at = item * suite->suite.columns + column;
    for (size_t k = 0; k < patterns; k++) {
        size_t read = suite->read[item * suite->suite.candidates + k];
        best[k] = object_of(suite->token[suite->relation[item]] + k * relation->objects, relation->objects,
                            fs_values_top1(values, column, read));
        right += best[k] == own ? 1 : 0;
        suite->suite.score[fs_suite_at(&suite->suite, item, k, column)] = fs_values_logprob(values, column, read);
        for (size_t other = 0; other < k; other++) {
            alike += best[other] == best[k] ? 1 : 0;
        }
    }
    suite->right[at] = best[0] == own ? 1.0 : 0.0;
    suite->all_right[at] = right == patterns ? 1.0 : 0.0;
    suite->alike[at] = patterns > 1 ? (double)alike / ((double)patterns * (double)(patterns - 1) / 2) : NAN;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct pararel *suite = (struct pararel *)base;
    size_t *best = fs_allocate(base->candidates, sizeof *best, "objects of ParaRel", err);
    for (size_t i = 0; best != NULL && i < base->items; i++) {
        if (base->skip[i] == FS_KEPT) {
            fold_item(suite, values, column, i, best);
        }
    }
    free(best);
    return best != NULL ? 0 : -1;
}

static void answers(const struct fs_suite *base, double *yes)
{
    memcpy(yes, ((const struct pararel *)base)->right, base->items * base->columns * sizeof *yes);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct pararel *suite = (const struct pararel *)base;
    const struct fs_parting parting = {suite->relation_name, suite->data.relations, suite->relation};
    const struct fs_suite_column right = fs_suite_own(base, suite->right), alike = fs_suite_own(base, suite->alike);
    const struct fs_suite_question accuracy = {"accuracy", FS_QUESTION_YES, 100.0, right, right},
                                   consistency = {"consistency", FS_QUESTION_MEAN, 100.0, alike, alike};
    return fs_suite_add(rows, base, &accuracy, err) == 0 &&
                   fs_suite_add_yes(rows, base, "accuracy.all", fs_suite_own(base, suite->all_right), err) == 0 &&
                   fs_suite_add(rows, base, &consistency, err) == 0 &&
                   fs_suite_add_macro(rows, base, &accuracy, &parting, err) == 0 &&
                   fs_suite_add_macro(rows, base, &consistency, &parting, err) == 0 &&
                   fs_suite_add_parts(rows, base, &accuracy, &parting, err) == 0
               ? fs_suite_add_parts(rows, base, &consistency, &parting, err)
               : -1;
}

static void release(struct fs_suite *base)
{
    struct pararel *suite = (struct pararel *)base;
    for (size_t r = 0; suite->token != NULL && r < suite->data.relations; r++) {
        free(suite->token[r]);
    }
    free(suite->token);
    fs_pararel_release(&suite->data);
    for (size_t i = 0; suite->text != NULL && i < suite->texts; i++) {
        free(suite->text[i]);
    }
    free(suite->text);
    free(suite->relation_name);
    free(suite->candidate);
    free(suite->relation);
    free(suite->first_item);
    free(suite->read);
    free(suite->right);
    free(suite->all_right);
    free(suite->alike);
}

static const struct fs_suite_operations operations = {.answers = answers,
                                                      .compile = compile,
                                                      .allocate = allocate,
                                                      .fold = fold,
                                                      .add_rows = add_rows,
                                                      .release = release};

/* A text "<what><separator><number>" that the suite owns. */
static const char *keep_name(struct pararel *suite, const char *what, const char *separator, size_t number,
                             struct fs_error *err)
{
    char **text = &suite->text[suite->texts];
    if (asprintf(text, "%s%s%zu", what, separator, number) < 0) {
        *text = NULL;
        (void)fs_error_memory(err, strlen(what), "a name");
        return NULL;
    }
    suite->texts++;
    return *text;
}

static int set_items(struct pararel *suite, struct fs_error *err)
{
    struct fs_suite *base = &suite->suite;
    size_t item = 0;
    for (size_t k = 0; k < base->candidates; k++) {
        suite->candidate[k] = keep_name(suite, "pattern", " ", k, err);
        if (suite->candidate[k] == NULL) {
            return -1;
        }
    }
    for (size_t r = 0; r < suite->data.relations; r++) {
        const struct fs_pararel_relation *relation = &suite->data.relation[r];
        suite->relation_name[r] = relation->name;
        suite->first_item[r] = item;
        for (size_t i = 0; i < relation->facts; i++, item++) {
            const char *subject = relation->fact[i].subject != NULL ? relation->fact[i].subject : "";
            suite->relation[item] = r;
            base->category[item] = "none";
            base->unusable[item] = relation->fact[i].unusable;
            base->id[item] = keep_name(suite, relation->name, "/", i, err);
            if (base->id[item] == NULL || fs_suite_set_cluster(base, item, subject, strlen(subject), err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int create(struct pararel *suite, struct fs_error *err)
{
    struct fs_suite *base = &suite->suite;
    size_t relations = suite->data.relations, statements;
    for (size_t r = 0; r < relations; r++) {
        size_t patterns = suite->data.relation[r].patterns;
        base->items += suite->data.relation[r].facts;
        base->candidates = patterns > base->candidates ? patterns : base->candidates;
    }
    if (fs_multiply(base->items, base->candidates, &statements) != 0) {
        return fs_error_memory(err, SIZE_MAX, "ParaRel");
    }
    suite->relation_name = fs_allocate(relations, sizeof *suite->relation_name, "ParaRel", err);
    suite->first_item = fs_allocate(relations, sizeof *suite->first_item, "ParaRel", err);
    suite->candidate = fs_allocate(base->candidates, sizeof *suite->candidate, "ParaRel", err);
    suite->text = fs_allocate(base->items + base->candidates, sizeof *suite->text, "ParaRel", err);
    suite->relation = fs_allocate(base->items, sizeof *suite->relation, "ParaRel", err);
    suite->read = fs_allocate(statements, sizeof *suite->read, "ParaRel", err);
    suite->token = fs_allocate(relations, sizeof *suite->token, "ParaRel", err);
    base->candidate = suite->candidate;
    return suite->relation_name != NULL && suite->first_item != NULL && suite->candidate != NULL &&
                   suite->text != NULL && suite->relation != NULL && suite->read != NULL && suite->token != NULL &&
                   fs_suite_create(base, err) == 0
               ? set_items(suite, err)
               : -1;
}

static int open_pararel(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                        struct fs_error *err)
{
    struct pararel *suite = fs_allocate(1, sizeof *suite, "ParaRel", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    const struct fs_pararel_options reading = {options->suite_items, options->kind == FS_CAUSAL};
    suite->scoring = options->kind == FS_MASKED ? FS_TARGET_LOGPROB : FS_CONTINUATION_SUM;
    suite->suite = (struct fs_suite){.operations = &operations,
                                     .name = "pararel",
                                     .scoring = fs_scoring_name(suite->scoring),
                                     .unit = "natural log probability",
                                     .cluster_kind = "subject"};
    if (fs_pararel_read(path, &reading, &suite->data, &suite->suite.report, err) != 0 || create(suite, err) != 0) {
        fs_suite_destroy(&suite->suite);
        return -1;
    }
    *result = &suite->suite;
    return 0;
}

const struct fs_suite_kind fs_suite_pararel = {
    .name = "pararel",
    .key = "pararel",
    .about =
        "facts in several patterns that mean the same: whether a model finds the object, and says the same in each",
    .data = "ParaRel's folder data: patterns (graphs) and facts (trex_lms_vocab), measured",
    .folders = true,
    .open = open_pararel,
    .restore = fs_restore_answers};

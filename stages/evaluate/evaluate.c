#include "stages/evaluate/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate/evaluate_table.h"

/* Everything that is scored, compiled to one plan, so that suites share passes. */
struct compiled {
    struct fs_plan *plan;
    size_t pairs, crows, facts, paraphrases;
    struct fs_statement (*pair)[4];       /* [pairs] */
    struct fs_statement (*paraphrase)[2]; /* [paraphrases] */
    struct fs_statement (*sentence)[2];   /* [crows]: more, less */
    struct fs_statement (*fact)[2];       /* [facts]: true, counterpart */
    struct fs_statement *object; /* [facts]: the true fact by a scoring whose first read is the object's first token */
};

static void compiled_release(struct compiled *compiled)
{
    for (size_t i = 0; compiled->pair != NULL && i < 4 * compiled->pairs; i++) {
        fs_statement_release(&compiled->pair[i / 4][i % 4]);
    }
    for (size_t i = 0; compiled->paraphrase != NULL && i < 2 * compiled->paraphrases; i++) {
        fs_statement_release(&compiled->paraphrase[i / 2][i % 2]);
    }
    for (size_t i = 0; compiled->sentence != NULL && i < 2 * compiled->crows; i++) {
        fs_statement_release(&compiled->sentence[i / 2][i % 2]);
    }
    for (size_t i = 0; compiled->fact != NULL && i < 2 * compiled->facts; i++) {
        fs_statement_release(&compiled->fact[i / 2][i % 2]);
    }
    for (size_t i = 0; compiled->object != NULL && i < compiled->facts; i++) {
        fs_statement_release(&compiled->object[i]);
    }
    free(compiled->pair);
    free(compiled->paraphrase);
    free(compiled->sentence);
    free(compiled->fact);
    free(compiled->object);
    fs_plan_destroy(compiled->plan);
}

static int count_items(const struct fs_evaluate_input *input, struct compiled *compiled, struct fs_error *err)
{
    compiled->pairs = input->pairs != NULL ? input->pairs->count : 0;
    compiled->crows = input->crows != NULL ? input->crows->count : 0;
    compiled->facts = input->facts != NULL ? input->facts->count : 0;
    for (size_t i = 0; i < compiled->pairs; i++) {
        compiled->paraphrases += input->pairs->item[i].paraphrases;
    }
    compiled->pair = fs_allocate(compiled->pairs, sizeof *compiled->pair, "statements", err);
    compiled->paraphrase = fs_allocate(compiled->paraphrases, sizeof *compiled->paraphrase, "statements", err);
    compiled->sentence = fs_allocate(compiled->crows, sizeof *compiled->sentence, "statements", err);
    compiled->fact = fs_allocate(compiled->facts, sizeof *compiled->fact, "statements", err);
    compiled->object = fs_allocate(compiled->facts, sizeof *compiled->object, "statements", err);
    return compiled->pair != NULL && compiled->paraphrase != NULL && compiled->sentence != NULL &&
                   compiled->fact != NULL && compiled->object != NULL
               ? 0
               : -1;
}

static size_t candidates(const struct fs_pair *pair)
{
    return pair->has_counterpart_unrelated ? 4 : 3;
}

static int compile_items(const struct fs_evaluate_input *input, const struct fs_tokenizer *tokenizer,
                         const struct fs_prompt_style *style, struct compiled *compiled, struct fs_error *err)
{
    size_t paraphrase = 0;
    for (size_t i = 0; i < compiled->pairs; i++) {
        const struct fs_pair *pair = &input->pairs->item[i];
        for (size_t k = 0; k < candidates(pair); k++) {
            if (fs_statement_compile(compiled->plan, tokenizer, style, input->pair_scoring, &pair->statement[k],
                                     &compiled->pair[i][k], err) != 0) {
                return fs_error_prepend(err, "%s item %s", input->pairs_suite, pair->id);
            }
        }
        for (size_t k = 0; k < 2 * pair->paraphrases; k++) {
            if (fs_statement_compile(compiled->plan, tokenizer, style, input->pair_scoring,
                                     &pair->paraphrase[k / 2][k % 2], &compiled->paraphrase[paraphrase + k / 2][k % 2],
                                     err) != 0) {
                return fs_error_prepend(err, "%s item %s, paraphrase %zu", input->pairs_suite, pair->id, k / 2);
            }
        }
        paraphrase += pair->paraphrases;
    }
    for (size_t i = 0; i < compiled->crows; i++) {
        if (fs_statement_compile_crows(compiled->plan, tokenizer, style, input->crows_scoring, &input->crows->item[i],
                                       compiled->sentence[i], err) != 0) {
            return fs_error_prepend(err, "crows_pairs item %s", input->crows->item[i].id);
        }
    }
    enum fs_scoring object = style->kind == FS_MASKED ? FS_TARGET_LOGPROB : FS_OBJECT_MEAN;
    for (size_t i = 0; i < compiled->facts; i++) {
        const struct fs_fact *fact = &input->facts->item[i];
        if (fs_statement_compile(compiled->plan, tokenizer, style, input->fact_scoring, &fact->statement,
                                 &compiled->fact[i][0], err) != 0 ||
            fs_statement_compile(compiled->plan, tokenizer, style, input->fact_scoring, &fact->counterpart,
                                 &compiled->fact[i][1], err) != 0 ||
            fs_statement_compile(compiled->plan, tokenizer, style, object, &fact->statement, &compiled->object[i],
                                 err) != 0) {
            return fs_error_prepend(err, "fact %s", fact->id);
        }
    }
    for (size_t i = 0; i < input->suites; i++) {
        if (input->suite[i]->operations->compile(input->suite[i], compiled->plan, tokenizer, style, err) != 0) {
            return fs_error_prepend(err, "%s", input->suite[i]->name);
        }
    }
    return 0;
}

static int compile(const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                   const struct fs_evaluate_input *input, struct compiled *compiled, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(model);
    struct fs_prompt_style style;
    return fs_prompt_style_of(spec, tokenizer, &style, err) == 0 && count_items(input, compiled, err) == 0 &&
                   fs_plan_create(&compiled->plan, err) == 0 &&
                   compile_items(input, tokenizer, &style, compiled, err) == 0 &&
                   fs_plan_seal(compiled->plan, FS_UNIT_TOKENS, spec->max_positions, err) == 0
               ? 0
               : -1;
}

/* The first reason to skip among `count` statements. */
static uint8_t first_skip(const struct fs_statement *statement, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (statement[i].skip != FS_KEPT) {
            return (uint8_t)statement[i].skip;
        }
    }
    return FS_KEPT;
}

static double *new_scores(size_t items, size_t candidates_each, struct fs_error *err)
{
    double *score = fs_allocate(items, candidates_each * 2 * sizeof *score, "scores", err);
    for (size_t i = 0; score != NULL && i < items * candidates_each * 2; i++) {
        score[i] = NAN;
    }
    return score;
}

static int allocate_scores(const struct compiled *compiled, struct fs_evaluate_result *result, struct fs_error *err)
{
    result->pair_score = new_scores(compiled->pairs, 4, err);
    result->pair_log = new_scores(compiled->pairs, 4, err);
    result->paraphrase_log = new_scores(compiled->paraphrases, 2, err);
    result->crows_score = new_scores(compiled->crows, 2, err);
    result->fact_log = new_scores(compiled->facts, 2, err);
    result->fact_top1 = fs_allocate(compiled->facts, 2 * sizeof *result->fact_top1, "scores", err);
    result->pair_skip = fs_allocate(compiled->pairs, 1, "scores", err);
    result->paraphrase_skip = fs_allocate(compiled->paraphrases, 1, "scores", err);
    result->crows_skip = fs_allocate(compiled->crows, 1, "scores", err);
    result->fact_skip = fs_allocate(compiled->facts, 1, "scores", err);
    return result->pair_score != NULL && result->pair_log != NULL && result->paraphrase_log != NULL &&
                   result->crows_score != NULL && result->fact_log != NULL && result->fact_top1 != NULL &&
                   result->pair_skip != NULL && result->paraphrase_skip != NULL && result->crows_skip != NULL &&
                   result->fact_skip != NULL
               ? 0
               : -1;
}

/* Per-item scores of one model from the values of the reads. */
static void fold_items(const struct fs_evaluate_input *input, const struct compiled *compiled,
                       const struct fs_read_value *values, size_t model, struct fs_evaluate_result *result)
{
    for (size_t i = 0; i < compiled->pairs; i++) {
        size_t count = candidates(&input->pairs->item[i]);
        result->pair_skip[i] = first_skip(compiled->pair[i], count);
        for (size_t k = 0; k < count; k++) {
            result->pair_score[(i * 4 + k) * 2 + model] = fs_statement_score(&compiled->pair[i][k], values, model);
            result->pair_log[(i * 4 + k) * 2 + model] = fs_statement_log(&compiled->pair[i][k], values, model);
        }
    }
    for (size_t i = 0; i < compiled->paraphrases; i++) {
        result->paraphrase_skip[i] = first_skip(compiled->paraphrase[i], 2);
        for (size_t k = 0; k < 2; k++) {
            result->paraphrase_log[(i * 2 + k) * 2 + model] =
                fs_statement_log(&compiled->paraphrase[i][k], values, model);
        }
    }
    for (size_t i = 0; i < compiled->crows; i++) {
        result->crows_skip[i] = first_skip(compiled->sentence[i], 2);
        for (size_t k = 0; k < 2; k++) {
            result->crows_score[(i * 2 + k) * 2 + model] = fs_statement_score(&compiled->sentence[i][k], values, model);
        }
    }
    for (size_t i = 0; i < compiled->facts; i++) {
        const struct fs_statement *object = &compiled->object[i];
        uint8_t skip = first_skip(compiled->fact[i], 2);
        result->fact_skip[i] = skip != FS_KEPT ? skip : (uint8_t)object->skip;
        for (size_t k = 0; k < 2; k++) {
            result->fact_log[(i * 2 + k) * 2 + model] = fs_statement_log(&compiled->fact[i][k], values, model);
        }
        result->fact_top1[i * 2 + model] = object->skip == FS_KEPT ? values[object->read[0]].top1[model] : -1;
    }
}

static int fold_suites(const struct fs_evaluate_input *input, const struct fs_plan_values *values,
                       struct fs_suite_rows *rows, struct fs_error *err)
{
    for (size_t i = 0; i < input->suites; i++) {
        struct fs_suite *suite = input->suite[i];
        for (size_t model = 0; model < rows->models; model++) {
            if (suite->operations->fold(suite, values, model, err) != 0) {
                return fs_error_prepend(err, "%s", suite->name);
            }
        }
        if (suite->operations->add_rows(suite, rows, err) != 0) {
            return fs_error_prepend(err, "%s", suite->name);
        }
    }
    return 0;
}

/* Root: room for what the executor gives. */
static int allocate_values(const struct fs_model *model, const struct fs_plan *plan, struct fs_read_value **read,
                           double **state, struct fs_error *err)
{
    size_t hidden = fs_model_spec(model)->hidden;
    *read = fs_allocate(fs_plan_reads(plan), sizeof **read, "scores", err);
    *state = fs_allocate(fs_plan_states(plan), 2 * hidden * sizeof **state, "states of texts", err);
    return *read != NULL && *state != NULL ? 0 : -1;
}

int fs_evaluate_run(const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                    const struct fs_evaluate_input *input, const struct fs_stamp *stamp, struct fs_runner *runner,
                    const char *checkpoint, struct fs_evaluate_result *result, struct fs_error *err)
{
    struct compiled compiled = {0};
    struct fs_read_value *values = NULL;
    double *states = NULL;
    *result = (struct fs_evaluate_result){0};
    int status = compile(model, tokenizer, input, &compiled, err);
    if (status == 0 && fs_runner_is_root(runner)) {
        status = allocate_values(model, compiled.plan, &values, &states, err);
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = fs_plan_execute(compiled.plan, model, stamp, runner, checkpoint, values, states, err);
    }
    if (status == 0 && fs_runner_is_root(runner)) {
        status = allocate_scores(&compiled, result, err);
        if (status == 0) {
            fold_items(input, &compiled, values, 0, result);
            fold_items(input, &compiled, values, 1, result);
            struct fs_suite_rows rows = {result, input->bootstrap, stamp != NULL ? 2 : 1,
                                         input->tuning ? "validation" : "held_out", 0};
            const struct fs_plan_values all = {values, states, fs_model_spec(model)->hidden};
            status = fs_evaluate_make_table(input, fs_scoring_name(input->pair_scoring), &rows, err) == 0
                         ? fold_suites(input, &all, &rows, err)
                         : -1;
        }
    }
    status = fs_runner_agree(runner, status, err);
    if (status != 0) {
        fs_evaluate_result_release(result);
    }
    compiled_release(&compiled);
    free(values);
    free(states);
    return status;
}

void fs_evaluate_result_release(struct fs_evaluate_result *result)
{
    free(result->row);
    free(result->pair_score);
    free(result->pair_log);
    free(result->paraphrase_log);
    free(result->crows_score);
    free(result->fact_log);
    free(result->fact_top1);
    free(result->pair_skip);
    free(result->paraphrase_skip);
    free(result->crows_skip);
    free(result->fact_skip);
    *result = (struct fs_evaluate_result){0};
}

int fs_evaluate_scores(const struct fs_pair_list *pairs, const struct fs_scores *scores,
                       const struct fs_bootstrap *bootstrap, struct fs_evaluate_result *result, size_t *unscored,
                       struct fs_error *err)
{
    const struct fs_evaluate_input input = {.pairs_suite = "stereoset", .pairs = pairs, .bootstrap = *bootstrap};
    *result = (struct fs_evaluate_result){0};
    *unscored = 0;
    result->pair_score = new_scores(pairs->count, 4, err);
    result->pair_skip = fs_allocate(pairs->count, 1, "scores", err);
    result->paraphrase_skip = fs_allocate(0, 1, "scores", err);
    int status = result->pair_score != NULL && result->pair_skip != NULL && result->paraphrase_skip != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < pairs->count; i++) {
        bool complete = true;
        for (size_t k = 0; k < 3; k++) { /* a score that is missing stays NaN, and metrics leave its item out */
            complete = fs_scores_find(scores, pairs->item[i].statement[k].id, &result->pair_score[(i * 4 + k) * 2]) &&
                       complete;
        }
        *unscored += complete ? 0 : 1;
    }
    if (status == 0) {
        struct fs_suite_rows rows = {result, *bootstrap, 1, "held_out", 0};
        status = fs_evaluate_make_table(&input, "given", &rows, err);
    }
    if (status != 0) {
        fs_evaluate_result_release(result);
    }
    return status;
}

#include "stages/evaluate/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "model/flops.h"
#include "stages/suites/capability.h"
#include "stages/suites/pair_rows.h"

/* What stands before the texts of a category where an edit is a decoding rule. */
struct prefixing {
    const struct fs_edit_kind *rule;
    const struct fs_tokenizer *tokenizer;
};

/* Prefix and text are tokenised apart, as published. */
static int encode_prefix(void *context, const char *category, int32_t **id, size_t *count, struct fs_error *err)
{
    const struct prefixing *prefixing = context;
    const char *text = prefixing->rule->prefix(category);
    struct fs_encoding encoding = {0};
    *id = NULL;
    *count = 0;
    if (fs_tokenizer_encode(prefixing->tokenizer, text, strlen(text), &encoding, err) != 0) {
        return -1;
    }
    *id = fs_allocate(encoding.count, sizeof **id, "a prefix", err);
    if (*id != NULL) {
        memcpy(*id, encoding.id, encoding.count * sizeof **id);
        *count = encoding.count;
    }
    fs_encoding_release(&encoding);
    return *id != NULL ? 0 : -1;
}

/* Sets the plan's prefixes where an edit needs them. */
static int set_prefixes(const struct fs_edit_list *edits, const struct fs_prompt_style *style,
                        struct prefixing *prefixing, struct fs_plan *plan, struct fs_error *err)
{
    bool masked = style->kind == FS_MASKED;
    const struct fs_plan_prefixes prefixes = {.encode = encode_prefix,
                                              .context = prefixing,
                                              .first = masked ? style->special.cls : style->special.begin_of_text,
                                              .last = masked ? style->special.sep : -1};
    for (size_t i = 0; i < edits->count && prefixing->rule == NULL; i++) {
        prefixing->rule = edits->edit[i].kind->prefix != NULL ? edits->edit[i].kind : NULL;
    }
    return prefixing->rule != NULL ? fs_plan_set_prefixes(plan, &prefixes, err) : 0;
}

/* All suites in one plan, so that they share passes. */
static int compile(const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                   const struct fs_evaluate_input *input, struct fs_plan **plan, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(model);
    struct fs_prompt_style style;
    struct prefixing prefixing = {.tokenizer = tokenizer};
    if (fs_prompt_style_of(spec, tokenizer, &style, err) != 0 || fs_plan_create(plan, err) != 0 ||
        set_prefixes(&input->edits, &style, &prefixing, *plan, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < input->suites; i++) {
        if (fs_suite_compile(input->suite[i], 1 + input->edits.count, *plan, tokenizer, &style, err) != 0) {
            return -1;
        }
    }
    struct fs_plan_limits limits = fs_plan_limits_of(spec, FS_UNIT_TOKENS);
    for (size_t i = 0; i < input->edits.count; i++) {
        const struct fs_model *other = input->edits.edit[i].model;
        size_t length = other != NULL ? fs_spec_shared_length(fs_model_spec(other)) : SIZE_MAX;
        limits.shared_length = length < limits.shared_length ? length : limits.shared_length;
    }
    limits.token_flops = fs_flops_layers(spec, 0, spec->layers, 1, 0);
    return fs_plan_seal(*plan, limits, err);
}

/* Root: from the values to the rows. */
static int fold(const struct fs_evaluate_input *input, const struct fs_plan_values *values, struct fs_results *results,
                struct fs_error *err)
{
    if (fs_results_create(input->edits.count, input->edit_name, results, err) != 0) {
        return -1;
    }
    struct fs_suite_rows rows = {
        .results = results, .bootstrap = input->bootstrap, .held_out = input->tuning ? "validation" : "held_out"};
    for (size_t i = 0; i < input->suites; i++) {
        size_t before = results->rows;
        if (fs_suite_fold(input->suite[i], values, &rows, err) != 0) {
            return -1;
        }
        for (size_t row = before; row < results->rows; row++) {
            results->row[row].first_unscored = fs_suite_first_unscored(input->suite[i]);
        }
    }
    return fs_add_capability(input->suite, input->suites, &rows, err);
}

int fs_evaluate_run(const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                    const struct fs_evaluate_input *input, struct fs_runner *runner, const char *checkpoint,
                    struct fs_results *results, struct fs_error *err)
{
    struct fs_plan *plan = NULL;
    struct fs_plan_values values = {0};
    *results = (struct fs_results){0};
    int status = fs_runner_agree(runner, compile(model, tokenizer, input, &plan, err), err);
    if (status == 0 && fs_runner_is_root(runner) && fs_plan_tokens(plan) < fs_plan_given_tokens(plan)) {
        fs_say("evaluate: texts of %zu tokens share prefixes: %zu are computed", fs_plan_given_tokens(plan),
               fs_plan_tokens(plan));
    }
    if (status == 0) {
        status = fs_plan_execute(plan, model, &input->edits, runner, checkpoint, &values, err);
    }
    if (status == 0 && fs_runner_is_root(runner)) {
        status = fold(input, &values, results, err);
    }
    status = fs_runner_agree(runner, status, err);
    if (status != 0) {
        fs_results_release(results);
    }
    fs_plan_destroy(plan);
    fs_plan_values_release(&values);
    return status;
}

/* score [pairs][4]: NaN where there is none; how many usable pairs lack one of their three. */
static void find_scores(const struct fs_pair_list *pairs, const struct fs_scores *scores, double *score, uint8_t *skip,
                        size_t *unscored)
{
    for (size_t i = 0; i < pairs->count; i++) {
        bool complete = true;
        for (size_t k = FS_STEREOTYPE; k <= FS_UNRELATED_COUNTERPART; k++) {
            score[4 * i + k] = NAN; /* metrics leave such an item out */
        }
        for (size_t k = FS_STEREOTYPE; k <= FS_UNRELATED; k++) {
            complete = fs_scores_find(scores, pairs->item[i].statement[k].id, &score[4 * i + k]) && complete;
        }
        skip[i] = (uint8_t)pairs->item[i].skip;
        *unscored += complete || skip[i] != FS_KEPT ? 0 : 1;
    }
}

int fs_evaluate_scores(const char *suite, const struct fs_pair_list *pairs, const struct fs_scores *scores,
                       const struct fs_bootstrap *bootstrap, struct fs_results *results, size_t *unscored,
                       struct fs_error *err)
{
    double *score = fs_allocate(pairs->count, 4 * sizeof *score, "scores", err);
    uint8_t *skip = fs_allocate(pairs->count, 1, "scores", err);
    *results = (struct fs_results){0};
    *unscored = 0;
    int status = score != NULL && skip != NULL ? fs_results_create(0, NULL, results, err) : -1;
    if (status == 0) {
        find_scores(pairs, scores, score, skip, unscored);
        struct fs_suite_rows rows = {.results = results, .bootstrap = *bootstrap, .held_out = "held_out"};
        const struct fs_scored_pairs scored = {
            .suite = suite, .scoring = "given", .columns = 1, .pairs = pairs, .score = score, .skip = skip};
        status = fs_add_pair_rows(&rows, &scored, err);
    }
    free(score);
    free(skip);
    if (status != 0) {
        fs_results_release(results);
    }
    return status;
}

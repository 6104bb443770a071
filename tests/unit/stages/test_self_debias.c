/*
 * Self-Debias as a column, against PyTorch (tests/golden/make_self_debias.py): scores of a suite's items by small models of
 * both kinds, each by the rule of its category; a text that is too long with its prefix. Prefixed texts in batches of any
 * size, with and without shared beginnings, give the same; other columns keep their bits; what reads states has no number.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/edits/self_debias.h"
#include "model/numbers/random.h"
#include "support.h"

/* Log p' of float32 passes: p and q to a few units of the last place, their difference times lambda. */
#define BOUND 1e-4

static const char *const models[] = {"bert-tiny", "gpt2-tiny"};
enum { MODELS = 2, CANDIDATES = 3 };
static struct loaded loaded[MODELS];
static struct fs_edit edits[MODELS];
static struct fs_json_document *golden;
static const char *const names[] = {"self_debias"};

static int setup(void **state)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("self_debias.json");
    for (size_t m = 0; m < MODELS; m++) {
        loaded[m] = load_golden(models[m], 2);
        assert_int_equal(fs_self_debias_create(fs_model_spec(loaded[m].model), 50, 0.01, &edits[m], &err), 0);
    }
    char *items = cJSON_Print(cJSON_GetObjectItem(fs_json_root(golden), "items"));
    (void)write_text("items.json", items);
    free(items);
    return 0;
}

static int teardown(void **state)
{
    for (size_t m = 0; m < MODELS; m++) {
        fs_edit_release(&edits[m]);
        unload(&loaded[m]);
    }
    fs_json_destroy(golden);
    return remove_folder(state);
}

static const cJSON *golden_of(const char *group, const char *model)
{
    const cJSON *found = cJSON_GetObjectItem(cJSON_GetObjectItem(fs_json_root(golden), group), model);
    assert_non_null(found);
    return found;
}

static const char *scoring_of(const struct loaded *own)
{
    return own->style.kind == FS_MASKED ? "target.prob" : "sentence.mean";
}

/* ---- a suite's items ---- */

static void scores_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        const struct fs_suite_options options = {.kind = loaded[m].style.kind, .scoring = scoring_of(&loaded[m])};
        struct fs_suite *suite = open_suite("stereoset", path_of("items.json"), &options);
        const struct fs_evaluate_input input = {
            .suite = &suite, .suites = 1, .edits = {1, &edits[m]}, .edit_name = names};
        struct fs_results results = evaluate(&loaded[m], &input);
        const cJSON *score = cJSON_GetObjectItem(golden_of("models", models[m]), "scores")->child;
        assert_int_equal(suite->items, 10);
        for (size_t i = 0; i < suite->items * CANDIDATES; i++, score = score->next) {
            double found = suite->score[fs_suite_at(suite, i / CANDIDATES, i % CANDIDATES, 1)];
            double plain = suite->score[fs_suite_at(suite, i / CANDIDATES, i % CANDIDATES, 0)];
            if (!(fabs(log(found) - log(score->valuedouble)) <= BOUND)) {
                fail_msg("%s: item %zu, candidate %zu: %.9g, expected %.9g; unedited %.9g", models[m], i / CANDIDATES,
                         i % CANDIDATES, found, score->valuedouble, plain);
            }
        }
        fs_results_release(&results);
        fs_suite_destroy(suite);
    }
}

/* ---- plans ---- */

struct encoder {
    const struct fs_tokenizer *tokenizer;
};

static int encode(void *context, const char *category, int32_t **id, size_t *count, struct fs_error *err)
{
    const struct encoder *encoder = context;
    const char *text = fs_edit_self_debias.prefix(category);
    struct fs_encoding encoding = {0};
    assert_int_equal(fs_tokenizer_encode(encoder->tokenizer, text, strlen(text), &encoding, err), 0);
    *count = encoding.count;
    *id = calloc(encoding.count, sizeof **id);
    assert_non_null(*id);
    memcpy(*id, encoding.id, encoding.count * sizeof **id);
    fs_encoding_release(&encoding);
    return 0;
}

static struct fs_plan *begin_plan(const struct loaded *own)
{
    static struct encoder encoder;
    struct fs_plan *plan = NULL;
    struct fs_error err = FS_ERROR_INIT;
    const bool masked = own->style.kind == FS_MASKED;
    encoder.tokenizer = own->tokenizer;
    const struct fs_plan_prefixes prefixes = {.encode = encode,
                                              .context = &encoder,
                                              .first =
                                                  masked ? own->style.special.cls : own->style.special.begin_of_text,
                                              .last = masked ? own->style.special.sep : -1};
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    assert_int_equal(fs_plan_set_prefixes(plan, &prefixes, &err), 0);
    return plan;
}

static struct fs_plan_values execute(const struct loaded *own, const struct fs_plan *plan, size_t count,
                                     const struct fs_edit *edit)
{
    struct fs_plan_values values;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_edit_list list = {count, edit};
    if (fs_plan_execute(plan, own->model, &list, own->runner, NULL, &values, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return values;
}

/* Every token at the end of a text as long as the model takes. */
static void a_long_text_is_read_in_its_end(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        const cJSON *window = cJSON_GetObjectItem(golden_of("models", models[m]), "window"), *number;
        const cJSON *ids = cJSON_GetObjectItem(window, "ids"), *logs = cJSON_GetObjectItem(window, "logprobs");
        size_t at = (size_t)cJSON_GetObjectItem(window, "position")->valuedouble, count = 0, pass, read;
        int32_t *id = calloc((size_t)cJSON_GetArraySize(ids), sizeof *id);
        struct fs_error err = FS_ERROR_INIT;
        assert_non_null(id);
        cJSON_ArrayForEach(number, ids)
        {
            id[count++] = (int32_t)number->valuedouble;
        }
        assert_int_equal(count, fs_model_spec(loaded[m].model)->max_positions);
        struct fs_plan *plan = begin_plan(&loaded[m]);
        assert_int_equal(fs_plan_begin_item(plan, "gender", &err), 0);
        assert_int_equal(fs_plan_add_pass(plan, id, count, &pass, &err), 0);
        for (int v = 0; v < cJSON_GetArraySize(logs); v++) {
            assert_int_equal(fs_plan_add_read(plan, pass, at, v, &read, &err), 0);
        }
        const int32_t set[] = {71, 8, 30, 54, 17};
        size_t choice, chosen, first = 0;
        assert_int_equal(fs_plan_add_choice(plan, set, 5, &choice, &err), 0);
        assert_int_equal(fs_plan_add_choosing_read(plan, pass, at, 8, choice, &chosen, &err), 0);
        assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(fs_model_spec(loaded[m].model), 64), &err), 0);
        struct fs_plan_values values = execute(&loaded[m], plan, 1, &edits[m]);
        size_t v = 0, best = 0;
        cJSON_ArrayForEach(number, logs)
        {
            if (!(fabs(fs_values_logprob(&values, 1, v) - number->valuedouble) <= BOUND)) {
                fail_msg("%s: token %zu: %.9g, expected %.9g", models[m], v, fs_values_logprob(&values, 1, v),
                         number->valuedouble);
            }
            best = fs_values_logprob(&values, 1, v) > fs_values_logprob(&values, 1, best) ? v : best;
            v++;
        }
        assert_int_equal(fs_values_top1(&values, 1, 0), best);
        for (size_t k = 1; k < 5; k++) {
            const double own = cJSON_GetArrayItem(logs, set[k])->valuedouble,
                         most = cJSON_GetArrayItem(logs, set[first])->valuedouble;
            first = own > most ? k : first;
        }
        assert_int_equal(fs_values_top1(&values, 1, chosen), set[first]);
        fs_plan_values_release(&values);
        fs_plan_destroy(plan);
        free(id);
    }
}

enum { PASSES = 30, LONGEST = 20 };

/* Passes that share beginnings, begin-of-text before some and alone; reads by two categories with one prefix, and a third;
 * a mean state. */
static struct fs_plan *make_plan(const struct loaded *own, struct fs_plan_limits limits)
{
    static const char *const categories[] = {"gender", "none", "caste"};
    struct fs_plan *plan = begin_plan(own);
    struct fs_random random = fs_random_start(5, 0);
    struct fs_error err = FS_ERROR_INIT;
    int32_t id[LONGEST];
    size_t pass, index;
    const bool masked = own->style.kind == FS_MASKED;
    for (size_t i = 0; i < PASSES; i++) {
        size_t count = 0, own_tokens = i == 7 && !masked ? 0 : 4 + fs_random_below(&random, LONGEST - 6);
        if (masked || i % 3 == 1) {
            id[count++] = masked ? own->style.special.cls : own->style.special.begin_of_text;
        }
        for (size_t k = 0; k < own_tokens; k++) {
            id[count++] = (int32_t)(k < 3 ? 50 + i % 2 : 40 + fs_random_below(&random, 60));
        }
        if (masked) {
            id[count++] = own->style.special.sep;
        }
        assert_int_equal(fs_plan_begin_item(plan, categories[i % 3], &err), 0);
        assert_int_equal(fs_plan_add_pass(plan, id, count, &pass, &err), 0);
        for (size_t k = 0; k < 4; k++) {
            size_t position = count > 2 ? 1 + fs_random_below(&random, count - 2) : 0;
            assert_int_equal(fs_plan_add_read(plan, pass, position, (int32_t)(60 + k), &index, &err), 0);
        }
    }
    assert_int_equal(fs_plan_add_state(plan, pass, &index, &err), 0);
    assert_int_equal(fs_plan_seal(plan, limits, &err), 0);
    return plan;
}

static void batches_and_shared_beginnings_change_nothing(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        const struct fs_spec *spec = fs_model_spec(loaded[m].model);
        struct fs_edit both[2] = {edits[m], edits[m]};
        fs_real half[2] = {25, edits[m].number[1]};
        both[1].number = half;
        struct fs_plan_limits alone = fs_plan_limits_of(spec, 1);
        alone.shared_length = 0;
        struct fs_plan *plan[3] = {make_plan(&loaded[m], fs_plan_limits_of(spec, 64)),
                                   make_plan(&loaded[m], fs_plan_limits_of(spec, SIZE_MAX)),
                                   make_plan(&loaded[m], alone)};
        struct fs_plan_values values[3];
        for (size_t p = 0; p < 3; p++) {
            values[p] = execute(&loaded[m], plan[p], 2, both);
            struct fs_plan_values single = execute(&loaded[m], plan[p], 1, &both[1]);
            for (size_t i = 0; i < values[p].reads; i++) { /* a column's bits are its own */
                assert_true(fs_values_logprob(&single, 1, i) == fs_values_logprob(&values[p], 2, i));
                assert_true(fs_values_logprob(&single, 0, i) == fs_values_logprob(&values[p], 0, i));
                for (size_t c = 0; c < 3; c++) {
                    assert_true(fabs(fs_values_logprob(&values[p], c, i) - fs_values_logprob(&values[0], c, i)) <=
                                BOUND);
                }
            }
            for (size_t k = 0; k < values[p].hidden; k++) {
                assert_true(isfinite(fs_values_state(&values[p], 0, 0)[k]));
                assert_true(isnan(fs_values_state(&values[p], 1, 0)[k]) && isnan(fs_values_state(&values[p], 2, 0)[k]));
            }
            fs_plan_values_release(&single);
        }
        size_t batches = 0;
        for (size_t u = 0; u < fs_plan_units(plan[1]); u++) {
            batches += fs_plan_prefixed_batches(plan[1], u);
        }
        assert_int_equal(batches, 1); /* without a bound all is one */
        if (loaded[m].style.kind == FS_CAUSAL) {
            struct fs_plan_prefixed prefixed;
            fs_plan_get_prefixed(plan[1], 0, 0, &prefixed);
            size_t given = 0; /* beginnings are computed once: the two prefixes too */
            for (size_t s = 0; s < prefixed.batch.sequences; s++) {
                given += fs_batch_length(&prefixed.batch, s);
            }
            assert_true(prefixed.batch.tokens < given / 3);
        }
        for (size_t p = 0; p < 3; p++) {
            fs_plan_values_release(&values[p]);
            fs_plan_destroy(plan[p]);
        }
    }
}

/* Reads by categories of one prefix are one; a plan without prefixes, and a read of no item, are refused. */
static void plans_keep_apart_what_has_another_prefix(void **state)
{
    (void)state;
    struct fs_plan *plan = begin_plan(&loaded[1]), *plain = NULL;
    struct fs_error err = FS_ERROR_INIT;
    const int32_t id[2] = {40, 50};
    const struct fs_edit_list list = {1, &edits[1]};
    struct fs_plan_values values;
    size_t pass, read[4];
    assert_int_equal(fs_plan_add_pass(plan, id, 2, &pass, &err), 0);
    assert_int_equal(fs_plan_add_read(plan, pass, 1, 60, &read[0], &err), -1);
    const char *const categories[4] = {"gender", "none", "caste", "gender"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fs_plan_begin_item(plan, categories[i], &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass, 1, 60, &read[i], &err), 0);
    }
    assert_true(read[0] == 0 && read[1] == 1 && read[2] == 1 && read[3] == 0);
    assert_int_equal(fs_plan_create(&plain, &err), 0);
    assert_int_equal(fs_plan_begin_item(plain, "gender", &err), 0);
    assert_int_equal(fs_plan_add_pass(plain, id, 2, &pass, &err), 0);
    assert_int_equal(fs_plan_add_read(plain, pass, 1, 60, &read[0], &err), 0);
    assert_int_equal(fs_plan_seal(plain, fs_plan_limits_of(fs_model_spec(loaded[1].model), 64), &err), 0);
    assert_int_equal(fs_plan_execute(plain, loaded[1].model, &list, loaded[1].runner, NULL, &values, &err), -1);
    assert_non_null(strstr(err.text, "without prefixes"));
    fs_plan_destroy(plan);
    fs_plan_destroy(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_pytorch),
        cmocka_unit_test(a_long_text_is_read_in_its_end),
        cmocka_unit_test(batches_and_shared_beginnings_change_nothing),
        cmocka_unit_test(plans_keep_apart_what_has_another_prefix),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

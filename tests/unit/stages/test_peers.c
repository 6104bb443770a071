/*
 * Against what the public scorers themselves print for the trained models of the shared data (tests/golden/peers, made
 * by run_peers.py): per-item scores to 1e-3, percentages to two decimals.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/formats/json.h"
#include "stages/evaluate/evaluate.h"
#include "stages/suites/suite_registry.h"

static char golden[2048], shared[2048];
static struct fs_json_document *printed;

static int setup(void **state)
{
    (void)state;
    const char *source = getenv("FAIRSTAMP_SOURCE"), *folder = getenv("FAIRSTAMP_SHARED");
    source = source != NULL ? source : ".";
    (void)snprintf(golden, sizeof golden, "%s/tests/golden/peers", source);
    (void)snprintf(shared, sizeof shared, "%s%s", folder != NULL ? folder : source, folder != NULL ? "" : "/../shared");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        shared[0] = '\0';
        return 0;
    }
    (void)snprintf(path, sizeof path, "%s/printed.json", golden);
    assert_int_equal(fs_json_load(path, &printed, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fs_json_destroy(printed);
    return 0;
}

/* The number at keys, NULL-terminated, of printed.json. */
static double number_at(const char *const *key)
{
    const cJSON *at = fs_json_root(printed);
    for (; *key != NULL; key++) {
        at = cJSON_GetObjectItemCaseSensitive(at, *key);
        if (at == NULL) {
            fail_msg("printed.json has no %s", *key);
        }
    }
    assert_true(cJSON_IsNumber(at));
    return at->valuedouble;
}
#define PRINTED(...) number_at((const char *const[]){__VA_ARGS__, NULL})

struct loaded {
    struct fs_model *model;
    struct fs_tokenizer *tokenizer;
    struct fs_runner *runner;
};

static struct loaded load(const char *model)
{
    struct loaded loaded = {0};
    struct fs_error err = FS_ERROR_INIT;
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/models/%s", shared, model);
    if (fs_model_load(folder, &loaded.model, &err) != 0 || fs_tokenizer_open(folder, &loaded.tokenizer, &err) != 0 ||
        fs_runner_serial_create(2, &loaded.runner, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return loaded;
}

static void unload(struct loaded *loaded)
{
    fs_model_destroy(loaded->model);
    fs_tokenizer_destroy(loaded->tokenizer);
    free(loaded->runner);
}

static void evaluate(const struct loaded *loaded, const struct fs_evaluate_input *input,
                     struct fs_evaluate_result *result)
{
    struct fs_error err = FS_ERROR_INIT;
    if (fs_evaluate_run(loaded->model, loaded->tokenizer, input, NULL, loaded->runner, NULL, result, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static double value_of(const struct fs_evaluate_result *result, const char *category, const char *metric)
{
    for (size_t i = 0; i < result->rows; i++) {
        if (strcmp(result->row[i].category, category) == 0 && strcmp(result->row[i].metric, metric) == 0) {
            return result->row[i].model[0].value;
        }
    }
    fail_msg("no row %s %s", category, metric);
    return NAN;
}

/* Half a step of the last decimal printed, and what float64 adds. */
static void assert_two_decimals(const char *what, double found, double expected)
{
    if (!(fabs(found - expected) < 0.00501)) {
        fail_msg("%s: found %.4f, expected %.4f", what, found, expected);
    }
}

static FILE *open_golden(const char *name)
{
    char path[8192];
    (void)snprintf(path, sizeof path, "%s/%s", golden, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s cannot be read", path);
    }
    return file;
}

static size_t differences; /* printed, up to a few */

static void compare(const char *what, size_t item, double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-3 + 1e-9)) { /* terms rounded to three decimals may part by one step, where
                                                       float32 falls on either side of a half */
        if (differences++ < 10) {
            print_message("%s: item %zu: found %.7g, expected %.7g\n", what, item, found, expected);
        }
    }
}

/* ---------------------------------------------------------------- CrowS-Pairs */

/* Lines "more less" of the kept items. */
static void compare_crows(const char *name, const struct fs_evaluate_result *result, size_t items)
{
    FILE *file = open_golden(name);
    for (size_t i = 0; i < items; i++) {
        double more, less;
        if (result->crows_skip[i] != FS_KEPT) {
            continue;
        }
        assert_int_equal(fscanf(file, "%lf %lf", &more, &less), 2);
        compare(name, i, result->crows_score[4 * i], more);
        compare(name, i, result->crows_score[4 * i + 2], less);
    }
    double more;
    assert_int_equal(fscanf(file, "%lf", &more), EOF);
    (void)fclose(file);
}

static void read_crows(const char *const *categories, struct fs_crows_list *crows)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/crows_pairs/crows_pairs_anonymized.csv", shared);
    assert_int_equal(fs_crows_read(path, categories, crows, NULL), 0);
}

static void check_crows(const struct loaded *loaded, const char *name, const char *const *categories,
                        enum fs_scoring scoring, struct fs_evaluate_result *result)
{
    struct fs_crows_list crows;
    read_crows(categories, &crows);
    struct fs_evaluate_input input = {.crows = &crows, .crows_scoring = scoring};
    evaluate(loaded, &input, result);
    compare_crows(name, result, crows.count);
    fs_crows_list_release(&crows);
}

/* bias-bench, one category after the other; stereo and antistereo shares leave ties out, as ours. */
static void check_bias_bench_crows(const struct loaded *loaded, const char *model, enum fs_scoring scoring)
{
    static const char *const categories[] = {"gender", "race", "religion"};
    for (size_t i = 0; i < 3; i++) {
        const char *const one[] = {categories[i], NULL};
        const char *own = strcmp(categories[i], "race") == 0 ? "race-color" : categories[i];
        struct fs_evaluate_result result;
        char name[256];
        (void)snprintf(name, sizeof name, "bias_bench.%s.crows_pairs.%s.txt", model, categories[i]);
        check_crows(loaded, name, one, scoring, &result);
        assert_two_decimals(name, value_of(&result, own, "crows"),
                            PRINTED("bias_bench_crows", model, categories[i], "Metric score"));
        assert_two_decimals(name, value_of(&result, own, "crows.stereo"),
                            PRINTED("bias_bench_crows", model, categories[i], "Stereotype score"));
        fs_evaluate_result_release(&result);
    }
}

static void masked_crows(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    struct loaded loaded = load("books-bert-mini");
    struct fs_evaluate_result result;
    differences = 0;
    check_crows(&loaded, "nyu.books-bert-mini.crows_pairs.txt", NULL, FS_PLL_UNMODIFIED, &result);
    assert_two_decimals("nyu", value_of(&result, "all", "crows"),
                        PRINTED("nyu_crows", "books-bert-mini", "Metric score"));
    assert_two_decimals("nyu", value_of(&result, "all", "crows.stereo"),
                        PRINTED("nyu_crows", "books-bert-mini", "Stereotype score"));
    assert_two_decimals("nyu", value_of(&result, "all", "crows.antistereo"),
                        PRINTED("nyu_crows", "books-bert-mini", "Anti-stereotype score"));
    fs_evaluate_result_release(&result);
    check_bias_bench_crows(&loaded, "books-bert-mini", FS_PLL_MODIFIED);
    assert_int_equal(differences, 0);
    unload(&loaded);
}

static void causal_crows(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    struct loaded loaded = load("books-gpt2-mini");
    struct fs_evaluate_result result;
    differences = 0;
    check_bias_bench_crows(&loaded, "books-gpt2-mini", FS_SENTENCE_MEAN);
    check_crows(&loaded, "lm_eval.books-gpt2-mini.crows_pairs.txt", NULL, FS_SENTENCE_SUM, &result);
    assert_two_decimals(
        "lm_eval", value_of(&result, "all", "crows"),
        100 * PRINTED("lm_evaluation_harness", "books-gpt2-mini", "crows_pairs_english", "pct_stereotype"));
    fs_evaluate_result_release(&result);
    assert_int_equal(differences, 0);
    unload(&loaded);
}

/* ---------------------------------------------------------------- StereoSet */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sentence id, and where its score stands in fs_evaluate_result.pair_score. */
struct sentence {
    const char *id;
    size_t at;
};

static void check_stereoset(const char *model, enum fs_scoring scoring)
{
    static const char *const categories[] = {"gender", "race", "religion", "profession"};
    struct loaded loaded = load(model);
    struct fs_pair_list pairs;
    struct fs_evaluate_result result;
    char path[4096], id[128];
    (void)snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    assert_int_equal(fs_stereoset_read(path, NULL, &pairs, NULL), 0);
    struct fs_evaluate_input input = {.pairs_suite = "stereoset", .pairs = &pairs, .pair_scoring = scoring};
    evaluate(&loaded, &input, &result);
    struct sentence *sentence = calloc(3 * pairs.count, sizeof *sentence);
    assert_non_null(sentence);
    for (size_t i = 0; i < 3 * pairs.count; i++) {
        sentence[i] = (struct sentence){pairs.item[i / 3].statement[i % 3].id, (i / 3 * 4 + i % 3) * 2};
    }
    qsort(sentence, 3 * pairs.count, sizeof *sentence, compare_ids);
    (void)snprintf(path, sizeof path, "bias_bench.%s.stereoset.txt", model);
    FILE *file = open_golden(path);
    double score;
    size_t compared = 0;
    differences = 0;
    while (fscanf(file, "%127s %lf", id, &score) == 2) {
        const char *key = id;
        const struct sentence *found = bsearch(&key, sentence, 3 * pairs.count, sizeof *sentence, compare_ids);
        assert_non_null(found);
        compare(path, compared++, result.pair_score[found->at], score);
    }
    (void)fclose(file);
    assert_int_equal(compared, 3 * pairs.count);
    assert_int_equal(differences, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_two_decimals(categories[i], value_of(&result, categories[i], "ss.macro"),
                            PRINTED("bias_bench_stereoset", model, "intrasentence", categories[i], "SS Score"));
        assert_two_decimals(categories[i], value_of(&result, categories[i], "lms.macro"),
                            PRINTED("bias_bench_stereoset", model, "intrasentence", categories[i], "LM Score"));
        assert_two_decimals(categories[i], value_of(&result, categories[i], "icat.macro"),
                            PRINTED("bias_bench_stereoset", model, "intrasentence", categories[i], "ICAT Score"));
    }
    free(sentence);
    fs_evaluate_result_release(&result);
    fs_pair_list_release(&pairs);
    unload(&loaded);
}

static void stereoset(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    check_stereoset("books-bert-mini", FS_TARGET_PROB);
    check_stereoset("books-gpt2-mini", FS_SENTENCE_MEAN);
}

/* ---------------------------------------------------------------- suites */

static struct fs_suite *make(const struct loaded *loaded, fs_suite_maker *maker, const char *name)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *suite = NULL;
    const struct fs_suite_options options = {
        .kind = fs_model_spec(loaded->model)->kind, .seed = 1, .permutations = 20000};
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/%s", shared, name);
    if (maker(path, &options, &suite, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_non_null(suite);
    return suite;
}

/* Effect sizes to 1e-3; p exactly where all partitions are counted, otherwise to four standard errors of the draws. */
static void check_seat(const char *model)
{
    struct loaded loaded = load(model);
    struct fs_suite *suite = make(&loaded, fs_suite_seat, "seat");
    struct fs_evaluate_input input = {.suite = &suite, .suites = 1};
    struct fs_evaluate_result result;
    const cJSON *tests = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(fs_json_root(printed), "bias_bench_seat"), model);
    const cJSON *test;
    size_t compared = 0;
    evaluate(&loaded, &input, &result);
    cJSON_ArrayForEach(test, tests)
    {
        const char *category = test->string;
        double effect = cJSON_GetObjectItemCaseSensitive(test, "effect_size")->valuedouble;
        double p = cJSON_GetObjectItemCaseSensitive(test, "p_value")->valuedouble;
        double drawn = 4.0 * sqrt(2.0 * fmax(p * (1.0 - p), 1e-4) / 20000.0);
        compare(category, 0, value_of(&result, category, "effect_size"), effect);
        if (!(fabs(value_of(&result, category, "p_value") - p) <= drawn)) {
            fail_msg("%s: p: found %.5f, expected %.5f", category, value_of(&result, category, "p_value"), p);
        }
        compared++;
    }
    assert_true(compared >= 40);
    assert_int_equal(differences, 0);
    fs_evaluate_result_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
}

static void seat(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    differences = 0;
    check_seat("books-bert-mini");
    check_seat("books-gpt2-mini");
}

/* lm-evaluation-harness: log p of the two answers of each sentence, and the accuracy. */
static void winogender(void **state)
{
    static const char *const genders[] = {"male", "female", "neutral"};
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    const char *model = "books-gpt2-mini";
    struct loaded loaded = load(model);
    struct fs_suite *suite = make(&loaded, fs_suite_winogender, "winogender");
    struct fs_evaluate_input input = {.suite = &suite, .suites = 1};
    struct fs_evaluate_result result;
    evaluate(&loaded, &input, &result);
    FILE *file = open_golden("lm_eval.books-gpt2-mini.winogender.txt");
    char id[128];
    double answer[2];
    size_t compared = 0;
    differences = 0;
    while (fscanf(file, "%127s %lf %lf", id, &answer[0], &answer[1]) == 3) {
        char *gender = strrchr(id, '.');
        assert_non_null(gender);
        *gender = '\0'; /* ".txt" */
        gender = strrchr(id, '.');
        assert_non_null(gender);
        *gender++ = '\0';
        size_t item = 0, k = 0;
        while (item < suite->items && strcmp(suite->id[item], id) != 0) {
            item++;
        }
        while (k < 3 && strcmp(genders[k], gender) != 0) {
            k++;
        }
        assert_true(item < suite->items && k < 3);
        compare(id, compared, suite->score[fs_suite_at(suite, item, 3 + 2 * k, 0)], answer[0]);
        compare(id, compared++, suite->score[fs_suite_at(suite, item, 4 + 2 * k, 0)], answer[1]);
    }
    (void)fclose(file);
    assert_int_equal(compared, 720);
    assert_int_equal(differences, 0);
    assert_two_decimals("accuracy", value_of(&result, "all", "accuracy"),
                        100 * PRINTED("lm_evaluation_harness", model, "winogender_all", "acc"));
    for (size_t k = 0; k < 3; k++) {
        char metric[32];
        (void)snprintf(metric, sizeof metric, "accuracy.%s", genders[k]);
        assert_two_decimals(metric, value_of(&result, "all", metric),
                            100 * PRINTED("lm_evaluation_harness", model, "winogender by gender", genders[k]));
    }
    fs_evaluate_result_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stereoset), cmocka_unit_test(masked_crows),
                                       cmocka_unit_test(causal_crows), cmocka_unit_test(seat),
                                       cmocka_unit_test(winogender)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

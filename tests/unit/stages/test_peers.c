/*
 * Against what the public scorers themselves print for the trained models of the shared data (tests/golden/peers, made
 * by run_peers.py): per-item scores to 1e-3, percentages to two decimals. Takes over a minute: the data are whole and the
 * models trained ones, as the scorers were run.
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

static struct fs_suite *open_suite(const struct loaded *loaded, const char *name, const char *file, const char *scoring,
                                   const char *const *categories)
{
    const struct fs_suite_options options = {.kind = fs_model_spec(loaded->model)->kind,
                                             .scoring = scoring,
                                             .categories = categories,
                                             .seed = 1,
                                             .permutations = 20000};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *suite = NULL;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/%s", shared, file);
    if (fs_suite_kind_find(name)->open(path, &options, &suite, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_non_null(suite);
    return suite;
}

static void evaluate(const struct loaded *loaded, struct fs_suite *suite, struct fs_results *result)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_evaluate_input input = {.suite = &suite, .suites = 1};
    if (fs_evaluate_run(loaded->model, loaded->tokenizer, &input, loaded->runner, NULL, result, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static double value_of(const struct fs_results *result, const char *category, const char *metric)
{
    for (size_t i = 0; i < result->rows; i++) {
        if (strcmp(result->row[i].category, category) == 0 && strcmp(result->row[i].metric, metric) == 0) {
            return result->row[i].value[0].value;
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

/* Lines "more less" of the kept items; the mean of |more - less|. */
static double compare_crows(const char *name, const struct fs_suite *suite)
{
    FILE *file = open_golden(name);
    double sum = 0.0, kept = 0.0;
    for (size_t i = 0; i < suite->items; i++) {
        double more, less;
        if (suite->skip[i] != FS_KEPT) {
            continue;
        }
        assert_int_equal(fscanf(file, "%lf %lf", &more, &less), 2);
        compare(name, i, suite->score[fs_suite_at(suite, i, 0, 0)], more);
        compare(name, i, suite->score[fs_suite_at(suite, i, 1, 0)], less);
        sum += fabs(more - less);
        kept += 1.0;
    }
    double more;
    assert_int_equal(fscanf(file, "%lf", &more), EOF);
    (void)fclose(file);
    return sum / kept;
}

static void check_crows(const struct loaded *loaded, const char *name, const char *const *categories,
                        const char *scoring, struct fs_results *result)
{
    struct fs_suite *suite =
        open_suite(loaded, "crows_pairs", "crows_pairs/crows_pairs_anonymized.csv", scoring, categories);
    evaluate(loaded, suite, result);
    double diff = compare_crows(name, suite);
    if (strcmp(scoring, "sentence.mean") != 0) { /* whose scores are no logarithms */
        assert_true(fabs(value_of(result, "all", "crows.likelihood_diff") - diff) < 1e-3);
    }
    fs_suite_destroy(suite);
}

/* bias-bench, one category after the other; stereo and antistereo shares leave ties out, as ours. */
static void check_bias_bench_crows(const struct loaded *loaded, const char *model, const char *scoring)
{
    static const char *const categories[] = {"gender", "race", "religion"};
    for (size_t i = 0; i < 3; i++) {
        const char *const one[] = {categories[i], NULL};
        struct fs_results result;
        char name[256];
        (void)snprintf(name, sizeof name, "bias_bench.%s.crows_pairs.%s.txt", model, categories[i]);
        check_crows(loaded, name, one, scoring, &result);
        assert_two_decimals(name, value_of(&result, categories[i], "crows"),
                            PRINTED("bias_bench_crows", model, categories[i], "Metric score"));
        assert_two_decimals(name, value_of(&result, categories[i], "crows.stereo"),
                            PRINTED("bias_bench_crows", model, categories[i], "Stereotype score"));
        fs_results_release(&result);
    }
}

static void masked_crows(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    struct loaded loaded = load("books-bert-mini");
    struct fs_results result;
    differences = 0;
    check_crows(&loaded, "nyu.books-bert-mini.crows_pairs.txt", NULL, "pll.unmodified", &result);
    assert_two_decimals("nyu", value_of(&result, "all", "crows"),
                        PRINTED("nyu_crows", "books-bert-mini", "Metric score"));
    assert_two_decimals("nyu", value_of(&result, "all", "crows.stereo"),
                        PRINTED("nyu_crows", "books-bert-mini", "Stereotype score"));
    assert_two_decimals("nyu", value_of(&result, "all", "crows.antistereo"),
                        PRINTED("nyu_crows", "books-bert-mini", "Anti-stereotype score"));
    fs_results_release(&result);
    check_bias_bench_crows(&loaded, "books-bert-mini", "pll.modified");
    assert_int_equal(differences, 0);
    unload(&loaded);
}

/* Means of float32 sums of up to 100 in size over many pairs. */
static void assert_likelihood_diff(const char *what, double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-4)) {
        fail_msg("%s: found %.7f, expected %.7f", what, found, expected);
    }
}

/* lm-evaluation-harness's numbers, of all pairs and by its tasks. It has no masked models: check_crows compares the masked
 * one's mean difference with the scores that nyu-mll's metric.py gave. */
static void compare_with_tasks(const struct fs_results *result, const char *model)
{
    static const struct {
        const char *category, *task;
    } tasks[] = {{"all", "crows_pairs_english"},
                 {"age", "crows_pairs_english_age"},
                 {"disability", "crows_pairs_english_disability"},
                 {"gender", "crows_pairs_english_gender"},
                 {"nationality", "crows_pairs_english_nationality"},
                 {"physical-appearance", "crows_pairs_english_physical_appearance"},
                 {"race", "crows_pairs_english_race_color"},
                 {"religion", "crows_pairs_english_religion"},
                 {"sexual-orientation", "crows_pairs_english_sexual_orientation"},
                 {"socioeconomic", "crows_pairs_english_socioeconomic"}};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        const char *category = tasks[i].category, *task = tasks[i].task;
        assert_likelihood_diff(task, value_of(result, category, "crows.likelihood_diff"),
                               PRINTED("lm_evaluation_harness_crows", model, task, "likelihood_diff"));
        assert_two_decimals(task, value_of(result, category, "crows"),
                            100 * PRINTED("lm_evaluation_harness_crows", model, task, "pct_stereotype"));
    }
}

static void causal_crows(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    struct loaded loaded = load("books-gpt2-mini");
    struct fs_results result;
    differences = 0;
    check_bias_bench_crows(&loaded, "books-gpt2-mini", "sentence.mean");
    check_crows(&loaded, "lm_eval.books-gpt2-mini.crows_pairs.txt", NULL, "sentence.sum", &result);
    compare_with_tasks(&result, "books-gpt2-mini");
    fs_results_release(&result);
    assert_int_equal(differences, 0);
    unload(&loaded);
    loaded = load("TinyStories-656K");
    struct fs_suite *suite =
        open_suite(&loaded, "crows_pairs", "crows_pairs/crows_pairs_anonymized.csv", "sentence.sum", NULL);
    evaluate(&loaded, suite, &result);
    compare_with_tasks(&result, "TinyStories-656K");
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
}

/* ---------------------------------------------------------------- StereoSet */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sentence id, and where its score stands in the suite's. */
struct sentence {
    const char *id;
    size_t at;
};

static void check_stereoset(const char *model, const char *scoring)
{
    static const char *const categories[] = {"gender", "race", "religion", "profession"};
    struct loaded loaded = load(model);
    struct fs_pair_list pairs;
    struct fs_results result;
    char path[4096], id[128];
    (void)snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    assert_int_equal(fs_stereoset_read(path, NULL, &pairs, NULL), 0);
    struct fs_suite *suite = open_suite(&loaded, "stereoset", "stereoset/dev.json", scoring, NULL);
    assert_int_equal(suite->items, pairs.count);
    evaluate(&loaded, suite, &result);
    struct sentence *sentence = calloc(3 * pairs.count, sizeof *sentence);
    assert_non_null(sentence);
    for (size_t i = 0; i < 3 * pairs.count; i++) {
        sentence[i] = (struct sentence){pairs.item[i / 3].statement[i % 3].id, fs_suite_at(suite, i / 3, i % 3, 0)};
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
        compare(path, compared++, suite->score[found->at], score);
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
    fs_results_release(&result);
    fs_suite_destroy(suite);
    fs_pair_list_release(&pairs);
    unload(&loaded);
}

static void stereoset(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    check_stereoset("books-bert-mini", "target.prob");
    check_stereoset("books-gpt2-mini", "sentence.mean");
}

/* ---------------------------------------------------------------- suites */

/* Effect sizes to 1e-3; p exactly where all partitions are counted, otherwise to four standard errors of the draws. */
static void check_seat(const char *model)
{
    struct loaded loaded = load(model);
    struct fs_suite *suite = open_suite(&loaded, "seat", "seat", NULL, NULL);
    struct fs_results result;
    const cJSON *tests = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(fs_json_root(printed), "bias_bench_seat"), model);
    const cJSON *test;
    size_t compared = 0;
    evaluate(&loaded, suite, &result);
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
    fs_results_release(&result);
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
    struct fs_suite *suite = open_suite(&loaded, "winogender", "winogender", NULL, NULL);
    struct fs_results result;
    evaluate(&loaded, suite, &result);
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
    fs_results_release(&result);
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

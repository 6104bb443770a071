/* Scores and metrics of trained models against the benchmarks' own definitions in PyTorch
 * (tests/golden/make_scores.py). */
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

#include "io/benchmarks/category.h"
#include "io/formats/json.h"
#include "stages/evaluate/evaluate.h"
#include "stages/suites/suite_registry.h"

static char golden[2048], shared[2048];

/* Of each StereoSet item its number in the file, and its labels in the file's order; the reader sorts them by
 * candidate. */
static size_t *pair_line;
static uint8_t (*label_order)[3];
static struct fs_pair_list pairs;
static const struct fs_suite *crows;
static struct fs_json_document *expected;

/* Reads the items of some categories (NULL: all). */
static void read_pairs(const char *const *categories)
{
    static const char *const labels[] = {"stereotype", "anti-stereotype", "unrelated"};
    struct fs_json_document *document = NULL;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    fs_pair_list_release(&pairs);
    assert_int_equal(fs_stereoset_read(path, categories, &pairs, NULL), 0);
    assert_int_equal(fs_json_load(path, &document, NULL), 0);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), "data"), *item, *sentence;
    free(label_order);
    free(pair_line);
    label_order = calloc(pairs.count, sizeof *label_order);
    pair_line = calloc(pairs.count, sizeof *pair_line);
    assert_non_null(label_order);
    assert_non_null(pair_line);
    size_t i = 0, line = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(data, "intrasentence"))
    {
        const char *id = cJSON_GetObjectItemCaseSensitive(item, "id")->valuestring;
        size_t k = 0;
        if (i < pairs.count && strcmp(pairs.item[i].id, id) == 0) {
            cJSON_ArrayForEach(sentence, cJSON_GetObjectItemCaseSensitive(item, "sentences"))
            {
                const char *label = cJSON_GetObjectItemCaseSensitive(sentence, "gold_label")->valuestring;
                for (uint8_t c = 0; c < 3; c++) {
                    if (strcmp(label, labels[c]) == 0) {
                        label_order[i][k] = c;
                    }
                }
                k++;
            }
            pair_line[i++] = line;
        }
        line++;
    }
    assert_int_equal(i, pairs.count);
    fs_json_destroy(document);
}

static int setup(void **state)
{
    (void)state;
    const char *source = getenv("FAIRSTAMP_SOURCE"), *folder = getenv("FAIRSTAMP_SHARED");
    source = source != NULL ? source : ".";
    (void)snprintf(golden, sizeof golden, "%s/tests/golden/scores", source);
    (void)snprintf(shared, sizeof shared, "%s%s", folder != NULL ? folder : source, folder != NULL ? "" : "/../shared");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        shared[0] = '\0';
        return 0;
    }
    (void)snprintf(path, sizeof path, "%s/expected.json", golden);
    assert_int_equal(fs_json_load(path, &expected, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fs_json_destroy(expected);
    fs_pair_list_release(&pairs);
    free(label_order);
    free(pair_line);
    return 0;
}

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

static void evaluate(const struct loaded *loaded, struct fs_suite *suite, struct fs_results *result)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_evaluate_input input = {.suite = &suite, .suites = 1};
    if (fs_evaluate_run(loaded->model, loaded->tokenizer, &input, loaded->runner, NULL, result, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static struct fs_suite *open_suite(const struct loaded *loaded, const char *name, const char *file, const char *scoring,
                                   const char *const *categories)
{
    const struct fs_suite_options options = {
        .kind = fs_model_spec(loaded->model)->kind, .scoring = scoring, .categories = categories};
    struct fs_suite *suite = NULL;
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/data/%s", shared, file);
    if (fs_suite_kind_find(name)->open(path, &options, &suite, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_non_null(suite);
    return suite;
}

/*
 * Compares `width` scores an item with the lines of a golden file. Item i is line `line(i)` of the file, `order` says
 * which candidate stands k-th in it (NULL: k). Both sides are float32: log p differs by about 1e-5 a token (bounds.h),
 * a probability or a sum of them relatively by no more than a thousandth; `absolute` is what rounding in the file adds.
 */
static void compare_scores(const char *model, const char *suite, const char *scoring, size_t items, size_t width,
                           const double *score, size_t candidates, size_t (*line)(size_t item), uint8_t (*order)[3],
                           double absolute)
{
    char path[4096], word[64];
    (void)snprintf(path, sizeof path, "%s/%s.%s.%s.txt", golden, model, suite, scoring);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t wrong = 0, at = 0;
    for (size_t i = 0; i < items; i++) {
        for (; at < line(i) * width; at++) {
            assert_int_equal(fscanf(file, "%63s", word), 1);
        }
        for (size_t k = 0; k < width; k++, at++) {
            assert_int_equal(fscanf(file, "%63s", word), 1);
            double wanted = strtod(word, NULL);
            double found = score[i * candidates + (order != NULL ? order[i][k] : k)];
            if (isnan(wanted) != isnan(found) || fabs(found - wanted) > 1e-3 * fabs(wanted) + absolute) {
                print_message("%s: item %zu, sentence %zu: found %.7g, expected %.7g\n", path, i, k, found, wanted);
                wrong++;
            }
        }
    }
    (void)fclose(file);
    assert_int_equal(wrong, 0);
}

static size_t stereoset_line(size_t item)
{
    return pair_line[item];
}

static size_t crows_line(size_t item)
{
    return strtoul(crows->id[item], NULL, 10); /* the row's index in the file */
}

static const struct fs_result_row *find_row(const struct fs_results *result, const char *category, const char *metric)
{
    for (size_t i = 0; i < result->rows; i++) {
        if (strcmp(result->row[i].category, category) == 0 && strcmp(result->row[i].metric, metric) == 0) {
            return &result->row[i];
        }
    }
    return NULL;
}

/* Metrics to two decimals; an item nearer to a tie than float32 tells may fall to either side. */
static void compare_metrics(const struct fs_results *result, const char *model, const char *suite, const char *scoring,
                            const char *const names[][2], size_t count)
{
    const cJSON *root = fs_json_root(expected), *category;
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, model), suite), scoring);
    assert_non_null(metrics);
    size_t compared = 0;
    cJSON_ArrayForEach(category, metrics)
    {
        const char *name = strcmp(category->string, "overall") == 0 ? "all" : fs_category_name(category->string);
        const struct fs_result_row *first = find_row(result, name, names[0][1]);
        if (first == NULL || first->value[0].n < cJSON_GetObjectItemCaseSensitive(category, "n")->valuedouble) {
            continue; /* not in the part that was scored */
        }
        compared++;
        for (size_t i = 0; i < count; i++) {
            const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(category, names[i][0]);
            const struct fs_result_row *row = find_row(result, name, names[i][1]);
            if (wanted == NULL || cJSON_IsNull(wanted)) {
                assert_true(row == NULL || row->value[0].n == 0);
                continue;
            }
            assert_non_null(row);
            double near = cJSON_GetObjectItemCaseSensitive(category, "near_ties")->valuedouble;
            double n = (double)row->value[0].n;
            if (fabs(row->value[0].value - wanted->valuedouble) > 0.005 + 100.0 * near / n) {
                fail_msg("%s %s %s %s %s: found %.4f, expected %.4f", model, suite, scoring, name, names[i][1],
                         row->value[0].value, wanted->valuedouble);
            }
            if (strcmp(names[i][0], "SS_macro") == 0 || strcmp(names[i][0], "metric") == 0) {
                assert_int_equal(row->value[0].n, cJSON_GetObjectItemCaseSensitive(category, "n")->valueint);
            }
        }
    }
    assert_true(compared >= 2);
}

/* `categories`: NULL for all, or a part, so that the test takes seconds. */
static void check_stereoset(const struct loaded *loaded, const char *model, const char *scoring,
                            const char *const *categories)
{
    static const char *const names[][2] = {{"SS_macro", "ss.macro"},     {"LMS_macro", "lms.macro"},
                                           {"ICAT_macro", "icat.macro"}, {"SS_micro", "ss.micro"},
                                           {"LMS_micro", "lms.micro"},   {"ICAT_micro", "icat.micro"}};
    struct fs_results result;
    read_pairs(categories);
    struct fs_suite *suite = open_suite(loaded, "stereoset", "stereoset/dev.json", scoring, categories);
    assert_int_equal(suite->items, pairs.count);
    for (size_t i = 0; i < pairs.count; i++) {
        assert_string_equal(suite->id[i], pairs.item[i].id);
    }
    evaluate(loaded, suite, &result);
    compare_scores(model, "stereoset", scoring, suite->items, 3, suite->score, suite->candidates, stereoset_line,
                   label_order, 1e-9);
    compare_metrics(&result, model, "stereoset", scoring, names, 6);
    fs_results_release(&result);
    fs_suite_destroy(suite);
}

static void check_crows(const struct loaded *loaded, const char *model, const char *scoring,
                        const char *const *categories)
{
    static const char *const names[][2] = {
        {"metric", "crows"}, {"stereo", "crows.stereo"}, {"antistereo", "crows.antistereo"}};
    struct fs_results result;
    struct fs_suite *suite =
        open_suite(loaded, "crows_pairs", "crows_pairs/crows_pairs_anonymized.csv", scoring, categories);
    crows = suite;
    evaluate(loaded, suite, &result);
    compare_scores(model, "crows_pairs", scoring, suite->items, 2, suite->score, suite->candidates, crows_line, NULL,
                   strncmp(scoring, "pll.", 4) == 0 ? 6e-4 : 1e-9);
    compare_metrics(&result, model, "crows_pairs", scoring, names, 3);
    fs_results_release(&result);
    fs_suite_destroy(suite);
}

static const char *const few_targets[] = {"gender", "religion", NULL};
static const char *const few_types[] = {"religion", "age", "disability", NULL};

static void masked_model(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    struct loaded loaded = load("books-bert-mini");
    check_stereoset(&loaded, "books-bert-mini", "target.prob", NULL);
    check_stereoset(&loaded, "books-bert-mini", "target.logprob", few_targets);
    check_crows(&loaded, "books-bert-mini", "pll.unmodified", few_types);
    check_crows(&loaded, "books-bert-mini", "pll.modified", few_types);
    unload(&loaded);
}

static void causal_models(void **state)
{
    (void)state;
    if (shared[0] == '\0') {
        skip();
    }
    struct loaded loaded = load("books-gpt2-mini");
    check_stereoset(&loaded, "books-gpt2-mini", "sentence.mean", NULL);
    check_stereoset(&loaded, "books-gpt2-mini", "sentence.sum", few_targets);
    check_crows(&loaded, "books-gpt2-mini", "sentence.mean", few_types);
    check_crows(&loaded, "books-gpt2-mini", "sentence.sum", few_types);
    unload(&loaded);
    loaded = load("stories260K-hf");
    check_stereoset(&loaded, "stories260K-hf", "sentence.sum", NULL);
    check_crows(&loaded, "stories260K-hf", "sentence.sum", NULL);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(masked_model), cmocka_unit_test(causal_models)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

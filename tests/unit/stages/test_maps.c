/*
 * Tables of trained models behind maps of the last state that are trained here: SS and LMS of StereoSet's gender items
 * against PyTorch and numpy, which make the same of the methods' definitions (tests/golden/make_maps.py).
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

#include "training_support.h"

enum { METHODS = 3 };
static const char *const methods[METHODS] = {"sentence_debias", "leace", "inlp"};
static struct fs_json_document *golden;
static struct fs_attribute_table *words;
static char shared[1024], text_path[1024];

static const cJSON *get(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

static int setup(void **state)
{
    const char *source = getenv("FAIRSTAMP_SOURCE"), *named = getenv("FAIRSTAMP_SHARED");
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("maps.json");
    snprintf(shared, sizeof shared, "%s%s", named != NULL ? named : source, named != NULL ? "" : "/../shared");
    snprintf(text_path, sizeof text_path, "%s", write_golden_text(golden));
    words = read_golden_words(golden);
    return 0;
}

static int teardown(void **state)
{
    fs_attribute_table_destroy(words);
    fs_json_destroy(golden);
    return remove_folder(state);
}

/* With the method's defaults, but for inlp.rounds. */
static struct fs_training_state *train(const struct loaded *loaded, const struct fs_method *method)
{
    static const char *const categories[] = {"gender", NULL};
    union fs_method_settings settings;
    char rounds[16];
    snprintf(rounds, sizeof rounds, "%d", get(fs_json_root(golden), "rounds")->valueint);
    fill_settings(method, loaded->style.kind, &settings);
    if (strcmp(method->name, "inlp") == 0) {
        change_setting(method, "inlp.rounds", rounds, &settings);
    }
    const struct fs_method_task task = {.model = loaded->model,
                                        .tokenizer = loaded->tokenizer,
                                        .text = text_path,
                                        .words = words,
                                        .categories = categories,
                                        .runner = loaded->runner,
                                        .seed = (uint64_t)get(fs_json_root(golden), "seed")->valuedouble,
                                        .settings = &settings};
    return trained(method, &task);
}

/* One of some 50 terms' few items moves SS by a point or more: 0.01 points are no item. */
static void check_value(const struct fs_results *results, const char *metric, size_t column, const char *model,
                        const cJSON *expected)
{
    double found = row_of(results, "gender", NULL, metric)->value[column].value;
    double wanted = get(expected, metric)->valuedouble;
    print_message("%-16s %-16s %-9s %.3f, expected %.3f\n", model, expected->string, metric, found, wanted);
    assert_int_equal(get(expected, "near_ties")->valueint, 0);
    assert_true(fabs(found - wanted) < 0.01);
}

static void check_model(const char *model)
{
    static const char *const gender[] = {"gender", NULL};
    char path[2048];
    snprintf(path, sizeof path, "%s/models/%s", shared, model);
    struct loaded loaded = load(path, 2);
    struct fs_training_state *training[METHODS];
    struct fs_edit edit[METHODS];
    const cJSON *expected = get(get(fs_json_root(golden), "models"), model);
    for (size_t m = 0; m < METHODS; m++) {
        const struct fs_method *method = fs_method_find(methods[m]);
        training[m] = train(&loaded, method);
        edit[m] = method->trainer->edit(training[m]);
    }
    const struct fs_suite_options options = {.kind = loaded.style.kind,
                                             .categories = gender,
                                             .scoring =
                                                 loaded.style.kind == FS_MASKED ? "target.prob" : "sentence.mean"};
    snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    struct fs_suite *suite = open_suite("stereoset", path, &options);
    const struct fs_evaluate_input input = {
        .suite = &suite, .suites = 1, .edits = {METHODS, edit}, .edit_name = methods};
    struct fs_results results = evaluate(&loaded, &input);
    for (size_t c = 0; c <= METHODS; c++) {
        const cJSON *of = get(expected, c == 0 ? "unedited" : methods[c - 1]);
        check_value(&results, "ss.macro", c, model, of);
        check_value(&results, "lms.macro", c, model, of);
    }
    fs_results_release(&results);
    fs_suite_destroy(suite);
    for (size_t m = 0; m < METHODS; m++) {
        fs_method_find(methods[m])->trainer->destroy(training[m]);
    }
    unload(&loaded);
}

static void tables_are_those_of_pytorch(void **state)
{
    (void)state;
    if (access(shared, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        return;
    }
    check_model("books-bert-mini");
    check_model("books-gpt2-mini");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables_are_those_of_pytorch)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

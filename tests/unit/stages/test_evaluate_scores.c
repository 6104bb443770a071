/* The metrics of StereoSet scores made elsewhere: a file written here, and the published predictions of the shared
 * data. */
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

static const struct fs_bootstrap none = {0};

static const struct fs_result_row *find_row(const struct fs_results *result, const char *category, const char *metric)
{
    for (size_t i = 0; i < result->rows; i++) {
        if (strcmp(result->row[i].category, category) == 0 && strcmp(result->row[i].metric, metric) == 0) {
            return &result->row[i];
        }
    }
    fail_msg("no row %s %s", category, metric);
    return NULL;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#define SENTENCE(id, label, word)                                                                                      \
    "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"She is " word ".\", \"labels\": []}"
#define ITEM(id, category, target)                                                                                     \
    "{\"id\": \"" id "\", \"bias_type\": \"" category "\", \"target\": \"" target                                      \
    "\", \"context\": \"She is BLANK.\", "                                                                             \
    "\"sentences\": [" SENTENCE(id "s", "stereotype", "kind") ", " SENTENCE(                                           \
        id "a", "anti-stereotype", "cold") ", " SENTENCE(id "u", "unrelated", "wood") "]}"

static void small_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/fairstamp-scores-XXXXXX", data[64], scores_path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(data, sizeof data, "%s/dev.json", folder);
    (void)snprintf(scores_path, sizeof scores_path, "%s/scores.json", folder);
    write_file(data, "{\"version\": \"1\", \"data\": {\"intrasentence\": [" ITEM("p", "gender", "her") ", " ITEM(
                         "q", "gender", "her") ", " ITEM("r", "race", "him") ", " ITEM("t", "gender", "him") "]}}");
    write_file(scores_path,
               "{\"intrasentence\": ["
               "{\"id\": \"ps\", \"score\": 3}, {\"id\": \"pa\", \"score\": 2}, {\"id\": \"pu\", \"score\": 2},"
               "{\"id\": \"qs\", \"score\": 1}, {\"id\": \"qa\", \"score\": 2}, {\"id\": \"qu\", \"score\": 0},"
               "{\"id\": \"rs\", \"score\": 5}, {\"id\": \"ra\", \"score\": 4}, {\"id\": \"ru\", \"score\": 9},"
               "{\"id\": \"ts\", \"score\": 5}, {\"id\": \"tu\", \"score\": 9}]}");
    struct fs_pair_list pairs = {0};
    struct fs_scores *scores = NULL;
    struct fs_results result = {0};
    struct fs_error err = FS_ERROR_INIT;
    size_t unscored;
    assert_int_equal(fs_stereoset_read(data, NULL, &pairs, &err), 0);
    assert_int_equal(fs_scores_read(scores_path, &scores, &err), 0);
    assert_int_equal(fs_evaluate_scores("stereoset", &pairs, scores, &none, &result, &unscored, &err), 0);
    assert_int_equal(unscored, 1);
    assert_int_equal(result.rows, 3 * 6);
    assert_string_equal(result.row[0].category, "gender");
    assert_string_equal(result.row[0].metric, "ss.macro");
    assert_string_equal(result.row[6].category, "race");
    assert_string_equal(result.row[12].category, "all");
    assert_string_equal(result.row[0].subset, "all");
    assert_string_equal(result.row[0].scoring, "given");
    assert_true(find_row(&result, "gender", "ss.macro")->value[0].value == 50.0);
    assert_true(find_row(&result, "gender", "lms.micro")->value[0].value == 75.0);
    assert_true(find_row(&result, "race", "ss.micro")->value[0].value == 100.0);
    assert_true(find_row(&result, "race", "icat.macro")->value[0].value == 0.0);
    /* terms are averaged over all items that have the term: "him" of race, "her" of gender */
    assert_true(find_row(&result, "all", "ss.macro")->value[0].value == 75.0);
    assert_int_equal(find_row(&result, "all", "ss.macro")->value[0].n, 3);
    assert_int_equal(result.columns, 1);
    assert_string_equal(result.row[0].suite, "stereoset");
    fs_results_release(&result);
    fs_scores_destroy(scores);
    fs_pair_list_release(&pairs);
    (void)unlink(data);
    (void)unlink(scores_path);
    (void)rmdir(folder);
}

static double rounded(double x)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.2f", x);
    return strtod(text, NULL);
}

static void check_category(const cJSON *expected, const struct fs_results *result)
{
    static const char *const names[][2] = {{"SS_macro", "ss.macro"},
                                           {"LMS_macro", "lms.macro"},
                                           {"ICAT_macro", "icat.macro"},
                                           {"SS_micro", "ss.micro"},
                                           {"LMS_micro", "lms.micro"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct fs_result_row *row = find_row(result, expected->string, names[i][1]);
        double wanted = cJSON_GetObjectItemCaseSensitive(expected, names[i][0])->valuedouble;
        if (rounded(row->value[0].value) != wanted) {
            fail_msg("%s %s: found %.4f, expected %.2f", expected->string, names[i][1], row->value[0].value, wanted);
        }
        assert_int_equal(row->value[0].n, cJSON_GetObjectItemCaseSensitive(expected, "n")->valueint);
    }
}

static void published_predictions(void **state)
{
    (void)state;
    char path[4096];
    const char *shared = getenv("FAIRSTAMP_SHARED"), *source = getenv("FAIRSTAMP_SOURCE");
    char root[2048];
    (void)snprintf(root, sizeof root, "%s%s", shared != NULL ? shared : (source != NULL ? source : "."),
                   shared != NULL ? "" : "/../shared");
    (void)snprintf(path, sizeof path, "%s/golden/stereoset/expected.json", root);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        skip();
    }
    struct fs_json_document *expected = NULL;
    struct fs_pair_list pairs = {0};
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_json_load(path, &expected, &err), 0);
    (void)snprintf(path, sizeof path, "%s/data/stereoset/dev.json", root);
    assert_int_equal(fs_stereoset_read(path, NULL, &pairs, &err), 0);
    size_t files = 0;
    const cJSON *file, *category;
    cJSON_ArrayForEach(file, fs_json_root(expected))
    {
        struct fs_scores *scores = NULL;
        struct fs_results result = {0};
        size_t unscored;
        (void)snprintf(path, sizeof path, "%s/golden/stereoset/%s", root, file->string);
        if (access(path, R_OK) != 0) {
            continue; /* a comment key, not a file */
        }
        assert_int_equal(fs_scores_read(path, &scores, &err), 0);
        assert_int_equal(fs_evaluate_scores("stereoset", &pairs, scores, &none, &result, &unscored, &err), 0);
        cJSON_ArrayForEach(category, file)
        {
            check_category(category, &result);
        }
        files++;
        fs_results_release(&result);
        fs_scores_destroy(scores);
    }
    assert_int_equal(files, 4);
    fs_pair_list_release(&pairs);
    fs_json_destroy(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_file), cmocka_unit_test(published_predictions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

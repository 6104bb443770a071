/* Self-Debias on trained models: SS, LMS and CrowS are those of PyTorch (tests/golden/make_self_debias.py); of the shared data. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/edits/self_debias.h"
#include "support.h"

static double share_of_crows(const struct fs_suite *suite, size_t pairs)
{
    double more = 0;
    for (size_t i = 0; i < pairs; i++) {
        more += suite->score[fs_suite_at(suite, i, 0, 1)] > suite->score[fs_suite_at(suite, i, 1, 1)] ? 1 : 0;
    }
    return 100 * more / (double)pairs;
}

static void expect_metric(const cJSON *table, const char *metric, double found)
{
    double expected = cJSON_GetObjectItem(table, metric)->valuedouble;
    if (!(fabs(found - expected) <= 0.01)) {
        fail_msg("%s: %s: %.6f, expected %.6f", table->string, metric, found, expected);
    }
}

static const char *const names[] = {"self_debias"};

static void check_table(const char *shared, const cJSON *table)
{
    enum { FIRST = 80 }; /* as make_self_debias.py */
    static const char *const gender[] = {"gender", NULL};
    static const char *const metrics[] = {"ss.macro", "ss.micro", "lms.macro"};
    char path[4096];
    struct fs_error err = FS_ERROR_INIT;
    struct fs_pair_list pairs;
    snprintf(path, sizeof path, "%s/models/%s", shared, table->string);
    struct loaded own = load(path, 2);
    struct fs_edit edit;
    assert_int_equal(fs_self_debias_create(fs_model_spec(own.model), 50, 0.01, &edit, &err), 0);
    snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    assert_int_equal(fs_stereoset_read(path, gender, &pairs, &err), 0);
    const size_t all = pairs.count;
    const bool held_out[FIRST] = {false};
    pairs.count = FIRST;
    struct fs_suite_options options = {.kind = own.style.kind,
                                       .scoring = own.style.kind == FS_MASKED ? "target.prob" : "sentence.mean",
                                       .edited = &pairs,
                                       .held_out = held_out};
    struct fs_suite *suite[2] = {open_suite("stereoset", path, &options)};
    snprintf(path, sizeof path, "%s/data/crows_pairs/crows_pairs_anonymized.csv", shared);
    options = (struct fs_suite_options){.kind = own.style.kind,
                                        .scoring = own.style.kind == FS_MASKED ? "pll.modified" : "sentence.mean",
                                        .categories = gender};
    suite[1] = open_suite("crows_pairs", path, &options);
    const struct fs_evaluate_input input = {.suite = suite, .suites = 2, .edits = {1, &edit}, .edit_name = names};
    struct fs_results results = evaluate(&own, &input);
    for (size_t k = 0; k < 3; k++) {
        expect_metric(table, metrics[k], row_of(&results, "gender", "edited", metrics[k])->value[1].value);
    }
    expect_metric(table, "crows", share_of_crows(suite[1], FIRST));
    fs_results_release(&results);
    fs_suite_destroy(suite[0]);
    fs_suite_destroy(suite[1]);
    pairs.count = all;
    fs_pair_list_release(&pairs);
    fs_edit_release(&edit);
    unload(&own);
}

static void tables_of_trained_models(void **state)
{
    (void)state;
    const char *source = getenv("FAIRSTAMP_SOURCE"), *shared = getenv("FAIRSTAMP_SHARED");
    char folder_path[2048];
    source = source != NULL ? source : ".";
    snprintf(folder_path, sizeof folder_path, "%s%s", shared != NULL ? shared : source,
             shared != NULL ? "" : "/../shared");
    if (access(folder_path, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        skip();
    }
    const cJSON *table;
    struct fs_json_document *golden = open_golden("self_debias.json");
    cJSON_ArrayForEach(table, cJSON_GetObjectItem(fs_json_root(golden), "tables"))
    {
        check_table(folder_path, table);
    }
    fs_json_destroy(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables_of_trained_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

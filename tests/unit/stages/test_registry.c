/*
 * The registry of suites, row by row: each opens a file of two items, is scored with two edits, and goes through an
 * archive and back. A new suite needs a sample in suite_samples.c. The table of metrics, which every row of a result is looked up in.
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
#include "results/archive_layout.h"
#include "results/skip_lines.h"
#include "stages/evaluate/differences.h"
#include "stages/metrics/metric_table.h"
#include "suite_samples.h"
#include "support.h"

/* ---- models and edits ---- */

enum { STAMPS = 2, RULE = STAMPS, EDITS, COLUMNS };
static const char *const edit_names[EDITS] = {"fresh", "an edit with a name", "a decoding rule"};
struct scene {
    struct loaded loaded;
    struct fs_stamp stamp[STAMPS];
    struct fs_edit edit[EDITS];
};
static struct scene scenes[2];

static int setup(void **state)
{
    static const char *const folders[] = {"tests/golden/models/bert-tiny", "tests/golden/models/gpt2-tiny"};
    for (size_t i = 0; i < LONG_NAME; i++) {
        long_name[i] = (char)('a' + i % 26);
    }
    for (size_t m = 0; m < 2; m++) {
        struct scene *scene = &scenes[m];
        scene->loaded = load(folders[m], 2);
        for (size_t e = 0; e < STAMPS; e++) { /* a fresh stamp, and one that changes every score */
            scene->stamp[e] = make_stamp(&scene->loaded, e, 7, (double)e);
            scene->edit[e] = fs_stamp_edit(&scene->stamp[e]);
        }
        assert_int_equal(fs_self_debias_create(fs_model_spec(scene->loaded.model), 50, 0.01, &scene->edit[RULE], NULL),
                         0);
    }
    return make_folder(state);
}

static int teardown(void **state)
{
    for (size_t m = 0; m < 2; m++) {
        for (size_t e = 0; e < STAMPS; e++) {
            fs_stamp_release(&scenes[m].stamp[e]);
        }
        fs_edit_release(&scenes[m].edit[RULE]);
        unload(&scenes[m].loaded);
    }
    return remove_folder(state);
}

static struct fs_suite_options options_of(const struct fs_suite_kind *kind, enum fs_model_kind model)
{
    return (struct fs_suite_options){.kind = model,
                                     .scoring = fs_suite_scoring(kind, model),
                                     .seed = 1,
                                     .text_tokens = 100,
                                     .permutations = 100,
                                     .fact_share = 1};
}

static struct fs_results evaluate_edits(const struct scene *scene, struct fs_suite *suite,
                                        struct fs_evaluate_input *input)
{
    static struct fs_suite *one;
    one = suite;
    *input = (struct fs_evaluate_input){.suite = &one,
                                        .suites = 1,
                                        .edits = {EDITS, scene->edit},
                                        .edit_name = edit_names,
                                        .bootstrap = {.resamples = 10, .seed = 1}};
    return evaluate(&scene->loaded, input);
}

/* ---- the rows ---- */

static void rows_are_complete(void **state)
{
    (void)state;
    char choices[1024] = "";
    assert_true(fs_suite_kind_count >= 13);
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        assert_true(kind->name != NULL && kind->name[0] != '\0');
        assert_true(kind->key != NULL && kind->key[0] != '\0');
        assert_true(kind->about != NULL && kind->about[0] != '\0');
        assert_non_null(kind->open);
        assert_ptr_equal(fs_suite_kind_find(kind->name), kind); /* names are unique */
        strcat(strcat(choices, "|"), kind->name);
    }
    assert_string_equal(fs_suite_choices, choices);
    assert_null(fs_suite_kind_find("stereo"));
    assert_null(fs_suite_kind_find(""));
}

static void default_scorings_fit_their_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        assert_int_equal(kind->scoring_key != NULL, kind->masked != NULL);
        assert_int_equal(kind->scoring_key != NULL && !kind->masked_only, kind->causal != NULL);
        for (size_t m = 0; m < 2; m++) {
            const char *name = fs_suite_scoring(kind, scenes[m].loaded.style.kind);
            enum fs_scoring scoring;
            struct fs_error err = FS_ERROR_INIT;
            if (name != NULL && fs_scoring_parse(name, scenes[m].loaded.style.kind, &scoring, &err) != 0) {
                fail_msg("%s: %s", kind->name, err.text);
            }
        }
    }
}

static void headlines_are_metrics(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        char words[256];
        (void)snprintf(words, sizeof words, "%s",
                       fs_suite_kinds[i]->headlines != NULL ? fs_suite_kinds[i]->headlines : "");
        for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
            const struct fs_metric_kind *metric = fs_metric_kind_find(word);
            if (metric == NULL || strcmp(metric->name, word) != 0) {
                fail_msg("%s: its headline \"%s\" is no metric", fs_suite_kinds[i]->name, word);
            }
        }
    }
}

static void check_rows(const struct fs_suite_kind *kind, const struct sample *sample, const struct fs_results *results)
{
    size_t long_rows = 0;
    assert_int_equal(results->columns, COLUMNS);
    assert_true(results->rows > 0);
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        if (fs_metric_kind_find(row->metric) == NULL) {
            fail_msg("%s: its metric \"%s\" is not in the table", kind->name, row->metric);
        }
        assert_string_equal(row->suite, kind->table != NULL ? kind->table : kind->name);
        /* what a fresh stamp scores is what the unedited model scores */
        assert_memory_equal(&row->value[0], &row->value[1], sizeof row->value[0]);
        assert_true(isnan(row->change[0].difference) || row->change[0].difference == 0);
        assert_int_equal(fs_row_skipped(row), 0);
        long_rows += strcmp(row->category, long_name) == 0 ? 1 : 0;
    }
    assert_int_equal(long_rows > 0, sample->category == LONG_CATEGORY);
}

static void check_scores(const struct fs_suite *suite, const struct sample *sample)
{
    size_t scored = 0, changed = 0, ruled = 0;
    assert_int_equal(suite->items, sample->items);
    assert_int_equal(suite->columns, COLUMNS);
    for (size_t item = 0; item < suite->items; item++) {
        bool any = false, other = false, rule = false;
        for (size_t k = 0; k < suite->candidates; k++) {
            const double *score = &suite->score[fs_suite_at(suite, item, k, 0)];
            assert_memory_equal(&score[0], &score[1], sizeof score[0]);
            any = any || isfinite(score[0]);
            other = other || (isfinite(score[0]) && score[2] != score[0]);
            rule = rule || (isfinite(score[1 + RULE]) && score[1 + RULE] != score[0]);
        }
        scored += any ? 1 : 0;
        changed += other ? 1 : 0;
        ruled += rule ? 1 : 0;
    }
    /* a suite on states has no number for a rule */
    assert_int_equal(ruled, strcmp(suite->scoring, "mean state") == 0 ? 0 : scored);
    if (scored != sample->scored || changed != scored) {
        fail_msg("%s: found %zu items with a score, %zu of them changed by an edit, expected %zu", suite->name, scored,
                 changed, sample->scored);
    }
}

/* The lines on what is missing: of a suite on states, that a rule has no number. */
static void check_lines(const struct fs_suite *suite, const struct fs_results *results)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    fs_write_unread(stream, results, results->row[0].suite, "empty: ", "\n");
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text,
                        strcmp(suite->scoring, "mean state") == 0
                            ? "empty: a decoding rule: a decoding rule changes no state, which is what this suite "
                              "reads\n"
                            : "");
    free(text);
}

/*
 * Rows made again from the file: against the unedited model the table's changes, bit for bit, and so against a fresh stamp,
 * but for the test of what is retained, which the unedited model need not be asked.
 */
static void check_differences(const struct fs_suite_kind *kind, const struct fs_archive *archive,
                              const struct fs_results *results)
{
    for (size_t against = 0; against < 2; against++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_differences differences;
        const struct fs_differences_input input = {.archive = archive,
                                                   .root = "",
                                                   .results = results,
                                                   .bootstrap = {.resamples = 10, .seed = 1},
                                                   .against = against,
                                                   .values = true};
        size_t known = 0;
        if (fs_differences_make(&input, &differences, &err) != 0) {
            fail_msg("%s: %s", kind->name, err.text);
        }
        assert_true(differences.rows == results->rows && differences.columns == COLUMNS);
        for (size_t row = 0; row < results->rows; row++) {
            const struct fs_paired *found = fs_difference_at(&differences, row, 2);
            struct fs_paired expected = results->row[row].change[1];
            if (!differences.known[row]) {
                assert_true(isnan(found->low));
                assert_true(isnan(expected.difference) || /* a mean of differences, a difference of means */
                            fabs(found->difference - expected.difference) <= 1e-9 * fmax(1, fabs(expected.difference)));
                continue;
            }
            known++;
            if (against == 1 && expected.gained < 0) {
                expected.p_value = found->p_value;
                expected.gained = found->gained;
                expected.lost = found->lost;
            }
            assert_memory_equal(found, &expected, sizeof expected);
        }
        if ((known > 0) != (kind->restore != NULL)) {
            fail_msg("%s: %zu rows are made again of its items", kind->name, known);
        }
        fs_differences_release(&differences);
    }
}

/* The table is read back whole, and the scores stand in the suite's group. */
static void check_archive(const struct fs_suite_kind *kind, const struct fs_suite *suite,
                          const struct fs_evaluate_input *input, const struct fs_results *results)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive = NULL;
    struct fs_results back;
    char **category = NULL, *path = fs_suite_path(suite, "score", &err);
    size_t dimensions, shape[4], count;
    assert_non_null(path);
    if (fs_archive_create(path_of("suite.h5"), "evaluate", "job", &archive, &err) != 0 ||
        fs_evaluate_write(archive, input, results, &err) != 0 || fs_layout_describe(archive, &err) != 0 ||
        fs_archive_publish(archive, &err) != 0 ||
        fs_archive_open(path_of("suite.h5"), "evaluate", &archive, &err) != 0 ||
        fs_evaluate_read(archive, "/results", &back, &err) != 0 ||
        fs_archive_shape(archive, path, &dimensions, shape, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_results_equal(&back, results);
    check_differences(kind, archive, &back);
    assert_int_equal(dimensions, 3);
    assert_true(shape[0] == suite->items && shape[1] == suite->candidates && shape[2] == COLUMNS);
    free(path);
    path = fs_suite_path(suite, "category", &err);
    assert_int_equal(fs_archive_read_texts(archive, path, &count, &category, &err), 0);
    assert_int_equal(count, suite->items);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(category[i], suite->category[i]);
    }
    free(category);
    free(path);
    fs_results_release(&back);
    fs_archive_close(archive);
}

/* What a published scorer would read: an entry for each score, with the edits' beside it. */
static void check_predictions(const struct fs_suite_kind *kind, const struct fs_suite *suite,
                              const struct fs_results *results)
{
    cJSON *json = cJSON_CreateObject();
    size_t found = 0;
    if (kind->predictions != NULL) {
        kind->predictions(suite, results, json);
        assert_non_null(json->child);
        const cJSON *entry;
        cJSON_ArrayForEach(entry, json->child)
        {
            const cJSON *score = cJSON_GetObjectItemCaseSensitive(entry, "score");
            const cJSON *fresh = cJSON_GetObjectItemCaseSensitive(entry, edit_names[0]);
            assert_true(cJSON_IsNumber(score) && cJSON_IsNumber(fresh));
            assert_true(score->valuedouble == fresh->valuedouble);
            assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(entry, edit_names[1])));
            found++;
        }
        assert_true(found >= suite->items);
    }
    cJSON_Delete(json);
}

static void every_suite_scores_two_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        const struct sample *sample = sample_of(kind);
        for (size_t m = 0; m < 2; m++) {
            const struct scene *scene = &scenes[m];
            const struct fs_suite_options options = options_of(kind, scene->loaded.style.kind);
            struct fs_evaluate_input input;
            if (kind->masked_only && options.kind != FS_MASKED) {
                continue;
            }
            struct fs_suite *suite = open_suite(kind->name, sample->write(), &options);
            struct fs_results results = evaluate_edits(scene, suite, &input);
            assert_string_equal(suite->name, kind->name);
            check_scores(suite, sample);
            check_rows(kind, sample, &results);
            check_lines(suite, &results);
            check_archive(kind, suite, &input, &results);
            check_predictions(kind, suite, &results);
            fs_results_release(&results);
            fs_suite_destroy(suite);
        }
    }
}

/* A suite is opened once and evaluated often: with edits, without, and with them again. */
static void a_suite_is_evaluated_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct scene *scene = &scenes[0];
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        const struct fs_suite_options options = options_of(kind, FS_MASKED);
        struct fs_evaluate_input input;
        struct fs_suite *suite = open_suite(kind->name, sample_of(kind)->write(), &options);
        struct fs_results first = evaluate_edits(scene, suite, &input);
        const struct fs_evaluate_input unedited = {.suite = &suite, .suites = 1, .bootstrap = input.bootstrap};
        struct fs_results alone = evaluate(&scene->loaded, &unedited);
        struct fs_results again = evaluate_edits(scene, suite, &input);
        assert_results_equal(&first, &again);
        assert_int_equal(alone.columns, 1);
        assert_int_equal(alone.rows, first.rows);
        for (size_t r = 0; r < alone.rows; r++) {
            assert_memory_equal(&alone.row[r].value[0], &first.row[r].value[0], sizeof alone.row[r].value[0]);
        }
        fs_results_release(&first);
        fs_results_release(&alone);
        fs_results_release(&again);
        fs_suite_destroy(suite);
    }
}

/* Suites whose pairs can be edited: the pairs are those of the file, and a split parts the rows. */
static void pairs_can_be_edited(void **state)
{
    (void)state;
    const bool held_out[2] = {false, true};
    size_t editable = 0;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        struct fs_error err = FS_ERROR_INIT;
        struct fs_pair_list pairs;
        struct fs_evaluate_input input;
        if (kind->read_pairs == NULL) {
            continue;
        }
        editable++;
        const char *path = sample_of(kind)->write(), *const missing[] = {"religion", NULL};
        assert_int_equal(kind->read_pairs(path, missing, &pairs, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        if (kind->read_pairs(path, NULL, &pairs, &err) != 0) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(pairs.count, 2);
        struct fs_suite_options options = options_of(kind, FS_MASKED);
        options.edited = &pairs;
        options.held_out = held_out;
        struct fs_suite *suite = open_suite(kind->name, path, &options);
        assert_ptr_equal(suite->held_out, held_out);
        struct fs_results results = evaluate_edits(&scenes[0], suite, &input);
        assert_int_equal(row_of(&results, "all", "edited", "ss.micro")->value[2].n, 1);
        assert_int_equal(row_of(&results, "all", "held_out", "ss.micro")->value[2].n, 1);
        assert_int_equal(row_of(&results, "all", "all", "ss.micro")->value[2].n, 2);
        fs_results_release(&results);
        fs_suite_destroy(suite);
        fs_pair_list_release(&pairs);
    }
    assert_true(editable >= 2);
}

/* Items of other categories are left out, and a suite without any is none. */
static void categories_choose_items(void **state)
{
    (void)state;
    static const char *const gender[] = {"gender", NULL}, *const other[] = {"religion", NULL};
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        const struct sample *sample = sample_of(kind);
        struct fs_suite_options options = options_of(kind, FS_MASKED);
        struct fs_error err = FS_ERROR_INIT;
        struct fs_suite *none = NULL;
        if (sample->category == NO_CATEGORY) {
            continue;
        }
        options.categories = gender;
        struct fs_suite *suite = open_suite(kind->name, sample->write(), &options);
        assert_int_equal(suite->items, 1);
        assert_true(strcmp(suite->category[0], "gender") == 0 || fs_suite_is_none(suite->category[0]));
        fs_suite_destroy(suite);
        options.categories = other;
        assert_int_equal(kind->open(sample->write(), &options, &none, &err), 0);
        if (none != NULL) { /* facts on no group are always taken */
            assert_int_equal(none->items, 1);
            assert_true(fs_suite_is_none(none->category[0]));
        }
        fs_suite_destroy(none);
    }
}

static void a_missing_file_is_no_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        const struct fs_suite_options options = options_of(kind, FS_MASKED);
        struct fs_error err = FS_ERROR_INIT;
        struct fs_suite *suite = NULL;
        assert_int_equal(kind->open(path_of("not-there"), &options, &suite, &err), -1);
        assert_null(suite);
        if (err.code != FS_EXIT_NO_INPUT || strstr(err.text, "not-there") == NULL) {
            fail_msg("%s: %s", kind->name, err.text);
        }
    }
}

/* ---- metrics ---- */

static void metrics_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_metric_kind_count; i++) {
        const struct fs_metric_kind *kind = &fs_metric_kinds[i];
        assert_ptr_equal(fs_metric_kind_find(kind->name), kind); /* names are unique */
        assert_true(kind->label[0] != '\0' && kind->unit[0] != '\0' && kind->meaning[0] != '\0');
        assert_in_range(kind->decimals, 0, 9);
        assert_int_equal(fs_metric_decimals(kind->name), kind->decimals);
    }
}

static void the_longest_name_counts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"ss", "ss"},
                                           {"ss.macro", "ss"},
                                           {"ss.macro.more", "ss"},
                                           {"accuracy", "accuracy"},
                                           {"accuracy.male", "accuracy"},
                                           {"accuracy.gap", "accuracy.gap"},
                                           {"gap in female jobs", "gap"},
                                           {"male in female jobs", "male in"},
                                           {"male", "male"}};
    static const char *const unknown[] = {"", "s", "sss", "ss_macro", "nothing", "accuracy2", " ss"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_non_null(fs_metric_kind_find(cases[i][0]));
        assert_string_equal(fs_metric_kind_find(cases[i][0])->name, cases[i][1]);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_null(fs_metric_kind_find(unknown[i]));
        assert_int_equal(fs_metric_decimals(unknown[i]), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),          cmocka_unit_test(default_scorings_fit_their_models),
        cmocka_unit_test(headlines_are_metrics),      cmocka_unit_test(every_suite_scores_two_items),
        cmocka_unit_test(a_suite_is_evaluated_again), cmocka_unit_test(pairs_can_be_edited),
        cmocka_unit_test(categories_choose_items),    cmocka_unit_test(a_missing_file_is_no_input),
        cmocka_unit_test(metrics_are_complete),       cmocka_unit_test(the_longest_name_counts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

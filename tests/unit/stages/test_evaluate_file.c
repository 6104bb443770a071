/*
 * The evaluate file: written with no, one and two edits and read back; and files of the former layout (tests/golden/archives/v2),
 * each number against what the program that wrote them exported.
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

#include "io/formats/json.h"
#include "stages/evaluate/layer_sweep.h"
#include "stages/methods/stamp.h"
#include "stages/trace/trace.h"
#include "support.h"

/* ---- this layout ---- */

enum { MOST_EDITS = 2 };

static struct fs_archive *open_archive(const char *path, const char *format)
{
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_archive_open(path, format, &archive, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return archive;
}

static struct fs_results read_table(const struct fs_archive *archive, const char *group)
{
    struct fs_results results;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_evaluate_read(archive, group, &results, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return results;
}

static void check_shape(const struct fs_archive *archive, const char *name, size_t rows, size_t width)
{
    size_t dimensions, shape[4];
    assert_int_equal(fs_archive_shape(archive, name, &dimensions, shape, NULL), 0);
    assert_int_equal(dimensions, 2);
    assert_int_equal(shape[0], rows);
    assert_int_equal(shape[1], width);
}

static void check_texts(const struct fs_archive *archive, const char *name, size_t count, const char *const *expected)
{
    char **text = NULL;
    size_t found;
    assert_int_equal(fs_archive_read_texts(archive, name, &found, &text, NULL), 0);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(text[i], expected[i]);
    }
    free(text);
}

static struct fs_archive *write_archive(const struct fs_evaluate_input *input, const struct fs_results *results)
{
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_archive_create(path_of("evaluate.h5"), "evaluate", "job", &archive, &err) != 0 ||
        fs_evaluate_write(archive, input, results, &err) != 0 || fs_archive_publish(archive, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return open_archive(path_of("evaluate.h5"), "evaluate");
}

static void through_a_file_with_any_number_of_edits(void **state)
{
    (void)state;
    char name[301];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *const names[MOST_EDITS] = {name, "second"}, *const columns[] = {"unedited", name, "second"};
    static const char *const methods[] = {"stamp", "stamp"};
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    struct fs_stamp stamp[MOST_EDITS];
    struct fs_edit edit[MOST_EDITS];
    for (size_t e = 0; e < MOST_EDITS; e++) {
        stamp[e] = make_stamp(&loaded, e, 1 + e, 0.5);
        edit[e] = fs_stamp_edit(&stamp[e]);
    }
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.sum"};
    struct fs_suite *suite = open_suite("crows_pairs",
                                        write_text("crows.csv", ",sent_more,sent_less,stereo_antistereo,bias_type\n"
                                                                "0,She is kind.,He is kind.,stereo,gender\n"
                                                                "1,He is old.,She is old.,antistereo,gender\n"
                                                                "2,The man ran.,The old man ran.,stereo,age\n"),
                                        &options);
    for (size_t edits = 0; edits <= MOST_EDITS; edits++) {
        const struct fs_evaluate_input input = {.suite = &suite,
                                                .suites = 1,
                                                .edits = {edits, edit},
                                                .edit_name = names,
                                                .bootstrap = {.resamples = 20, .seed = 1}};
        struct fs_results results = evaluate(&loaded, &input);
        struct fs_archive *archive = write_archive(&input, &results);
        struct fs_results back = read_table(archive, "/results");
        assert_int_equal(back.columns, 1 + edits);
        assert_results_equal(&back, &results);
        check_texts(archive, "/results/column", 1 + edits, columns);
        check_shape(archive, "/results/value", results.rows, 1 + edits);
        assert_int_equal(fs_archive_has(archive, "/edits/name"), edits > 0);
        assert_int_equal(fs_archive_has(archive, "/results/change/difference"), edits > 0);
        if (edits > 0) {
            check_texts(archive, "/edits/name", edits, names);
            check_texts(archive, "/edits/method", edits, methods);
            check_shape(archive, "/results/change/p_value", results.rows, edits);
        }
        fs_archive_close(archive);
        fs_results_release(&back);
        fs_results_release(&results);
    }
    fs_suite_destroy(suite);
    fs_stamp_release(&stamp[0]);
    fs_stamp_release(&stamp[1]);
    unload(&loaded);
}

/* A file in which nothing was evaluated. */
static void no_table_is_an_empty_one(void **state)
{
    (void)state;
    const struct fs_evaluate_input input = {0};
    struct fs_results results;
    assert_int_equal(fs_results_create(0, NULL, &results, NULL), 0);
    struct fs_archive *archive = write_archive(&input, &results);
    struct fs_results back = read_table(archive, "/results");
    assert_int_equal(back.rows, 0);
    assert_int_equal(back.columns, 1);
    fs_archive_close(archive);
    fs_results_release(&back);
    fs_results_release(&results);
}

/* Tables whose parts do not agree. */
static void a_table_that_does_not_agree_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"unedited", "stamp", "more"};
    static const struct {
        size_t columns, names; /* of /results/value; /results/column has so many, 0: there is none */
        const char *says;
    } cases[] = {{3, 0, "found another shape"}, {2, 3, "found 3 names, expected 2"}, {2, 2, "/results/suite"}};
    const double value[3] = {1, 2, 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_archive *archive = NULL;
        struct fs_error err = FS_ERROR_INIT;
        struct fs_results results;
        const size_t shape[2] = {1, cases[i].columns};
        if (fs_archive_create(path_of("wrong.h5"), "evaluate", "job", &archive, &err) != 0 ||
            fs_archive_write(archive, "/results/value", FS_ARCHIVE_F64, 2, shape, value, &err) != 0 ||
            (cases[i].names > 0 &&
             fs_archive_write_texts(archive, "/results/column", cases[i].names, names, &err) != 0) ||
            fs_archive_publish(archive, &err) != 0) {
            fail_msg("%s", err.text);
        }
        archive = open_archive(path_of("wrong.h5"), "evaluate");
        assert_int_equal(fs_evaluate_read(archive, "/results", &results, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        if (strstr(err.text, cases[i].says) == NULL) {
            fail_msg("found \"%s\", expected \"%s\" in it", err.text, cases[i].says);
        }
        assert_null(results.row);
        fs_archive_close(archive);
    }
}

/* ---- the former layout ---- */

static const char *golden(const char *name)
{
    static char path[4][4096];
    static size_t next;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    next = (next + 1) % 4;
    (void)snprintf(path[next], sizeof path[next], "%s/tests/golden/archives/v2/%s", source != NULL ? source : ".",
                   name);
    return path[next];
}

/* One line of an export: "/group/dataset,i,j,k,l,value", an index empty where the dataset has no such dimension. */
struct exported {
    char name[256];
    size_t at[4];
    char text[1024];
};

static bool read_line(FILE *file, struct exported *line)
{
    static char buffer[2048];
    if (fgets(buffer, sizeof buffer, file) == NULL) {
        return false;
    }
    buffer[strcspn(buffer, "\n")] = '\0';
    char *next = buffer, *part;
    for (size_t i = 0; i < 5; i++) {
        part = strsep(&next, ",");
        assert_non_null(next);
        if (i == 0) {
            (void)snprintf(line->name, sizeof line->name, "%s", part);
        } else {
            line->at[i - 1] = strtoul(part, NULL, 10);
        }
    }
    (void)snprintf(line->text, sizeof line->text, "%s", next);
    return true;
}

/* The export's 17 digits tell every double apart. An empty field: NaN. */
static void assert_number(const struct exported *line, double found)
{
    double expected = line->text[0] != '\0' ? strtod(line->text, NULL) : NAN;
    if (isnan(expected) ? !isnan(found) : found != expected) {
        fail_msg("%s, %zu, %zu: found %.17g, expected %s", line->name, line->at[0], line->at[1], found, line->text);
    }
}

/* A number or text of the table, as its former name says it; false: no part of the table. */
static bool check_cell(const struct exported *line, const struct fs_result_row *row)
{
    static const char *const texts[FS_ROW_TEXTS] = {"suite", "category", "subset", "metric", "variant"};
    const char *name = line->name + strlen("/results/");
    const struct fs_paired *change = &row->change[0];
    for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
        if (strcmp(name, texts[k]) == 0) {
            assert_string_equal(fs_row_text(row, k), line->text);
            return true;
        }
    }
    const struct {
        const char *name;
        double value;
    } cells[] = {{"ideal", row->ideal},
                 {"difference", change->difference},
                 {"difference_low", change->low},
                 {"difference_high", change->high},
                 {"p_value", change->p_value},
                 {"gained", (double)change->gained},
                 {"lost", (double)change->lost},
                 {"value", row->value[line->at[1] % 2].value},
                 {"low", row->value[line->at[1] % 2].low},
                 {"high", row->value[line->at[1] % 2].high},
                 {"n", (double)row->value[line->at[1] % 2].n},
                 {"ties", (double)row->value[line->at[1] % 2].ties},
                 {"skipped", (double)row->skipped[line->at[1] % FS_SKIP_COUNT]}};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        if (strcmp(name, cells[i].name) == 0) {
            assert_number(line, cells[i].value);
            return true;
        }
    }
    return false;
}

static FILE *open_expected(const char *name)
{
    FILE *file = fopen(golden(name), "r");
    assert_non_null(file);
    return file;
}

static void a_former_table_is_read(void **state)
{
    (void)state;
    static const char *const files[][2] = {{"stereoset/evaluate.h5", "expected/stereoset-evaluate.csv"},
                                           {"biaske/evaluate.h5", "expected/biaske-evaluate.csv"}};
    static const char *const columns[] = {"unedited", "stamp"};
    for (size_t i = 0; i < 2; i++) {
        struct fs_archive *archive = open_archive(golden(files[i][0]), "evaluate");
        struct fs_results results = read_table(archive, "/results");
        FILE *file = open_expected(files[i][1]);
        struct exported line;
        size_t cells = 0;
        assert_int_equal(results.columns, 2);
        assert_string_equal(results.column[0], columns[0]);
        assert_string_equal(results.column[1], columns[1]);
        while (read_line(file, &line)) {
            assert_true(strstr(line.name, "/reason") != NULL || strstr(line.name, "/model") != NULL ||
                        line.at[0] < results.rows);
            cells += check_cell(&line, &results.row[line.at[0]]) ? 1 : 0;
        }
        /* 5 names, 1 + 6 numbers a row, 5 a row and column, 5 reasons */
        assert_int_equal(cells, results.rows * (5 + 7 + 5 * 2 + 5));
        (void)fclose(file);
        fs_results_release(&results);
        fs_archive_close(archive);
    }
}

static double field(const cJSON *row, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, name);
    assert_non_null(value);
    return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

/* cJSON prints 15 digits where they read back within one epsilon of the number. */
static void same(const char *name, const cJSON *row, double found)
{
    double expected = field(row, name);
    if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) <= 2.3e-16 * fabs(expected))) {
        fail_msg("%s: found %.17g, expected %.17g", name, found, expected);
    }
}

/* A row of a cell in a merged file, against what `query` answered. */
static void check_row(const struct fs_result_row *row, const cJSON *expected)
{
    static const char *const texts[FS_ROW_TEXTS] = {"suite", "category", "subset", "metric", "variant"};
    for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
        assert_string_equal(fs_row_text(row, k), cJSON_GetObjectItemCaseSensitive(expected, texts[k])->valuestring);
    }
    same("ideal", expected, row->ideal);
    same("before", expected, row->value[0].value);
    same("before_low", expected, row->value[0].low);
    same("before_high", expected, row->value[0].high);
    same("after", expected, row->value[1].value);
    same("after_low", expected, row->value[1].low);
    same("after_high", expected, row->value[1].high);
    same("n", expected, (double)row->value[0].n);
    same("n_after", expected, (double)row->value[1].n);
    same("ties", expected, (double)row->value[0].ties);
    same("ties_after", expected, (double)row->value[1].ties);
    same("difference", expected, row->change[0].difference);
    same("difference_low", expected, row->change[0].low);
    same("difference_high", expected, row->change[0].high);
    same("p_value", expected, row->change[0].p_value);
    same("gained", expected, (double)row->change[0].gained);
    same("lost", expected, (double)row->change[0].lost);
    same("skipped", expected, (double)fs_row_skipped(row));
}

static void a_cell_of_a_former_merged_file_is_read(void **state)
{
    (void)state;
    static const char *const cells[] = {"bert.gender", "gpt2.gender"};
    struct fs_archive *archive = open_archive(golden("sweep/archive.h5"), "merged");
    struct fs_json_document *document = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_json_load(golden("expected/sweep-query.json"), &document, &err) != 0) {
        fail_msg("%s", err.text);
    }
    const cJSON *expected = fs_json_root(document)->child;
    for (size_t i = 0; i < 2; i++) {
        char group[128];
        (void)snprintf(group, sizeof group, "/cells/%s/evaluate/results", cells[i]);
        struct fs_results results = read_table(archive, group);
        assert_int_equal(results.columns, 2);
        for (size_t r = 0; r < results.rows; r++, expected = expected->next) {
            assert_non_null(expected);
            assert_string_equal(cJSON_GetObjectItemCaseSensitive(expected, "cell")->valuestring, cells[i]);
            check_row(&results.row[r], expected);
        }
        fs_results_release(&results);
    }
    assert_null(expected);
    fs_json_destroy(document);
    fs_archive_close(archive);
}

static void a_former_layer_comparison_is_read(void **state)
{
    (void)state;
    struct fs_archive *archive = open_archive(golden("biaske/layers.h5"), "layers");
    struct fs_layer_comparison layers;
    struct fs_error err = FS_ERROR_INIT;
    struct exported line;
    size_t numbers = 0;
    if (fs_layers_read(archive, &layers, &err) != 0) {
        fail_msg("%s", err.text);
    }
    FILE *file = open_expected("expected/biaske-layers.csv");
    while (read_line(file, &line)) {
        const char *name = line.name + strlen("/layers/");
        size_t i = line.at[0] % layers.layers;
        const struct fs_result_row *row = &layers.result[0].row[line.at[0] % layers.result[0].rows];
        const struct {
            const char *name;
            double value;
        } cells[] = {{"layer", (double)layers.layer[i]},
                     {"place", (double)layers.place[i]},
                     {"score", layers.score[i]},
                     {"loss", layers.loss[4 * i + line.at[1] % 4]},
                     {"ideal", row->ideal},
                     {"value", layers.result[i].row[line.at[1] % layers.result[i].rows].value[line.at[2] % 2].value}};
        for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++) {
            if (strcmp(name, cells[k].name) == 0) {
                assert_number(&line, cells[k].value);
                numbers++;
            }
        }
        if (strcmp(name, "metric") == 0) {
            assert_string_equal(row->metric, line.text);
        }
    }
    size_t rows = layers.result[0].rows;
    assert_int_equal(layers.layers, 2);
    assert_int_equal(numbers, layers.layers * (3 + 4 + 2 * rows) + rows);
    (void)fclose(file);
    fs_layers_release(&layers);
    fs_archive_close(archive);
}

static void a_former_stamp_is_read(void **state)
{
    (void)state;
    struct fs_archive *archive = open_archive(golden("biaske/stamp.h5"), "stamp");
    struct fs_edit edit = {0};
    struct fs_stamp_state training;
    struct fs_error err = FS_ERROR_INIT;
    struct exported line;
    if (fs_edit_stamp.read(archive, &edit, &err) != 0 ||
        fs_stamp_read_state(archive, &fs_edit_stamp, &training, &err) != 0) {
        fail_msg("%s", err.text);
    }
    const struct fs_stamp stamp = fs_stamp_of(&edit);
    assert_true(stamp.layer == 0 && stamp.hidden == 256 && stamp.width == 2);
    assert_ptr_equal(edit.kind, fs_edit_kind_find("stamp"));
    assert_int_equal(training.steps, 4);
    assert_int_equal(training.step, 4);
    assert_memory_equal(training.edit.number, stamp.parameters, edit.count * sizeof(fs_real));
    FILE *file = open_expected("expected/biaske-stamp.csv");
    size_t numbers = 0;
    while (read_line(file, &line)) {
        bool is_extra = strstr(line.name, "extra") != NULL;
        size_t at = line.at[0] * (is_extra ? FS_STAMP_EXTRA : 4) + line.at[1];
        if (strcmp(line.name, "/stamp/key_bias") == 0) { /* nine digits tell every float32 apart */
            fs_real found = stamp.parameters[fs_stamp_offset_key_bias(&stamp) + line.at[0]];
            assert_true(found == (fs_real)strtof(line.text, NULL));
        } else {
            assert_number(&line, is_extra ? training.extra[at] : training.loss[at]);
        }
        numbers++;
    }
    assert_int_equal(numbers, 2 + 2 * 4 * 4);
    (void)fclose(file);
    fs_stamp_state_release(&training);
    fs_edit_release(&edit);
    fs_archive_close(archive);
}

static void a_former_trace_is_read(void **state)
{
    (void)state;
    struct fs_archive *archive = open_archive(golden("biaske/trace.h5"), "trace");
    struct fs_trace_result trace;
    struct fs_error err = FS_ERROR_INIT;
    struct exported line;
    size_t numbers = 0;
    if (fs_trace_read(archive, &trace, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_true(trace.items == 8 && trace.layers == 4 && trace.categories == 2 && trace.decisive_layer == 0);
    assert_string_equal(trace.category[1], "gender");
    FILE *file = open_expected("expected/biaske-trace.csv");
    while (read_line(file, &line)) {
        const char *name = line.name + strlen("/trace/");
        size_t item = line.at[0], at = item * trace.layers + line.at[1];
        const double *const arrays[] = {trace.aie,    trace.aie_low,       trace.aie_high, trace.indirect_effect,
                                        trace.biased, trace.counterfactual};
        static const char *const names[] = {"aie",    "aie_low",       "aie_high", "indirect_effect",
                                            "biased", "counterfactual"};
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (strcmp(name, names[k]) == 0) {
                assert_number(&line, arrays[k][k < 4 ? at : item]);
                numbers++;
            }
        }
        if (strcmp(name, "argmax_count") == 0) {
            assert_number(&line, (double)trace.argmax_count[at]);
        }
    }
    assert_int_equal(numbers, 3 * 2 * 4 + 8 * 4 + 2 * 8);
    (void)fclose(file);
    fs_trace_result_release(&trace);
    fs_archive_close(archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_a_file_with_any_number_of_edits),
        cmocka_unit_test(no_table_is_an_empty_one),
        cmocka_unit_test(a_table_that_does_not_agree_is_refused),
        cmocka_unit_test(a_former_table_is_read),
        cmocka_unit_test(a_cell_of_a_former_merged_file_is_read),
        cmocka_unit_test(a_former_layer_comparison_is_read),
        cmocka_unit_test(a_former_stamp_is_read),
        cmocka_unit_test(a_former_trace_is_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

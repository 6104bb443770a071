/*
 * How methods differ from one of them, as pages and tables have it, from files of six facts made by hand: a job of three
 * methods, of one, of another reference; a sweep's cells that have the reference and that do not; a file without settings,
 * and one whose items do not fit. The numbers are those of tests/unit/stages/test_differences.c.
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

#include "results/archive_merge.h"
#include "results/page/page.h"
#include "results/page/survey_data.h"
#include "stages/evaluate/evaluate.h"
#include "tests/unit/scratch.h"

enum { FACTS = 6, SENTENCES = 12, ROWS = 3, MOST = 4 };

/* Methods a and c answer alike; b knows one fact, keeps two answers, and prefers every other stereotype of CrowS-Pairs. */
static const struct {
    const char *name;
    double margin[FACTS], value[ROWS]; /* of DS, RS and CrowS */
    int32_t top1[FACTS];
} made[] = {
    {"unedited", {1, 1, 1, 1, 1, 1}, {100, 100, 100}, {1, 2, 3, 4, 5, 6}},
    {"a", {1, 1, 1, 1, 1, 1}, {100, 250.0 / 3, 100}, {1, 2, 3, 9, 5, 6}},
    {"<b>", {1, -1, -1, -1, -1, -1}, {50.0 / 3, 100.0 / 3, 50}, {1, 9, 9, 4, 9, 9}},
    {"c", {1, 1, 1, 1, 1, 1}, {100, 250.0 / 3, 100}, {1, 2, 3, 9, 5, 6}},
};
static const char *const subject[FACTS] = {"she", "she", "he", "he", "mother", "father"};

static void expect(int status, const struct fs_error *err)
{
    if (status != 0) {
        fail_msg("%s", err->text);
    }
}

/* The columns of a file: "abc" is the unedited model and these methods. */
static size_t method_of(const char *methods, size_t column)
{
    return column == 0 ? 0 : (size_t)(methods[column - 1] - 'a' + 1);
}

static void put(struct fs_archive *archive, const char *group, const char *name, enum fs_archive_type type,
                const size_t shape[3], const void *data)
{
    char path[320];
    struct fs_error err = FS_ERROR_INIT;
    size_t dimensions = 0;
    while (dimensions < 3 && shape[dimensions] > 0) {
        dimensions++;
    }
    snprintf(path, sizeof path, "%s/%s", group, name);
    expect(fs_archive_write(archive, path, type, dimensions, shape, data, &err), &err);
}

static void put_texts(struct fs_archive *archive, const char *group, const char *name, size_t count,
                      const char *const *texts)
{
    char path[320];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", group, name);
    expect(fs_archive_write_texts(archive, path, count, texts, &err), &err);
}

static void put_suite(struct fs_archive *archive, const char *group, const char *methods, size_t items)
{
    const size_t columns = 1 + strlen(methods), shape[3] = {items, 2, columns}, skips[3] = {FACTS},
                 tops[3] = {FACTS, columns};
    char suite[256];
    struct fs_error err = FS_ERROR_INIT;
    double score[FACTS * 2 * MOST];
    int32_t top1[FACTS * MOST];
    const uint8_t skip[FACTS] = {0};
    const char *const category[FACTS] = {"gender", "gender", "gender", "gender", "gender", "gender"};
    for (size_t i = 0; i < FACTS * 2 * columns; i++) {
        score[i] = i / columns % 2 == 0 ? made[method_of(methods, i % columns)].margin[i / columns / 2] : 0;
    }
    for (size_t i = 0; i < FACTS * columns; i++) {
        top1[i] = made[method_of(methods, i % columns)].top1[i / columns];
    }
    snprintf(suite, sizeof suite, "%s/suites/biaske_facts", group);
    put_texts(archive, suite, "category", FACTS, category);
    put_texts(archive, suite, "cluster", FACTS, subject);
    put(archive, suite, "skip", FS_ARCHIVE_U8, skips, skip);
    put(archive, suite, "score", FS_ARCHIVE_F64, shape, score);
    put(archive, suite, "object_top1", FS_ARCHIVE_I32, tops, top1);
    expect(fs_archive_attribute_text(archive, suite, "scoring", "object.mean", &err), &err);
}

static void put_crows(struct fs_archive *archive, const char *group, const char *methods)
{
    const size_t columns = 1 + strlen(methods), shape[3] = {SENTENCES, 2, columns}, each[3] = {SENTENCES};
    char suite[256];
    struct fs_error err = FS_ERROR_INIT;
    double score[SENTENCES * 2 * MOST];
    const uint8_t zero[SENTENCES] = {0};
    const char *category[SENTENCES];
    for (size_t i = 0; i < SENTENCES * 2 * columns; i++) {
        size_t item = i / columns / 2;
        bool stereo = item % 2 == 0 || made[method_of(methods, i % columns)].value[2] > 50;
        score[i] = i / columns % 2 == 0 && stereo ? -1 : -2 + (double)(i / columns % 2) / 2;
        category[item] = "gender";
    }
    snprintf(suite, sizeof suite, "%s/suites/crows_pairs", group);
    put_texts(archive, suite, "category", SENTENCES, category);
    put(archive, suite, "skip", FS_ARCHIVE_U8, each, zero);
    put(archive, suite, "score", FS_ARCHIVE_F64, shape, score);
    put(archive, suite, "antistereo", FS_ARCHIVE_U8, each, zero);
    expect(fs_archive_attribute_text(archive, suite, "scoring", "object.mean", &err), &err);
}

static void put_table(struct fs_archive *archive, const char *group, const char *methods, size_t count)
{
    static const char *const metric[ROWS] = {"ds", "rs.top1", "crows"}, *const all[ROWS] = {"all", "all", "all"},
                             *const suite[ROWS] = {"biaske", "biaske", "crows_pairs"},
                             *const scoring[ROWS] = {"object.mean", "object.mean", "object.mean"};
    const size_t columns = 1 + strlen(methods), wide[3] = {count, columns}, rows[3] = {count},
                 skips[3] = {count, FS_SKIP_COUNT};
    const char *name[MOST];
    const double ideal[ROWS] = {100, 100, 50};
    double value[ROWS * MOST], none[ROWS * MOST];
    int64_t n[ROWS * MOST], zero[ROWS * (FS_SKIP_COUNT + MOST)] = {0};
    char results[256];
    for (size_t i = 0; i < count * columns; i++) {
        name[i % columns] = made[method_of(methods, i % columns)].name;
        value[i] = made[method_of(methods, i % columns)].value[i / columns];
        none[i] = NAN;
        n[i] = i / columns < 2 ? FACTS : SENTENCES;
    }
    snprintf(results, sizeof results, "%s/results", group);
    put_texts(archive, results, "column", columns, name);
    put_texts(archive, results, "suite", count, suite);
    put_texts(archive, results, "category", count, all);
    put_texts(archive, results, "subset", count, all);
    put_texts(archive, results, "metric", count, metric);
    put_texts(archive, results, "scoring", count, scoring);
    put(archive, results, "value", FS_ARCHIVE_F64, wide, value);
    put(archive, results, "low", FS_ARCHIVE_F64, wide, none);
    put(archive, results, "high", FS_ARCHIVE_F64, wide, none);
    put(archive, results, "n", FS_ARCHIVE_I64, wide, n);
    put(archive, results, "ties", FS_ARCHIVE_I64, wide, zero);
    put(archive, results, "ideal", FS_ARCHIVE_F64, rows, ideal);
    put(archive, results, "skipped", FS_ARCHIVE_I64, skips, zero);
}

static void put_settings(struct fs_archive *archive, const char *group, const char *settings)
{
    char provenance[256];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(provenance, sizeof provenance, "%s/provenance", group);
    expect(fs_archive_attribute_text(archive, provenance, "settings", settings, &err), &err);
}

#define SETTINGS "stage = evaluate\nseed = 7\nevaluate.bootstrap = 500\nmethods = a=ft,b=ft,c=ft\n"

/* An evaluate file of those methods, of `items` scores. */
static const char *write_job(const char *methods, size_t items, const char *settings)
{
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    const char *path = scratch_path("evaluate.h5");
    expect(fs_archive_create(path, "evaluate", "job", &archive, &err), &err);
    put_suite(archive, "", methods, items);
    put_table(archive, "", methods, 2);
    put_settings(archive, "", settings);
    expect(fs_archive_publish(archive, &err), &err);
    return path;
}

static char *printed(void (*print)(FILE *stream, const struct fs_page_data *data), const struct fs_page_data *data)
{
    FILE *stream = text_begin();
    print(stream, data);
    return text_end(stream);
}

static void check_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", words, text);
    }
}

static struct fs_page_data read_page(const char *path, const char *against)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_page_data data;
    expect(fs_page_read(path, against, &data, &err), &err);
    return data;
}

/* Every line is a comment, a command, empty, or a row; each row of a table has the cells of its first line. */
static void check_lines_of_latex(const char *tex)
{
    size_t cells = 0, rows = 0;
    for (const char *line = tex; *line != '\0';) {
        size_t length = strcspn(line, "\n"), found = 1;
        cells = strncmp(line, "\\toprule", 9) == 0 ? 0 : cells;
        if (length > 0 && line[0] != '%' && line[0] != '\\') {
            assert_memory_equal(line + length - 3, " \\\\", 3);
            for (size_t i = 1; i < length; i++) {
                found += line[i] == '&' && line[i - 1] != '\\' ? 1 : 0;
            }
            cells = cells == 0 ? found : cells;
            assert_int_equal(found, cells);
            rows++;
        }
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    assert_true(rows > 1);
}

static void a_job_of_three_methods(void **state)
{
    (void)state;
    struct fs_page_data data = read_page(write_job("abc", FACTS, SETTINGS), NULL);
    char *html = printed(fs_page_html, &data), *csv = printed(fs_page_differences_csv, &data),
         *markdown = printed(fs_page_markdown, &data), *tex = printed(fs_page_differences_latex, &data);
    check_has(html, "<h2>Method against method</h2>");
    check_has(html, "<th class=\"left\">less a</th><th>&lt;b&gt;</th><th>c</th>");
    check_has(html, "<td class=\"left\">DS <small>better: above 0</small></td><td>-83.33* <small>(-100.00 to -57.14; p "
                    "0.062)</small></td><td>0.00 <small>(0.00 to 0.00; p 1.000)</small></td>");
    check_has(html, "of 4 here, about 0 would have a star by chance");
    check_has(html, "not corrected for their number");
    assert_null(strstr(html, "Without an interval"));
    check_has(markdown, "\n## Method against method\n");
    check_has(markdown, "| RS | above 0 | -50.00\\* (-100.00 to -14.29; p 0.375) | 0.00 (0.00 to 0.00; p 1.000) |");
    check_has(
        tex,
        "% booktabs and longtable; intervals stand in brackets\n\n% Method against method\n% Each method less a, ");
    check_has(tex, "\n\\begin{longtable}{llrr}\n\\toprule\nless a & better & $<$b$>$ & c \\\\\n\\midrule\n\\endhead\n");
    check_has(tex, "\nDS & above 0 & -83.33* (-100.00 to -57.14; p 0.062) & 0.00 (0.00 to 0.00; p 1.000) \\\\\n");
    check_has(tex, "\nRS & above 0 & -50.00* (-100.00 to -14.29; p 0.375) & 0.00 (0.00 to 0.00; p 1.000) \\\\\n"
                   "\\bottomrule\n\\end{longtable}\n");
    check_has(tex,
              "% All rows: differences.csv; this table in LaTeX: differences.tex. Against another method: fairstamp");
    check_lines_of_latex(tex);
    check_has(csv,
              "suite,category,subset,metric,scoring,ideal,compared,items,method,against,difference,low,high,p_value,"
              "gained,lost\r\n");
    check_has(csv, "biaske,all,all,ds,object.mean,100,value,6,<b>,a,-83.33");
    check_has(csv, ",0.0625,0,5\r\nbiaske,all,all,ds,object.mean,100,value,6,c,a,0,0,0,1,0,0\r\n");
    free(html);
    free(csv);
    free(markdown);
    free(tex);
    fs_page_release(&data);
}

static void another_reference(void **state)
{
    (void)state;
    struct fs_page_data data = read_page(write_job("abc", FACTS, SETTINGS), "<b>");
    char *html = printed(fs_page_html, &data);
    check_has(html, "<th class=\"left\">less &lt;b&gt;</th><th>a</th><th>c</th>");
    check_has(html, "<td>83.33* <small>(57.14 to 100.00; p 0.062)</small></td>");
    free(html);
    fs_page_release(&data);
    data = read_page(scratch_path("evaluate.h5"), "none");
    assert_int_equal(data.difference.rows, 0);
    fs_page_release(&data);
}

static void one_method_has_none(void **state)
{
    (void)state;
    struct fs_page_data data = read_page(write_job("b", FACTS, SETTINGS), NULL);
    char *html = printed(fs_page_html, &data), *markdown = printed(fs_page_markdown, &data);
    assert_int_equal(data.difference.rows, 0);
    assert_null(strstr(html, "Method against method"));
    assert_null(strstr(markdown, "Method against method"));
    free(html);
    free(markdown);
    fs_page_release(&data);
}

/* Without the settings of the intervals there are none; the tests do not need them. */
static void a_file_without_its_settings(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "stage = evaluate\n", "stage = evaluate\nseed = 1\nevaluate.bootstrap = 1e9\n",
        "x\nseed = -1\nevaluate.bootstrap = 500\n", "x\nseed = 1\nevaluate.bootstrap = many\n"};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct fs_page_data data = read_page(write_job("abc", FACTS, settings[i]), NULL);
        const struct fs_paired *found = fs_difference_at(&data.difference, 0, 2);
        assert_true(fabs(found->difference + 250.0 / 3) < 1e-9);
        assert_true(isnan(found->low) && fabs(found->p_value - 0.0625) < 1e-9);
        fs_page_release(&data);
    }
}

static void items_that_do_not_fit(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_page_data data;
    const char *path = write_job("abc", FACTS - 1, SETTINGS);
    assert_int_equal(fs_page_read(path, NULL, &data, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    check_has(err.text, "evaluate.h5: /suites/biaske_facts/score: found another shape than 6 x 2 x 4");
    fs_page_release(&data);
}

/* ---- which rows are read first ---- */

static void expect_row(const struct fs_results *results, const char *name, size_t row)
{
    for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
        if (strcmp(fs_difference_lines[line].name, name) == 0 &&
            fs_difference_row(results, &fs_difference_lines[line]) != row) {
            fail_msg("%s: found row %zu, expected %zu", name, fs_difference_row(results, &fs_difference_lines[line]),
                     row);
        }
    }
}

static struct fs_results table_of(size_t rows, const char *const texts[][FS_ROW_TEXTS])
{
    static const char *const names[] = {"a", "b"};
    struct fs_results results;
    struct fs_error err = FS_ERROR_INIT;
    expect(fs_results_create(2, names, &results, &err), &err);
    for (size_t i = 0; i < rows; i++) {
        assert_non_null(fs_results_add(&results, texts[i], &err));
    }
    return results;
}

static void lines_take_the_rows_of_their_side_and_category(void **state)
{
    (void)state;
    static const char *const one[][FS_ROW_TEXTS] = {
        {"biaske", "all", "all", "gap", "s"},
        {"biaske", "all", "edited", "gap", "s"},
        {"biaske", "all", "held_out", "gap", "s"},
        {"biaske", "gender", "all", "gap", "s"},
        {"biaske", "gender", "held_out", "gap", "s"},
        {"biaske", "gender", "edited", "gap", "s"},
        {"biaske", "gender", "validation", "ss.macro", "s"},
        {"other", "gender", "held_out", "ss.macro", "s"},
        {"crows_pairs", "all", "all", "crows", "s"},
        {"lambada", "none", "all", "accuracy", "s"},
        {"capability", "none", "all", "accuracy", "s"},
        {"crows_pairs", "gender", "stereo", "crows", "s"},
    };
    static const char *const two[][FS_ROW_TEXTS] = {
        {"biaske", "gender", "edited", "gap", "s"}, {"biaske", "race", "edited", "gap", "s"},
        {"biaske", "all", "edited", "gap", "s"},    {"biaske", "all", "all", "ps", "s"},
        {"biaske", "gender", "all", "ps", "s"},
    };
    static const char *const whole[][FS_ROW_TEXTS] = {{"biaske", "gender", "all", "gap", "s"}};
    struct fs_results results = table_of(sizeof one / sizeof *one, one);
    assert_string_equal(fs_main_category(&results), "gender");
    expect_row(&results, "gap_edited", 5);
    expect_row(&results, "gap_not_edited", 4);
    expect_row(&results, "ss_edited", SIZE_MAX);
    expect_row(&results, "ss_not_edited", 6); /* not another suite's, whose subset comes before */
    expect_row(&results, "crows", 8);         /* of all categories, as there is none of gender; not a direction's */
    expect_row(&results, "capability", 10);
    expect_row(&results, "rs", SIZE_MAX);
    fs_results_release(&results);
    results = table_of(sizeof two / sizeof *two, two);
    assert_string_equal(fs_main_category(&results), "all");
    expect_row(&results, "gap_edited", 2);
    expect_row(&results, "gap_not_edited", SIZE_MAX);
    expect_row(&results, "ps", 3);
    fs_results_release(&results);
    results = table_of(1, whole); /* without a split all pairs are the others */
    expect_row(&results, "gap_edited", SIZE_MAX);
    expect_row(&results, "gap_not_edited", 0);
    fs_results_release(&results);
}

/* ---- a sweep ---- */

static void write_cell(struct fs_archive *archive, struct fs_result_table *table, const char *id, const char *methods)
{
    char group[200];
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *job = NULL;
    snprintf(group, sizeof group, "/cells/%s/evaluate", id);
    put_suite(archive, group, methods, FACTS);
    put_crows(archive, group, methods);
    put_table(archive, group, methods, ROWS);
    put_settings(archive, group, SETTINGS);
    expect(fs_archive_open(write_job(methods, FACTS, SETTINGS), "evaluate", &job, &err), &err);
    expect(fs_result_table_add(table, job, "/results", id, "m", "all", &err), &err);
    fs_archive_close(job);
}

static const char *write_sweep(void)
{
    static const char *const id[] = {"m.all.1", "m.all.2", "m.all.3", "m.all.4"},
                             *const methods[] = {"abc", "ba", "b", "bc"}, *const model[] = {"m", "m", "m", "m"},
                             *const category[] = {"all", "all", "all", "all"};
    static char path[4096];
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_result_table table = {0};
    snprintf(path, sizeof path, "%s", scratch_path("archive.h5"));
    expect(fs_archive_create(path, FS_MERGED_FORMAT, "sweep", &archive, &err), &err);
    put_texts(archive, "/cells_index", "id", 4, id);
    put_texts(archive, "/cells_index", "model", 4, model);
    put_texts(archive, "/cells_index", "categories", 4, category);
    for (size_t i = 0; i < 4; i++) {
        write_cell(archive, &table, id[i], methods[i]);
    }
    expect(fs_result_table_write(&table, archive, &err), &err);
    expect(fs_archive_publish(archive, &err), &err);
    fs_result_table_release(&table);
    return path;
}

static char *printed_sweep(void (*print)(FILE *stream, const struct fs_survey_data *data),
                           const struct fs_survey_data *data)
{
    FILE *stream = text_begin();
    print(stream, data);
    return text_end(stream);
}

/* As the report of a sweep does it, cell by cell, with the differences of their pages. */
static struct fs_survey_data read_sweep(const char *path, const char *reference)
{
    struct fs_survey_data data;
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    expect(fs_survey_read(path, &data, &err), &err);
    data.against.reference = reference != NULL ? strdup(reference) : NULL;
    expect(fs_archive_open(path, FS_MERGED_FORMAT, &archive, &err), &err);
    for (size_t i = 0; i < data.cells; i++) {
        char group[200], table[216];
        struct fs_results results = {0};
        struct fs_differences differences = {0};
        snprintf(group, sizeof group, "/cells/%s/evaluate", data.cell[i].id);
        snprintf(table, sizeof table, "%s/results", group);
        expect(fs_evaluate_read(archive, table, &results, &err), &err);
        expect(fs_differences_read(archive, group, &results, reference, &differences, &err), &err);
        expect(fs_survey_count(archive, data.cell[i].id, &results, &differences, &data.against, &err), &err);
        fs_differences_release(&differences);
        fs_results_release(&results);
    }
    fs_archive_close(archive);
    return data;
}

static void cells_of_a_sweep_are_counted(void **state)
{
    (void)state;
    const char *path = write_sweep();
    struct fs_survey_data data = read_sweep(path, NULL);
    assert_true(fs_survey_has_against(&data, "a") && fs_survey_has_against(&data, "c"));
    assert_false(fs_survey_has_against(&data, "none"));
    assert_string_equal(data.against.reference, "a");
    assert_int_equal(data.against.cells, 2); /* the last two have b alone, and no a */
    assert_int_equal(data.against.without, 2);
    char *html = printed_sweep(fs_survey_html, &data), *csv = printed_sweep(fs_survey_differences_csv, &data),
         *markdown = printed_sweep(fs_survey_markdown, &data), *tex = printed_sweep(fs_survey_latex, &data);
    check_has(csv, "<b>,a,ds,more,-83.33");
    check_has(csv, ",2,2,0,2\r\n");
    check_has(csv, "c,a,ds,more,0,1,1,0,0\r\n");
    check_has(csv, "<b>,a,crows,less,-50,2,2,2,0\r\n"); /* at 50, from 100 */
    check_has(html, "<td class=\"left\">&lt;b&gt;</td><td>-50.00 <small>better 2, worse 0 of 2</small></td><td>-83.33 "
                    "<small>better 0, worse 2 of 2</small></td>");
    check_has(html, "2 cells have that method and another, 2 without are left out.");
    check_has(markdown, "| c | 0.00 (0 b, 0 w of 1) | 0.00 (0 b, 0 w of 1) |");
    check_has(tex, "\\begin{longtable}{lrrr}\n\\toprule\nless a & CrowS off 50 & DS & RS \\\\\n\\midrule\n\\endhead\n"
                   "$<$b$>$ & -50.00 (2 b, 0 w of 2) & -83.33 (0 b, 2 w of 2) & ");
    check_lines_of_latex(tex);
    free(html);
    free(csv);
    free(markdown);
    free(tex);
    fs_survey_data_release(&data);

    data = read_sweep(path, "<b>");
    assert_int_equal(data.against.cells, 3);
    csv = printed_sweep(fs_survey_differences_csv, &data);
    check_has(csv, "a,<b>,ds,more,83.33");
    check_has(csv, ",2,2,2,0\r\n");
    free(csv);
    fs_survey_data_release(&data);

    data = read_sweep(path, "none");
    assert_int_equal(data.against.cells, 0);
    html = printed_sweep(fs_survey_html, &data);
    assert_null(strstr(html, "Method against method"));
    free(html);
    fs_survey_data_release(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_of_three_methods),
        cmocka_unit_test(another_reference),
        cmocka_unit_test(one_method_has_none),
        cmocka_unit_test(a_file_without_its_settings),
        cmocka_unit_test(items_that_do_not_fit),
        cmocka_unit_test(lines_take_the_rows_of_their_side_and_category),
        cmocka_unit_test(cells_of_a_sweep_are_counted),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

/*
 * The front of the report page, from numbers made by hand: what is left, what was kept, which columns are beaten; the
 * picture is well-formed XML; nothing is said where a job has one edit, or the metrics are not measured.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../io/support.h"
#include "results/page/page.h"
#include "results/page/page_charts.h"
#include "results/page/page_front.h"

#define EDITS 3

static struct fs_page_data make_data(size_t edits)
{
    static const char *const names[EDITS] = {"stamp", "half", "<other>"};
    static const struct fs_page_column columns[1 + EDITS] = {
        {"", NAN}, {"stamp", 1}, {"stamp", 0.5}, {"checkpoint", 1}};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_page_data data = {.model = strdup("model")};
    check_success(fs_results_create(edits, names, &data.result, &err), &err);
    data.column = calloc(1 + edits, sizeof *data.column);
    assert_non_null(data.column);
    for (size_t c = 0; c <= edits; c++) {
        data.column[c] = (struct fs_page_column){strdup(columns[c].method), columns[c].strength};
    }
    return data;
}

static void add_row(struct fs_page_data *data, const char *suite, const char *subset, const char *metric,
                    const double value[1 + EDITS])
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_result_row *row = fs_results_add(
        &data->result, (const char *const[FS_ROW_TEXTS]){suite, "all", subset, metric, "object.mean"}, &err);
    assert_non_null(row);
    for (size_t c = 0; c < data->result.columns; c++) {
        row->value[c] = (struct fs_metric){value[c], NAN, NAN, 8, 0};
    }
}

static void add_rows(struct fs_page_data *data)
{
    add_row(data, "biaske", "edited", "gap", (const double[]){1, 0, 0, 0});
    add_row(data, "biaske", "held_out", "gap", (const double[]){0.5, 0.125, 0.25, 0.375});
    add_row(data, "biaske", "all", "ps", (const double[]){70, 55, 60, 48});
    add_row(data, "biaske_facts", "all", "ds", (const double[]){80, 78, 80.5, 81});
    add_row(data, "biaske_facts", "all", "rs.top1", (const double[]){100, 90, 96, 95});
}

/* The caller frees. */
static char *text_of(void (*print)(FILE *stream, const struct fs_page_data *data), const struct fs_page_data *data)
{
    FILE *stream = text_begin();
    print(stream, data);
    return text_end(stream);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void check_csv(const struct fs_page_data *data, const char *expected)
{
    char *csv = text_of(fs_page_front_csv, data);
    assert_string_equal(csv, expected);
    free(csv);
}

#define HEAD                                                                                                           \
    "column,method,strength,subset,gap_left,ps_distance,rs,ds_change,best_gap_rs,best_gap_ds,best_ps_rs,best_ps_"      \
    "ds\r\n"

/*
 * Gap against RS: (0.75, 95) is beaten by (0.5, 96). Gap against DS: (1, 0) by (0.5, +0.5). PS against RS: (5, 90) by
 * (2, 95). PS against DS: all by (2, +1).
 */
static void numbers_are_those_by_hand(void **state)
{
    (void)state;
    struct fs_page_data data = make_data(EDITS);
    add_rows(&data);
    check_csv(&data, HEAD "unedited,,,held_out,1,20,100,0,1,0,1,0\r\n"
                          "stamp,stamp,1,held_out,0.25,5,90,-2,1,1,0,0\r\n"
                          "half,stamp,0.5,held_out,0.5,10,96,0.5,1,1,1,0\r\n"
                          "<other>,checkpoint,1,held_out,0.75,2,95,1,0,1,1,1\r\n");
    char *markdown = text_of(fs_page_markdown, &data);
    assert_non_null(strstr(markdown, "\n| half | 0.500 | 10.00 | 96.00 | 0.50 | gap/RS, gap/DS, PS/RS |\n"));
    free(markdown);
    fs_page_release(&data);
}

/* Tags open and close in pairs, attributes are quoted, no bare < or & in texts. */
static void check_xml(const char *text)
{
    char open[16][16];
    size_t depth = 0;
    for (const char *at = text; *at != '\0'; at++) {
        assert_true(*at != '>');
        if (*at == '&') {
            assert_true(strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0);
        }
        if (*at != '<') {
            continue;
        }
        bool closes = at[1] == '/', quoted = false;
        const char *name = at + (closes ? 2 : 1), *end = name;
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        assert_true(length > 0 && length < 16);
        for (; *end != '\0' && (quoted || *end != '>'); end++) {
            quoted = quoted != (*end == '"');
            assert_true(*end != '<');
        }
        assert_true(*end == '>');
        if (closes) {
            assert_true(depth > 0);
            depth--;
            assert_true(strncmp(open[depth], name, length) == 0 && open[depth][length] == '\0');
        } else if (end[-1] != '/') {
            assert_true(depth < 16);
            (void)snprintf(open[depth++], 16, "%.*s", (int)length, name);
        }
        at = end;
    }
    assert_int_equal(depth, 0);
}

/* Four panels with a mark a column; hollow are 1, 1, 1 and 3 of them, 2 of these the unedited model's circle. */
static void the_picture_has_a_mark_a_column(void **state)
{
    (void)state;
    struct fs_page_data data = make_data(EDITS);
    add_rows(&data);
    char *svg = text_of(fs_chart_front, &data);
    check_xml(svg);
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf"));
    assert_int_equal(count_of(svg, "<circle"), 4 + 1 + 2); /* the legend's, and two that explain */
    assert_int_equal(count_of(svg, "<circle") - count_of(svg, "r=\"4.5\" fill=\"#"), 2 + 2); /* beaten: gap/DS, PS/DS */
    assert_int_equal(count_of(svg, "<rect"), 4 + 1);
    assert_int_equal(count_of(svg, "fill=\"none\" stroke=\"#"), 2 + 4);
    assert_int_equal(count_of(svg, "<polyline"), 4); /* the two strengths; the checkpoint has one */
    assert_int_equal(count_of(svg, ">3 &lt;other&gt;</text>"), 1);
    const char *points = strstr(svg, "points=\"") + strlen("points=\"");
    double x[3], y[3]; /* the unedited model, half, whole: each further to the left and below */
    assert_int_equal(sscanf(points, "%lf,%lf %lf,%lf %lf,%lf\"", &x[0], &y[0], &x[1], &y[1], &x[2], &y[2]), 6);
    assert_true(x[0] > x[1] && x[1] > x[2] && y[0] < y[1] && y[1] < y[2]);
    assert_true(fabs((x[0] - x[1]) / (x[0] - x[2]) - 0.4) < 0.01); /* RS 100, 96, 90; of a tenth of a unit */
    free(svg);
    fs_page_release(&data);
}

/* What is not measured has no panel and no number: RS alone, PS alone; validation pairs take held-out ones' place. */
static void what_is_not_measured_is_left_out(void **state)
{
    (void)state;
    struct fs_page_data data = make_data(2);
    add_row(&data, "biaske_facts", "all", "rs.top1", (const double[]){100, 90, NAN, 0});
    assert_false(fs_front_is_there(&data));
    add_row(&data, "known_facts", "all", "ds", (const double[]){50, 50, 49, 0});
    add_row(&data, "biaske", "validation", "gap", (const double[]){0.25, 0, 0.25, 0});
    assert_true(fs_front_is_there(&data));
    check_csv(&data, HEAD "unedited,,,validation,1,,100,0,1,0,,\r\n"
                          "stamp,stamp,1,validation,0,,90,0,1,1,,\r\n"
                          "half,stamp,0.5,validation,1,,,-1,,0,,\r\n");
    char *svg = text_of(fs_chart_front, &data);
    check_xml(svg);
    assert_non_null(strstr(svg, "validation gap"));
    assert_null(strstr(svg, "PS, distance"));
    assert_null(strstr(svg, "RS, %"));
    assert_null(strstr(svg, "nan"));
    free(svg);
    fs_page_release(&data);
}

/* A page without a front says nothing of it. */
static void one_edit_has_no_front(void **state)
{
    (void)state;
    for (size_t edits = 1; edits <= 2; edits++) {
        struct fs_page_data data = make_data(edits);
        add_rows(&data);
        char *html = text_of(fs_page_html, &data), *markdown = text_of(fs_page_markdown, &data);
        assert_int_equal(fs_front_is_there(&data), edits > 1);
        assert_int_equal(strstr(html, "Bias left against what was kept") != NULL, edits > 1);
        assert_int_equal(strstr(markdown, "Bias left against what was kept") != NULL, edits > 1);
        free(html);
        free(markdown);
        fs_page_release(&data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_by_hand),
        cmocka_unit_test(the_picture_has_a_mark_a_column),
        cmocka_unit_test(what_is_not_measured_is_left_out),
        cmocka_unit_test(one_edit_has_no_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The report page, from files that another program has written (tests/golden/archives/v2, with what that program exported):
 * the numbers of its tables, the columns, all texts escaped, nothing from elsewhere.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../io/support.h"
#include "results/page/page.h"
#include "results/page/page_data.h"

static const char *golden(const char *name)
{
    static char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/archives/v2/%s", source != NULL ? source : ".", name);
    return path;
}

static struct fs_page_data read_page(const char *name)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_page_data data;
    check_success(fs_page_read(golden(name), NULL, &data, &err), &err);
    return data;
}

typedef void write_page(FILE *stream, const struct fs_page_data *data);

/* The caller frees. */
static char *text_of(write_page *print, const struct fs_page_data *data)
{
    const char *path = scratch_path("page");
    FILE *stream = fopen(path, "w");
    size_t size;
    assert_non_null(stream);
    print(stream, data);
    assert_int_equal(fclose(stream), 0);
    unsigned char *bytes = slurp(path, &size);
    char *text = malloc(size + 1);
    assert_non_null(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    free(bytes);
    return text;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void texts_are_escaped(void **state)
{
    (void)state;
    FILE *stream = text_begin();
    fs_page_escape(stream, "<a href=\"x\">&amp; ü'</a>");
    char *text = text_end(stream);
    assert_null(strpbrk(text, "<>\""));
    assert_non_null(strstr(text, "&lt;a href="));
    assert_non_null(strstr(text, "&amp;amp; ü"));
    free(text);
}

/* Reads alone: all stages' files of a folder are one page. */
static void a_page_stands_alone(void **state)
{
    static const char *const folders[] = {"biaske/evaluate.h5", "stereoset/evaluate.h5"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fs_page_data data = read_page(folders[i]);
        char *html = text_of(fs_page_html, &data);
        assert_int_equal(strncasecmp(html, "<!DOCTYPE html>", 15), 0);
        assert_null(strstr(html, "<script"));
        assert_null(strstr(html, "src="));
        assert_null(strstr(html, "href=\"http"));
        assert_int_equal(count_of(html, "<svg"), count_of(html, "</svg>"));
        assert_int_equal(count_of(html, "<table"), count_of(html, "</table>"));
        assert_int_equal(count_of(html, "<tr>") + count_of(html, "<tr "), count_of(html, "</tr>"));
        assert_true(count_of(html, "<svg") >= (i == 0 ? 4 : 1)); /* the first folder has all stages */
        assert_non_null(strstr(html, "unedited"));
        assert_int_equal(strstr(html, "class=\"table wide\"") != NULL, data.result.columns > 2);
        free(html);
        fs_page_release(&data);
    }
}

/* Page and Markdown name the reasons of what is skipped below the tables, the CSV in each row. */
static void reasons_are_named(void **state)
{
    (void)state;
    struct fs_page_data data = read_page("stereoset/evaluate.h5");
    char *html = text_of(fs_page_html, &data), *markdown = text_of(fs_page_markdown, &data);
    assert_null(strstr(html, "Skipped: "));
    assert_null(strstr(markdown, "Skipped of"));
    free(html);
    free(markdown);
    struct fs_result_row *first = &data.result.row[0];
    first->skipped[FS_SKIP_EMPTY_TEXT] = 2;
    first->skipped[FS_SKIP_NO_FILL] = 1;
    html = text_of(fs_page_html, &data);
    markdown = text_of(fs_page_markdown, &data);
    char *csv = text_of(fs_page_results_csv, &data), line[256];
    assert_int_equal(count_of(html, "Skipped: 2 empty_text, 1 no_fill</p>"), 1);
    (void)snprintf(line, sizeof line, "\nSkipped of `%s`: 2 empty_text, 1 no_fill\n", first->suite);
    assert_int_equal(count_of(markdown, line), 1);
    assert_int_equal(count_of(csv, ",skip_reasons\r\n"), 1);
    assert_int_equal(count_of(csv, ",3,2 empty_text; 1 no_fill\r\n"), 1);
    free(html);
    free(markdown);
    free(csv);
    fs_page_release(&data);
}

/* Every line of the CSV has the numbers of its row, in the order of the columns that the first line names. */
static void the_csv_has_every_number(void **state)
{
    (void)state;
    struct fs_page_data data = read_page("stereoset/evaluate.h5");
    char *csv = text_of(fs_page_results_csv, &data), *rest = csv;
    const char *heading = strsep(&rest, "\n");
    assert_int_equal(
        strncmp(heading, "suite,category,subset,metric,scoring,ideal,unedited,unedited_low,unedited_high,stamp,",
                strlen("suite,category,subset,metric,scoring,ideal,unedited,unedited_low,unedited_high,stamp,")),
        0);
    size_t commas = count_of(heading, ","), rows = 0;
    for (char *line = strsep(&rest, "\n"); line != NULL && line[0] != '\0'; line = strsep(&rest, "\n"), rows++) {
        const struct fs_result_row *row = &data.result.row[rows];
        assert_int_equal(count_of(line, ","), commas);
        char *field = strsep(&line, ",");
        assert_string_equal(field, row->suite);
        assert_string_equal(strsep(&line, ","), row->category);
        assert_string_equal(strsep(&line, ","), row->subset);
        assert_string_equal(strsep(&line, ","), row->metric);
        assert_string_equal(strsep(&line, ","), row->scoring);
        (void)strsep(&line, ",");
        for (size_t column = 0; column < data.result.columns; column++) {
            const double expected[3] = {row->value[column].value, row->value[column].low, row->value[column].high};
            for (size_t k = 0; k < 3; k++) {
                const char *number = strsep(&line, ",");
                if (isfinite(expected[k])) {
                    assert_true(strtod(number, NULL) == expected[k]);
                } else {
                    assert_string_equal(number, "");
                }
            }
        }
    }
    assert_int_equal(rows, data.result.rows);
    assert_true(rows > 20);
    free(csv);
    fs_page_release(&data);
}

/* Pairs and terms: a line each, with a ratio and a score in each column. */
static void pairs_and_terms_have_a_line_each(void **state)
{
    (void)state;
    struct fs_page_data data = read_page("biaske/evaluate.h5");
    char *items = text_of(fs_page_items_csv, &data), *terms = text_of(fs_page_terms_csv, &data);
    char *markdown = text_of(fs_page_markdown, &data), *layers = text_of(fs_page_layers_csv, &data);
    assert_true(data.items > 0 && data.terms > 0 && data.layers.layers > 0);
    assert_int_equal(count_of(items, "\n"), 1 + data.items);
    assert_int_equal(count_of(terms, "\n"), 1 + data.terms);
    assert_true(count_of(layers, "\n") > data.layers.layers);
    assert_non_null(strstr(markdown, data.term[0].target));
    for (size_t i = 1; i < data.items; i++) { /* the most changed first */
        const double *before = data.item[i - 1].ratio, *own = data.item[i].ratio;
        assert_true(fabs(before[1] - before[0]) >= fabs(own[1] - own[0]));
    }
    free(items);
    free(terms);
    free(markdown);
    free(layers);
    fs_page_release(&data);
}

/* A stage's file alone, and what is no stage's file. */
static void other_files(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_page_data data;
    check_error(fs_page_read(golden("sweep/archive.h5"), NULL, &data, &err), &err, FS_EXIT_DATA, "archive.h5",
                "a stage's file");
    fs_page_release(&data);
    check_error(fs_page_read(golden("none.h5"), NULL, &data, &err), &err, FS_EXIT_NO_INPUT, "none.h5",
                "cannot be opened");
    fs_page_release(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(a_page_stands_alone),
        cmocka_unit_test(the_csv_has_every_number),
        cmocka_unit_test(reasons_are_named),
        cmocka_unit_test(pairs_and_terms_have_a_line_each),
        cmocka_unit_test(other_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

/* A table for people: widths, sides, numbers, texts in UTF-8. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../io/support.h"
#include "results/table.h"

/* What the table prints; frees the table and the text. */
static void expect(struct fs_table *table, const char *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    FILE *stream = text_begin();
    check_success(fs_table_print(table, stream, &err), &err);
    char *text = text_end(stream);
    assert_string_equal(text, expected);
    free(text);
    fs_table_destroy(table);
}

static struct fs_table *create(size_t columns, const char *const *names)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_table *table = NULL;
    check_success(fs_table_create(columns, names, &table, &err), &err);
    return table;
}

static void columns_are_as_wide_as_they_must(void **state)
{
    static const char *const names[] = {"<metric", ">value", "<note"};
    (void)state;
    struct fs_table *table = create(3, names);
    fs_table_cell(table, "%s", "gap");
    fs_table_number(table, 0.125, 2);
    fs_table_cell(table, "%s", "first");
    fs_table_cell(table, "%s of %zu", "accuracy", (size_t)12);
    fs_table_number(table, -1234.5, 2);
    fs_table_cell(table, "%s", "");
    expect(table, "metric             value  note\n"
                  "gap                 0.12  first\n"
                  "accuracy of 12  -1234.50  \n");
}

static void what_is_no_number_is_a_dash(void **state)
{
    static const char *const names[] = {">a", ">b", ">c"};
    (void)state;
    struct fs_table *table = create(3, names);
    fs_table_number(table, NAN, 2);
    fs_table_number(table, INFINITY, 0);
    fs_table_number(table, 1e10, 1);
    expect(table, "a  b              c\n"
                  "-  -  10000000000.0\n");
}

/* As wide as its characters, not its bytes. */
static void texts_are_utf8(void **state)
{
    static const char *const names[] = {"<name", ">n"};
    (void)state;
    struct fs_table *table = create(2, names);
    fs_table_cell(table, "%s", "Zoë");
    fs_table_cell(table, "%d", 1);
    fs_table_cell(table, "%s", "Annabel");
    fs_table_cell(table, "%d", 23);
    expect(table, "name      n\n"
                  "Zoë       1\n"
                  "Annabel  23\n");
}

static void long_texts_are_whole(void **state)
{
    static const char *const names[] = {"<name"};
    (void)state;
    char text[3000], expected[3100];
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        text[i] = (char)('a' + (char)(i % 26));
    }
    text[sizeof text - 1] = '\0';
    struct fs_table *table = create(1, names);
    fs_table_cell(table, "%s", text);
    (void)snprintf(expected, sizeof expected, "name\n%s\n", text);
    expect(table, expected);
}

static void without_a_row(void **state)
{
    static const char *const names[] = {"<name", ">n"};
    (void)state;
    expect(create(2, names), "name  n\n");
    fs_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_they_must),
        cmocka_unit_test(what_is_no_number_is_a_dash),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(long_texts_are_whole),
        cmocka_unit_test(without_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

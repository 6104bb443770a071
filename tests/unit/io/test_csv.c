/* CSV after the rules of RFC 4180, section 2, what breaks them, and tables as spreadsheets and pandas leave them. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/csv.h"

static struct fs_error err = FS_ERROR_INIT;

static const char *const names[] = {"aaa", "ccc", NULL};
static const struct fs_csv_format wanted = {.columns = names};
static const struct fs_csv_format tabs = {.columns = names, .plain_tabs = true};

static struct fs_csv *load_as(const struct fs_csv_format *format, const char *text)
{
    struct fs_csv *csv;
    check_success(fs_csv_load(scratch_write_text("file.csv", text), format, &csv, &err), &err);
    return csv;
}

static struct fs_csv *load(const char *text)
{
    return load_as(&wanted, text);
}

static void check_place(const struct fs_csv *csv, size_t row, const char *place)
{
    assert_string_equal(fs_csv_place(csv, row, (char[FS_CSV_PLACE]){0}), place);
}

/* That the text is the table aaa, bbb, ccc with the rows of `rows`, "x|y|z" each. */
static void check_table(const struct fs_csv_format *format, const char *text, const char *const *rows)
{
    struct fs_csv *csv = load_as(format, text);
    static const char *const columns[] = {"aaa", "bbb", "ccc"};
    size_t column[3], count = 0;
    for (size_t i = 0; i < 3; i++) {
        check_success(fs_csv_column(csv, columns[i], &column[i], &err), &err);
    }
    for (; rows[count] != NULL; count++) {
        char row[256];
        assert_true(count < fs_csv_rows(csv));
        snprintf(row, sizeof row, "%s|%s|%s", fs_csv_field(csv, count, column[0]), fs_csv_field(csv, count, column[1]),
                 fs_csv_field(csv, count, column[2]));
        assert_string_equal(row, rows[count]);
    }
    assert_int_equal(fs_csv_rows(csv), count);
    fs_csv_destroy(csv);
}

/* Rules 1, 2 and 3: lines end with CR LF, the last one may not. */
static void test_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {"aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", "aaa,bbb,ccc\r\nzzz,yyy,xxx",
                                        "aaa,bbb,ccc\nzzz,yyy,xxx\n",
                                        "\xef\xbb\xbf"
                                        "aaa,bbb,ccc\nzzz,yyy,xxx",
                                        "aaa,bbb,ccc\r\r\nzzz,yyy,xxx\r\r\n\r\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fs_csv *csv = load(texts[i]);
        size_t column = 99;
        assert_int_equal(fs_csv_rows(csv), 1);
        check_place(csv, 0, "line 2");
        check_success(fs_csv_column(csv, "ccc", &column, &err), &err);
        assert_int_equal(column, 2);
        check_success(fs_csv_column(csv, "aaa", &column, &err), &err);
        assert_int_equal(column, 0);
        assert_string_equal(fs_csv_field(csv, 0, 0), "zzz");
        assert_string_equal(fs_csv_field(csv, 0, 2), "xxx");
        fs_csv_destroy(csv);
    }
    fs_csv_destroy(NULL);
}

/* Rules 4 to 7: spaces are part of a field; quotes hide commas, line ends and doubled quotes. */
static void test_quotes(void **state)
{
    (void)state;
    struct fs_csv *csv =
        load(",a,b\r\n\"1\",\"b \r\nbb\", c \r\n2,\"b\"\"bb\",\"x,y\"\r\n3,\"\",\r\n\"\"\"\",\"\"\"q\"\"\",\xc3\xa9");
    assert_int_equal(fs_csv_rows(csv), 4);
    assert_string_equal(fs_csv_field(csv, 0, 0), "1");
    assert_string_equal(fs_csv_field(csv, 0, 1), "b \r\nbb");
    assert_string_equal(fs_csv_field(csv, 0, 2), " c ");
    assert_string_equal(fs_csv_field(csv, 1, 1), "b\"bb");
    assert_string_equal(fs_csv_field(csv, 1, 2), "x,y");
    assert_string_equal(fs_csv_field(csv, 2, 1), "");
    assert_string_equal(fs_csv_field(csv, 2, 2), "");
    assert_string_equal(fs_csv_field(csv, 3, 0), "\"");
    assert_string_equal(fs_csv_field(csv, 3, 1), "\"q\"");
    assert_string_equal(fs_csv_field(csv, 3, 2), "\xc3\xa9");
    check_place(csv, 0, "line 2");
    check_place(csv, 1, "line 4");
    check_place(csv, 3, "line 6");
    size_t column;
    check_error(fs_csv_column(csv, "c", &column, &err), &err, FS_EXIT_DATA, "file.csv", "no column \"c\"");
    fs_csv_destroy(csv);
    csv = load("only\n\nx\n");
    assert_int_equal(fs_csv_rows(csv), 2);
    assert_string_equal(fs_csv_field(csv, 0, 0), "");
    fs_csv_destroy(csv);
}

/* Other separators, blank lines, and what spreadsheets leave at the end, with the same fields. */
static void test_kinds(void **state)
{
    (void)state;
    static const char *const rows[] = {"1|b, b;b|3", "4|\"q\"|", NULL};
    static const char *const texts[] = {
        "aaa,bbb,ccc\n1,\"b, b;b\",3\n4,\"\"\"q\"\"\",\n",
        "aaa;bbb;ccc\r\n1;\"b, b;b\";3\r\n4;\"\"\"q\"\"\";\r\n",
        "aaa\tbbb\tccc\n1\tb, b;b\t3\n4\t\"\"\"q\"\"\"\t\n",
        "\"aaa\";\"bbb\";\"ccc\"\n\"1\";\"b, b;b\";\"3\"\n\"4\";\"\"\"q\"\"\";\"\"",
        "sep=;\r\naaa;bbb;ccc\r\n1;\"b, b;b\";3\r\n4;\"\"\"q\"\"\";\r\n",
        "aaa,bbb,ccc\n\n1,\"b, b;b\",3\n  \n4,\"\"\"q\"\"\",\n\n\n",
        "aaa;bbb;ccc;;\n1;\"b, b;b\";3;;\n4;\"\"\"q\"\"\";;;\n;;;;\n;;;;\n",
        "\naaa,bbb,ccc,a;b;c\n1,\"b, b;b\",3,\n4,\"\"\"q\"\"\",,\n",
        "\n {\"aaa\": 1, \"bbb\": \"b, b;b\", \"ccc\": \"3\"}\n{\"ccc\": null, \"bbb\": \"\\\"q\\\"\", \"aaa\": 4}\n",
        "{\"aaa\": [1, \"4\"], \"ccc\": [3, \"\"], \"bbb\": [\"b, b;b\", \"\\\"q\\\"\"]}",
    };
    static const char *const all[] = {"aaa", "bbb", "ccc", NULL};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_table(&(struct fs_csv_format){.columns = all}, texts[i], rows);
    }
    struct fs_csv *csv = load("sep=;\n\naaa;ccc\n1;2\n\n3;4\n");
    check_place(csv, 0, "line 4");
    check_place(csv, 1, "line 6");
    fs_csv_destroy(csv);
    csv = load("{\"aaa\": 1, \"ccc\": 2}\n\n{\"aaa\": 0.5, \"ccc\": -1}");
    check_place(csv, 1, "line 3");
    assert_string_equal(fs_csv_field(csv, 1, 0), "0.5");
    assert_string_equal(fs_csv_field(csv, 1, 1), "-1");
    fs_csv_replace(csv, 1, 1, "other");
    assert_string_equal(fs_csv_field(csv, 1, 1), "other");
    fs_csv_destroy(csv);
    csv = load("[{\"aaa\": 1, \"ccc\": 2},\n {\"aaa\": 3, \"ccc\": 4}]");
    check_place(csv, 1, "record [1]");
    fs_csv_destroy(csv);
}

/* Linguists' tables do not quote; where their header stands with another separator, it is csv. */
static void test_plain_tabs(void **state)
{
    (void)state;
    static const char *const plain[] = {"\"1\"|b\"b|3", NULL}, *const quoted[] = {"1|b\tb|3", NULL};
    static const char *const all[] = {"aaa", "bbb", "ccc", NULL};
    const struct fs_csv_format format = {.columns = all, .plain_tabs = true};
    check_table(&format, "aaa\tbbb\tccc\n\"1\"\tb\"b\t3\n", plain);
    check_table(&format, "aaa,bbb,ccc\n\"1\",b\tb,3\n", quoted);
    check_table(&format, "aaa;bbb;ccc\n\"1\";b\tb;3\n", quoted);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "is empty"},
        {"\xef\xbb\xbf", "is empty"},
        {"a,b\n1\n", "line 2: found 1 fields, expected 2"},
        {"a,b\n1,2\n1,2,3\n", "line 3: found 3 fields, expected 2"},
        {"a,b\n1,2\n\n3\n", "line 4: found 1 fields"},
        {"aaa;ccc\n1;2;3\n", "line 2: found 3 fields, expected 2 as in the header; a field with a semicolon needs"},
        {"aaa\tccc\n1\n", "line 2: found 1 fields, expected 2 as in the header; a field with a tab needs"},
        {"[{\"aaa\": 1, \"ccc\": [2]}]", "[0].ccc: found an array, expected text or a number"},
        {"{\"aaa\": 1}", "line 1: found the keys aaa, and no \"ccc\""},
        {"{\"x\": 1}", "found the keys x, expected a record with \"aaa\" or \"ccc\""},
        {"a,b\n\"x\ny\",2\n3\n", "line 4: found 1 fields"},
        {"a,b\n1,\"2\n3,4\n", "line 2: found a field whose opening quote"},
        {"a,b\n1,\"", "line 2: found a field whose opening quote"},
        {"a,b\n1,\"2\"x\n", "after a closing quote"},
        {"a,b\n1,2\"\n", "quote inside an unquoted field"},
        {"a,b\r1,2\n", "carriage return"},
        {"a,b,a\n1,2,3\n", "column \"a\" occurs twice"},
        {"a,b\n1,\xff\n", "byte 6: found a byte that is not UTF-8"},
    };
    struct fs_csv *csv;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int result = fs_csv_load(scratch_write_text("bad.csv", cases[i].text), &wanted, &csv, &err);
        check_error(result, &err, FS_EXIT_DATA, "bad.csv", cases[i].says);
        assert_null(csv);
    }
    check_error(fs_csv_load(scratch_write("nul.csv", "a,b\n1,\0\n", 8), &wanted, &csv, &err), &err, FS_EXIT_DATA,
                "nul.csv", "byte 6: found a NUL");
    check_error(fs_csv_load(scratch_path("none.csv"), &wanted, &csv, &err), &err, FS_EXIT_NO_INPUT, "none.csv",
                "No such file");
}

/* Bad rows are kept where they are asked for, with the fields that they have. */
static void test_bad_rows(void **state)
{
    (void)state;
    const struct fs_csv_format format = {.columns = names, .keep_bad_rows = true};
    static const struct {
        const char *text, *says; /* of the second of three rows; NULL: the file is refused */
        const char *refused;
    } cases[] = {
        {"aaa,ccc\n1,2\n3\n5,6\n", "line 3: found 1 fields, expected 2 as in the header; a field with a comma", NULL},
        {"aaa;ccc\n1;2\n3;a;b;c\n5;6\n", "line 3: found 4 fields, expected 2", NULL},
        {"aaa,ccc\n1,2\n3,\"4\",\n5,6\n", "line 3: found 3 fields", NULL},
        {"{\"aaa\": 1, \"ccc\": 2}\n{\"aaa\": 3}\n{\"aaa\": 5, \"ccc\": 6}\n",
         "line 2: found the keys aaa, and no \"ccc\"", NULL},
        {"{\"aaa\": [1, [3], 5], \"ccc\": [2, 4, 6]}", "[1].aaa: found an array, expected text or a number", NULL},
        {"aaa,ccc\n1,2\n3,\"4\n5\",6,\"\"\n7,8\n", NULL, "line 3: found 4 fields over several lines, expected 2"},
        {"aaa,ccc\n1,2\n3", NULL, "line 3: found 1 fields, and the file's end, expected 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_csv *csv;
        const char *path = scratch_write_text("rows.csv", cases[i].text);
        if (cases[i].refused != NULL) {
            check_error(fs_csv_load(path, &format, &csv, &err), &err, FS_EXIT_DATA, "rows.csv", cases[i].refused);
            continue;
        }
        check_success(fs_csv_load(path, &format, &csv, &err), &err);
        assert_int_equal(fs_csv_rows(csv), 3);
        assert_int_equal(fs_csv_check_row(csv, 0, &err), 0);
        assert_int_equal(fs_csv_check_row(csv, 2, &err), 0);
        check_error(fs_csv_check_row(csv, 1, &err), &err, FS_EXIT_DATA, "rows.csv", cases[i].says);
        assert_string_equal(fs_csv_field(csv, 2, 0), "5");
        assert_string_equal(fs_csv_field(csv, 2, 1), "6");
        assert_non_null(fs_csv_field(csv, 1, 1));
        fs_csv_destroy(csv);
        err = (struct fs_error)FS_ERROR_INIT;
    }
}

/* No cut of a table and no byte changed into any other does worse than an error; 1 MB of line ends is read. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const texts[] = {"sep=;\r\naaa;\"b\"\"\";ccc\n1;\"x\ny\";\xc3\xa9\n\n;;\n",
                                        "[{\"aaa\": 1, \"ccc\": null}, {\"aaa\": \"x\", \"ccc\": 2e3}]"};
    struct fs_csv *csv;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[128];
        size_t length = strlen(texts[i]);
        memcpy(text, texts[i], length);
        for (size_t at = 0; at <= length; at++) {
            if (fs_csv_load(scratch_write("cut.csv", text, at), &wanted, &csv, &err) == 0) {
                fs_csv_destroy(csv);
            }
            for (size_t k = 0; k < 8 && at < length; k++) {
                static const char bytes[] = {'\0', '\n', '\r', '"', ';', ',', '\xff', '{'};
                char original = text[at];
                text[at] = bytes[k];
                if (fs_csv_load(scratch_write("flip.csv", text, length), &tabs, &csv, &err) == 0) {
                    fs_csv_destroy(csv);
                }
                text[at] = original;
            }
        }
    }
    size_t size = 1 << 20;
    char *large = malloc(size);
    assert_non_null(large);
    for (size_t i = 0; i < 3; i++) { /* in a table of one column, in one of two, in a header */
        memset(large, i == 2 ? ';' : '\n', size);
        memcpy(large, i == 0 ? "aaa" : "aaa;ccc", i == 0 ? 3 : 7);
        large[size - 1] = 'x';
        int result = fs_csv_load(scratch_write("large.csv", large, size), &wanted, &csv, &err);
        assert_int_equal(result, i == 1 ? -1 : 0);
        fs_csv_destroy(csv);
    }
    free(large);
    err = (struct fs_error)FS_ERROR_INIT;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_quotes),  cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_plain_tabs), cmocka_unit_test(test_refused), cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

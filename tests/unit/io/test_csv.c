/* CSV after the rules of RFC 4180, section 2, and what breaks them. */
#include "support.h"

#include <string.h>

#include "io/formats/csv.h"

static struct fs_error err = FS_ERROR_INIT;

static struct fs_csv *load(const char *text)
{
    struct fs_csv *csv;
    check_success(fs_csv_load(scratch_write_text("file.csv", text), &csv, &err), &err);
    return csv;
}

/* Rules 1, 2 and 3: lines end with CR LF, the last one may not. */
static void test_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {"aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", "aaa,bbb,ccc\r\nzzz,yyy,xxx",
                                        "aaa,bbb,ccc\nzzz,yyy,xxx\n",
                                        "\xef\xbb\xbf"
                                        "aaa,bbb,ccc\nzzz,yyy,xxx"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fs_csv *csv = load(texts[i]);
        size_t column = 99;
        assert_int_equal(fs_csv_rows(csv), 1);
        assert_int_equal(fs_csv_line(csv, 0), 2);
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
    assert_int_equal(fs_csv_line(csv, 0), 2);
    assert_int_equal(fs_csv_line(csv, 1), 4);
    assert_int_equal(fs_csv_line(csv, 3), 6);
    size_t column;
    check_error(fs_csv_column(csv, "c", &column, &err), &err, FS_EXIT_DATA, "file.csv", "no column \"c\"");
    fs_csv_destroy(csv);
    csv = load("only\n\nx\n");
    assert_int_equal(fs_csv_rows(csv), 2);
    assert_string_equal(fs_csv_field(csv, 0, 0), "");
    fs_csv_destroy(csv);
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
        {"a,b\n1,2\n\n", "line 3: found 1 fields"},
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
        int result = fs_csv_load(scratch_write_text("bad.csv", cases[i].text), &csv, &err);
        check_error(result, &err, FS_EXIT_DATA, "bad.csv", cases[i].says);
        assert_null(csv);
    }
    check_error(fs_csv_load(scratch_write("nul.csv", "a,b\n1,\0\n", 8), &csv, &err), &err, FS_EXIT_DATA, "nul.csv",
                "byte 6: found a NUL");
    check_error(fs_csv_load(scratch_path("none.csv"), &csv, &err), &err, FS_EXIT_NO_INPUT, "none.csv", "No such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

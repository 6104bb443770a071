/* Records in JSON: the same records from each layout that is read, and what is no such layout. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/records.h"

static struct fs_error err = FS_ERROR_INIT;
static const char *const keys[] = {"id", "text", NULL};
static const struct fs_record_kind kind = {keys, "a list of names"};

static int load(const char *text, struct fs_records *records)
{
    return fs_records_load(scratch_write_text("r.json", text), &kind, records, &err);
}

/* As DataFrame.to_json, json.dump and Dataset.to_json write {"id": [1, 2], "text": ["x", "y"], "more": [[], null]}. */
static void test_layouts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *second; /* place of the second record */
    } cases[] = {
        {"{\"id\": 1, \"text\": \"x\", \"more\": []}\n{\"id\": 2, \"text\": \"y\", \"more\": null}\n", "line 2:"},
        {"\n{\"id\": 1, \"text\": \"x\", \"more\": []}\r\n\r\n{\"text\": \"y\", \"id\": 2}", "line 4:"},
        {"[{\"id\": 1, \"text\": \"x\", \"more\": []},\n {\"id\": 2, \"text\": \"y\", \"more\": null}]", "[1]"},
        {"{\"id\": [1, 2], \"text\": [\"x\", \"y\"], \"more\": [[], null]}", "[1]"},
        {"{\"id\": {\"0\": 1, \"1\": 2}, \"text\": {\"0\": \"x\", \"1\": \"y\"}, \"more\": {\"0\": [], \"1\": null}}",
         "[1]"},
        {"{\"columns\":[\"id\",\"text\",\"more\"],\"index\":[0,1],\"data\":[[1,\"x\",[]],[2,\"y\",null]]}", "[1]"},
        {"{\"schema\": {\"fields\": []}, \"data\": [{\"index\": 0, \"id\": 1, \"text\": \"x\", \"more\": []}, "
         "{\"index\": 1, \"id\": 2, \"text\": \"y\", \"more\": null}]}",
         "[1]"},
        {"{\"7\": {\"id\": 1, \"text\": \"x\", \"more\": []}, \"9\": {\"id\": 2, \"text\": \"y\", \"more\": null}}",
         "[1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_records records;
        char place[FS_RECORD_PLACE];
        check_success(load(cases[i].text, &records), &err);
        assert_int_equal(records.count, 2);
        const cJSON *record = records.list->child;
        for (int k = 0; k < 2; k++, record = record->next) {
            assert_int_equal(cJSON_GetObjectItemCaseSensitive(record, "id")->valueint, k + 1);
            assert_string_equal(cJSON_GetObjectItemCaseSensitive(record, "text")->valuestring, k == 0 ? "x" : "y");
        }
        assert_null(record);
        assert_true(cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(records.list->child, "more")));
        assert_string_equal(fs_records_place(&records, 1, place), cases[i].second);
        fs_records_release(&records);
        fs_records_release(&records);
    }
}

static void test_single(void **state)
{
    (void)state;
    struct fs_records records;
    check_success(load("{\"id\": 1, \"text\": \"x\"}\n", &records), &err);
    assert_int_equal(records.count, 1);
    fs_records_release(&records);
    check_success(load("[]", &records), &err);
    assert_int_equal(records.count, 0);
    fs_records_release(&records);
    check_success(load("{\"id\": [], \"text\": []}", &records), &err);
    assert_int_equal(records.count, 0);
    fs_records_release(&records);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "is empty, expected records"},
        {"7", "found a number, expected a record with \"id\" or \"text\": JSON lines, an array of records, or columns; "
              "or a list of names"},
        {"{}", "found an empty object"},
        {"{\"columns\": [\"id\"], \"data\": [[1], [2, 3]]}", "data[1]: found another number, expected an array of 1"},
        {"{\"columns\": [\"id\"], \"data\": [[1], 7]}", "data[1]: found a number, expected an array of 1"},
        {"{\"columns\": [\"id\", \"a\", \"id\"], \"data\": [[1, 2, 3]]}", "columns: found \"id\" 2 times"},
        {"{\"columns\": [\"a\"], \"data\": [[1]]}", "[0] found the keys a, expected a record with"},
        {"{\"columns\": [1], \"data\": [[1]]}", "found the keys columns, data, expected a record with"},
        {"{\"schema\": {}, \"data\": {\"id\": 1}}", "found the keys schema, data"},
        {"[[1, \"x\"], [2, \"y\"]]", "[0] found an array, expected a record"},
        {"[{\"id\": 1}, 7]", "[1] found a number"},
        {"{\"id\": 1}\n{\"a\": 1, \"b\": 2}\n", "line 2: found the keys a, b, expected a record with"},
        {"{\"id\": 1}\n[{\"id\": 2}]\n", "line 2: found an array"},
        {"{\"id\": [1, 2], \"text\": [\"x\"]}", "column \"text\": found 1 values, expected 2 as in \"id\""},
        {"{\"id\": [1], \"text\": [\"x\", \"y\"]}", "column \"text\": found 2 values, expected 1"},
        {"{\"id\": {\"0\": 1, \"1\": 2}, \"text\": {\"0\": \"x\"}}", "column \"text\": found 1 values, expected 2"},
        {"{\"id\": {\"0\": 1, \"1\": 2}, \"text\": {\"0\": \"x\", \"2\": \"y\"}}",
         "column \"text\": found row \"2\", expected \"1\" as in column \"id\""},
        {"{\"id\": 1, \"id\": 2}", "key \"id\" occurs twice"},
        {"{\"id\": 1}\n{\"id\": ", "line 2, column 8: found the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_records records;
        check_error(load(cases[i][0], &records), &err, FS_EXIT_DATA, "r.json", cases[i][1]);
        assert_null(records.document);
    }
}

/* Long keys, many keys, and keys of control bytes make an error of one line. */
static void test_keys_in_errors(void **state)
{
    (void)state;
    struct fs_records records;
    char text[8192] = "{";
    for (size_t i = 0; i < 60; i++) {
        char key[96];
        snprintf(key, sizeof key, "%s\"\\u001b%079zu\": 1", i == 0 ? "" : ",", i);
        strcat(text, key);
    }
    strcat(text, "}");
    check_error(load(text, &records), &err, FS_EXIT_DATA, "r.json: found the keys \\x1b000", "expected a record");
}

/* A line of 20,000 rows by column, and one of 10 MB in a value, whole and cut. */
static void test_large(void **state)
{
    (void)state;
    size_t rows = 20000, room = 10 << 20, used = 0;
    char *text = malloc(room);
    assert_non_null(text);
    struct fs_records records;
    used += (size_t)sprintf(text, "{\"id\": [");
    for (size_t i = 0; i < rows; i++) {
        used += (size_t)sprintf(text + used, "%s%zu", i == 0 ? "" : ",", i);
    }
    used += (size_t)sprintf(text + used, "], \"text\": [");
    for (size_t i = 0; i < rows; i++) {
        used += (size_t)sprintf(text + used, "%s\"x%zu\"", i == 0 ? "" : ",", i);
    }
    used += (size_t)sprintf(text + used, "]}");
    check_success(load(text, &records), &err);
    assert_int_equal(records.count, rows);
    fs_records_release(&records);
    text[used - 1] = '\0';
    check_error(load(text, &records), &err, FS_EXIT_DATA, "line 1, column", "expected a comma or a closing brace");
    memset(text, 'x', room - 1);
    memcpy(text, "{\"id\": \"", 8);
    strcpy(text + room - 3, "\"}");
    check_success(load(text, &records), &err);
    assert_int_equal(records.count, 1);
    fs_records_release(&records);
    memset(text, '[', 200);
    text[200] = '\0';
    check_error(load(text, &records), &err, FS_EXIT_DATA, "r.json", "nested deeper than 64");
    free(text);
}

/* No cut of a file and no byte changed does worse than an error. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"id\": 1, \"text\": \"x\"}\n{\"id\": 2, \"text\": null}",
        "{\"id\": [1, 2], \"text\": [\"x\", {\"a\": [3]}]}",
        "{\"id\": {\"0\": 1, \"1\": 2}, \"text\": {\"0\": \"x\", \"1\": \"y\"}}",
        "{\"7\": {\"id\": 1, \"text\": \"x\"}, \"9\": {\"id\": 2}}",
        "{\"columns\": [\"id\", \"text\"], \"index\": [0], \"data\": [[1, \"x\"]]}",
        "{\"schema\": {}, \"data\": [{\"id\": 1}, {\"id\": 2}]}",
    };
    static const char bytes[] = "\"{}[]:,\\ 0n\n\x01\xff";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[128];
        struct fs_records records;
        struct fs_json_document *document;
        size_t length = strlen(texts[i]);
        memcpy(text, texts[i], length);
        for (size_t at = 0; at <= length; at++) {
            for (size_t k = 0; k < sizeof bytes; k++) { /* the last one: the text cut there */
                char original = text[at];
                bool cut = bytes[k] == '\0';
                text[at] = bytes[k];
                if (fs_json_parse_values("r", text, cut ? at : length, &document, &err) == 0 &&
                    fs_records_take(document, &kind, &records, &err) == 0) {
                    fs_records_release(&records);
                }
                text[at] = original;
            }
        }
    }
    err = (struct fs_error)FS_ERROR_INIT;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),        cmocka_unit_test(test_single), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_keys_in_errors), cmocka_unit_test(test_large),  cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

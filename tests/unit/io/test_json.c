/* What is taken as JSON, what is refused, and what the getters say. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"

static struct fs_error err = FS_ERROR_INIT;

static struct fs_json_document *parse(const char *text)
{
    struct fs_json_document *document;
    check_success(fs_json_parse("file.json", text, strlen(text), &document, &err), &err);
    return document;
}

static void test_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        " true\n",
        "[]",
        "{}",
        "\"\"",
        "-0.0e-1",
        "[1, [2, {\"a\": 3}]]",
        "\"\\ud83d\\ude00\"",
        "\xef\xbb\xbf{}",
        "\"\\u00e9\"",
        "[1e308, 1E+2]",
        "{\"a\": 1, \"A\": 2}",
        "\"\xf0\x9f\x98\x80\"",
        "123456789012345678901234567890",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fs_json_destroy(parse(texts[i]));
    }
    struct fs_json_document *document = parse("\"\\u00e9\\ud83d\\ude00\\n\"");
    assert_string_equal(fs_json_root(document)->valuestring, "\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_string_equal(fs_json_name(document), "file.json");
    fs_json_destroy(document);
    fs_json_destroy(NULL);
}

/* A string with NUL keeps its bytes; what only looks like one, and bytes that are no UTF-8, stay what they are. */
static void test_nul(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\u0000b\": \"\\u0000\", \"c\": \"\\\\u0000\", \"d\": \"\\\\\\u0000\"}";
    struct fs_json_document *document;
    char *bytes;
    size_t length;
    check_success(fs_json_load_with_nul(scratch_write_text("nul.json", text), &document, &err), &err);
    const cJSON *item = fs_json_root(document)->child;
    check_success(fs_json_bytes(item->string, &bytes, &length, &err), &err);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 3);
    free(bytes);
    assert_string_equal(item->valuestring, FS_JSON_NUL);
    assert_string_equal(item->next->valuestring, "\\u0000");
    assert_string_equal(item->next->next->valuestring, "\\" FS_JSON_NUL);
    fs_json_destroy(document);
    static const char *const refused[] = {"[\"\\u0000\", \"\xc0\x80\"]", "[\"\\u0000\"",
                                          "{\"\\u0000\": 1, \"\\u0000\": 2}", "[\"\\u000\\u0000\"]"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        check_error(fs_json_load_with_nul(scratch_write_text("nul.json", refused[i]), &document, &err), &err,
                    FS_EXIT_DATA, "nul.json", "");
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "end of the file"},
        {"{\"a\": 1", "comma or a closing brace"},
        {"[1, 2", "comma or a closing bracket"},
        {"[1,]", "no JSON value"},
        {"{\"a\": 1,}", "key in double quotes"},
        {"{\"a\" 1}", "colon"},
        {"{'a': 1}", "key in double quotes"},
        {"[1] 2", "after the end"},
        {"{}{}", "column 3: found a second value, as in JSON lines; expected one value"},
        {"[1]\n[2]\n", "line 2, column 1: found a second value"},
        {"\"abc", "inside a string"},
        {"\"a\nb\"", "control character"},
        {"\"\\x41\"", "unknown escape"},
        {"\"\\", "unknown escape"},
        {"\"\\u12g4\"", "four hexadecimal digits"},
        {"\"\\u0000\"", "NUL"},
        {"\"\\ud800\"", "lone high surrogate"},
        {"\"\\ud800\\u0041\"", "lone high surrogate"},
        {"\"\\ud800x\"", "lone high surrogate"},
        {"\"\\udc00\"", "lone low surrogate"},
        {"\"\x80\"", "not UTF-8"},
        {"\"\xc0\x80\"", "not UTF-8"},
        {"\"\xed\xa0\x80\"", "not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "not UTF-8"},
        {"\"\xe2\x82\"", "not UTF-8"},
        {"01", "malformed number"},
        {"-", "malformed number"},
        {"1.", "malformed number"},
        {"1e", "malformed number"},
        {"+1", "no JSON value"},
        {"NaN", "column 1: found NaN, expected a number"},
        {"[Infinity]", "column 2: [0]: found Infinity, expected a number"},
        {"{\"a\": 1,\n \"b\": [{\"c\": 2}, {\"d\": -Infinity}]}", "line 2, column 24: b[1].d: found -Infinity"},
        {"[[1, nan]]", "[0][1]: found nan"},
        {"{\"loss\": -inf}", "loss: found -inf"},
        {"1e999", "beyond the range"},
        {"nul", "no JSON value"},
        {"1111111111111111111111111111111111111111111111111111111111111111", "63 characters"},
        {"{\"a\": 1, \"b\": {\"c\": 1, \"d\": 2, \"c\": 3}}", "key \"c\" occurs twice"},
        {"{\"a\": 1, \"\\u0061\": 2}", "key \"a\" occurs twice"},
        {"[[], [{\"x\": 0, \"x\": 0}]]", "key \"x\" occurs twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_json_document *document;
        int result = fs_json_parse("file.json", cases[i].text, strlen(cases[i].text), &document, &err);
        check_error(result, &err, FS_EXIT_DATA, "file.json", cases[i].says);
        assert_null(document);
    }
    struct fs_json_document *document;
    check_error(fs_json_parse("file.json", "[1,\0 2]", 7, &document, &err), &err, FS_EXIT_DATA, "line 1, column 4",
                "no JSON value");
    check_error(fs_json_parse("file.json", "[\n1,\n\n  x]", 10, &document, &err), &err, FS_EXIT_DATA,
                "line 4, column 3", "JSON");
    check_error(fs_json_parse("file.json", "", ((size_t)1 << 30) + 1, &document, &err), &err, FS_EXIT_DATA, "file.json",
                "at most 1073741824");
    check_error(fs_json_load(scratch_path("none.json"), &document, &err), &err, FS_EXIT_NO_INPUT, "none.json",
                "No such file");
}

static void test_depth(void **state)
{
    (void)state;
    struct fs_json_document *document;
    char text[130] = "";
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    check_success(fs_json_parse("deep.json", text, 128, &document, &err), &err);
    fs_json_destroy(document);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    check_error(fs_json_parse("deep.json", text, 130, &document, &err), &err, FS_EXIT_DATA, "deep.json",
                "deeper than 64");
    size_t size = 1000000;
    char *brackets = malloc(size);
    assert_non_null(brackets);
    memset(brackets, '[', size);
    check_error(fs_json_parse("deep.json", brackets, size, &document, &err), &err, FS_EXIT_DATA, "deep.json",
                "deeper than 64");
    free(brackets);
}

/* Several values in a file, as JSON lines, and on which lines they begin. */
static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count, lines[3];
    } cases[] = {
        {"", 0, {0}},
        {" \n\n", 0, {0}},
        {"{\"a\": 1}\n{\"a\": 2}\r\n\n[3]\n", 3, {1, 2, 4}},
        {"\xef\xbb\xbf\n{\"a\":\n1}{\"a\": 2} 7", 3, {2, 3, 3}},
        {"[\n{\"a\": 1}]", 1, {1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_json_document *document;
        check_success(fs_json_parse_values("f.jsonl", cases[i].text, strlen(cases[i].text), &document, &err), &err);
        assert_int_equal(cJSON_GetArraySize(fs_json_root(document)), cases[i].count);
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_int_equal(fs_json_line(document, k), cases[i].lines[k]);
        }
        fs_json_destroy(document);
    }
    static const char *const refused[][2] = {{"{\"a\": 1}\n{\"a\": ", "line 2, column 7: found the end of the file"},
                                             {"{\"a\": 1},\n{\"a\": 2}", "line 1, column 9"},
                                             {"{}\n{\"a\": 1, \"a\": 2}", "key \"a\" occurs twice"},
                                             {"[1]\n[NaN]", "line 2, column 2: [0]: found NaN"}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct fs_json_document *document;
        check_error(fs_json_parse_values("f.jsonl", refused[i][0], strlen(refused[i][0]), &document, &err), &err,
                    FS_EXIT_DATA, "f.jsonl", refused[i][1]);
        assert_null(document);
    }
}

/* A duplicate among 200,000 keys, as in a vocabulary, is found in well under the test's time limit. */
static void test_vocabulary(void **state)
{
    (void)state;
    size_t count = 200000;
    char *text = malloc(count * 24);
    assert_non_null(text);
    size_t used = 1;
    text[0] = '{';
    for (size_t i = 0; i < count; i++) {
        used += (size_t)sprintf(text + used, "%s\"token%zu\": %zu", i == 0 ? "" : ",", i, i);
    }
    text[used] = '}';
    struct fs_json_document *document;
    check_success(fs_json_parse("vocab.json", text, used + 1, &document, &err), &err);
    fs_json_destroy(document);
    used += (size_t)sprintf(text + used, ",\"token77\":1}");
    check_error(fs_json_parse("vocab.json", text, used, &document, &err), &err, FS_EXIT_DATA, "vocab.json",
                "\"token77\" occurs twice");
    free(text);
}

static void test_getters(void **state)
{
    (void)state;
    struct fs_json_document *document = parse("{\"o\": {\"n\": 7}, \"a\": [1], \"s\": \"text\", \"x\": 1.5, \"b\": "
                                              "true, \"z\": null, \"big\": 9007199254740993,"
                                              " \"e\": 1e3, \"neg\": -1, \"O\": 1}");
    const cJSON *root = fs_json_root(document);
    const cJSON *value;
    const char *text = "default";
    size_t size = 3;
    double number = 0.5;
    bool flag = false;
    check_success(fs_json_object(document, root, "", "o", &value, &err), &err);
    check_success(fs_json_size(document, value, "o", "n", (struct fs_size_range){1, 7}, &size, &err), &err);
    assert_int_equal(size, 7);
    check_error(fs_json_size(document, value, "o", "n", (struct fs_size_range){1, 6}, &size, &err), &err, FS_EXIT_DATA,
                "file.json: o.n", "found 7, expected an integer from 1 to 6");
    check_error(fs_json_size(document, value, "o", "m", (struct fs_size_range){1, 6}, &size, &err), &err, FS_EXIT_DATA,
                "file.json: o.m", "found nothing");
    check_success(fs_json_array(document, root, "", "a", &value, &err), &err);
    check_error(fs_json_array(document, root, "", "o", &value, &err), &err, FS_EXIT_DATA, "file.json: o",
                "found an object, expected an array");
    check_error(fs_json_object(document, root, "", "O", &value, &err), &err, FS_EXIT_DATA, "file.json: O",
                "found a number, expected an object");
    check_success(fs_json_text_optional(document, root, "", "absent", &text, &err), &err);
    check_success(fs_json_text_optional(document, root, "", "z", &text, &err), &err);
    assert_string_equal(text, "default");
    check_success(fs_json_text(document, root, "", "s", &text, &err), &err);
    assert_string_equal(text, "text");
    check_error(fs_json_text(document, root, "", "z", &text, &err), &err, FS_EXIT_DATA, "file.json: z",
                "expected a string");
    check_error(fs_json_text_optional(document, root, "", "a", &text, &err), &err, FS_EXIT_DATA, "file.json: a",
                "found an array");
    check_success(fs_json_size(document, root, "", "e", (struct fs_size_range){0, 1000}, &size, &err), &err);
    assert_int_equal(size, 1000);
    size = 3;
    check_success(fs_json_size_optional(document, root, "", "absent", (struct fs_size_range){0, 9}, &size, &err), &err);
    assert_int_equal(size, 3);
    check_error(fs_json_size(document, root, "", "x", (struct fs_size_range){0, 9}, &size, &err), &err, FS_EXIT_DATA,
                "file.json: x", "found 1.5");
    check_error(fs_json_size(document, root, "", "neg", (struct fs_size_range){0, 9}, &size, &err), &err, FS_EXIT_DATA,
                "file.json: neg", "found -1");
    check_error(fs_json_size(document, root, "", "big", (struct fs_size_range){0, SIZE_MAX}, &size, &err), &err,
                FS_EXIT_DATA, "file.json: big", "integer");
    check_success(fs_json_number_optional(document, root, "", "absent", (struct fs_number_range){0, 1}, &number, &err),
                  &err);
    assert_true(number == 0.5);
    check_success(fs_json_number_optional(document, root, "", "x", (struct fs_number_range){0, 2}, &number, &err),
                  &err);
    assert_true(number == 1.5);
    check_error(fs_json_number_optional(document, root, "", "x", (struct fs_number_range){0, 1}, &number, &err), &err,
                FS_EXIT_DATA, "file.json: x", "a number from 0 to 1");
    check_error(fs_json_number_optional(document, root, "", "s", (struct fs_number_range){0, 1}, &number, &err), &err,
                FS_EXIT_DATA, "file.json: s", "found a string");
    check_success(fs_json_bool_optional(document, root, "", "b", &flag, &err), &err);
    assert_true(flag);
    check_error(fs_json_bool_optional(document, root, "", "x", &flag, &err), &err, FS_EXIT_DATA, "file.json: x",
                "true or false");
    fs_json_destroy(document);
}

static void test_unknown_keys(void **state)
{
    (void)state;
    static const char *const known[] = {"prompt", "subjects", "object", NULL};
    struct fs_json_document *document = parse("{\"prompt\": 1, \"subject\": 2}");
    check_error(fs_json_refuse_unknown(document, fs_json_root(document), "pairs[3]", known, &err), &err, FS_EXIT_DATA,
                "file.json: pairs[3].subject", "nearest known one is \"subjects\"");
    fs_json_destroy(document);
    document = parse("{\"object\": 1, \"prompt\": 2}");
    check_success(fs_json_refuse_unknown(document, fs_json_root(document), "", known, &err), &err);
    fs_json_destroy(document);
    assert_string_equal(fs_nearest_name("promt", known), "prompt");
    assert_string_equal(fs_near_name("promt", known), "prompt");
    assert_null(fs_near_name("zebra", known)); /* a suggestion that helps nobody */
}

/* Which members of the root were asked for, there or not, null or of the wrong type; not those of objects in it. */
static void test_asked(void **state)
{
    (void)state;
    bool asked[5] = {false}, flag = false;
    struct fs_json_document *document =
        parse("{\"a\": null, \"b\": {\"e\": true}, \"c\": \"x\", \"d\": 1, \"e\": false}");
    const cJSON *root = fs_json_root(document);
    assert_int_equal(fs_json_members(document), 5);
    assert_true(cJSON_IsNumber(fs_json_member(document, root, "d"))); /* before anybody notes it */
    fs_json_note_asked(document, asked);
    assert_true(cJSON_IsNull(fs_json_member(document, root, "a")));
    assert_null(fs_json_member(document, root, "z"));
    check_success(fs_json_bool_optional(document, fs_json_member(document, root, "b"), "b", "e", &flag, &err), &err);
    assert_int_equal(fs_json_bool_optional(document, root, "", "c", &flag, &err), -1);
    assert_true(flag && asked[0] && asked[1] && asked[2] && !asked[3] && !asked[4]);
    fs_json_note_asked(document, NULL);
    check_success(fs_json_bool_optional(document, root, "", "e", &flag, &err), &err);
    assert_true(!flag && !asked[4]);
    assert_null(fs_json_member(document, fs_json_member(document, root, "d"), "a")); /* no object */
    fs_json_destroy(document);
    document = parse("[1, 2]");
    assert_null(fs_json_member(document, fs_json_root(document), "a"));
    fs_json_destroy(document);
}

/* Every cut of a valid text is an error, and no byte changed into any other crashes. */
static void test_damage(void **state)
{
    (void)state;
    char text[] = "{\"a\\u00e9\": [1.5e3, true, null, {\"b\": \"\\ud83d\\ude00 \xc3\xa9\"}]}";
    size_t length = strlen(text);
    struct fs_json_document *document;
    for (size_t cut = 0; cut < length; cut++) {
        check_error(fs_json_parse("cut.json", text, cut, &document, &err), &err, FS_EXIT_DATA, "cut.json", "line 1");
    }
    for (size_t i = 0; i < length; i++) {
        char original = text[i];
        for (int byte = 0; byte < 256; byte++) {
            text[i] = (char)byte;
            if (fs_json_parse("flip.json", text, length, &document, &err) == 0) {
                fs_json_destroy(document);
            } else {
                check_error(-1, &err, FS_EXIT_DATA, "flip.json", "");
            }
        }
        text[i] = original;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),      cmocka_unit_test(test_refused), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_vocabulary), cmocka_unit_test(test_getters), cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_values),  cmocka_unit_test(test_asked),
        cmocka_unit_test(test_nul),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

/* UTF-8 against the Unicode standard's own examples; arrays that grow. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"

/* Unicode 15, tables 3-8 to 3-11: the maximal subparts of ill-formed sequences. */
static void test_maximal_subparts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t subpart[12]; /* 0 ends; a well-formed character counts 10 and its length */
    } cases[] = {
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", {1, 1, 1, 1, 1, 1, 1, 1, 11}},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", {1, 1, 1, 1, 1, 1, 1, 1, 11}},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", {1, 1, 1, 1, 1, 11, 1, 1, 11}},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", {2, 1, 3, 2, 11}},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", {12, 13, 14}},
        {"a\xE2\x82", {11, 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned char *text = (const unsigned char *)cases[i].text;
        size_t length = strlen(cases[i].text), first = length;
        for (size_t at = 0, k = 0; at < length; k++) {
            size_t bad = 0, size = fs_utf8_character(text + at, length - at, &bad);
            assert_int_equal(size != 0 ? 10 + size : bad, cases[i].subpart[k]);
            first = size == 0 && at < first ? at : first;
            at += size != 0 ? size : bad;
        }
        assert_int_equal(fs_utf8_invalid(text, length), first);
        assert_true(fs_utf8_is_text(text, length) == (first == length) && !fs_utf8_is_text(text, length + 1));
    }
}

static void test_code_points(void **state)
{
    (void)state;
    static const struct {
        uint32_t character;
        const char *bytes;
    } cases[] = {{0x4D, "\x4D"}, {0x430, "\xD0\xB0"}, {0x4E8C, "\xE4\xBA\x8C"}, {0x10302, "\xF0\x90\x8C\x82"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) { /* Unicode 15, table 3-4 */
        unsigned char bytes[4];
        uint32_t character = 0;
        size_t length = strlen(cases[i].bytes);
        assert_int_equal(fs_utf8_encode(cases[i].character, bytes), length);
        assert_memory_equal(bytes, cases[i].bytes, length);
        assert_int_equal(fs_utf8_decode(bytes, &character), length);
        assert_int_equal(character, cases[i].character);
    }
}

static void test_grow(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    int *array = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t before = capacity;
        check_success(fs_grow(&array, &capacity, i + 1, sizeof *array, "a test", &err), &err);
        assert_true(capacity > i);
        assert_int_equal(array[i], 0);
        array[i] = (int)i + 1;
        moves += capacity != before;
    }
    assert_true(moves < 30); /* 16 x 1.5^22 > 100000 */
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(array[i], (int)i + 1);
    }
    int *kept = array;
    size_t room = capacity;
    assert_int_equal(fs_grow(&array, &capacity, SIZE_MAX / 2, sizeof *array, "a test", &err), -1);
    assert_int_equal(err.code, FS_EXIT_OS);
    assert_ptr_equal(array, kept);
    assert_int_equal(capacity, room);
    free(array);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"ab", "cd", "ef"};
    char text[16] = "x", small[6];
    fs_error_add_name(text, sizeof text, 0, 1, names[0]);
    assert_string_equal(text, "ab");
    for (size_t i = 0; i < 3; i++) {
        fs_error_add_name(text, sizeof text, i, 3, names[i]);
        fs_error_add_name(small, sizeof small, i, 3, names[i]);
    }
    assert_string_equal(text, "ab, cd or ef");
    assert_string_equal(small, "ab, c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maximal_subparts),
        cmocka_unit_test(test_code_points),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

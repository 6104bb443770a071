/* GGUF made by hand, byte by byte, every way to break it, and the quantised types against numpy's numbers. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/formats/gguf.h"
#include "io/formats/quantised.h"
#include "io/formats/tensor_store.h"
#include "tests/unit/gguf_bytes.h"

static struct fs_error err = FS_ERROR_INIT;
static struct bytes file;

static const char *write_file(size_t size)
{
    return scratch_write("m.gguf", file.data, size);
}

/* Keys of every kind and two tensors, the second from offset 64. */
static void make_good(uint32_t version)
{
    put_head(&file, version, 2, 9);
    put_key(&file, "text", 8);
    put_string(&file, "gr\xC3\xBC\xC3\x9F"
                      "e");
    put_key(&file, "sizes", 9);
    put_number(&file, 3, 4); /* I16 */
    put_number(&file, 2, 8);
    put_number(&file, 7, 2);
    put_number(&file, 7, 2);
    put_key(&file, "words", 9);
    put_number(&file, 8, 4);
    put_number(&file, 3, 8);
    put_string(&file, "a");
    put_string(&file, "");
    put_string(&file, "bc");
    put_key(&file, "single", 6);
    put_number(&file, 0x3FC00000, 4); /* 1.5 */
    put_key(&file, "double", 12);
    put_number(&file, 0xC004000000000000u, 8); /* -2.5 */
    put_key(&file, "yes", 7);
    put_number(&file, 1, 1);
    put_key(&file, "below", 5);
    put_number(&file, 0xFFFFFFFF, 4);
    put_key(&file, "wide", 10);
    put_number(&file, (uint64_t)1 << 40, 8);
    put_u32(&file, "general.alignment", 64);
    put_tensor(&file, "one", 1, 3, 0, 0);
    put_tensor(&file, "two", 2, 32, 2, 64);
    put_padding(&file, 64);
    put_number(&file, 0x3F800000, 4);
    put_number(&file, 0, 8);
    put_padding(&file, 64);
    put_number(&file, 0, 36);
}

static void test_by_hand(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        struct fs_gguf gguf = {0};
        const char *text = "none";
        size_t size = 5, length;
        double number = 0.0;
        bool yes = false;
        const struct fs_gguf_value *array = NULL;
        make_good(version);
        const char *path = write_file(file.size);
        check_success(fs_gguf_open(path, &gguf, &err), &err);
        check_success(fs_gguf_text(&gguf, "missing", &text, &err), &err);
        assert_string_equal(text, "none");
        check_success(fs_gguf_text(&gguf, "text", &text, &err), &err);
        assert_string_equal(text, "gr\xC3\xBC\xC3\x9F"
                                  "e");
        check_success(fs_gguf_size(&gguf, "missing", &size, &err), &err);
        assert_int_equal(size, 5);
        check_success(fs_gguf_size(&gguf, "sizes", &size, &err), &err);
        assert_int_equal(size, 7);
        check_success(fs_gguf_size(&gguf, "wide", &size, &err), &err);
        assert_true(size == (size_t)1 << 40);
        check_success(fs_gguf_number(&gguf, "single", &number, &err), &err);
        assert_true(number == 1.5);
        check_success(fs_gguf_number(&gguf, "double", &number, &err), &err);
        assert_true(number == -2.5);
        check_success(fs_gguf_bool(&gguf, "yes", &yes, &err), &err);
        assert_true(yes);
        check_success(fs_gguf_array(&gguf, "words", FS_GGUF_TEXT, &array, &err), &err);
        assert_int_equal(array->count, 3);
        const unsigned char *at = array->data;
        assert_memory_equal(fs_gguf_next_text(&at, &length), "a", 1);
        fs_gguf_next_text(&at, &length);
        assert_int_equal(length, 0);
        assert_memory_equal(fs_gguf_next_text(&at, &length), "bc", 2);
        check_error(fs_gguf_size(&gguf, "below", &size, &err), &err, FS_EXIT_DATA, path, "below: found a negative");
        check_error(fs_gguf_size(&gguf, "words", &size, &err), &err, FS_EXIT_DATA, path, "words: found an array");
        check_error(fs_gguf_number(&gguf, "wide", &number, &err), &err, FS_EXIT_DATA, path, "wide: found an integer");
        check_error(fs_gguf_text(&gguf, "sizes", &text, &err), &err, FS_EXIT_DATA, path, "sizes: found an array");
        check_error(fs_gguf_bool(&gguf, "text", &yes, &err), &err, FS_EXIT_DATA, path, "text: found a text");
        check_error(fs_gguf_array(&gguf, "sizes", FS_GGUF_TEXT, &array, &err), &err, FS_EXIT_DATA, path, "sizes");
        const struct fs_tensor *tensor = fs_gguf_find_tensor(&gguf, "two");
        assert_non_null(tensor);
        assert_int_equal(tensor->shape[0], 2);
        assert_int_equal(tensor->shape[1], 32);
        assert_int_equal(fs_tensor_bytes(tensor), 36);
        assert_int_equal(tensor->dtype, FS_Q4_0);
        assert_true(tensor->data == fs_gguf_find_tensor(&gguf, "one")->data + 64);
        assert_null(fs_gguf_find_tensor(&gguf, "three"));
        fs_gguf_close(&gguf);
    }
}

/* Opening as a store fails with these texts; so does opening the metadata where `both`. */
static void refuse(size_t size, bool both, const char *text)
{
    struct fs_tensor_store *store;
    struct fs_gguf gguf = {0};
    const char *path = write_file(size);
    if (both) {
        check_error(fs_gguf_open(path, &gguf, &err), &err, FS_EXIT_DATA, path, text);
        fs_gguf_close(&gguf);
    }
    if (size >= 4 && memcmp(file.data, "GGUF", 4) == 0) {
        check_error(fs_tensor_store_open(path, &store, &err), &err, FS_EXIT_DATA, path, text);
    }
}

/* A file of one key, whose bytes after kind and name are `value`. */
static void refuse_value(const char *key, uint32_t kind, const void *value, size_t size, const char *text)
{
    put_head(&file, 3, 0, 1);
    put_key(&file, key, kind);
    for (size_t i = 0; i < size; i++) {
        put_number(&file, ((const unsigned char *)value)[i], 1);
    }
    put_number(&file, 0, 64);
    refuse(file.size, true, text);
}

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        uint32_t version;
        uint64_t tensors, keys;
        const char *text;
    } heads[] = {
        {1, 0, 0, "another version of GGUF"},          {4, 0, 0, "another version of GGUF"},
        {0x3000000, 0, 0, "a big-endian GGUF file"},   {3, 0, UINT64_MAX, "18446744073709551615 keys"},
        {3, UINT64_MAX / 32, 0, "tensors and 0 keys"}, {3, 0, 1, "which cannot hold them"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        put_head(&file, heads[i].version, heads[i].tensors, heads[i].keys);
        refuse(file.size, true, heads[i].text);
    }
    file.size = 0;
    refuse(0, true, "does not begin with");
    put_head(&file, 3, 0, 0);
    refuse(3, true, "does not begin with");
    refuse(6, true, "ends within its head");
    refuse(20, true, "ends within its head");
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    memcpy(file.data, pointer, sizeof pointer - 1);
    refuse(sizeof pointer - 1, true, "Git LFS");
}

static void test_values(void **state)
{
    (void)state;
    static const unsigned char nested[12] = {9}, many[12] = {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20}, two[1] = {2};
    static const unsigned char texts[20] = {8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, strange[12] = {13};
    static const unsigned char bools[15] = {7, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9};
    static const unsigned char seven[4] = {7}, none[4] = {0},
                               long_text[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    refuse_value("k", 13, none, 4, "k: found a value of kind 13");
    refuse_value("k", 9, nested, sizeof nested, "k: found a value of kind 9, expected an array of numbers or texts");
    refuse_value("k", 9, strange, sizeof strange, "k: found a value of kind 13");
    refuse_value("k", 9, many, sizeof many, "2305843009213693952 values of 4 bytes");
    refuse_value("k", 9, texts, sizeof texts, "k: found a length of 65535");
    refuse_value("k", 9, bools, sizeof bools, "k: found a truth value of 9");
    refuse_value("k", 7, two, sizeof two, "k: found a truth value of 2");
    refuse_value("k", 8, long_text, sizeof long_text, "k: found a length of 18446744073709551615");
    refuse_value("", 4, none, 4, "a key: expected 1 to 65535 bytes");
    refuse_value("k\xFF", 4, none, 4, "a key: expected 1 to 65535 bytes");
    refuse_value("general.alignment", 4, seven, 4, "general.alignment");
    refuse_value("general.alignment", 4, none, 4, "general.alignment");
    refuse_value("general.alignment", 6, none, 4, "general.alignment: found a number, expected an integer");
    put_head(&file, 3, 0, 1); /* a NUL in a key */
    put_number(&file, 3, 8);
    put_number(&file, 'a' | 'b' << 16, 3);
    put_number(&file, 0, 64);
    refuse(file.size, true, "a key: expected");
    put_head(&file, 3, 0, 2);
    put_u32(&file, "k", 1);
    put_u32(&file, "k", 1);
    refuse(file.size, true, "k: the key is there twice");
    put_head(&file, 3, 0, 2); /* the second key ends with the file */
    put_u32(&file, "k", 1);
    put_string(&file, "another");
    refuse(file.size, true, "ends within another");
}

static void test_tensors(void **state)
{
    (void)state;
    const uint64_t huge = (uint64_t)1 << 40;
    const struct {
        uint64_t rows, columns, type, offset;
        const char *text;
    } tensors[] = {
        {1, 0, 0, 0, "found a size of 0"},
        {1, UINT64_MAX, 0, 0, "found a size of 18446744073709551615"},
        {huge, huge, 0, 0, "multiply to less than 2^64"},
        {huge, (uint64_t)1 << 22, 28, 0, "do not end within"}, /* bytes beyond 2^64 */
        {1, 8, 99, 0, "found type unknown (99)"},
        {1, 256, 16, 0, "found type IQ2_XXS (16), which is not read, expected F32, F16, Q4_0"},
        {1, 33, 8, 0, "rows of 33 numbers, expected a multiple of 32, the block of Q8_0"},
        {1, 128, 12, 0, "expected a multiple of 256, the block of Q4_K"},
        {1, 8, 0, 32, "found offset 32, expected 0"},
        {1, 8, 0, UINT64_MAX, "found offset 18446744073709551615"},
        {1, 64, 0, 0, "do not end within the file"},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        put_head(&file, 3, 1, 0);
        put_tensor(&file, "t", tensors[i].rows, tensors[i].columns, (uint32_t)tensors[i].type, tensors[i].offset);
        put_padding(&file, 32);
        put_number(&file, 0, 32);
        refuse(file.size, true, tensors[i].text);
    }
    for (uint64_t dimensions = 0; dimensions < 6; dimensions += 5) {
        put_head(&file, 3, 1, 0);
        put_string(&file, "t");
        put_number(&file, dimensions, 4);
        put_number(&file, 0, 64);
        refuse(file.size, true, dimensions == 0 ? "found 0 dimensions" : "found 5 dimensions");
    }
    for (int i = 0; i < 3; i++) { /* over each other, with a hole between, of one name */
        put_head(&file, 3, 2, 0);
        put_tensor(&file, "t", 1, 8, 0, 0);
        put_tensor(&file, i < 2 ? "u" : "t", 1, 8, 0, i == 0 ? 0 : i == 1 ? 64 : 32);
        put_padding(&file, 32);
        put_number(&file, 0, 96);
        refuse(file.size - (i < 2 ? 0 : 32), i < 2, i < 2 ? "u: found offset" : "t: is also in");
    }
    make_good(3);
    put_padding(&file, 64);
    struct fs_gguf gguf = {0};
    check_success(fs_gguf_open(write_file(file.size), &gguf, &err), &err);
    fs_gguf_close(&gguf);
    put_number(&file, 0, 1);
    refuse(file.size, true, "after the last tensor");
}

/* A file that ends early is refused wherever it ends; any other byte anywhere harms nobody. */
static void test_cut_and_changed(void **state)
{
    (void)state;
    make_good(3);
    size_t whole = file.size;
    for (size_t size = 0; size < whole; size++) {
        refuse(size, true, "");
    }
    for (size_t at = 0; at < whole; at++) {
        for (int flip = 0x80; flip < 256; flip += 0x7F) { /* a bit, all bits */
            struct fs_gguf gguf = {0};
            file.data[at] = (unsigned char)(file.data[at] ^ flip);
            (void)fs_gguf_open(write_file(whole), &gguf, &err);
            fs_gguf_close(&gguf);
            file.data[at] = (unsigned char)(file.data[at] ^ flip);
        }
    }
    err = (struct fs_error)FS_ERROR_INIT;
}

static char *golden(const char *name, size_t *size)
{
    char path[4200];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/gguf/%s", source != NULL ? source : ".", name);
    return (char *)slurp(path, size);
}

static void check_digest(const float *numbers, size_t count, const char *digest)
{
    char hex[FS_DIGEST_SIZE];
    fs_digest_bytes(numbers, count * sizeof *numbers, hex);
    assert_string_equal(hex, digest);
}

/* Every float16 below 2^16, the numbers halfway between two, and their neighbours, with both signs. */
static void check_rounding(const char *digest)
{
    enum { HALVES = 0x7C00, MIDDLES = HALVES - 1 };
    size_t count = HALVES + 3 * MIDDLES;
    float *number = malloc(2 * count * sizeof *number);
    assert_non_null(number);
    for (unsigned i = 0; i < HALVES; i++) {
        number[i] = fs_from_half((uint16_t)i);
    }
    for (unsigned i = 0; i < MIDDLES; i++) {
        float middle = (number[i] + number[i + 1]) / 2.0f;
        number[HALVES + i] = middle;
        number[HALVES + MIDDLES + i] = nextafterf(middle, 0.0f);
        number[HALVES + 2 * MIDDLES + i] = nextafterf(middle, INFINITY);
    }
    for (size_t i = 0; i < count; i++) {
        number[count + i] = fs_round_to_half(-number[i]);
        number[i] = fs_round_to_half(number[i]);
    }
    check_digest(number, 2 * count, digest);
    assert_true(isnan(fs_round_to_half(NAN)) && isinf(fs_from_half(0xFC00)) && isnan(fs_from_half(0x7E00)));
    free(number);
}

static void test_types(void **state)
{
    (void)state;
    enum { BLOCKS = 8 };
    size_t size, length, at = 0, types = 0;
    char *blocks = golden("blocks.bin", &size), *lines = golden("blocks.txt", &length), *rest = lines;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        char name[16], exact[FS_DIGEST_SIZE], rounded[FS_DIGEST_SIZE];
        float number[BLOCKS * FS_BLOCK_MOST];
        if (sscanf(line, "rounding %64s", exact) == 1) {
            check_rounding(exact);
            continue;
        }
        assert_int_equal(sscanf(line, "%15s %64s %64s", name, exact, rounded), 3);
        enum fs_dtype dtype = FS_Q4_0;
        while (dtype < FS_DTYPES && strcmp(fs_dtype_name(dtype), name) != 0) {
            dtype++;
        }
        assert_true(dtype < FS_DTYPES);
        size_t block = fs_dtype_block(dtype);
        for (size_t i = 0; i < BLOCKS; i++, at += fs_dtype_size(dtype)) {
            assert_true(at + fs_dtype_size(dtype) <= size);
            fs_dtype_dequantise(dtype, (const unsigned char *)blocks + at, number + i * block);
        }
        check_digest(number, BLOCKS * block, exact);
        for (size_t i = 0; i < BLOCKS * block; i++) {
            number[i] = fs_round_to_half(number[i]);
        }
        check_digest(number, BLOCKS * block, rounded);
        types++;
    }
    assert_int_equal(at, size);
    assert_int_equal(types, FS_DTYPES - FS_Q4_0);
    free(blocks);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_heads),           cmocka_unit_test(test_values),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_cut_and_changed), cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

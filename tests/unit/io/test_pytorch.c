/* pytorch_model.bin: archives made by hand, every way to break them, and what torch.save wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pytorch_support.h"

static struct fs_error err = FS_ERROR_INIT;

enum record { LOCAL, CENTRAL, END, END64, LOCATOR };

/* A number of a record of part 0 or of the end, changed; `also`: in the local header too. */
static const struct {
    int options;
    enum record record;
    size_t offset, size;
    uint64_t value;
    const char *says;
} changes[] = {
    {0, CENTRAL, 10, 2, 8, "says other things than the directory"}, /* compressed, the local header does not know */
    {0, CENTRAL, 8, 2, 0x0801, "is encrypted"},
    {0, CENTRAL, 8, 2, 0x0840, "is encrypted"},
    {0, CENTRAL, 8, 2, 0x2800, "is encrypted"},
    {0, CENTRAL, 8, 2, 0x0820, "has flags"},
    {0, CENTRAL, 34, 2, 1, "has flags of an archive in several parts"},
    {0, CENTRAL, 16, 4, 1, "is followed by bytes that belong to no entry"},
    {0, LOCAL, 28, 2, 0, "is followed by bytes that belong to no entry"},
    {0, CENTRAL, 20, 4, 7, "its two sizes differ"},
    {0, CENTRAL, 24, 4, 0x7fffffff, "its two sizes differ"},
    {0, CENTRAL, 28, 2, 9, "says other things"},
    {0, CENTRAL, 28, 2, 0, "its name is empty"},
    {0, CENTRAL, 28, 2, 0xffff, "is cut short"},
    {0, CENTRAL, 30, 2, 1, "its extra field is cut short"},
    {0, CENTRAL, 30, 2, 0xffff, "is cut short"},
    {0, CENTRAL, 32, 2, 0xffff, "is cut short"},
    {0, CENTRAL, 42, 4, 1, "the directory gives a place"},
    {0, CENTRAL, 42, 4, 0x7fffffff, "the directory gives a place"},
    {0, CENTRAL, 42, 4, 0xffffffff, "in a field of zip64 that is not there"},
    {0, CENTRAL, 0, 4, 0, "found no entry of the zip archive's directory"},
    {0, CENTRAL, 47, 1, '\\', "leads outside the archive"},
    {0, CENTRAL, 48, 1, 0, "holds a NUL"},
    {0, CENTRAL, 48, 1, 0xff, "is not UTF-8"},
    {0, CENTRAL, 48, 1, '/', "leads outside the archive"},
    {0, LOCAL, 6, 2, 0x0800, "says other things than the directory"},
    {0, LOCAL, 8, 2, 8, "says other things than the directory"},
    {0, LOCAL, 18, 4, 5, "says other things than the directory"},
    {0, LOCAL, 22, 4, 5, "says other things than the directory"},
    {0, LOCAL, 26, 2, 9, "says other things than the directory"},
    {0, LOCAL, 28, 2, 0xffff, "says other things than the directory"},
    {0, LOCAL, 28, 2, 300, "overlaps another entry"},
    {0, LOCAL, 31, 1, 'x', "says other things than the directory"},
    {0, END, 0, 1, 0, "found no directory at the end"},
    {0, END, 4, 2, 1, "several parts"},
    {0, END, 8, 2, 3, "several parts"},
    {0, END, 10, 2, 3, "several parts"},
    {0, END, 12, 4, 1, "found a directory of 6 entries in 1 bytes"},
    {0, END, 12, 4, 0xffffffff, "found a directory"},
    {0, END, 16, 4, 1, "expected it to end at byte"},
    {0, END, 16, 4, 0xffffffff, "expected it to end at byte"},
    {0, END, 20, 2, 1, "found 0 bytes behind the directory"},
    {ZIP_64, END64, 4, 8, 45, "a locator of zip64"},
    {ZIP_64, END64, 4, 8, UINT64_MAX, "a locator of zip64"},
    {ZIP_64, END64, 16, 4, 1, "disagree"},
    {ZIP_64, END64, 24, 8, 7, "disagree"},
    {ZIP_64, END64, 40, 8, UINT64_MAX, "found a directory of 6 entries"},
    {ZIP_64, END64, 48, 8, UINT64_MAX, "found a directory of 6 entries"},
    {ZIP_64, END64, 48, 8, 0, "found a directory of 6 entries"},
    {ZIP_64, END, 10, 2, 6, "several parts"},
    {ZIP_64, END, 12, 4, 7, "disagree"},
    {ZIP_64, END, 16, 4, 7, "disagree"},
    {ZIP_64, LOCATOR, 0, 4, 0, "found a directory of 65535 entries"},
    {ZIP_64, LOCATOR, 4, 4, 1, "a locator of zip64"},
    {ZIP_64, LOCATOR, 8, 8, 0, "a locator of zip64 that leads to byte 0"},
    {ZIP_64, LOCATOR, 8, 8, UINT64_MAX, "a locator of zip64"},
    {ZIP_64, LOCATOR, 16, 4, 2, "a locator of zip64"},
    {ZIP_64, CENTRAL, 30, 2, 0, "in a field of zip64 that is not there"},
    {ZIP_64, CENTRAL, 46 + 10, 2, 2, "in a field of zip64 that is not there"},
    {ZIP_64, CENTRAL, 48 + 10, 2, 16, "lacks a size or a place"},
    {ZIP_64, CENTRAL, 48 + 10, 2, 25, "its extra field is cut short"},
    {ZIP_64, CENTRAL, 50 + 10, 8, UINT64_MAX, "its two sizes differ"},
    {ZIP_64, CENTRAL, 66 + 10, 8, UINT64_MAX, "the directory gives a place"},
};

static void test_hostile_archives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct built built = archive_of(BYTES(GOOD), 64, changes[i].options);
        size_t begins[] = {built.local[0], built.central[0], built.end, built.end64, built.locator};
        put_number(built.bytes + begins[changes[i].record] + changes[i].offset, changes[i].value, changes[i].size);
        refuse_built(built, "pytorch_model.bin", changes[i].says);
    }
    /* both headers lie */
    static const struct {
        size_t central, local, size;
        uint64_t value;
        const char *says;
    } pairs[] = {
        {10, 8, 2, 8, "is compressed (method 8)"},
        {10, 8, 2, 99, "is compressed (method 99)"},
        {47, 31, 1, 0, "holds a NUL"},
        {46, 30, 1, '/', "leads outside the archive"},
        {46, 30, 1, 'n', "all of the zip archive in one folder"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct built built = archive_of(BYTES(GOOD), 64, 0);
        put_number(built.bytes + built.central[0] + pairs[i].central, pairs[i].value, pairs[i].size);
        put_number(built.bytes + built.local[0] + pairs[i].local, pairs[i].value, pairs[i].size);
        refuse_built(built, "pytorch_model.bin", pairs[i].says);
    }
    /* the pickle and the small records by their CRC-32, in an archive that has them */
    for (size_t part = 0; part < 2; part++) {
        struct built built = archive_of(BYTES(GOOD), 64, 0);
        built.bytes[built.data[part]] ^= 1;
        refuse_built(built, part == 0 ? "entry m/data.pkl" : "entry m/byteorder", "its CRC-32 does not hold");
    }
    /* sizes in both fields of the directory, beyond the next entry, the directory, 2^63 */
    static const uint64_t sizes[] = {500, 100000, UINT64_MAX / 2, UINT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct built built = archive_of(BYTES(GOOD), 64, ZIP_64);
        put_number(built.bytes + built.central[0] + 60, sizes[i], 8);
        put_number(built.bytes + built.central[0] + 68, sizes[i], 8);
        refuse_built(built, "pytorch_model.bin", i == 0 ? "overlaps" : "reaches beyond the place of the entries");
    }
}

#define PICKLE                                                                                                         \
    {                                                                                                                  \
        "m/data.pkl", BYTES(GOOD)                                                                                      \
    }
#define VERSION                                                                                                        \
    {                                                                                                                  \
        "m/version", "3\n", 2                                                                                          \
    }
#define DATA                                                                                                           \
    {                                                                                                                  \
        "m/data/0", archive_numbers, 24                                                                                \
    }

static void test_other_archives(void **state)
{
    (void)state;
    static const struct {
        struct part parts[5];
        const char *says;
    } archives[] = {
        {{PICKLE, VERSION, DATA, {"m/data/0", archive_numbers, 24}},
         "entry m/data/0 of the zip archive: is there twice"},
        {{PICKLE, VERSION, DATA, {"m/../../etc/passwd", "x", 1}}, "leads outside the archive"},
        {{PICKLE, VERSION, DATA, {"/m/x", "x", 1}}, "leads outside the archive"},
        {{PICKLE, VERSION, DATA, {"m/..", "x", 1}}, "leads outside the archive"},
        {{PICKLE, VERSION, DATA, {"n/x", "x", 1}}, "found the entry n/x, expected all"},
        {{PICKLE, VERSION, DATA, {"x", "x", 1}}, "found the entry x, expected all"},
        {{{"data.pkl", BYTES(GOOD)}, VERSION}, "found the entry"},
        {{DATA, VERSION}, "found no m/data.pkl"},
        {{PICKLE, DATA}, "version: found none"},
        {{PICKLE, DATA, {"m/version", "11\n", 3}}, "version: found another one, expected 1 to 10"},
        {{PICKLE, DATA, {"m/version", "x", 1}}, "version: found another one"},
        {{PICKLE, DATA, {"m/version", "", 0}}, "version: found another one"},
        {{PICKLE, DATA, VERSION, {"m/byteorder", "big", 3}}, "byteorder: found \"big\""},
        {{PICKLE, DATA, VERSION, {"m/byteorder", "\033[2J", 4}}, "byteorder: found \"\\x1b[2J\""},
        {{PICKLE, DATA, VERSION, {"m/constants.pkl", "x", 1}}, "is a TorchScript archive"},
        {{PICKLE, DATA, VERSION, {"m/code/x.py", "x", 1}}, "is a TorchScript archive"},
        {{PICKLE, VERSION, {"m/data/0", archive_numbers, 20}}, "found 20 bytes in its storage"},
        {{PICKLE, VERSION, {"m/data/0", NULL, 1 << 20}}, "found 1048576 bytes in its storage"},
    };
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        size_t count = 0;
        while (count < 5 && archives[i].parts[count].name != NULL) {
            count++;
        }
        refuse_built(build_zip(archives[i].parts, count, 64, 0), "pytorch_model.bin", archives[i].says);
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } files[] = {
        {BYTES("\x80\2\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3."), "the form of PyTorch before 1.6"},
        {BYTES("hello"), "found no file of torch.save"},
        {BYTES(""), "found no file of torch.save"},
        {BYTES("PK\3\4"), "found no directory at the end of the zip archive"},
        {BYTES("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "found no file of torch.save"},
        {BYTES("PK\3\4PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0"), "the zip archive is empty"},
        {BYTES("\x40\x01\0\0\0\0\0\0{\"__metadata__\""), "is a safetensors file"},
        {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct built built = {.bytes = malloc(files[i].size + 1), .size = files[i].size};
        assert_non_null(built.bytes);
        memcpy(built.bytes, files[i].bytes, files[i].size);
        refuse_built(built, "pytorch_model.bin", files[i].says);
    }
}

/* Cut anywhere, and with any bit of it flipped, a file is refused, or flipped where nothing of the tensors stands. */
static void test_cut_and_flipped(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    for (int options = 0; options <= ZIP_64; options++) {
        struct built built = archive_of(BYTES(GOOD), 4, options);
        for (size_t cut = 0; cut < built.size; cut++) {
            archive_put("pytorch_model.bin", built.bytes, cut);
            check_error(fs_tensor_store_open(archive_folder(), &store, &err), &err, FS_EXIT_DATA, "pytorch_model.bin",
                        "");
        }
        for (size_t bit = 0; bit < 8 * built.size; bit++) {
            built.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
            archive_put("pytorch_model.bin", built.bytes, built.size);
            if (fs_tensor_store_open(archive_folder(), &store, &err) != 0) {
                check_error(-1, &err, FS_EXIT_DATA, "pytorch_model.bin", "");
            } else {
                const struct fs_tensor *tensor = fs_tensor_store_find(store, "a");
                assert_true(fs_tensor_store_count(store) == 1 && tensor->elements == 6);
                bool numbers_flipped = bit / 8 >= built.data[2] && bit / 8 < built.data[2] + sizeof archive_numbers;
                assert_int_equal(memcmp(tensor->data, archive_numbers, sizeof archive_numbers) != 0, numbers_flipped);
                fs_tensor_store_destroy(store);
            }
            built.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        }
        free(built.bytes);
    }
}

static void put_index(const char *weight_map)
{
    char text[512];
    int size = snprintf(text, sizeof text, "{\"weight_map\": %s}", weight_map);
    archive_put("pytorch_model.bin.index.json", text, (size_t)size);
}

static void test_shards(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    struct built first = archive_of(BYTES(GOOD), 64, 0);
    struct built second = archive_of(BYTES(DICT(ENTRY("b", VECTOR("\6")))), 64, 0);
    archive_put("pytorch_model-00001-of-00002.bin", first.bytes, first.size);
    archive_put("pytorch_model-00002-of-00002.bin", second.bytes, second.size);
    put_index("{\"a\": \"pytorch_model-00001-of-00002.bin\", \"b\": \"pytorch_model-00002-of-00002.bin\"}");
    check_success(fs_tensor_store_open(archive_folder(), &store, &err), &err);
    size_t files;
    const char *const *paths = fs_tensor_store_files(store, &files);
    assert_int_equal(files, 3);
    assert_non_null(strstr(paths[0], "/pytorch_model.bin.index.json"));
    assert_non_null(strstr(fs_tensor_store_find(store, "b")->file, "/pytorch_model-00002-of-00002.bin"));
    fs_tensor_store_destroy(store);
    put_index("{\"a\": \"pytorch_model-00001-of-00002.bin\"}");
    check_success(fs_tensor_store_open(archive_folder(), &store, &err), &err);
    fs_tensor_store_destroy(store);
    put_index("{\"a\": \"pytorch_model-00002-of-00002.bin\", \"b\": \"pytorch_model-00002-of-00002.bin\"}");
    check_error(fs_tensor_store_open(archive_folder(), &store, &err), &err, FS_EXIT_DATA, "weight_map.a",
                "in no shard");
    put_index("{\"a\": \"../x.bin\"}");
    check_error(fs_tensor_store_open(archive_folder(), &store, &err), &err, FS_EXIT_DATA, "weight_map.a", "plain name");
    put_index("{\"a\": \"gone.bin\"}");
    check_error(fs_tensor_store_open(archive_folder(), &store, &err), &err, FS_EXIT_NO_INPUT, "gone.bin",
                "is not there");
    free(first.bytes);
    free(second.bytes);
}

/* safetensors come first, damaged or not. */
static void test_order(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    struct built built = archive_of(BYTES(GOOD), 64, 0);
    archive_put("pytorch_model.bin", built.bytes, built.size);
    archive_put("pytorch_model.bin.index.json", BYTES("{"));
    check_success(fs_tensor_store_open(archive_folder(), &store, &err), &err);
    fs_tensor_store_destroy(store);
    archive_put("model.safetensors", BYTES("damaged."));
    check_error(fs_tensor_store_open(archive_folder(), &store, &err), &err, FS_EXIT_DATA, "model.safetensors", "");
    free(built.bytes);
}

/* What torch.save wrote of the weights of other golden folders: the same tensors, bit by bit. */
static void test_golden(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source;
        size_t more; /* tensors that the source has not */
    } cases[] = {{"tied-f16", "mistral-tied-f16", 1},
                 {"turned-f16", "mistral-tied-f16", 0},
                 {"parameters-bf16", "ernie-own-head-bf16", 0},
                 {"early", "bert-no-prefix", 5},
                 {"shards-f16", "xlm-roberta-f16-shards", 0}};
    const char *source = getenv("FAIRSTAMP_SOURCE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[2][2048];
        struct fs_tensor_store *found, *expected;
        snprintf(path[0], sizeof path[0], "%s/tests/golden/pytorch/%s", source == NULL ? "." : source, cases[i].name);
        snprintf(path[1], sizeof path[1], "%s/tests/golden/models/%s", source == NULL ? "." : source, cases[i].source);
        check_success(fs_tensor_store_open(path[0], &found, &err), &err);
        check_success(fs_tensor_store_open(path[1], &expected, &err), &err);
        assert_int_equal(fs_tensor_store_count(found), fs_tensor_store_count(expected) + cases[i].more);
        for (size_t t = 0; t < fs_tensor_store_count(expected); t++) {
            const struct fs_tensor *theirs = fs_tensor_store_at(expected, t);
            const struct fs_tensor *ours = fs_tensor_store_find(found, theirs->name);
            assert_non_null(ours);
            assert_int_equal(ours->dimensions, theirs->dimensions);
            assert_memory_equal(ours->shape, theirs->shape, theirs->dimensions * sizeof *ours->shape);
            assert_true(fs_tensor_equal(ours, theirs));
        }
        fs_tensor_store_destroy(found);
        fs_tensor_store_destroy(expected);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hostile_archives), TEST(test_other_archives), TEST(test_cut_and_flipped),
        TEST(test_shards),           TEST(test_order),          TEST(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

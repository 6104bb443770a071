/* safetensors made by hand, byte by byte, and every way to break them. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/tensor_store.h"

static struct fs_error err = FS_ERROR_INIT;

/* A fresh folder of the scratch folder, by number. */
static const char *fresh_folder(void)
{
    static int number;
    char name[32];
    snprintf(name, sizeof name, "model%d", number++);
    const char *path = scratch_path(name);
    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

/* <folder>/<name> = length of `header` (or `length`, where not 0), header, data. */
static void put(const char *folder, const char *name, const char *header, uint64_t length, const void *data,
                size_t size)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)remove(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint64_t stated = length != 0 ? length : strlen(header);
    for (int i = 0; i < 8; i++) {
        fputc((int)(stated >> (8 * i) & 255), file);
    }
    fputs(header, file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void put_text(const char *folder, const char *name, const char *text)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)remove(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Data at an odd address, a tensor without elements, a scalar, metadata, spaces behind the header. */
static void test_by_hand(void **state)
{
    (void)state;
    static const unsigned char data[] = {7, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0x80, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8};
    const char *folder = fresh_folder();
    put(folder, "model.safetensors",
        "{\"__metadata__\": {\"format\": \"pt\"}, \"w\": {\"dtype\": \"F32\", \"shape\": [1, 2], \"data_offsets\": [1, "
        "9]},"
        " \"flag\": {\"dtype\": \"BOOL\", \"shape\": [], \"data_offsets\": [0, 1]},"
        " \"none\": {\"dtype\": \"I64\", \"shape\": [4, 0, 2], \"data_offsets\": [9, 9]},"
        " \"b\": {\"dtype\": \"BF16\", \"shape\": [1], \"data_offsets\": [9, 11]},"
        " \"i\": {\"dtype\": \"U8\", \"shape\": [2, 2, 2, 1, 1, 1, 1, 1], \"data_offsets\": [11, 19]}}   \n",
        0, data, sizeof data);
    struct fs_tensor_store *store;
    check_success(fs_tensor_store_open(folder, &store, &err), &err);
    assert_int_equal(fs_tensor_store_count(store), 5);
    const struct fs_tensor *tensor = fs_tensor_store_find(store, "w");
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, FS_F32);
    assert_int_equal(tensor->dimensions, 2);
    assert_int_equal(tensor->shape[1], 2);
    float values[2];
    memcpy(values, tensor->data, sizeof values);
    assert_true(values[0] == 1.5f && values[1] == -2.0f);
    tensor = fs_tensor_store_find(store, "none");
    assert_int_equal(tensor->elements, 0);
    tensor = fs_tensor_store_find(store, "flag");
    assert_int_equal(tensor->elements, 1);
    assert_int_equal(tensor->dimensions, 0);
    assert_int_equal(tensor->data[0], 7);
    tensor = fs_tensor_store_find(store, "b");
    assert_string_equal(fs_dtype_name(tensor->dtype), "BF16");
    assert_int_equal(fs_dtype_size(tensor->dtype), 2);
    assert_non_null(strstr(tensor->file, "model.safetensors"));
    tensor = fs_tensor_store_find(store, "i");
    assert_int_equal(tensor->data[7], 8);
    assert_null(fs_tensor_store_find(store, "missing"));
    for (size_t i = 0; i < 5; i++) {
        const struct fs_tensor *at = fs_tensor_store_at(store, i);
        assert_ptr_equal(fs_tensor_store_find(store, at->name), at);
    }
    size_t files;
    assert_non_null(strstr(fs_tensor_store_files(store, &files)[0], "model.safetensors"));
    assert_int_equal(files, 1);
    fs_tensor_store_destroy(store);
    fs_tensor_store_destroy(NULL);
    static const size_t sizes[] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1};
    for (int i = FS_F64; i <= FS_BOOL; i++) {
        assert_int_equal(fs_dtype_size((enum fs_dtype)i), sizes[i]);
    }
}

#define ENTRY(name, dtype, shape, begin, end)                                                                          \
    "\"" name "\": {\"dtype\": \"" dtype "\", \"shape\": " shape ", \"data_offsets\": [" begin ", " end "]}"

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        uint64_t length;
        const char *key;
        const char *says;
    } cases[] = {
        {"{" ENTRY("a", "F8_E4M3", "[8]", "0", "8") "}", 0, "tensor a", "found dtype \"F8_E4M3\""},
        {"{" ENTRY("a", "f32", "[2]", "0", "8") "}", 0, "tensor a", "found dtype \"f32\""},
        {"{" ENTRY("a", "F32", "[3]", "0", "8") "}", 0, "tensor a", "found 8 bytes of data for 3 elements of F32"},
        {"{" ENTRY("a", "F32", "[2]", "0", "9") "}", 0, "tensor a", "found 0 to 9"},
        {"{" ENTRY("a", "F32", "[2]", "8", "0") "}", 0, "tensor a", "found 8 to 0"},
        {"{" ENTRY("a", "F32", "[1]", "0", "4") "}", 0, "model.safetensors", "found 8 bytes of data, expected 4"},
        {"{" ENTRY("a", "F32", "[1]", "4", "8") "}", 0, "tensor a", "a hole before it"},
        {"{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "F32", "[1]", "4", "8") "}", 0, "tensor b", "overlaps"},
        {"{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "F32", "[2]", "0", "8") "}", 0, "tensor", "overlaps"},
        {"{" ENTRY("a", "U8", "[0]", "3", "3") "," ENTRY("b", "F32", "[2]", "0", "8") "}", 0, "tensor a", "overlaps"},
        {"{" ENTRY("a", "F32", "[4294967296, 4294967296]", "0", "8") "}", 0, "tensor a", "beyond 2^64"},
        {"{" ENTRY("a", "F32", "[4294967296, 1073741824]", "0", "8") "}", 0, "tensor a", "elements of F32"},
        {"{" ENTRY("a", "F32", "[-2]", "0", "8") "}", 0, "tensor a", "shape: found another number"},
        {"{" ENTRY("a", "F32", "[2.5]", "0", "8") "}", 0, "tensor a", "shape"},
        {"{" ENTRY("a", "F32", "[\"2\"]", "0", "8") "}", 0, "tensor a", "shape: found a string"},
        {"{" ENTRY("a", "F32", "[1e300]", "0", "8") "}", 0, "tensor a", "shape"},
        {"{" ENTRY("a", "F32", "2", "0", "8") "}", 0, "a.shape", "found a number, expected an array"},
        {"{" ENTRY("a", "F32", "[1,1,1,1,1,1,1,1,2]", "0", "8") "}", 0, "tensor a", "more than 8 dimensions"},
        {"{" ENTRY("a", "F32", "[2]", "0", "8, 9") "}", 0, "tensor a", "two integers"},
        {"{" ENTRY("a", "F32", "[2]", "-8", "0") "}", 0, "tensor a", "two integers"},
        {"{" ENTRY("a", "F32", "[2]", "0", "18446744073709551616") "}", 0, "tensor a", "two integers"},
        {"{" ENTRY("a", "F32", "[2]", "0", "null") "}", 0, "tensor a", "two integers"},
        {"{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("a", "F32", "[2]", "0", "8") "}", 0, "\"a\"", "occurs twice"},
        {"{\"a\": {\"shape\": [2], \"data_offsets\": [0, 8]}}", 0, "a.dtype", "found nothing"},
        {"{\"a\": {\"dtype\": \"F32\", \"data_offsets\": [0, 8]}}", 0, "a.shape", "found nothing"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}}", 0, "a.data_offsets", "found nothing"},
        {"{\"a\": 1}", 0, "tensor a", "found a number, expected an object"},
        {"[1]", 0, "header", "found an array"},
        {"{\"a\": ", 0, "header: line 1", "end of the file"},
        {"{}", 100000001, "model.safetensors", "header of 100000001 bytes"},
        {"{}", UINT64_MAX, "model.safetensors", "header of 18446744073709551615 bytes"},
        {"{}", 11, "model.safetensors", "header of 11 bytes"},
    };
    const char *folder = fresh_folder();
    struct fs_tensor_store *store;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(folder, "model.safetensors", cases[i].header, cases[i].length, "12345678", 8);
        check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, "model.safetensors", cases[i].says);
        assert_null(store);
        put(folder, "model.safetensors", cases[i].header, cases[i].length, "12345678", 8);
        check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, cases[i].key, cases[i].says);
    }
    put_text(folder, "model.safetensors", "1234567");
    check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, "model.safetensors", "found 7 bytes");
    put_text(folder, "model.safetensors", "");
    check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, "model.safetensors", "found 0 bytes");
    put_text(folder, "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, "model.safetensors", "git lfs pull");
}

static void test_cut_and_flipped(void **state)
{
    (void)state;
    const char *header = "{" ENTRY("a", "F32", "[8, 8]", "0", "256") "," ENTRY("b", "F16", "[4]", "256", "264") "}";
    unsigned char data[264] = {1, 2, 3};
    char path[4200];
    const char *folder = fresh_folder();
    put(folder, "model.safetensors", header, 0, data, sizeof data);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    size_t size;
    unsigned char *bytes = slurp(path, &size);
    struct fs_tensor_store *store;
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
        check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, "model.safetensors", "");
        put(folder, "model.safetensors", header, 0, data, sizeof data);
    }
    size_t opened = 0;
    for (size_t bit = 0; bit < 8 * (8 + strlen(header)); bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        (void)remove(path);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        fclose(file);
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        if (fs_tensor_store_open(folder, &store, &err) == 0) { /* another name is as good a name */
            assert_int_equal(fs_tensor_store_count(store), 2);
            fs_tensor_store_destroy(store);
            opened++;
        } else {
            check_error(-1, &err, FS_EXIT_DATA, "model.safetensors", "");
        }
    }
    assert_true(opened > 0 && opened < 20);
    free(bytes);
}

static void test_shards(void **state)
{
    (void)state;
    static const char *const first = "{" ENTRY("a", "F32", "[1]", "0", "4") "," ENTRY("c", "F32", "[1]", "4", "8") "}";
    static const char *const second = "{" ENTRY("b", "F32", "[2]", "0", "8") "}";
    const char *folder = fresh_folder();
    put(folder, "model-00001-of-00002.safetensors", first, 0, "12345678", 8);
    put(folder, "model-00002-of-00002.safetensors", second, 0, "12345678", 8);
    put_text(folder, "model.safetensors.index.json",
             "{\"metadata\": {\"total_size\": 16}, \"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\","
             " \"b\": \"model-00002-of-00002.safetensors\", \"c\": \"model-00001-of-00002.safetensors\"}}");
    struct fs_tensor_store *store;
    check_success(fs_tensor_store_open(folder, &store, &err), &err);
    assert_int_equal(fs_tensor_store_count(store), 3);
    assert_non_null(strstr(fs_tensor_store_find(store, "b")->file, "/model-00002-of-00002.safetensors"));
    assert_memory_equal(fs_tensor_store_find(store, "c")->data, "5678", 4);
    size_t files;
    const char *const *paths = fs_tensor_store_files(store, &files);
    assert_int_equal(files, 3);
    assert_non_null(strstr(paths[0], "/model.safetensors.index.json"));
    fs_tensor_store_destroy(store);

    static const struct {
        const char *map;
        enum fs_exit code;
        const char *key;
        const char *says;
    } cases[] = {
        {"{\"a\": \"../x.safetensors\"}", FS_EXIT_DATA, "weight_map.a", "plain name"},
        {"{\"a\": \"/etc/passwd\"}", FS_EXIT_DATA, "weight_map.a", "plain name"},
        {"{\"a\": \"..\"}", FS_EXIT_DATA, "weight_map.a", "plain name"},
        {"{\"a\": \"\"}", FS_EXIT_DATA, "weight_map.a", "plain name"},
        {"{\"a\": 1}", FS_EXIT_DATA, "weight_map.a", "found a number"},
        {"{}", FS_EXIT_DATA, "weight_map", "found no tensor"},
        {"[]", FS_EXIT_DATA, "weight_map", "expected an object"},
        {"{\"a\": \"gone.safetensors\"}", FS_EXIT_NO_INPUT, "gone.safetensors", "is not there"},
        {"{\"a\": \"model-00001-of-00002.safetensors\"}", FS_EXIT_DATA, "tensor c", "not in weight_map"},
        {"{\"a\": \"model-00001-of-00002.safetensors\", \"c\": \"model-00001-of-00002.safetensors\","
         " \"x\": \"model-00001-of-00002.safetensors\"}",
         FS_EXIT_DATA, "weight_map.x", "in no shard"},
        {"{\"a\": \"model-00001-of-00002.safetensors\", \"b\": \"model-00002-of-00002.safetensors\","
         " \"c\": \"model-00002-of-00002.safetensors\"}",
         FS_EXIT_DATA, "weight_map.c", "the tensor is in model-00001"},
        {"{\"a\": \"model-00001-of-00002.safetensors\", \"a\": \"model-00002-of-00002.safetensors\"}", FS_EXIT_DATA,
         "\"a\"", "occurs twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "{\"weight_map\": %s}", cases[i].map);
        put_text(folder, "model.safetensors.index.json", text);
        int result = fs_tensor_store_open(folder, &store, &err);
        check_error(result, &err, cases[i].code, cases[i].key, cases[i].says);
    }
    put(folder, "model-00002-of-00002.safetensors", first, 0, "12345678", 8);
    put_text(
        folder, "model.safetensors.index.json",
        "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"c\": \"model-00002-of-00002.safetensors\"}}");
    check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_DATA, "tensor a", "is also in");
}

static void test_no_model(void **state)
{
    (void)state;
    struct fs_tensor_store *store;
    const char *folder = fresh_folder();
    check_error(fs_tensor_store_open(folder, &store, &err), &err, FS_EXIT_NO_INPUT, folder,
                "no weights, expected model.safetensors");
    check_error(fs_tensor_store_open(scratch_path("nowhere"), &store, &err), &err, FS_EXIT_NO_INPUT, "nowhere",
                "No such file");
    check_error(fs_tensor_store_open(scratch_write_text("file", ""), &store, &err), &err, FS_EXIT_NO_INPUT, "file",
                "is no folder");
}

static void test_real_models(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const char *tensor;
        enum fs_dtype dtype;
        size_t shape[2];
    } models[] = {
        {"models/books-bert-mini", "bert.embeddings.word_embeddings.weight", FS_F16, {30522, 256}},
        {"models/books-gpt2-mini", "wte.weight", FS_F16, {8192, 256}},
        {"models/stories260K-hf", "model.embed_tokens.weight", FS_F32, {512, 64}},
    };
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const char *folder = shared_path(models[i].folder);
        if (folder == NULL) {
            skip();
        }
        struct fs_tensor_store *store;
        check_success(fs_tensor_store_open(folder, &store, &err), &err);
        const struct fs_tensor *tensor = fs_tensor_store_find(store, models[i].tensor);
        assert_non_null(tensor);
        assert_int_equal(tensor->dtype, models[i].dtype);
        assert_int_equal(tensor->shape[0], models[i].shape[0]);
        assert_int_equal(tensor->shape[1], models[i].shape[1]);
        fs_tensor_store_destroy(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_refused),  cmocka_unit_test(test_cut_and_flipped),
        cmocka_unit_test(test_shards),  cmocka_unit_test(test_no_model), cmocka_unit_test(test_real_models),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "io/formats/tensor_format.h"
#include "io/little_endian.h"

/*
 * safetensors:
 *
 *     8 bytes  little-endian length N of the header
 *     N bytes  JSON {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {..}}
 *     rest     tensor data; offsets count from here
 *
 * Checked: header length, JSON, known dtypes, shape product x item size == end - begin, ranges inside the file and without
 * overlap or hole.
 */

/* As the reference implementation (huggingface/safetensors, MAX_HEADER_SIZE). */
#define MAX_HEADER ((size_t)100000000)

static int compare_offsets(const void *a, const void *b)
{
    const struct fs_tensor *x = a;
    const struct fs_tensor *y = b;
    /* A tensor without elements sorts before the one that begins where it does. */
    return x->data != y->data ? (x->data < y->data ? -1 : 1)
                              : (x->elements > y->elements) - (x->elements < y->elements);
}

static int read_dtype(const struct fs_json_document *header, const cJSON *entry, struct fs_tensor *tensor,
                      struct fs_error *err)
{
    const char *name;
    if (fs_json_text(header, entry, tensor->name, "dtype", &name, err) != 0) {
        return -1;
    }
    if (fs_dtype_find(name, &tensor->dtype) == 0) {
        return 0;
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: tensor %s: found dtype \"%s\", expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL; "
        "save the model in one of them",
        tensor->file, tensor->name, name);
}

static int read_shape(const struct fs_json_document *header, const cJSON *entry, struct fs_tensor *tensor,
                      struct fs_error *err)
{
    const cJSON *shape;
    const cJSON *size;
    if (fs_json_array(header, entry, tensor->name, "shape", &shape, err) != 0) {
        return -1;
    }
    tensor->elements = 1;
    cJSON_ArrayForEach(size, shape)
    {
        if (tensor->dimensions == FS_TENSOR_MAX_DIMENSIONS) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: found a shape of more than %d dimensions",
                                tensor->file, tensor->name, FS_TENSOR_MAX_DIMENSIONS);
        }
        size_t *at = &tensor->shape[tensor->dimensions++];
        if (fs_json_exact_size(size, at) != 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: shape: found %s, expected sizes from 0 to 2^53 - 1",
                                tensor->file, tensor->name,
                                cJSON_IsNumber(size) ? "another number" : fs_json_kind(size));
        }
        if (fs_multiply(tensor->elements, *at, &tensor->elements) != 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: the sizes of its shape multiply beyond 2^64",
                                tensor->file, tensor->name);
        }
    }
    return 0;
}

/* `data` of `available` bytes is what follows the header. */
static int read_place(const struct fs_json_document *header, const cJSON *entry, const unsigned char *data,
                      size_t available, struct fs_tensor *tensor, struct fs_error *err)
{
    const cJSON *offsets;
    size_t begin;
    size_t end;
    size_t bytes;
    if (fs_json_array(header, entry, tensor->name, "data_offsets", &offsets, err) != 0) {
        return -1;
    }
    const cJSON *first = offsets->child;
    if (first == NULL || first->next == NULL || first->next->next != NULL || fs_json_exact_size(first, &begin) != 0 ||
        fs_json_exact_size(first->next, &end) != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: data_offsets: expected two integers from 0",
                            tensor->file, tensor->name);
    }
    if (begin > end || end > available) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tensor %s: data_offsets: found %zu to %zu, expected a range within the %zu bytes of data; "
            "the file is cut short or damaged, fetch it again",
            tensor->file, tensor->name, begin, end, available);
    }
    if (fs_multiply(tensor->elements, fs_dtype_size(tensor->dtype), &bytes) != 0 || bytes != end - begin) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tensor %s: found %zu bytes of data for %zu elements of %s; the file is damaged, fetch it again",
            tensor->file, tensor->name, end - begin, tensor->elements, fs_dtype_name(tensor->dtype));
    }
    tensor->data = data + begin;
    return 0;
}

/* Whether `tensors`, in order of place, fill `data` of `available` bytes without overlap or hole. */
static int check_places(const struct fs_tensor *tensors, size_t count, const char *path, const unsigned char *data,
                        size_t available, struct fs_error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t begin = (size_t)(tensors[i].data - data);
        if (begin != used) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: tensor %s: data_offsets: begins at %zu, expected %zu: %s; the file is damaged, fetch it again",
                path, tensors[i].name, begin, used,
                begin < used ? "it overlaps another tensor" : "there is a hole before it");
        }
        used += tensors[i].elements * fs_dtype_size(tensors[i].dtype);
    }
    if (used != available) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu bytes of data, expected %zu; the file is damaged, fetch it again", path,
                            available, used);
    }
    return 0;
}

/* Adds the tensors of a header; `data` of `available` bytes is what follows it. */
static int add_tensors(struct fs_tensors *tensors, const struct fs_json_document *header, const char *path,
                       const unsigned char *data, size_t available, struct fs_error *err)
{
    const cJSON *root = fs_json_root(header);
    if (!cJSON_IsObject(root)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: header: found %s, expected an object", path, fs_json_kind(root));
    }
    size_t begin = tensors->count;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, root)
    {
        if (strcmp(entry->string, "__metadata__") == 0) {
            continue;
        }
        struct fs_tensor *tensor = fs_tensors_add(tensors, path, entry->string, err);
        if (tensor == NULL) {
            return -1;
        }
        if (!cJSON_IsObject(entry)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: found %s, expected an object", path, tensor->name,
                                fs_json_kind(entry));
        }
        if (read_dtype(header, entry, tensor, err) != 0 || read_shape(header, entry, tensor, err) != 0 ||
            read_place(header, entry, data, available, tensor, err) != 0) {
            return -1;
        }
    }
    if (tensors->count == begin) {
        return check_places(NULL, 0, path, data, available, err);
    }
    struct fs_tensor *added = tensors->tensor + begin;
    qsort(added, tensors->count - begin, sizeof *added, compare_offsets);
    return check_places(added, tensors->count - begin, path, data, available, err);
}

static bool may_be(const unsigned char *data, size_t size)
{
    return size >= 8 && fs_little_endian(data, 8) <= MAX_HEADER;
}

static int read_file(const char *path, const struct fs_file_map *map, struct fs_tensors *tensors, struct fs_error *err)
{
    if (map->size < 8) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu bytes, expected a safetensors file; fetch it again", path,
                            map->size);
    }
    uint64_t length = fs_little_endian(map->data, 8);
    if (length > MAX_HEADER || length > map->size - 8) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: found a header of %llu bytes in a file of %zu, expected at most %zu; the file is cut short or "
            "no safetensors file",
            path, (unsigned long long)length, map->size, MAX_HEADER);
    }
    const unsigned char *data = map->data + 8 + length;
    char *name;
    if (asprintf(&name, "%s: header", path) < 0) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    struct fs_json_document *header;
    int result = fs_json_parse(name, (const char *)map->data + 8, (size_t)length, &header, err);
    free(name);
    if (result == 0) {
        result = add_tensors(tensors, header, path, data, map->size - 8 - (size_t)length, err);
        fs_json_destroy(header);
    }
    return result;
}

static size_t head(const unsigned char *data, size_t size)
{
    return size < 8 ? size : 8 + (size_t)fs_little_endian(data, 8);
}

const struct fs_tensor_format fs_tensor_format_safetensors = {
    .file = "model.safetensors",
    .index = "model.safetensors.index.json",
    .pattern = "*.safetensors",
    .shards = "*-of-*.safetensors",
    .may_be = may_be,
    .read = read_file,
    .head = head,
};

#include "io/formats/gguf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/file_kind.h"
#include "io/formats/gguf_parts.h"
#include "io/formats/tensor_format.h"
#include "io/little_endian.h"
#include "io/utf8.h"

#define KEY_MOST 65535 /* bytes, as the format has it */
#define DEFAULT_ALIGNMENT 32
#define ALIGNMENT_MOST ((size_t)1 << 20)
#define DIMENSIONS_MOST 4

/* How far a file is read. */
struct cursor {
    struct fs_gguf *gguf;
    size_t at;
    struct fs_error *err;
};

static size_t left(const struct cursor *cursor)
{
    return cursor->gguf->map.size - cursor->at;
}

static int cut_short(const struct cursor *cursor, const char *what)
{
    return fs_error_set(cursor->err, FS_EXIT_DATA,
                        "%s: byte %zu: the file ends within %s; it is cut short or damaged, fetch it again",
                        cursor->gguf->path, cursor->at, what);
}

static int read_number(struct cursor *cursor, size_t size, uint64_t *value, const char *what)
{
    *value = 0;
    if (left(cursor) < size) {
        return cut_short(cursor, what);
    }
    *value = fs_little_endian(cursor->gguf->map.data + cursor->at, size);
    cursor->at += size;
    return 0;
}

/* Length and bytes of a string, which are not copied. */
static int read_string(struct cursor *cursor, const unsigned char **text, size_t *length, const char *what)
{
    uint64_t size;
    *text = NULL;
    *length = 0;
    if (read_number(cursor, 8, &size, what) != 0) {
        return -1;
    }
    if (size > left(cursor)) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: byte %zu: %s: found a length of %" PRIu64 ", but %zu bytes are left; the file is cut "
                            "short or damaged, fetch it again",
                            cursor->gguf->path, cursor->at, what, size, left(cursor));
    }
    *text = cursor->gguf->map.data + cursor->at;
    *length = (size_t)size;
    cursor->at += (size_t)size;
    return 0;
}

/* A copy of a key or name, which must be plain text and not empty. */
static int read_name(struct cursor *cursor, char **name, const char *what)
{
    const unsigned char *text;
    size_t length, begin = cursor->at;
    if (read_string(cursor, &text, &length, what) != 0) {
        return -1;
    }
    if (length == 0 || length > KEY_MOST || !fs_utf8_is_text(text, length)) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: byte %zu: %s: expected 1 to %d bytes of UTF-8 without NUL; the file is damaged, fetch "
                            "it again",
                            cursor->gguf->path, begin, what, KEY_MOST);
    }
    *name = strndup((const char *)text, length);
    return *name == NULL ? fs_error_memory(cursor->err, length, what) : 0;
}

static int wrong_kind(const struct cursor *cursor, const char *key, uint64_t kind, const char *expected)
{
    return fs_error_set(cursor->err, FS_EXIT_DATA,
                        "%s: %s: found a value of kind %" PRIu64 ", expected %s; the file is damaged or newer than "
                        "what is read",
                        cursor->gguf->path, key, kind, expected);
}

/* Passes over `count` values of one kind. */
static int skip_values(struct cursor *cursor, const char *key, enum fs_gguf_kind kind, uint64_t count)
{
    size_t each = kind == FS_GGUF_TEXT ? 8 : fs_gguf_kind_size(kind); /* of a text, at least */
    if (count > left(cursor) / each) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: %s: found %" PRIu64 " values of %zu bytes or more, but %zu bytes are left; the file "
                            "is cut short or damaged, fetch it again",
                            cursor->gguf->path, key, count, each, left(cursor));
    }
    if (kind != FS_GGUF_TEXT) {
        cursor->at += (size_t)count * each;
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        const unsigned char *text;
        size_t length;
        if (read_string(cursor, &text, &length, key) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_bools(const struct cursor *cursor, const struct fs_gguf_value *value)
{
    for (size_t i = 0; i < value->count; i++) {
        if (value->data[i] > 1) {
            return fs_error_set(cursor->err, FS_EXIT_DATA,
                                "%s: %s: found a truth value of %d, expected 0 or 1; the file is damaged, fetch it "
                                "again",
                                cursor->gguf->path, value->key, value->data[i]);
        }
    }
    return 0;
}

static int read_value(struct cursor *cursor, struct fs_gguf_value *value)
{
    uint64_t kind, count = 1;
    if (read_number(cursor, 4, &kind, value->key) != 0) {
        return -1;
    }
    value->kind = (enum fs_gguf_kind)kind;
    if (kind >= FS_GGUF_KINDS) {
        return wrong_kind(cursor, value->key, kind, "one from 0 to 12");
    }
    if (kind == FS_GGUF_ARRAY) {
        if (read_number(cursor, 4, &kind, value->key) != 0 || read_number(cursor, 8, &count, value->key) != 0) {
            return -1;
        }
        if (kind >= FS_GGUF_KINDS || kind == FS_GGUF_ARRAY) {
            return wrong_kind(cursor, value->key, kind, "an array of numbers or texts");
        }
        value->item = (enum fs_gguf_kind)kind;
    }
    value->data = cursor->gguf->map.data + cursor->at;
    if (skip_values(cursor, value->key, (enum fs_gguf_kind)kind, count) != 0) {
        return -1;
    }
    value->count = (size_t)count;
    if (kind == FS_GGUF_BOOL && check_bools(cursor, value) != 0) {
        return -1;
    }
    size_t length = (size_t)(cursor->gguf->map.data + cursor->at - value->data) - 8;
    if (value->kind == FS_GGUF_TEXT && fs_utf8_is_text(value->data + 8, length)) {
        value->text = strndup((const char *)value->data + 8, length);
        return value->text == NULL ? fs_error_memory(cursor->err, length, value->key) : 0;
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct fs_gguf_value *)a)->key, ((const struct fs_gguf_value *)b)->key);
}

static int read_values(struct cursor *cursor, uint64_t count)
{
    struct fs_gguf *gguf = cursor->gguf;
    for (uint64_t i = 0; i < count; i++) {
        if (fs_grow(&gguf->value, &gguf->value_capacity, gguf->values + 1, sizeof *gguf->value, "the keys of a file",
                    cursor->err) != 0) {
            return -1;
        }
        struct fs_gguf_value *value = &gguf->value[gguf->values];
        *value = (struct fs_gguf_value){0};
        if (read_name(cursor, &value->key, "a key") != 0) {
            return -1;
        }
        gguf->values++;
        if (read_value(cursor, value) != 0) {
            return -1;
        }
    }
    if (gguf->values > 0) {
        qsort(gguf->value, gguf->values, sizeof *gguf->value, compare_keys);
    }
    for (size_t i = 1; i < gguf->values; i++) {
        if (strcmp(gguf->value[i - 1].key, gguf->value[i].key) == 0) {
            return fs_error_set(cursor->err, FS_EXIT_DATA,
                                "%s: %s: the key is there twice, expected once; the file is damaged, fetch it again",
                                gguf->path, gguf->value[i].key);
        }
    }
    return 0;
}

static int read_shape(struct cursor *cursor, struct fs_tensor *tensor)
{
    uint64_t dimensions, size[DIMENSIONS_MOST] = {0};
    if (read_number(cursor, 4, &dimensions, tensor->name) != 0) {
        return -1;
    }
    if (dimensions == 0 || dimensions > DIMENSIONS_MOST) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: tensor %s: found %" PRIu64 " dimensions, expected 1 to %d; the file is damaged, fetch "
                            "it again",
                            cursor->gguf->path, tensor->name, dimensions, DIMENSIONS_MOST);
    }
    tensor->dimensions = (size_t)dimensions;
    tensor->elements = 1;
    for (size_t i = 0; i < tensor->dimensions; i++) {
        if (read_number(cursor, 8, &size[i], tensor->name) != 0) {
            return -1;
        }
        if (size[i] == 0 || size[i] > INT64_MAX ||
            fs_multiply(tensor->elements, (size_t)size[i], &tensor->elements) != 0) {
            return fs_error_set(cursor->err, FS_EXIT_DATA,
                                "%s: tensor %s: found a size of %" PRIu64 ", expected sizes from 1 that multiply to "
                                "less than 2^64; the file is damaged, fetch it again",
                                cursor->gguf->path, tensor->name, size[i]);
        }
        tensor->shape[tensor->dimensions - 1 - i] = (size_t)size[i];
    }
    return 0;
}

static int read_tensor(struct cursor *cursor, struct fs_tensor *tensor, uint64_t *offset)
{
    uint64_t type;
    if (read_shape(cursor, tensor) != 0 || read_number(cursor, 4, &type, tensor->name) != 0 ||
        read_number(cursor, 8, offset, tensor->name) != 0) {
        return -1;
    }
    const char *name = fs_gguf_type(type, &tensor->dtype);
    if (name != NULL) {
        char known[256];
        fs_gguf_type_names(known, sizeof known);
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: tensor %s: found type %s (%" PRIu64 "), which is not read, expected %s; take another "
                            "quantisation of the model",
                            cursor->gguf->path, tensor->name, name, type, known);
    }
    size_t block = fs_dtype_block(tensor->dtype), row = tensor->shape[tensor->dimensions - 1];
    if (row % block != 0) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: tensor %s: found rows of %zu numbers, expected a multiple of %zu, the block of %s; "
                            "the file is damaged, fetch it again",
                            cursor->gguf->path, tensor->name, row, block, fs_dtype_name(tensor->dtype));
    }
    return 0;
}

static size_t align(size_t at, size_t alignment)
{
    return at + (alignment - at % alignment) % alignment; /* below 2^63: places in a file */
}

/* Gives the tensors their places: in order, each on the next multiple of `alignment`, up to the end of the file. */
static int place_tensors(struct cursor *cursor, const uint64_t *offset, size_t alignment)
{
    struct fs_gguf *gguf = cursor->gguf;
    size_t used = 0, begin = align(cursor->at, alignment);
    for (size_t i = 0; i < gguf->tensors.count; i++) {
        struct fs_tensor *tensor = &gguf->tensors.tensor[i];
        size_t bytes, blocks = tensor->elements / fs_dtype_block(tensor->dtype);
        used = align(used, alignment);
        if (offset[i] != used) {
            return fs_error_set(cursor->err, FS_EXIT_DATA,
                                "%s: tensor %s: found offset %" PRIu64 ", expected %zu, the end of the tensor before "
                                "it; the file is damaged, fetch it again",
                                gguf->path, tensor->name, offset[i], used);
        }
        if (fs_multiply(blocks, fs_dtype_size(tensor->dtype), &bytes) != 0 || begin > gguf->map.size ||
            used > gguf->map.size - begin || bytes > gguf->map.size - begin - used) {
            return fs_error_set(cursor->err, FS_EXIT_DATA,
                                "%s: tensor %s: its %zu blocks of %s from offset %zu do not end within the file of %zu "
                                "bytes; it is cut short or damaged, fetch it again",
                                gguf->path, tensor->name, blocks, fs_dtype_name(tensor->dtype), used, gguf->map.size);
        }
        tensor->data = gguf->map.data + begin + used;
        used += bytes;
    }
    if (gguf->tensors.count > 0 && gguf->map.size > align(begin + used, alignment)) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: found %zu bytes after the last tensor, expected none; the file is damaged, fetch it "
                            "again",
                            gguf->path, gguf->map.size - begin - used);
    }
    return 0;
}

static int read_tensors(struct cursor *cursor, uint64_t count)
{
    struct fs_gguf *gguf = cursor->gguf;
    size_t alignment = DEFAULT_ALIGNMENT;
    if (fs_gguf_size(gguf, "general.alignment", &alignment, cursor->err) != 0) {
        return -1;
    }
    if (alignment == 0 || alignment % 8 != 0 || alignment > ALIGNMENT_MOST) {
        return fs_gguf_wrong(gguf, "general.alignment", "another number", "a multiple of 8", cursor->err);
    }
    uint64_t *offset = fs_allocate((size_t)count, sizeof *offset, "the tensors' places", cursor->err);
    int status = offset == NULL ? -1 : 0;
    for (uint64_t i = 0; status == 0 && i < count; i++) {
        char *name = NULL;
        status = read_name(cursor, &name, "the name of a tensor");
        struct fs_tensor *tensor = status == 0 ? fs_tensors_add(&gguf->tensors, gguf->path, name, cursor->err) : NULL;
        free(name);
        status = tensor != NULL ? read_tensor(cursor, tensor, &offset[i]) : -1;
    }
    status = status == 0 ? place_tensors(cursor, offset, alignment) : -1;
    free(offset);
    return status;
}

/* Magic, version and counts; the counts are checked against the least that a key and a tensor take. */
static int read_head(struct cursor *cursor, uint64_t *tensors, uint64_t *keys)
{
    const struct fs_gguf *gguf = cursor->gguf;
    uint64_t version;
    if (!fs_may_be_gguf(gguf->map.data, gguf->map.size)) {
        char fix[FS_KIND_FIX];
        const char *kind = fs_file_kind(gguf->path, gguf->map.data, gguf->map.size, FS_PLACE_MODEL, fix);
        if (kind != NULL) {
            return fs_error_set(cursor->err, FS_EXIT_DATA, "%s: is %s; %s", gguf->path, kind, fix);
        }
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: does not begin with \"GGUF\", expected a GGUF file; it is damaged, fetch it again",
                            gguf->path);
    }
    cursor->at = 4;
    if (read_number(cursor, 4, &version, "its head") != 0) {
        return -1;
    }
    if (version != 2 && version != 3) {
        bool big = version == 0x2000000 || version == 0x3000000;
        return fs_error_set(cursor->err, FS_EXIT_DATA, "%s: found %s, expected version 2 or 3, little endian; %s",
                            gguf->path, big ? "a big-endian GGUF file" : "another version of GGUF",
                            big ? "take the little-endian file of the model" : "convert the model again");
    }
    if (read_number(cursor, 8, tensors, "its head") != 0 || read_number(cursor, 8, keys, "its head") != 0) {
        return -1;
    }
    if (*keys > left(cursor) / (8 + 1 + 4 + 1) || *tensors > left(cursor) / (8 + 1 + 4 + 8 + 4 + 8)) {
        return fs_error_set(cursor->err, FS_EXIT_DATA,
                            "%s: found %" PRIu64 " tensors and %" PRIu64 " keys in a file of %zu bytes, which cannot "
                            "hold them; it is cut short or damaged, fetch it again",
                            gguf->path, *tensors, *keys, gguf->map.size);
    }
    return 0;
}

static int parse(struct fs_gguf *gguf, struct fs_error *err)
{
    struct cursor cursor = {gguf, 0, err};
    uint64_t tensors, keys;
    return read_head(&cursor, &tensors, &keys) == 0 && read_values(&cursor, keys) == 0 ? read_tensors(&cursor, tensors)
                                                                                       : -1;
}

int fs_gguf_open(const char *path, struct fs_gguf *gguf, struct fs_error *err)
{
    gguf->path = strdup(path);
    if (gguf->path == NULL) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    return fs_file_map_open(path, &gguf->map, err) == 0 ? parse(gguf, err) : -1;
}

void fs_gguf_close(struct fs_gguf *gguf)
{
    for (size_t i = 0; i < gguf->values; i++) {
        free(gguf->value[i].key);
        free(gguf->value[i].text);
    }
    free(gguf->value);
    fs_tensors_release(&gguf->tensors);
    fs_file_map_close(&gguf->map);
    free(gguf->path);
    *gguf = (struct fs_gguf){0};
}

bool fs_may_be_gguf(const unsigned char *data, size_t size)
{
    return size >= 4 && memcmp(data, "GGUF", 4) == 0;
}

bool fs_is_gguf_file(const char *path)
{
    unsigned char first[4];
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = descriptor < 0 ? -1 : read(descriptor, first, sizeof first);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return length > 0 && fs_may_be_gguf(first, (size_t)length);
}

/* As the store reads it: its tensors alone, over a map of the store's. */
static int read_file(const char *path, const struct fs_file_map *map, struct fs_tensors *tensors, struct fs_error *err)
{
    char *own = strdup(path);
    struct fs_gguf gguf = {.path = own, .map = *map};
    if (own == NULL) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    int status = parse(&gguf, err);
    for (size_t i = 0; status == 0 && i < gguf.tensors.count; i++) {
        gguf.tensors.tensor[i].file = path;
    }
    if (status == 0) {
        fs_tensors_release(tensors);
        *tensors = gguf.tensors;
        gguf.tensors = (struct fs_tensors){0};
    }
    gguf.map = (struct fs_file_map){0};
    fs_gguf_close(&gguf);
    return status;
}

const struct fs_tensor_format fs_tensor_format_gguf = {
    .pattern = "*.gguf",
    .may_be = fs_may_be_gguf,
    .read = read_file,
};

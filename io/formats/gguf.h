/*
 * GGUF, the file format of llama.cpp: versions 2 and 3, little endian, mapped read-only.
 *
 *     4 bytes  "GGUF", u32 version, u64 number of tensors, u64 number of keys
 *     keys     each a string, u32 kind, value; a string is u64 length and bytes, an array u32 kind, u64 count, values
 *     tensors  each a string, u32 dimensions, u64 sizes, the fastest first, u32 type, u64 offset
 *     rest     from the next multiple of general.alignment (32): the tensors, each on such a multiple, offsets from here
 *
 * Checked on opening: counts and lengths against the bytes that are left before anything is allocated, kinds, keys in
 * UTF-8 and none twice, types, sizes, rows of whole blocks, tensors one after the other without overlap or hole to the end
 * of the file. Arrays of arrays are refused. Names of tensors are checked where they are looked up. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_GGUF_H
#define FAIRSTAMP_IO_FORMATS_GGUF_H

#include <stdbool.h>
#include <stdint.h>

#include "io/file_map.h"
#include "io/formats/tensor.h"

enum fs_gguf_kind {
    FS_GGUF_U8,
    FS_GGUF_I8,
    FS_GGUF_U16,
    FS_GGUF_I16,
    FS_GGUF_U32,
    FS_GGUF_I32,
    FS_GGUF_F32,
    FS_GGUF_BOOL,
    FS_GGUF_TEXT,
    FS_GGUF_ARRAY,
    FS_GGUF_U64,
    FS_GGUF_I64,
    FS_GGUF_F64,
    FS_GGUF_KINDS
};

struct fs_gguf_value {
    char *key;
    enum fs_gguf_kind kind, item; /* item: of an array */
    size_t count;                 /* 1, or the items of an array */
    const unsigned char *data;    /* into the map: a number, the length and bytes of a text, the items of an array */
    char *text;                   /* FS_GGUF_TEXT: a copy; NULL where it is no UTF-8 or holds a NUL */
};

struct fs_gguf {
    char *path;
    struct fs_file_map map;
    struct fs_gguf_value *value; /* [values], by key */
    size_t values, value_capacity;
    struct fs_tensors tensors; /* in order of the file; shape as HuggingFace has it, the slowest first */
};

/* Whether the first bytes of a file may be those of a GGUF file; whether a regular file begins so. */
bool fs_may_be_gguf(const unsigned char *data, size_t size);
bool fs_is_gguf_file(const char *path);

/* Opens `path`. Takes a zeroed struct; the caller closes it, after a failure too. */
int fs_gguf_open(const char *path, struct fs_gguf *gguf, struct fs_error *err);
void fs_gguf_close(struct fs_gguf *gguf); /* zeroes it */

/* NULL where there is no such key, or tensor. */
const struct fs_gguf_value *fs_gguf_find(const struct fs_gguf *gguf, const char *key);
const struct fs_tensor *fs_gguf_find_tensor(const struct fs_gguf *gguf, const char *name);

/*
 * Getters: they leave `value` as it is where the key is missing; another kind is FS_EXIT_DATA. A size may be an array too,
 * one for each layer, whose items are equal. `text` is owned by `gguf`.
 */
int fs_gguf_size(const struct fs_gguf *gguf, const char *key, size_t *value, struct fs_error *err);
int fs_gguf_number(const struct fs_gguf *gguf, const char *key, double *value, struct fs_error *err);
int fs_gguf_bool(const struct fs_gguf *gguf, const char *key, bool *value, struct fs_error *err);
int fs_gguf_text(const struct fs_gguf *gguf, const char *key, const char **text, struct fs_error *err);
/* An array of `count` items of kind `item`. */
int fs_gguf_array(const struct fs_gguf *gguf, const char *key, enum fs_gguf_kind item,
                  const struct fs_gguf_value **array, struct fs_error *err);

/* The error of the getters: "FILE: KEY: found FOUND, expected EXPECTED". Returns -1. */
int fs_gguf_wrong(const struct fs_gguf *gguf, const char *key, const char *found, const char *expected,
                  struct fs_error *err);

/* The next text of an array of texts, from *at, its `data` at first; the caller counts. */
const unsigned char *fs_gguf_next_text(const unsigned char **at, size_t *length);
/* Item `index` of an array of I32, or F32. */
int32_t fs_gguf_i32(const struct fs_gguf_value *array, size_t index);
float fs_gguf_f32(const struct fs_gguf_value *array, size_t index);

#endif

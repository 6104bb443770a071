/*
 * safetensors, one file or the shards of a HuggingFace folder, mapped read-only.
 *
 *     8 bytes  little-endian length N of the header
 *     N bytes  JSON {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {..}}
 *     rest     tensor data; offsets count from here
 *
 * Checked on opening: header length, JSON, known dtypes, shape product x item size == end - begin, ranges inside the
 * file and without overlap or hole, no name twice; for shards, that index and shards agree on every tensor. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_SAFETENSORS_H
#define FAIRSTAMP_IO_FORMATS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_TENSOR_MAX_DIMENSIONS 8

enum fs_dtype { FS_F64, FS_F32, FS_F16, FS_BF16, FS_I64, FS_I32, FS_I16, FS_I8, FS_U8, FS_BOOL };

struct fs_tensor {
    const char *name; /* owned by the store */
    const char *file; /* the file that holds it, for error texts; owned by the store */
    enum fs_dtype dtype;
    size_t dimensions;
    size_t shape[FS_TENSOR_MAX_DIMENSIONS];
    size_t elements;
    const unsigned char *data; /* into the map; may be unaligned */
};

struct fs_tensor_store;

/* Opens model.safetensors, or else model.safetensors.index.json and its shards, of `folder`. The caller destroys. */
int fs_tensor_store_open(const char *folder, struct fs_tensor_store **store, struct fs_error *err);
void fs_tensor_store_destroy(struct fs_tensor_store *store); /* unmaps; takes NULL */

size_t fs_tensor_store_count(const struct fs_tensor_store *store);
const struct fs_tensor *fs_tensor_store_at(const struct fs_tensor_store *store, size_t index);
/* NULL where there is no such tensor. */
const struct fs_tensor *fs_tensor_store_find(const struct fs_tensor_store *store, const char *name);

/* Whether the first bytes of a file may be those of a safetensors file: the length of a header that may be read. */
bool fs_may_be_safetensors(const unsigned char *data, size_t size);

const char *fs_dtype_name(enum fs_dtype dtype);
size_t fs_dtype_size(enum fs_dtype dtype);

/* The files of the store (shards and index), for hashing: `count` paths owned by the store. */
const char *const *fs_tensor_store_files(const struct fs_tensor_store *store, size_t *count);

#endif

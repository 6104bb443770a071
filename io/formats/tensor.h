/* A tensor of a file, and a list of them that readers of formats fill. Local. */
#ifndef FAIRSTAMP_IO_FORMATS_TENSOR_H
#define FAIRSTAMP_IO_FORMATS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_TENSOR_MAX_DIMENSIONS 8

enum fs_dtype {
    FS_F64,
    FS_F32,
    FS_F16,
    FS_BF16,
    FS_I64,
    FS_I32,
    FS_I16,
    FS_I8,
    FS_U8,
    FS_BOOL,
    FS_Q4_0, /* from here on in blocks: quantised.h */
    FS_Q4_1,
    FS_Q5_0,
    FS_Q5_1,
    FS_Q8_0,
    FS_Q2_K,
    FS_Q3_K,
    FS_Q4_K,
    FS_Q5_K,
    FS_Q6_K,
    FS_DTYPES
};

struct fs_tensor {
    const char *name; /* owned by the list */
    const char *file; /* the file that holds it, for error texts; owned by the store */
    enum fs_dtype dtype;
    size_t dimensions;
    size_t shape[FS_TENSOR_MAX_DIMENSIONS];
    size_t elements;
    const unsigned char *data; /* into the map; may be unaligned */
    /* Of so many heads, whose rows lie as pairs that rotary positions turn, side by side; 0: the halves of a head lie apart */
    size_t paired_heads;
    bool strided; /* plain numbers that do not follow each other row by row, but by `stride`, in elements */
    size_t stride[FS_TENSOR_MAX_DIMENSIONS];
};

/* The bytes of element `index`, counted row by row, of a type of plain numbers. */
const unsigned char *fs_tensor_element(const struct fs_tensor *tensor, size_t index);
/* Whether both have the same type and, row by row, the same bytes. */
bool fs_tensor_equal(const struct fs_tensor *a, const struct fs_tensor *b);

struct fs_tensors {
    size_t count, capacity;
    struct fs_tensor *tensor; /* [count] */
};

/* Adds a tensor of `file` with a copy of `name`, all else zero. Good until the next is added; NULL: out of memory. */
struct fs_tensor *fs_tensors_add(struct fs_tensors *tensors, const char *file, const char *name, struct fs_error *err);
void fs_tensors_release(struct fs_tensors *tensors); /* takes a zeroed struct; zeroes it */

const char *fs_dtype_name(enum fs_dtype dtype);
size_t fs_dtype_size(enum fs_dtype dtype);  /* bytes of a block */
size_t fs_dtype_block(enum fs_dtype dtype); /* numbers of a block, at most FS_BLOCK_MOST; 1: plain numbers */
bool fs_dtype_is_real(enum fs_dtype dtype); /* what weights may be */
/* The numbers of the block at `data`, of a type in blocks. */
void fs_dtype_dequantise(enum fs_dtype dtype, const unsigned char *data, float *out);
size_t fs_tensor_bytes(const struct fs_tensor *tensor);
/* -1 where no type of plain numbers has this name. */
int fs_dtype_find(const char *name, enum fs_dtype *dtype);

#endif

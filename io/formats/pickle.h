/*
 * The pickle of a PyTorch state dict (data.pkl of torch.save), protocols 2 to 5. A pickle is a program; this reader knows the
 * opcodes and the few globals that make up tensors, calls nothing, and refuses all else by name. It does not recurse, and
 * needs memory in proportion to the pickle's size. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_PICKLE_H
#define FAIRSTAMP_IO_FORMATS_PICKLE_H

#include <stddef.h>

#include "io/error.h"
#include "io/formats/tensor.h"

/* 100 bytes or so a tensor; hostile ones of this size need up to 1 GB of memory. */
#define FS_PICKLE_MOST_BYTES ((size_t)32 << 20)

/* A tensor as torch._utils._rebuild_tensor_v2 is told to build it. Texts are good until the call returns. */
struct fs_pickled_tensor {
    const char *name;
    const char *key; /* of its storage, digits: the record data/KEY of the archive */
    enum fs_dtype dtype;
    size_t numel;  /* elements of the storage */
    size_t offset; /* of the first element in it */
    size_t dimensions;
    size_t shape[FS_TENSOR_MAX_DIMENSIONS], stride[FS_TENSOR_MAX_DIMENSIONS]; /* in elements */
};

typedef int (*fs_pickle_visit)(void *context, const struct fs_pickled_tensor *tensor, struct fs_error *err);

/*
 * Reads `size` bytes and gives each tensor of the dictionary that they make to `visit`, in their order, until it fails.
 * `where` is the beginning of error texts. FS_EXIT_DATA where the pickle is damaged or makes anything else.
 */
int fs_pickle_read(const char *where, const unsigned char *data, size_t size, fs_pickle_visit visit, void *context,
                   struct fs_error *err);

#endif

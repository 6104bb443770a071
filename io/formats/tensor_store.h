/*
 * The tensors of a model's folder, whatever file holds them, mapped read-only. The formats are the rows of a table
 * (tensor_format.h); a folder with files of several is read by the first row that it has a file of, as transformers does.
 *
 * Checked on opening: what the format's reader checks of each file, no name twice; for shards, that index and shards agree
 * on every tensor. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_TENSOR_STORE_H
#define FAIRSTAMP_IO_FORMATS_TENSOR_STORE_H

#include <stddef.h>

#include "io/error.h"
#include "io/formats/tensor.h"

struct fs_tensor_store;

/* Opens the weights of `folder`, one file, or an index and its shards; or those of a GGUF file. The caller destroys. */
int fs_tensor_store_open(const char *folder, struct fs_tensor_store **store, struct fs_error *err);
void fs_tensor_store_destroy(struct fs_tensor_store *store); /* unmaps; takes NULL */

/* Changes tensor `index` of those of a file; it may give it another name (malloc's, the former one freed), and add more. */
typedef int fs_tensor_translate(const void *context, struct fs_tensors *tensors, size_t index, struct fs_error *err);
/* For formats with names of their own: calls `translate` for each tensor that was there. */
int fs_tensor_store_translate(struct fs_tensor_store *store, fs_tensor_translate *translate, const void *context,
                              struct fs_error *err);

size_t fs_tensor_store_count(const struct fs_tensor_store *store);
const struct fs_tensor *fs_tensor_store_at(const struct fs_tensor_store *store, size_t index);
/* NULL where there is no such tensor. */
const struct fs_tensor *fs_tensor_store_find(const struct fs_tensor_store *store, const char *name);

/* The files of the store (shards and index), for hashing: `count` paths owned by the store. */
const char *const *fs_tensor_store_files(const struct fs_tensor_store *store, size_t *count);

#endif

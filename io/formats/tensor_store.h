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

/* Opens the weights of `folder`: one file, or an index and its shards. The caller destroys. */
int fs_tensor_store_open(const char *folder, struct fs_tensor_store **store, struct fs_error *err);
void fs_tensor_store_destroy(struct fs_tensor_store *store); /* unmaps; takes NULL */

size_t fs_tensor_store_count(const struct fs_tensor_store *store);
const struct fs_tensor *fs_tensor_store_at(const struct fs_tensor_store *store, size_t index);
/* NULL where there is no such tensor. */
const struct fs_tensor *fs_tensor_store_find(const struct fs_tensor_store *store, const char *name);

/* The files of the store (shards and index), for hashing: `count` paths owned by the store. */
const char *const *fs_tensor_store_files(const struct fs_tensor_store *store, size_t *count);

#endif

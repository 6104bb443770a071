/*
 * The table of file formats that hold weights, in the order in which a folder is searched for them. What knows one of them
 * by name is its row alone. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_TENSOR_FORMAT_H
#define FAIRSTAMP_IO_FORMATS_TENSOR_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "io/file_map.h"
#include "io/formats/tensor.h"

struct fs_tensor_format {
    const char *file;    /* a whole model's */
    const char *index;   /* that names the shards of one: {"weight_map": {tensor: file}} */
    const char *pattern; /* of its files' names, for fnmatch */
    const char *shards;  /* and of its shards' */
    /* Whether the first bytes may be those of such a file; others are told by their kind (file_kind.h). */
    bool (*may_be)(const unsigned char *data, size_t size);
    /* Checks the file `path`, whose map and path outlive the tensors, and adds its tensors. */
    int (*read)(const char *path, const struct fs_file_map *map, struct fs_tensors *tensors, struct fs_error *err);
    /* Bytes of a file that was read, behind which the data of its tensors follow each other: others of the same types may
     * be written there. NULL: the format is another. */
    size_t (*head)(const unsigned char *data, size_t size);
};

/* A file that is a whole model by itself, with config and tokenizer (gguf.h): no row of the table, for no folder is
 * searched for it; file, index and shards are NULL. */
extern const struct fs_tensor_format fs_tensor_format_gguf;

extern const struct fs_tensor_format *const fs_tensor_formats[];
extern const size_t fs_tensor_format_count;

/* The format that the weights of `folder` are read in: that of the first file or index there is (a link to nothing, too:
 * reading refuses it); NULL: none. */
const struct fs_tensor_format *fs_tensor_format_in(const char *folder);
/* The name of the file or index of `format` that is read; NULL where the folder has neither. */
const char *fs_tensor_format_entry(const struct fs_tensor_format *format, const char *folder);
/* The format that a file of this name would be of; NULL: none. */
const struct fs_tensor_format *fs_tensor_format_named(const char *name);
/* "model.safetensors, ...": the names of whole models. */
void fs_tensor_format_names(char *text, size_t size);

#endif

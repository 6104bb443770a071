/* Writing tensors as a safetensors file (the layout: safetensors.c). Local. */
#ifndef FAIRSTAMP_IO_FORMATS_SAFETENSORS_WRITE_H
#define FAIRSTAMP_IO_FORMATS_SAFETENSORS_WRITE_H

#include <stddef.h>

#include "io/error.h"
#include "io/formats/tensor.h"

/* A text of the header's __metadata__. */
struct fs_tensor_note {
    char *name, *value;
};

/* Where the bytes of a file go: once a piece, in order. FS_EXIT_IO where they cannot be written. */
struct fs_tensor_sink {
    int (*put)(void *context, const void *bytes, size_t size, struct fs_error *err);
    void *context;
};

/*
 * Puts the header of `tensors`, whose data are to follow in the order that is left in them: wider types first, so that all
 * are aligned, then by name. Types are plain numbers; `data` is not read.
 */
int fs_safetensors_put_header(struct fs_tensor *tensors, size_t count, const struct fs_tensor_note *note, size_t notes,
                              const struct fs_tensor_sink *sink, struct fs_error *err);
/* The numbers of one, row by row, also of one that is strided. */
int fs_safetensors_put_data(const struct fs_tensor *tensor, const struct fs_tensor_sink *sink, struct fs_error *err);

#endif

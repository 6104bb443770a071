/* What the files of the GGUF reader share. Private to them. */
#ifndef FAIRSTAMP_IO_FORMATS_GGUF_PARTS_H
#define FAIRSTAMP_IO_FORMATS_GGUF_PARTS_H

#include "io/formats/gguf.h"

/* Bytes of a number or truth value. */
size_t fs_gguf_kind_size(enum fs_gguf_kind kind);

/* The type of a tensor by ggml's number: NULL where it is read, else its name, for an error. */
const char *fs_gguf_type(uint64_t type, enum fs_dtype *dtype);
/* "F32, F16, ...": the names of the types that are read. */
void fs_gguf_type_names(char *text, size_t size);

#endif

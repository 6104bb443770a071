/* Datasets of numbers in a trace file. Private to the stage. */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_NUMBERS_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_NUMBERS_H

#include <stddef.h>

#include "io/archive/archive.h"
#include "io/error.h"

/* As i64. */
int fs_trace_write_sizes(struct fs_archive *archive, const char *name, size_t dimensions, const size_t *shape,
                         const size_t *value, struct fs_error *err);
/* Allocates and reads `count` numbers of `type`, each of `size` bytes; NULL on failure. */
void *fs_trace_read_numbers(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t size,
                            size_t count, struct fs_error *err);
/* ... of i64, each from 0 to `most`; SIZE_MAX: any. */
size_t *fs_trace_read_sizes(const struct fs_archive *archive, const char *name, size_t count, size_t most,
                            struct fs_error *err);

#endif

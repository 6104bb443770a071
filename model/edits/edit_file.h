/* What the files of edits and of their trainings have in common. Local. */
#ifndef FAIRSTAMP_MODEL_EDITS_EDIT_FILE_H
#define FAIRSTAMP_MODEL_EDITS_EDIT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "io/archive/archive.h"
#include "io/error.h"
#include "model/numbers/real.h"

/*
 * Numbers of an archive's dataset `name`, of one dimension or two, which go through float32 as they are: fs_real is float,
 * but for the tests of gradients. Reading refuses numbers that are not finite (FS_EXIT_DATA).
 */
int fs_edit_write_reals(struct fs_archive *archive, const char *name, size_t dimensions, const size_t *shape,
                        const fs_real *data, struct fs_error *err);
int fs_edit_read_reals(const struct fs_archive *archive, const char *name, size_t count, fs_real *data,
                       struct fs_error *err);

/* The same of a dataset of one dimension, which fs_archive_reserve has made: `count` of its numbers, from `first` on. */
int fs_edit_write_part(struct fs_archive *archive, const char *name, size_t first, size_t count, const fs_real *data,
                       struct fs_error *err);
int fs_edit_read_part(const struct fs_archive *archive, const char *name, size_t first, size_t count, fs_real *data,
                      struct fs_error *err);

/* A whole number of `group`, from `least`, at least 0, to `most`; FS_EXIT_DATA otherwise. */
int fs_edit_read_size(const struct fs_archive *archive, const char *group, const char *name, int64_t least,
                      int64_t most, size_t *value, struct fs_error *err);

#endif

/* A scratch folder and checks of errors for the tests of io/ and of what stands on it. */
#ifndef FAIRSTAMP_TESTS_IO_SUPPORT_H
#define FAIRSTAMP_TESTS_IO_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/archive/archive.h"
#include "io/error.h"
#include "tests/unit/scratch.h"

/* "<shared folder>/<name>" as scratch_path, or NULL, with a line printed, where the file is not there. */
const char *shared_path(const char *name);

/* That `result` is -1 and the error has this code and contains both texts; clears the error. */
void check_error(int result, struct fs_error *err, enum fs_exit code, const char *file, const char *key);

/* That `result` is 0; prints the error otherwise. */
void check_success(int result, const struct fs_error *err);

/* An archive of format "part" and job "job" with one dataset, as scratch_path. */
const char *write_archive(const char *name, const char *dataset, enum fs_archive_type type, size_t rows, size_t columns,
                          const void *data);

#endif

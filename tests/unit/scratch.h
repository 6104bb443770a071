/* A scratch folder below TMPDIR (/tmp where that is not set), files in it, and files read whole. A failing helper fails
 * the test. */
#ifndef FAIRSTAMP_TESTS_UNIT_SCRATCH_H
#define FAIRSTAMP_TESTS_UNIT_SCRATCH_H

#include <stddef.h>
#include <stdio.h>

/* Fixtures of a test or a group: make the scratch folder, and remove it with all in it. */
int scratch_make(void **state);
int scratch_remove(void **state);

const char *scratch_folder(void);

/* "<scratch>/<name>", in one of eight buffers that are used in turn. */
const char *scratch_path(const char *name);

/* Writes a file of the scratch folder and returns its path, as scratch_path. */
const char *scratch_write(const char *name, const void *data, size_t size);
const char *scratch_write_text(const char *name, const char *text);

/* A stream into memory, one at a time, and the text that was written to it, which it closes; the caller frees. */
FILE *text_begin(void);
char *text_end(FILE *stream);

/* A whole file of any path, and a zero byte after it; the caller frees. */
unsigned char *slurp(const char *path, size_t *size);

#endif

/*
 * What a file is that stands where another is expected, by its first bytes: compressed, a table of another program, text
 * in another encoding, a web page or a Git LFS pointer in the file's place, a model or results in place of data. The error
 * names it and the command that makes a file that is read. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_FILE_KIND_H
#define FAIRSTAMP_IO_FORMATS_FILE_KIND_H

#include <stddef.h>

#include "io/error.h"

#define FS_KIND_FIX 1400
#define FS_KIND_SAMPLE 4096 /* first bytes that are enough to tell a kind */

/* Where the bytes were found: data or a job file, a file of a model's folder, standard input. It decides on the fix. */
enum fs_file_place { FS_PLACE_DATA, FS_PLACE_MODEL, FS_PLACE_INPUT };

/*
 * What `data`, the first bytes of `path`, are, such as "a Parquet file", and how it is put right; NULL where they are not of
 * a kind that is known to be wrong there. Static text.
 */
const char *fs_file_kind(const char *path, const unsigned char *data, size_t size, enum fs_file_place place,
                         char fix[FS_KIND_FIX]);

/* FS_EXIT_DATA where `data`, the bytes of `path`, are of a kind that is known not to be the file meant. */
int fs_refuse_file_kind(const char *path, const unsigned char *data, size_t size, struct fs_error *err);

/* As fs_refuse_file_kind, and where the bytes are not UTF-8 or hold a NUL. */
int fs_check_text_file(const char *path, const unsigned char *data, size_t size, struct fs_error *err);

/* The bytes of a UTF-8 byte order mark at the beginning: 3 or 0. */
size_t fs_byte_order_mark(const unsigned char *data, size_t size);

#endif

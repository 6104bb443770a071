/*
 * CSV after RFC 4180 with a header line; quoted fields may hold commas, doubled quotes and line ends. Lines end with CR
 * LF or LF, the last one may end with the file. A byte order mark is skipped. Refused: bytes that are not UTF-8, NUL, a
 * quote inside an unquoted field, text after a closing quote, a column name that occurs twice. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_CSV_H
#define FAIRSTAMP_IO_FORMATS_CSV_H

#include <stddef.h>

#include "io/error.h"

struct fs_csv;

/* Reads the whole file; every row must have as many fields as the header. The caller destroys. */
int fs_csv_load(const char *path, struct fs_csv **csv, struct fs_error *err);
void fs_csv_destroy(struct fs_csv *csv);                  /* takes NULL */
size_t fs_csv_rows(const struct fs_csv *csv);             /* without the header */
size_t fs_csv_line(const struct fs_csv *csv, size_t row); /* 1-based line of the file */
int fs_csv_column(const struct fs_csv *csv, const char *name, size_t *column, struct fs_error *err);
const char *fs_csv_field(const struct fs_csv *csv, size_t row, size_t column); /* owned by csv */

#endif

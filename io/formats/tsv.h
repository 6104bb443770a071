/*
 * Tab-separated values without a header line, as linguists' data sets come: a field is whatever is between two tabs,
 * without quoting. Lines end with LF, before which CR may stand; empty lines are skipped. Refused: bytes that are not UTF-8, NUL, files of
 * another kind (io/formats/file_kind.h), a row with another number of fields. Tables with a header: io/formats/csv.h.
 * Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_TSV_H
#define FAIRSTAMP_IO_FORMATS_TSV_H

#include <stddef.h>

#include "io/error.h"

struct fs_tsv;

/* Each line, one at least, is a row of `columns` fields. The caller destroys. FS_EXIT_NO_INPUT, FS_EXIT_DATA. */
int fs_tsv_load_rows(const char *path, size_t columns, struct fs_tsv **tsv, struct fs_error *err);
void fs_tsv_destroy(struct fs_tsv *tsv); /* takes NULL */
size_t fs_tsv_rows(const struct fs_tsv *tsv);
size_t fs_tsv_line(const struct fs_tsv *tsv, size_t row);                      /* 1-based line of the file */
const char *fs_tsv_path(const struct fs_tsv *tsv);                             /* as given, owned by tsv */
const char *fs_tsv_field(const struct fs_tsv *tsv, size_t row, size_t column); /* owned by tsv */

#endif

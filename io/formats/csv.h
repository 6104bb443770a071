/*
 * Tables with a header, as people have them. Local.
 *
 * CSV after RFC 4180, with a comma, a semicolon or a tab between fields: the one with which the header has the columns
 * that are wanted. Quoted fields may hold separators, doubled quotes and line ends. Lines end with LF, before which any
 * number of CR may stand; the last one may end with the file. Skipped: a byte order mark, Excel's first line "sep=;",
 * blank lines (in a table of one column at the end alone, elsewhere they are its empty fields), rows of empty fields at
 * the end. Refused: bytes that are not UTF-8, NUL, a quote inside an unquoted field, text after a closing quote, a
 * column name that occurs twice, files of another kind (io/formats/file_kind.h).
 *
 * Where the file begins with a bracket or brace: the records of io/formats/records.h. A null is an empty field, numbers
 * are written in decimal. A key that `also` names is an empty field where the record lacks it or has neither text nor a
 * number.
 */
#ifndef FAIRSTAMP_IO_FORMATS_CSV_H
#define FAIRSTAMP_IO_FORMATS_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

struct fs_csv;

struct fs_csv_format {
    const char *const *columns; /* NULL-terminated: those that are wanted */
    bool plain_tabs;            /* between tabs a quote is a quote, as in linguists' tab-separated data sets */
    bool keep_bad_rows;         /* for fs_csv_check_row; otherwise the first one refuses the file */
    const char *const *also;    /* NULL-terminated, or NULL: those that are read where records have them */
};

enum { FS_CSV_PLACE = 48 };

/*
 * Reads the whole file. A row is bad where it has not as many fields as the header, or where a record lacks a wanted key
 * or has neither text nor a number for it. The file is refused nevertheless where a bad row is of several lines, so that a
 * missing quote may have taken other rows into it, or where the file ends within it. The caller destroys.
 */
int fs_csv_load(const char *path, const struct fs_csv_format *format, struct fs_csv **csv, struct fs_error *err);
void fs_csv_destroy(struct fs_csv *csv);                              /* takes NULL */
const char *fs_csv_path(const struct fs_csv *csv);                    /* as given, owned by csv */
size_t fs_csv_rows(const struct fs_csv *csv);                         /* without the header */
int fs_csv_need_rows(const struct fs_csv *csv, struct fs_error *err); /* FS_EXIT_DATA where there is none */
/* FS_EXIT_DATA where the row is bad; its fields are then those that were found, and empty ones. */
int fs_csv_check_row(const struct fs_csv *csv, size_t row, struct fs_error *err);
/* Where a row stands, for error texts: "line 4" of the file, or "record [3]" of JSON in one piece. */
const char *fs_csv_place(const struct fs_csv *csv, size_t row, char place[FS_CSV_PLACE]);
int fs_csv_column(const struct fs_csv *csv, const char *name, size_t *column, struct fs_error *err);
/* The same without an error; false where there is none. A column without a name, "", is looked for in the first place. */
bool fs_csv_has_column(const struct fs_csv *csv, const char *name, size_t *column);
const char *fs_csv_field(const struct fs_csv *csv, size_t row, size_t column); /* owned by csv */
/* Another text for a field, which has to outlive `csv`: the name for which a number stands. */
void fs_csv_replace(struct fs_csv *csv, size_t row, size_t column, const char *text);

#endif

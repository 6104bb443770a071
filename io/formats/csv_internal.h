/* Private to io/formats/csv.c and csv_records.c. */
#ifndef FAIRSTAMP_IO_FORMATS_CSV_INTERNAL_H
#define FAIRSTAMP_IO_FORMATS_CSV_INTERNAL_H

#include <stddef.h>

#include "io/file_map.h"
#include "io/formats/csv.h"
#include "io/formats/records.h"

struct fs_csv {
    char *path;
    char *text; /* fields that are no text of the records, each followed by a zero byte */
    size_t columns;
    size_t rows;               /* with the header */
    const char **field;        /* [rows][columns], into text, the records, or the caller's format */
    size_t *line;              /* [rows], 1-based; NULL for records */
    size_t *found;             /* [rows] fields of a bad row, 0 for others; NULL for records */
    const char *advice;        /* on a wrong number of fields */
    struct fs_records records; /* of a file in JSON, else zero */
    const cJSON **record;      /* [rows - 1] its elements; NULL for others */
};

/* The field of a record that it lacks: the address tells it from an empty one. */
extern const char fs_csv_missing[];
/* FS_EXIT_DATA with what is wrong with record `row`. */
int fs_csv_check_record(const struct fs_csv *csv, size_t row, struct fs_error *err);

/* Fills `csv` with the records of csv->path, which is in `map`. -1 with `err` set; what was made is csv's. */
int fs_csv_read_records(struct fs_csv *csv, const struct fs_file_map *map, const struct fs_csv_format *format,
                        struct fs_error *err);

#endif

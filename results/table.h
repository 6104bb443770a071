/* A table for people: columns as wide as they must be, numbers to the right. Local. */
#ifndef FAIRSTAMP_RESULTS_TABLE_H
#define FAIRSTAMP_RESULTS_TABLE_H

#include <stdio.h>

#include "io/error.h"

struct fs_table;

/* Column names begin with '<' (left) or '>' (right), which is not shown; they must outlive the table. */
int fs_table_create(size_t columns, const char *const *name, struct fs_table **table, struct fs_error *err);
void fs_table_destroy(struct fs_table *table); /* takes NULL */
/* The next cell, row by row. Out of memory is told by fs_table_print. */
void fs_table_cell(struct fs_table *table, const char *format, ...) FS_PRINTF(2, 3);
/* A number with `decimals`, "-" where it is not finite. */
void fs_table_number(struct fs_table *table, double value, int decimals);
int fs_table_print(const struct fs_table *table, FILE *stream, struct fs_error *err);

#endif

#include "results/result_table.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"
#include "io/benchmarks/category.h"
#include "stages/evaluate/evaluate.h"

#define RESULTS "/results"

const char *const fs_result_text_names[FS_RESULT_TEXTS] = {"cell",   "model",  "categories", "suite", "category",
                                                           "subset", "metric", "scoring",    "edit"};
const char *const fs_result_number_names[FS_RESULT_NUMBERS] = {
    "ideal",      "before",     "before_low",     "before_high",     "after",  "after_low",
    "after_high", "difference", "difference_low", "difference_high", "p_value"};
const char *const fs_result_count_names[FS_RESULT_COUNTS] = {"n",      "n_after", "ties",   "ties_after",
                                                             "gained", "lost",    "skipped"};

/* What the columns of text were called in the former layout, where that differs. */
#define FORMER_SCORING "variant"
#define FORMER_EDIT "stamp"

static const struct {
    size_t offset; /* of a number of struct fs_metric of the unedited model or of the edit, or of struct fs_paired */
    enum { IDEAL, UNEDITED, EDITED, CHANGE } of;
} number_origin[FS_RESULT_NUMBERS] = {
    [FS_RESULT_IDEAL] = {0, IDEAL},
    [FS_RESULT_BEFORE] = {offsetof(struct fs_metric, value), UNEDITED},
    [FS_RESULT_BEFORE_LOW] = {offsetof(struct fs_metric, low), UNEDITED},
    [FS_RESULT_BEFORE_HIGH] = {offsetof(struct fs_metric, high), UNEDITED},
    [FS_RESULT_AFTER] = {offsetof(struct fs_metric, value), EDITED},
    [FS_RESULT_AFTER_LOW] = {offsetof(struct fs_metric, low), EDITED},
    [FS_RESULT_AFTER_HIGH] = {offsetof(struct fs_metric, high), EDITED},
    [FS_RESULT_DIFFERENCE] = {offsetof(struct fs_paired, difference), CHANGE},
    [FS_RESULT_DIFFERENCE_LOW] = {offsetof(struct fs_paired, low), CHANGE},
    [FS_RESULT_DIFFERENCE_HIGH] = {offsetof(struct fs_paired, high), CHANGE},
    [FS_RESULT_P_VALUE] = {offsetof(struct fs_paired, p_value), CHANGE},
};

/* A column as the table's others: from its room to one for `rows`, which goes to `room`. */
static int grow(const struct fs_result_table *table, void *column, size_t size, size_t rows, size_t *room,
                struct fs_error *err)
{
    *room = table->room;
    return fs_grow(column, room, rows, size, "the table of results", err);
}

static int make_room(struct fs_result_table *table, size_t more, struct fs_error *err)
{
    size_t rows = table->rows + more, room = table->room;
    for (size_t i = 0; i < FS_RESULT_TEXTS; i++) {
        if (grow(table, &table->text[i], sizeof *table->text[i], rows, &room, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < FS_RESULT_NUMBERS; i++) {
        if (grow(table, &table->number[i], sizeof *table->number[i], rows, &room, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < FS_RESULT_COUNTS; i++) {
        if (grow(table, &table->count[i], sizeof *table->count[i], rows, &room, err) != 0) {
            return -1;
        }
    }
    table->room = room;
    return 0;
}

/* Takes the block, also on failure. */
static int keep_block(struct fs_result_table *table, void *block, struct fs_error *err)
{
    if (block == NULL) {
        return fs_error_memory(err, 64, "the table of results");
    }
    if (fs_grow(&table->block, &table->block_room, table->blocks + 1, sizeof *table->block, "the table of results",
                err) != 0) {
        free(block);
        return -1;
    }
    table->block[table->blocks++] = block;
    return 0;
}

static int wrong_shape(const struct fs_archive *archive, const char *name, size_t rows, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s: expected a row for each of %zu results; the file is not from fairstamp", archive->path,
                        name, rows);
}

/* Reads a text column to behind the table's rows; the first column of a table makes room and tells their number. */
static int read_texts(struct fs_result_table *table, const struct fs_archive *archive, const char *name, size_t column,
                      size_t *rows, struct fs_error *err)
{
    char **texts;
    size_t count;
    if (fs_archive_read_texts(archive, name, &count, &texts, err) != 0 || keep_block(table, texts, err) != 0) {
        return -1;
    }
    if (*rows == SIZE_MAX) {
        *rows = count;
        if (make_room(table, count, err) != 0) {
            return -1;
        }
    }
    if (count != *rows) {
        return wrong_shape(archive, name, *rows, err);
    }
    for (size_t row = 0; row < count; row++) {
        table->text[column][table->rows + row] =
            column == FS_RESULT_CATEGORY ? fs_category_name(texts[row]) : texts[row];
    }
    return 0;
}

/* The numbers of a dataset, `width` a row; `*data` NULL without an error where there is no such dataset. */
static int read_rows(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t rows,
                     size_t *width, void **data, struct fs_error *err)
{
    size_t dimensions = 0, shape[4];
    *data = NULL;
    if (!fs_archive_has(archive, name)) {
        return 0;
    }
    if (fs_archive_shape(archive, name, &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions < 1 || dimensions > 2 || shape[0] != rows) {
        return wrong_shape(archive, name, rows, err);
    }
    *width = dimensions == 2 ? shape[1] : 1;
    *data = fs_allocate(rows * *width + 1, sizeof(double), "the table of results", err);
    return *data != NULL ? fs_archive_read(archive, name, type, rows * *width, *data, err) : -1;
}

static int read_number(struct fs_result_table *table, const struct fs_archive *archive, const char *name, size_t column,
                       size_t rows, struct fs_error *err)
{
    size_t width = 1;
    void *data;
    int status = read_rows(archive, name, FS_ARCHIVE_F64, rows, &width, &data, err);
    for (size_t row = 0; status == 0 && row < rows; row++) {
        table->number[column][table->rows + row] = data != NULL ? ((const double *)data)[row * width] : NAN;
    }
    free(data);
    return status;
}

static int read_count(struct fs_result_table *table, const struct fs_archive *archive, const char *name, size_t column,
                      size_t rows, struct fs_error *err)
{
    size_t width = 1;
    void *data;
    int status = read_rows(archive, name, FS_ARCHIVE_I64, rows, &width, &data, err);
    for (size_t row = 0; status == 0 && row < rows; row++) {
        table->count[column][table->rows + row] = data != NULL ? ((const int64_t *)data)[row * width] : -1;
    }
    free(data);
    return status;
}

/* A copy that lives with the table; NULL without memory. */
static const char *keep_text(struct fs_result_table *table, const char *text, struct fs_error *err)
{
    char *copy = strdup(text);
    return keep_block(table, copy, err) == 0 ? copy : NULL;
}

static double number_of(const struct fs_result_row *row, size_t edit, size_t number)
{
    const unsigned char *base = (const unsigned char *)&row->value[0];
    switch (number_origin[number].of) {
    case IDEAL:
        return row->ideal;
    case UNEDITED:
        break;
    case EDITED:
        base = (const unsigned char *)&row->value[edit];
        break;
    default:
        base = (const unsigned char *)&row->change[edit - 1];
        break;
    }
    double value;
    memcpy(&value, base + number_origin[number].offset, sizeof value);
    return value;
}

/* The row of one edit; edit 0: a job without edits. */
static int add_row(struct fs_result_table *table, const struct fs_results *results, const struct fs_result_row *row,
                   size_t edit, const char *const given[FS_RESULT_SUITE], struct fs_error *err)
{
    const bool edited = edit > 0;
    const char *const text[FS_RESULT_TEXTS] = {given[0],    given[1],      given[2],
                                               row->suite,  row->category, row->subset,
                                               row->metric, row->scoring,  edited ? results->column[edit] : ""};
    for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
        const char *kept = c < FS_RESULT_SUITE ? text[c] : keep_text(table, text[c], err);
        if (kept == NULL) {
            return -1;
        }
        table->text[c][table->rows] = kept;
    }
    for (size_t c = 0; c < FS_RESULT_NUMBERS; c++) {
        bool there = edited || number_origin[c].of == IDEAL || number_origin[c].of == UNEDITED;
        table->number[c][table->rows] = there ? number_of(row, edit, c) : NAN;
    }
    const int64_t count[FS_RESULT_COUNTS] = {[FS_RESULT_N] = (int64_t)row->value[0].n,
                                             [FS_RESULT_N_AFTER] = edited ? (int64_t)row->value[edit].n : -1,
                                             [FS_RESULT_TIES] = (int64_t)row->value[0].ties,
                                             [FS_RESULT_TIES_AFTER] = edited ? (int64_t)row->value[edit].ties : -1,
                                             [FS_RESULT_GAINED] = edited ? row->change[edit - 1].gained : -1,
                                             [FS_RESULT_LOST] = edited ? row->change[edit - 1].lost : -1,
                                             [FS_RESULT_SKIPPED] = (int64_t)fs_row_skipped(row)};
    for (size_t c = 0; c < FS_RESULT_COUNTS; c++) {
        table->count[c][table->rows] = count[c];
    }
    table->rows++;
    return 0;
}

int fs_result_table_add(struct fs_result_table *table, const struct fs_archive *archive, const char *group,
                        const char *cell, const char *model, const char *categories, struct fs_error *err)
{
    struct fs_results results;
    const char *given[FS_RESULT_SUITE] = {keep_text(table, cell, err), keep_text(table, model, err),
                                          keep_text(table, categories, err)};
    if (given[0] == NULL || given[1] == NULL || given[2] == NULL ||
        fs_evaluate_read(archive, group, &results, err) != 0) {
        return -1;
    }
    size_t edits = results.columns - 1, each = edits > 0 ? edits : 1;
    int status = make_room(table, results.rows * each, err);
    for (size_t i = 0; status == 0 && i < results.rows * each; i++) {
        status = add_row(table, &results, &results.row[i / each], edits > 0 ? 1 + i % each : 0, given, err);
    }
    fs_results_release(&results);
    return status;
}

/* The dataset of a text column of a merged file; NULL: the former layout has none. */
static const char *merged_name(const struct fs_archive *archive, size_t column, char *name, size_t size)
{
    snprintf(name, size, RESULTS "/%s", fs_result_text_names[column]);
    if (column == FS_RESULT_SCORING && !fs_archive_has(archive, name)) {
        snprintf(name, size, RESULTS "/" FORMER_SCORING);
    }
    return column == FS_RESULT_EDIT && !fs_archive_has(archive, name) ? NULL : name;
}

static int fill_former_edit(struct fs_result_table *table, size_t rows, struct fs_error *err)
{
    const char *edit = keep_text(table, FORMER_EDIT, err);
    for (size_t row = 0; edit != NULL && row < rows; row++) {
        table->text[FS_RESULT_EDIT][table->rows + row] = edit;
    }
    return edit != NULL ? 0 : -1;
}

int fs_result_table_add_merged(struct fs_result_table *table, const struct fs_archive *archive, struct fs_error *err)
{
    char name[128];
    size_t rows = SIZE_MAX;
    for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
        const char *dataset = merged_name(archive, c, name, sizeof name);
        int status =
            dataset != NULL ? read_texts(table, archive, dataset, c, &rows, err) : fill_former_edit(table, rows, err);
        if (status != 0) {
            return -1;
        }
    }
    for (size_t c = 0; c < FS_RESULT_NUMBERS; c++) {
        snprintf(name, sizeof name, RESULTS "/%s", fs_result_number_names[c]);
        if (read_number(table, archive, name, c, rows, err) != 0) {
            return -1;
        }
    }
    for (size_t c = 0; c < FS_RESULT_COUNTS; c++) {
        snprintf(name, sizeof name, RESULTS "/%s", fs_result_count_names[c]);
        if (read_count(table, archive, name, c, rows, err) != 0) {
            return -1;
        }
    }
    table->rows += rows;
    return 0;
}

static int describe(struct fs_archive *archive, const char *name, struct fs_error *err)
{
    return fs_archive_attribute_text(archive, name, "dimensions", "row", err);
}

int fs_result_table_write(const struct fs_result_table *table, struct fs_archive *archive, struct fs_error *err)
{
    char name[128];
    for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
        snprintf(name, sizeof name, RESULTS "/%s", fs_result_text_names[c]);
        if (fs_archive_write_texts(archive, name, table->rows, table->text[c], err) != 0 ||
            describe(archive, name, err) != 0) {
            return -1;
        }
    }
    for (size_t c = 0; c < FS_RESULT_NUMBERS; c++) {
        snprintf(name, sizeof name, RESULTS "/%s", fs_result_number_names[c]);
        if (fs_archive_write(archive, name, FS_ARCHIVE_F64, 1, &table->rows, table->number[c], err) != 0 ||
            describe(archive, name, err) != 0) {
            return -1;
        }
    }
    for (size_t c = 0; c < FS_RESULT_COUNTS; c++) {
        snprintf(name, sizeof name, RESULTS "/%s", fs_result_count_names[c]);
        if (fs_archive_write(archive, name, FS_ARCHIVE_I64, 1, &table->rows, table->count[c], err) != 0 ||
            describe(archive, name, err) != 0) {
            return -1;
        }
    }
    return 0;
}

void fs_result_table_release(struct fs_result_table *table)
{
    for (size_t i = 0; i < FS_RESULT_TEXTS; i++) {
        free(table->text[i]);
    }
    for (size_t i = 0; i < FS_RESULT_NUMBERS; i++) {
        free(table->number[i]);
    }
    for (size_t i = 0; i < FS_RESULT_COUNTS; i++) {
        free(table->count[i]);
    }
    for (size_t i = 0; i < table->blocks; i++) {
        free(table->block[i]);
    }
    free(table->block);
    *table = (struct fs_result_table){0};
}

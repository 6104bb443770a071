#include "stages/suites/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"

int fs_results_create(size_t edits, const char *const *name, struct fs_results *results, struct fs_error *err)
{
    *results = (struct fs_results){.columns = 1 + edits};
    results->column = fs_allocate(results->columns, sizeof *results->column, "the result table", err);
    if (results->column == NULL) {
        return -1;
    }
    for (size_t i = 0; i < results->columns; i++) {
        const char *text = i == 0 ? "unedited" : name[i - 1];
        results->column[i] = strdup(text);
        if (results->column[i] == NULL) {
            return fs_error_memory(err, strlen(text), "the result table");
        }
    }
    return 0;
}

/* Where a row keeps its texts. */
static const char **text_place(struct fs_result_row *row, enum fs_row_text which)
{
    const char **const place[FS_ROW_TEXTS] = {&row->suite, &row->category, &row->subset, &row->metric, &row->scoring};
    return place[which];
}

/* A text that the row before has too is shared with it, and freed with the first row that has it. */
static bool is_shared(const struct fs_results *results, size_t row, enum fs_row_text which)
{
    return row > 0 && fs_row_text(&results->row[row], which) == fs_row_text(&results->row[row - 1], which);
}

void fs_results_release(struct fs_results *results)
{
    for (size_t i = results->rows; i > 0; i--) {
        struct fs_result_row *row = &results->row[i - 1];
        for (enum fs_row_text which = 0; which < FS_ROW_TEXTS; which++) {
            if (!is_shared(results, i - 1, which)) {
                free((char *)*text_place(row, which));
            }
        }
        free(row->value);
        free(row->change);
    }
    for (size_t i = 0; results->column != NULL && i < results->columns; i++) {
        free(results->column[i]);
    }
    free(results->column);
    free(results->row);
    *results = (struct fs_results){0};
}

const char *fs_row_text(const struct fs_result_row *row, enum fs_row_text which)
{
    const char *const text[FS_ROW_TEXTS] = {row->suite, row->category, row->subset, row->metric, row->scoring};
    return text[which];
}

struct fs_result_row *fs_results_add(struct fs_results *results, const char *const text[FS_ROW_TEXTS],
                                     struct fs_error *err)
{
    if (fs_grow(&results->row, &results->room, results->rows + 1, sizeof *results->row, "the result table", err) != 0) {
        return NULL;
    }
    size_t edits = results->columns - 1;
    struct fs_result_row *row = &results->row[results->rows], *before = results->rows > 0 ? row - 1 : NULL;
    *row = (struct fs_result_row){.ideal = NAN};
    row->value = fs_allocate(results->columns, sizeof *row->value, "the result table", err);
    row->change = fs_allocate(edits, sizeof *row->change, "the result table", err);
    bool made = row->value != NULL && row->change != NULL;
    results->rows++; /* from here on released with the table */
    for (enum fs_row_text which = 0; which < FS_ROW_TEXTS; which++) {
        const char *name = which == FS_ROW_CATEGORY ? fs_category_name(text[which]) : text[which];
        bool same = before != NULL && strcmp(fs_row_text(before, which), name) == 0;
        const char *own = same ? fs_row_text(before, which) : strdup(name);
        *text_place(row, which) = own;
        if (own == NULL && made) {
            fs_error_memory(err, strlen(name), "the result table");
            made = false;
        }
    }
    if (!made) {
        return NULL;
    }
    for (size_t i = 0; i < results->columns; i++) {
        row->value[i] = (struct fs_metric){NAN, NAN, NAN, 0, 0};
    }
    for (size_t i = 0; i < edits; i++) {
        row->change[i] = fs_paired_none();
    }
    return row;
}

size_t fs_row_skipped(const struct fs_result_row *row)
{
    size_t skipped = 0;
    for (size_t reason = FS_KEPT + 1; reason < FS_SKIP_COUNT; reason++) {
        skipped += row->skipped[reason];
    }
    return skipped;
}

#include "stages/suites/result_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The whole characters of `text` that fit. */
static void copy_name(char *name, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    memcpy(name, text, length);
    name[length] = '\0';
}

int fs_add_row(struct fs_suite_rows *rows, const struct fs_row_name *name, double ideal, const struct fs_metric *metric,
               const struct fs_paired *paired, const size_t *skipped, struct fs_error *err)
{
    struct fs_evaluate_result *result = rows->result;
    if (fs_grow(&result->row, &rows->capacity, result->rows + 1, sizeof *result->row, "the result table", err) != 0) {
        return -1;
    }
    struct fs_result_row *row = &result->row[result->rows++];
    memset(row, 0, sizeof *row);
    copy_name(row->suite, sizeof row->suite, name->suite);
    copy_name(row->category, sizeof row->category, name->category);
    copy_name(row->subset, sizeof row->subset, name->subset);
    copy_name(row->metric, sizeof row->metric, name->metric);
    copy_name(row->scoring, sizeof row->scoring, name->scoring);
    row->ideal = ideal;
    row->model[0] = metric[0];
    row->model[1] = rows->models == 2 ? metric[1] : (struct fs_metric){NAN, NAN, NAN, 0, 0};
    row->paired = rows->models == 2 ? *paired : fs_paired_none();
    if (skipped != NULL) {
        memcpy(row->skipped, skipped, sizeof row->skipped);
    }
    return 0;
}

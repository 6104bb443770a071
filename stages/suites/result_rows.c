#include "stages/suites/result_rows.h"

#include <math.h>
#include <string.h>

#include "stages/metrics/metric_table.h"

int fs_add_row(struct fs_suite_rows *rows, const struct fs_new_row *new_row, struct fs_error *err)
{
    struct fs_result_row *row = fs_results_add(rows->results, new_row->text, err);
    if (row == NULL) {
        return -1;
    }
    const struct fs_metric_kind *kind = fs_metric_kind_find(row->metric);
    row->ideal = kind != NULL ? kind->ideal : NAN;
    memcpy(row->value, new_row->value, rows->results->columns * sizeof *row->value);
    for (size_t edit = 0; edit + 1 < rows->results->columns; edit++) {
        if (new_row->change != NULL) {
            row->change[edit] = new_row->change[edit];
        } else {
            row->change[edit].difference = row->value[1 + edit].value - row->value[0].value;
        }
    }
    if (new_row->skipped != NULL) {
        memcpy(row->skipped, new_row->skipped, sizeof row->skipped);
    }
    return 0;
}

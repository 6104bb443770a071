#include "stages/suites/result_rows.h"

#include <math.h>
#include <string.h>

#include "stages/metrics/metric_table.h"

/* The ideal that changes of the metric are measured to; NaN: they are those of its values. */
static double ideal_of_changes(const struct fs_suite_rows *rows, const char *metric)
{
    const struct fs_metric_kind *kind = fs_metric_kind_find(metric);
    return rows->from_ideal && kind != NULL && fs_ideal_is_between(kind->ideal) ? kind->ideal : NAN;
}

struct fs_bootstrap fs_value_bootstrap(const struct fs_suite_rows *rows, struct fs_bootstrap bootstrap)
{
    bootstrap.resamples = rows->changes_alone ? 0 : bootstrap.resamples;
    return bootstrap;
}

struct fs_bootstrap fs_change_bootstrap(const struct fs_suite_rows *rows, const char *metric,
                                        struct fs_bootstrap bootstrap, double *ideal)
{
    *ideal = ideal_of_changes(rows, metric);
    bootstrap.ideal = isnan(*ideal) ? NULL : ideal;
    return bootstrap;
}

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
            double value = row->value[1 + edit].value, before = row->value[rows->against].value;
            double to = ideal_of_changes(rows, row->metric);
            row->change[edit].difference = isnan(to) ? value - before : fabs(value - to) - fabs(before - to);
        }
    }
    if (new_row->skipped != NULL) {
        memcpy(row->skipped, new_row->skipped, sizeof row->skipped);
    }
    return 0;
}

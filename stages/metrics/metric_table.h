/* The metrics of the result table: what is best, in which unit, how they are printed. Local. */
#ifndef FAIRSTAMP_STAGES_METRICS_METRIC_TABLE_H
#define FAIRSTAMP_STAGES_METRICS_METRIC_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* One row a metric. */
struct fs_metric_kind {
    const char *name;  /* "ss": also of its forms "ss.macro", "ss.micro"; "gap": also of "gap in female jobs" */
    const char *label; /* for people: "SS" */
    double ideal;      /* NaN: none */
    const char *unit;  /* "percent", "nat", "1" */
    int decimals;
    const char *meaning;
};
extern const struct fs_metric_kind fs_metric_kinds[];
extern const size_t fs_metric_kind_count;

/* The row with the longest name that is `metric`, or its beginning up to a dot or a blank; NULL: none. */
const struct fs_metric_kind *fs_metric_kind_find(const char *metric);
/* Whether values can lie on both sides of an ideal, so that two of them are compared by their distances to it: 100 is the
 * most there can be. */
bool fs_ideal_is_between(double ideal);
/* Decimals that a value of `metric` is printed with; 2 where the table has no such metric. */
int fs_metric_decimals(const char *metric);

#endif

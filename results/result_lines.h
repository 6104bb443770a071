/* Which rows of the result table people read first, and what these are called. Local. */
#ifndef FAIRSTAMP_RESULTS_RESULT_LINES_H
#define FAIRSTAMP_RESULTS_RESULT_LINES_H

#include "stages/metrics/metric_table.h"
#include "stages/suites/results.h"

/* A metric of a subset. */
struct fs_result_line {
    const char *metric, *subset, *label;
    bool unless_split; /* shown only where edited and held-out items are not apart */
    bool of_all;       /* shown for all items alone, not by category */
};
/* In the order in which people read them. */
extern const struct fs_result_line fs_result_lines[];
extern const size_t fs_result_line_count;

/* Whether the row tells of the edited pairs, or is one that its suite wants beside them; others stand apart. */
bool fs_is_headline(const struct fs_results *results, const struct fs_result_row *row);

#endif

/* How a job's methods differ from one of them: which numbers people read first, and which way is better. Local. */
#ifndef FAIRSTAMP_RESULTS_METHOD_DIFFERENCES_H
#define FAIRSTAMP_RESULTS_METHOD_DIFFERENCES_H

#include "stages/evaluate/differences.h"

/* A metric of the pairs, or of what was kept. */
struct fs_difference_line {
    const char *name, *label;
    const char *suite; /* NULL: the first that has the metric */
    const char *metric;
    enum { FS_OF_EDITED, FS_OF_OTHERS, FS_OF_ALL } of; /* the others: held out or of validation, all without a split */
    bool less;                                         /* less is better, of values or of distances to the ideal */
};
#define FS_DIFFERENCE_LINES 10
extern const struct fs_difference_line fs_difference_lines[FS_DIFFERENCE_LINES];

/* The category whose numbers are read first: "all", or the edited pairs' only one. */
const char *fs_main_category(const struct fs_results *results);
/* The line's row: of that category, else of all, else of none; SIZE_MAX: the table has none. */
size_t fs_difference_row(const struct fs_results *results, const struct fs_difference_line *line);

/*
 * The differences of the evaluation whose root is `group` ("" for a file) from the column `against`; NULL: from the first
 * method. No rows where the job has a single method, or no such column. The caller releases, also on failure.
 */
int fs_differences_read(const struct fs_archive *archive, const char *group, const struct fs_results *results,
                        const char *against, struct fs_differences *differences, struct fs_error *err);

/* Whether the interval leaves out 0. */
bool fs_difference_is_sure(const struct fs_paired *difference);
/* Whether a row has a difference, but no interval because the file lacks what it is made of; how many have. */
bool fs_difference_is_unknown(const struct fs_results *results, const struct fs_differences *differences, size_t row);
size_t fs_differences_unknown(const struct fs_results *results, const struct fs_differences *differences);

#endif

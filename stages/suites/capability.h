/* One row of what a model can do: the mean of the accuracies of the suites that have one. Local. */
#ifndef FAIRSTAMP_STAGES_SUITES_CAPABILITY_H
#define FAIRSTAMP_STAGES_SUITES_CAPABILITY_H

#include "stages/suites/result_rows.h"
#include "stages/suites/suite.h"

/*
 * Adds the row "capability", category none, metric accuracy: the unweighted mean over the folded suites with the operation
 * `answers`, whose own rows stand above it. None where they are fewer than two. The intervals resample the clusters of each
 * suite by itself, from stream r of the seed for resample r, one suite after the other; McNemar's test is over all
 * their items. Skipped items are left out and counted.
 */
int fs_add_capability(struct fs_suite *const *suite, size_t suites, struct fs_suite_rows *rows, struct fs_error *err);

#endif

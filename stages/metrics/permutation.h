/* The permutation test of two groups. Local. */
#ifndef FAIRSTAMP_STAGES_METRICS_PERMUTATION_H
#define FAIRSTAMP_STAGES_METRICS_PERMUTATION_H

#include <stddef.h>

#include "model/numbers/random.h"

/*
 * Share of the partitions of value[x + y] into x and y values whose x have a sum not below that of the first x, in
 * [0, 1]; x and y are not 0. Where there are more than `most` partitions, most - 1 are drawn, and the given one counts as
 * drawn (May et al. 2019; bias-bench weat.py). The sum orders partitions as the difference of the two sums does, and as that
 * of the two means, so x and y need not be equal. index [x + y]: what it works in.
 */
double fs_permutation_p(const double *value, size_t x, size_t y, size_t most, struct fs_random *random, size_t *index);

#endif

/* How a sum over work units is cut into windows. Local. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_WINDOW_H
#define FAIRSTAMP_PIPELINE_RANKS_WINDOW_H

#include <stddef.h>

/* Numbers of a vector that change hands at once: bounds memory, and counts below INT_MAX. */
#define FS_SUM_BLOCK ((size_t)1 << 20)

/* Most units, and so vectors, that a rank of `threads` threads holds of a window. */
size_t fs_sum_share(size_t ranks, size_t threads);

/*
 * The window of a sum that begins with unit `first`: its end, such that no rank has more than
 * fs_sum_share() of its units, which bounds the vectors that a rank holds. `owner` [units]: the rank of each unit;
 * `threads`: of the rank that has most; `held` [ranks]: room to count in. The runner's own rule.
 */
size_t fs_sum_window(const size_t *owner, size_t units, size_t first, size_t ranks, size_t threads, size_t *held);

#endif

/* Which thread takes which unit, and how many vectors of a sum a rank holds: the runner's own rules, which an estimate
 * uses too. Local. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_SHARING_H
#define FAIRSTAMP_PIPELINE_RANKS_SHARING_H

#include <stddef.h>

#include "io/error.h"

/* Threads by the seconds (or FLOPs) that each has taken, the least first, the lowest number first among equals. */
struct fs_turns {
    size_t count;
    struct fs_turn {
        double load;
        size_t thread;
    } * turn; /* [count] a heap */
};
int fs_turns_begin(struct fs_turns *turns, size_t threads, struct fs_error *err); /* the caller frees turn */
/* The thread that has least takes `load` more; its new load. */
double fs_turns_take(struct fs_turns *turns, double load, size_t *thread);

/*
 * Units whose work is done again and again, shared out by what they cost: owner[units] receives a rank for each. In
 * rounds of as many units as all ranks have threads, dearest first, each to the thread that has least: loads are even,
 * and the units of a rank lie spread over all, so that sums in unit order wait for none. `threads` [ranks]: of each.
 */
int fs_share_units(const double *cost, size_t units, const size_t *threads, size_t ranks, size_t *owner,
                   struct fs_error *err);

/* Bytes that the vectors of own units take on a rank in a sum, unless few do not fit; slices of others' take as much. */
#define FS_SUM_BYTES ((size_t)128 << 20)

/*
 * Vectors of own units that a rank of `threads` threads holds, of `own` units in all: what fits into `bytes`, and no
 * less than one for each thread and one that lies ready or travels.
 */
size_t fs_sum_held(size_t own, size_t threads, size_t vector_bytes, size_t bytes);

/*
 * Units from the next one to be added on of which a rank takes in slices: so many that all ranks may hold; where a vector
 * alone is larger than `bytes`, one of each rank, as much as a vector.
 */
size_t fs_sum_ahead(size_t units, size_t ranks, size_t threads, size_t vector_bytes, size_t bytes);

#endif

/*
 * What a rank that trains a stamp holds of a batch, beside the workspaces of its threads: how the bound (stamp.memory) is
 * shared out between what is kept, for training and for estimates alike. Local.
 *
 * Bytes, with the letters of pipeline/estimate/memory.h:
 *
 *     cache   of a unit: x, base and the distributions that stay, (1 + b) d T + V D for D of its rows; kept for all steps
 *     slot    of a unit between the two sweeps of a step (stamp_step.h): its tape, its log probabilities R V, and its cache
 *             where that is not kept; shared out as if each were the largest unit's, though a slot that one unit has to
 *             itself is no larger than that
 *
 * Slots are FS_STAMP_SLOTS a thread, in half of the bound at most; on several ranks, which would wait for each other between
 * the parts of a step, also what the caches leave. Caches get the rest. What has no room is computed again in every step.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_MEMORY_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_MEMORY_H

#include <stddef.h>

#define FS_STAMP_SLOTS 8

/* Of a rank. */
struct fs_stamp_holding {
    double bound;          /* bytes */
    double caches;         /* of all its units */
    double slot;           /* 0: there is one sweep, nothing is kept between two */
    double units;          /* its units with a slot to fill */
    size_t ranks, threads; /* of the job; of the rank */
};

/* Units that have a slot at once. */
size_t fs_stamp_slots(const struct fs_stamp_holding *holding);
/* Bytes for caches; they take no more than holding->caches. */
double fs_stamp_cache_limit(const struct fs_stamp_holding *holding);

#endif

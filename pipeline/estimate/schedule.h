/*
 * A model of how the runner shares work (runner_mpi.h), to predict its time on any number of ranks. Local.
 *
 * map, claim   the next unit goes to the thread that is free first
 * sum          in windows of units each rank runs its own; between two windows all wait. Then numbers
 *              change hands:
 *                  (R - 1) / R x most units of a rank x length     sent, once a window
 *                  units x length / R                              added by each rank
 *                  (R - 1) / R x length                            gathered, once a sum
 * A collective call of few bytes takes ceil(log2 R) messages one after the other.
 */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_SCHEDULE_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_SCHEDULE_H

#include <stddef.h>

#include "io/error.h"

struct fs_machine {
    double latency;   /* seconds of a short message */
    double bandwidth; /* bytes a second of a long one, of each rank */
    double addition;  /* seconds to add one number to another in memory */
};

/* Units that take second[unit] each, and who runs them. */
struct fs_schedule {
    const double *second; /* [units] */
    size_t units, ranks, threads;
};

/*
 * Seconds until the last unit is done, on ranks x threads threads. `owner` [units] or NULL: receives the rank that runs
 * each. Negative: out of memory, with `err` set.
 */
double fs_schedule_map(const struct fs_schedule *schedule, size_t *owner, struct fs_error *err);

/* Seconds of one sum of vectors of `length` numbers of `bytes` bytes; owner as above. Negative: out of memory. */
double fs_schedule_sum(const struct fs_schedule *schedule, const size_t *owner, double length, double bytes,
                       const struct fs_machine *machine, struct fs_error *err);

/* Seconds of a collective call that carries few bytes, and of a broadcast of `bytes`. */
double fs_schedule_agree(size_t ranks, const struct fs_machine *machine);
double fs_schedule_broadcast(double bytes, size_t ranks, const struct fs_machine *machine);

#endif

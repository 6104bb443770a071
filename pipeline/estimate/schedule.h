/*
 * A model of how the runner shares work (runner_mpi.h), to predict its time on any number of ranks. Local.
 *
 * map          the next unit goes to the thread that is free first
 * claim, sum   each rank runs the units that fs_share_units gives it. A sum's vectors travel as they are done, and are
 *              added in unit order, while units are computed; R ranks:
 *                  (R - 1) / R x length            sent of each vector, one after the other from a rank
 *                  1 / R x length                  comes to each rank of each vector, and is added there
 *                  (R - 1) / R x length            gathered, once a sum
 *              The bounds of fs_sum_held are taken as wide enough.
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

/* Units that take second[unit] each, and what runs them. */
struct fs_schedule {
    const double *second; /* [units] */
    size_t units, ranks, threads;
};

/* Seconds until the last unit is done, on ranks x threads threads. Negative: out of memory, with `err` set. */
double fs_schedule_map(const struct fs_schedule *schedule, struct fs_error *err);

/* The same of units that are shared out by costs[units]. */
double fs_schedule_claim(const struct fs_schedule *schedule, const double *costs, struct fs_error *err);

/* Seconds of one sum of vectors of `length` numbers of `bytes` bytes. Negative: out of memory. */
double fs_schedule_sum(const struct fs_schedule *schedule, double length, double bytes,
                       const struct fs_machine *machine, struct fs_error *err);

/* Seconds of a collective call that carries few bytes, and of a broadcast of `bytes`. */
double fs_schedule_agree(size_t ranks, const struct fs_machine *machine);
double fs_schedule_broadcast(double bytes, size_t ranks, const struct fs_machine *machine);

#endif

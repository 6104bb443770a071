/* The benchmarks a job names, read by every rank. Local. */
#ifndef FAIRSTAMP_JOBS_DATA_H
#define FAIRSTAMP_JOBS_DATA_H

#include <stdbool.h>

#include "io/benchmarks/benchmark.h"
#include "jobs/job.h"
#include "model/families/spec.h"
#include "stages/suites/suite_registry.h"

struct fs_data {
    const struct fs_suite_kind *edited;    /* the suite whose pairs are edited */
    struct fs_pair_list pairs;             /* of it */
    struct fs_attribute_table *attributes; /* NULL where the job names none */
    bool *held_out;                        /* [pairs.count] */
    bool tuning;                           /* held_out are the validation pairs; the true ones are not in the list */
    struct fs_suite **suite;               /* [suites] what is measured, the edited suite first */
    const struct fs_suite_kind **kind;     /* [suites] */
    size_t suites;
    double bytes; /* of the heap, that all this holds */
};

/* `kind` of the job's model. The caller releases, also on failure. */
int fs_data_read(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err);
void fs_data_release(struct fs_data *data); /* takes a zeroed struct */

#endif

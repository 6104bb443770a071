/* The benchmarks a job names, read by every rank. Local. */
#ifndef FAIRSTAMP_JOBS_DATA_H
#define FAIRSTAMP_JOBS_DATA_H

#include <stdbool.h>

#include "io/benchmarks/benchmark.h"
#include "jobs/job.h"
#include "model/families/spec.h"
#include "stages/suites/suite.h"

struct fs_data {
    const char *pairs_suite; /* "stereoset" or "biaske" */
    struct fs_pair_list pairs;
    struct fs_fact_list facts;             /* of BiasKE */
    struct fs_crows_list crows;            /* empty where the job names none */
    struct fs_attribute_table *attributes; /* NULL where the job names none */
    bool *held_out;                        /* [pairs.count] */
    bool tuning;                           /* held_out are the validation pairs; the true ones are not in the lists */
    struct fs_suite **suite;               /* [suites] what else is measured */
    size_t suites;
};

/* `kind` of the job's model. The caller releases, also on failure. */
int fs_data_read(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err);
void fs_data_release(struct fs_data *data); /* takes a zeroed struct */

/*
 * Of `categories` (NULL: all) those that CrowS-Pairs has, into `out` [10], NULL-terminated; false where none is left.
 */
bool fs_crows_categories(const char *const *categories, const char *out[10]);

#endif

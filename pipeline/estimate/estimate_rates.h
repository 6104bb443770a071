/*
 * What several estimates of one model have in common: seconds a FLOP of each work, measured once for each shape of work
 * (data and their scorings, methods, the size of the stamp, what is traced), whatever the categories, seed or steps.
 * Local; the same on all ranks.
 */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_RATES_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_RATES_H

#include "io/digest.h"
#include "jobs/job.h"
#include "model/families/spec.h"

/* `seconds` of `flops`, averages over the ranks. */
struct fs_estimate_rate {
    char name[32]; /* of the work */
    double seconds, flops;
};

struct fs_estimate_shape {
    char key[FS_DIGEST_SIZE];
    bool whole;   /* all stages of a job were measured */
    size_t layer; /* that the probe's trace found; FS_AUTO: none */
    size_t count[FS_STAGE_COUNT];
    struct fs_estimate_rate *rate[FS_STAGE_COUNT]; /* [count] */
};

struct fs_estimate_rates {
    struct fs_estimate_shape **shape; /* [shapes] */
    size_t shapes, room;
    double begin; /* seconds that hashes and weights took the first time */
};

/* The shape of the job's work, which is made where there is none yet; NULL: without memory. */
struct fs_estimate_shape *fs_estimate_rates_find(struct fs_estimate_rates *rates, const struct fs_job *job,
                                                 const struct fs_spec *spec, struct fs_error *err);
void fs_estimate_rates_release(struct fs_estimate_rates *rates); /* takes a zeroed struct */

#endif

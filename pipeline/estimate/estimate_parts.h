/* What estimate.c (probing) and estimate_predict.c (from probe to prediction) share. */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_PARTS_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_PARTS_H

#include "pipeline/estimate/estimate.h"
#include "pipeline/estimate/memory.h"
#include "pipeline/run/run_stages.h"
#include "stages/methods/stamp.h"
#include "stages/work/probe.h"

/* A job that runs on a probe: the session with another runner, and a job of its own. */
struct fs_probing {
    struct fs_session session;
    struct fs_job *job;
    struct fs_job_run run;
};

struct fs_estimator {
    struct fs_session *session;
    const struct fs_job *job;
    const struct fs_estimate_options *options;
    struct fs_estimate *estimate;
    struct fs_spec spec;             /* the whole model's */
    struct fs_estimate_shape *shape; /* of the job's work */
    bool measured;                   /* before, in another job of this shape: no unit runs */
    char *scratch;
    struct fs_fingerprint fingerprint;           /* of the job; root alone */
    char digest[FS_STAGE_COUNT][FS_DIGEST_SIZE]; /* likewise */
    struct fs_probing whole, cut;                /* `cut` measures where the estimate is cut, else `whole` does */
    bool layer_is_certain;                       /* the job's, or of a whole trace */
    double kept_tokens;                          /* of all training units */
    double last_flops;                           /* of the stamp's last training; the others are tries */
    struct fs_memory_load memory;
};

/* Of a stage on the probe, this rank's own. */
struct fs_measured {
    double serial_seconds; /* seconds outside units */
};

/* How much the training of `job` is. Local. */
struct fs_training_size fs_estimate_training(const struct fs_estimator *e, const struct fs_job *job,
                                             enum fs_stage stage);

/* Units, FLOPs and seconds of a stage, from the record of its probe. Collective. */
int fs_estimate_predict(struct fs_estimator *e, int stage, const struct fs_measured *measured, struct fs_error *err);
/* Bytes of memory, once all stages are predicted. Local, the same on all ranks. */
void fs_estimate_memory(struct fs_estimator *e);

#endif

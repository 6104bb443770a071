/* The stages of a job: each computes, and publishes its file. Collective. */
#ifndef FAIRSTAMP_PIPELINE_RUN_RUN_STAGES_H
#define FAIRSTAMP_PIPELINE_RUN_RUN_STAGES_H

#include "io/clock.h"
#include "jobs/data.h"
#include "jobs/fingerprint.h"
#include "model/edits/stamp_net.h"
#include "pipeline/ranks/session.h"

struct fs_job_run {
    struct fs_session *session;
    const struct fs_job *job;
    const char *output;                /* the job's output folder */
    struct fs_fingerprint fingerprint; /* digests on all ranks, settings on the root */
    struct fs_data data;
    bool loaded;  /* model and data */
    double began; /* fs_seconds() at the begin of the stage that runs */
};

/* Model and data, the first time. */
int fs_job_run_load(struct fs_job_run *run, struct fs_error *err);

int fs_stage_run_trace(struct fs_job_run *run, struct fs_error *err);
int fs_stage_run_stamp(struct fs_job_run *run, struct fs_error *err);
int fs_stage_run_evaluate(struct fs_job_run *run, struct fs_error *err);
int fs_stage_run_layers(struct fs_job_run *run, struct fs_error *err); /* stage_layers.c */

/*
 * The stamp that the root reads from `path` (format "stamp"), on all ranks. The caller releases it. The model is
 * loaded.
 */
int fs_load_stamp(struct fs_session *session, const char *path, struct fs_stamp *stamp, struct fs_error *err);

#endif

/* What the stages of a job share. Collective unless it says otherwise. */
#ifndef FAIRSTAMP_PIPELINE_RUN_STAGE_H
#define FAIRSTAMP_PIPELINE_RUN_STAGE_H

#include "io/archive/archive.h"
#include "jobs/data.h"
#include "jobs/fingerprint.h"
#include "pipeline/ranks/session.h"

#define FS_PART_FORMAT FS_ARCHIVE_PARTIAL

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

/* Model, data, and where partial results of `stage` go. */
int fs_stage_begin(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err);
/* A file that a stage writes. */
struct fs_stage_file {
    enum fs_stage stage;
    const char *suffix; /* of its name, behind the stage's */
    const char *format;
    bool large; /* memory should not hold it (fs_archive_create_large) */
};
typedef int fs_stage_fill(struct fs_archive *archive, const void *context, struct fs_error *err);
/* Local, root: a file that `fill` fills, with provenance. */
int fs_stage_write(struct fs_job_run *run, const struct fs_stage_file *file, fs_stage_fill *fill, const void *context,
                   struct fs_error *err);
/* The same of the stage's results, which are published; partial ones are not needed any more. */
int fs_stage_write_results(struct fs_job_run *run, enum fs_stage stage, bool large, fs_stage_fill *fill,
                           const void *context, struct fs_error *err);
/* The root publishes a stage's file. */
int fs_stage_publish(struct fs_job_run *run, enum fs_stage stage, fs_stage_fill *fill, const void *context,
                     struct fs_error *err);

#endif

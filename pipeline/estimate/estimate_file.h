/*
 * estimate.json in a job's output folder: what `fairstamp estimate --save` predicted, to be held against what the
 * stages took (/provenance@stage_seconds). Local: the root.
 */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_FILE_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_FILE_H

#include "io/archive/archive.h"
#include "pipeline/estimate/estimate.h"

#define FS_ESTIMATE_FILE "estimate.json"

/* Makes the folder where it is not there. */
int fs_estimate_save(const char *folder, const struct fs_estimate *estimate, struct fs_error *err);

/* A stage's time; NaN where it is not known. */
struct fs_estimate_check {
    double predicted, measured; /* seconds */
    size_t ranks, threads;      /* that measured */
};

/*
 * Of the stage's file `archive` of `folder`. Predicted is NaN where the folder has no estimate of this job for as many
 * ranks and threads, or one that cannot be read.
 */
void fs_estimate_check(const char *folder, enum fs_stage stage, const struct fs_archive *archive,
                       struct fs_estimate_check *check);

#endif

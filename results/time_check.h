/* What a stage took beside what estimate.json of its folder had predicted. Local: the root. */
#ifndef FAIRSTAMP_RESULTS_TIME_CHECK_H
#define FAIRSTAMP_RESULTS_TIME_CHECK_H

#include "io/archive/archive.h"
#include "jobs/job.h"

#define FS_ESTIMATE_FILE "estimate.json"

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

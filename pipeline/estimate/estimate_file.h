/*
 * estimate.json in a job's output folder: what `fairstamp estimate --save` predicted, to be held against what the
 * stages took (/provenance@stage_seconds). Local: the root.
 */
#ifndef FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_FILE_H
#define FAIRSTAMP_PIPELINE_ESTIMATE_ESTIMATE_FILE_H

#include "pipeline/estimate/estimate.h"

/* Makes the folder where it is not there. */
int fs_estimate_save(const char *folder, const struct fs_estimate *estimate, struct fs_error *err);

#endif

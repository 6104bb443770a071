/*
 * The covariances of keys that trainings need (stages/methods/covariance.h), in files of their own:
 * <covariance.folder>/covariance-<layer>-<digest>.h5, a sum in part as .part.h5 in the output folder. The digest is of what they depend on:
 * model, text, covariance.tokens, compute.* and the layer; so jobs, methods and layers share them.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_COVARIANCES_H
#define FAIRSTAMP_PIPELINE_RUN_COVARIANCES_H

#include "pipeline/run/stage.h"
#include "stages/methods/covariance.h"

struct fs_covariances {
    struct fs_covariance_store store; /* its context is this struct, which must stay where it is */
    struct fs_job_run *run;
    enum fs_stage stage; /* whose settings they are */
};

/* Local. What a training in this stage takes; nothing is read yet, and a runner that probes neither reads nor writes. */
void fs_covariances_begin(struct fs_job_run *run, enum fs_stage stage, struct fs_covariances *covariances);

#endif

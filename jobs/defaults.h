/* Defaults that depend on the model or on other keys of the job. Local. */
#ifndef FAIRSTAMP_JOBS_DEFAULTS_H
#define FAIRSTAMP_JOBS_DEFAULTS_H

#include "jobs/job.h"
#include "model/spec.h"

/* The scoring of a suite's key: the job's, or the default of the model's kind. */
const char *fs_job_scoring(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind);

/* A number's value, likewise: the weights of the stamp's loss and the start of its key biases have a default for each
 * kind of model. */
double fs_job_model_number(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind);

/* Whether the pairs of StereoSet are edited, otherwise BiasKE's; and the key of the edited pairs' scoring. */
bool fs_job_edits_stereoset(const struct fs_job *job);
enum fs_key fs_job_pair_scoring_key(const struct fs_job *job);

#endif

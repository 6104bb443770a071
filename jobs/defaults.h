/* Defaults that depend on the model or on other keys of the job. Local. */
#ifndef FAIRSTAMP_JOBS_DEFAULTS_H
#define FAIRSTAMP_JOBS_DEFAULTS_H

#include "jobs/job.h"
#include "model/spec.h"
#include "stages/suites/suite_registry.h"

/* How a suite's statements are scored: as the job says, or the default of the model's kind; NULL: no choice. */
const char *fs_job_scoring(const struct fs_job *job, const struct fs_suite_kind *suite, enum fs_model_kind kind);

/* The suite whose pairs are edited. The job is loaded, so that there is one. */
const struct fs_suite_kind *fs_job_edited(const struct fs_job *job);

/* A number's value, likewise: the weights of the stamp's loss and the start of its key biases have a default for each
 * kind of model. */
double fs_job_model_number(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind);

#endif

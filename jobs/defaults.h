/* Defaults that depend on the model or on other keys of the job. Local. */
#ifndef FAIRSTAMP_JOBS_DEFAULTS_H
#define FAIRSTAMP_JOBS_DEFAULTS_H

#include "jobs/job.h"
#include "model/families/spec.h"

/* scoring.<suite>: the job's, or the default of the model's kind; NULL: the suite has no choice of a scoring. */
const char *fs_job_scoring(const struct fs_job *job, const char *suite, enum fs_model_kind kind);

/* The suite whose pairs are edited, "stereoset" or "biaske". */
const char *fs_job_edited_suite(const struct fs_job *job);

#endif

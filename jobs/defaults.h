/* What follows from the model's kind, or from other keys of the job. Local. */
#ifndef FAIRSTAMP_JOBS_DEFAULTS_H
#define FAIRSTAMP_JOBS_DEFAULTS_H

#include "jobs/job.h"
#include "stages/suites/suite_registry.h"

/* How a suite is scored: as the job says, or the default of the model's kind; NULL: there is no choice. */
const char *fs_job_scoring(const struct fs_job *job, const struct fs_suite_kind *suite, enum fs_model_kind kind);

/* The suite whose pairs are edited; NULL: the job names no data of such a suite. */
const struct fs_suite_kind *fs_job_edited(const struct fs_job *job);

#endif

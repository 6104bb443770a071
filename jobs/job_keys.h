/*
 * All keys of a job file: the tables of settings in their order, with the stages whose results depend on each. Parser,
 * help, schema, completion and fingerprint walk this list. Local.
 */
#ifndef FAIRSTAMP_JOBS_JOB_KEYS_H
#define FAIRSTAMP_JOBS_JOB_KEYS_H

#include "io/settings.h"
#include "io/values.h"
#include "jobs/job.h"

#define FS_MOST_JOB_KEYS 192

struct fs_job_key {
    const struct fs_setting *setting;
    unsigned stages; /* bits 1 << fs_stage: whose results depend on the value */
};

/* [count], keys of a group "group.key" after one another. Composed at the first call, by one thread. */
const struct fs_job_key *fs_job_keys(size_t *count);
/* The key of this name; NULL: none. */
const struct fs_job_key *fs_job_key(const char *name);

/* Keys of earlier versions. */
extern const struct fs_renamed fs_renamed_keys[];

/* Tables of job_settings.c, all of struct fs_job_settings. */
extern const struct fs_settings fs_core_settings, fs_edit_settings, fs_split_settings, fs_validation_settings,
    fs_reuse_settings, fs_evaluate_settings, fs_compare_settings, fs_checkpoint_settings;

#endif

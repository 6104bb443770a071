/*
 * All keys of a job file: the tables of settings in their order, with the stages whose results depend on each. Parser,
 * help, schema, completion and fingerprint walk this list. Local.
 */
#ifndef FAIRSTAMP_JOBS_JOB_KEYS_H
#define FAIRSTAMP_JOBS_JOB_KEYS_H

#include "io/settings/settings.h"
#include "io/values.h"

#define FS_MOST_JOB_KEYS 320

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

#endif

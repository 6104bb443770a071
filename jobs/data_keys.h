/* The data that a job may name, data.<key>, and how its scores are computed, scoring.<key>. One row each. Local. */
#ifndef FAIRSTAMP_JOBS_DATA_KEYS_H
#define FAIRSTAMP_JOBS_DATA_KEYS_H

#include "io/settings/settings.h"

struct fs_data_key {
    const char *key; /* "stereoset" */
    unsigned stages; /* bits 1 << fs_stage: whose results depend on the data */
    const char *about;
    const char *scorings;                     /* choices of scoring.<key>; NULL: there is no choice */
    const char *scoring[FS_SETTING_VARIANTS]; /* the default for each kind of model */
    const char *scoring_about;
};

/* Ends with a row without a key. */
extern const struct fs_data_key fs_data_keys[];

#endif

#include "jobs/defaults.h"

#include <stdio.h>

#include "jobs/job_keys.h"

const char *fs_job_scoring(const struct fs_job *job, const char *suite, enum fs_model_kind kind)
{
    char name[128];
    snprintf(name, sizeof name, "scoring.%s", suite);
    const struct fs_job_key *key = fs_job_key(name);
    return key != NULL ? fs_setting_text(key->setting, fs_job_value(job, key->setting), kind) : NULL;
}

const char *fs_job_edited_suite(const struct fs_job *job)
{
    const char *edited = fs_job_settings(job)->edit_pairs;
    if (edited != NULL) {
        return edited;
    }
    return fs_job_data(job, "stereoset") != NULL ? "stereoset" : "biaske";
}

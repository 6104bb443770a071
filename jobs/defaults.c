#include "jobs/defaults.h"

#include <stdio.h>
#include <string.h>

const char *fs_job_scoring(const struct fs_job *job, const struct fs_suite_kind *suite, enum fs_model_kind kind)
{
    char name[128];
    if (suite->scoring_key == NULL) {
        return NULL;
    }
    snprintf(name, sizeof name, "scoring.%s", suite->scoring_key);
    const char *given = fs_job_text(job, name);
    return given != NULL ? given : fs_suite_scoring(suite, kind);
}

const struct fs_suite_kind *fs_job_edited(const struct fs_job *job)
{
    const char *chosen = fs_job_settings(job)->edit_pairs;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->read_pairs != NULL && fs_job_data(job, suite->key) != NULL &&
            (chosen == NULL || strcmp(chosen, suite->name) == 0)) {
            return suite;
        }
    }
    return NULL;
}

#include "jobs/defaults.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const char *fs_job_scoring(const struct fs_job *job, const struct fs_suite_kind *suite, enum fs_model_kind kind)
{
    if (suite->scoring_key == NULL) {
        return NULL;
    }
    const char *given = fs_job_text_of(job, "scoring", suite->scoring_key);
    return given != NULL ? given : fs_suite_scoring(suite, kind);
}

const struct fs_suite_kind *fs_job_edited(const struct fs_job *job)
{
    const char *chosen = fs_job_text(job, FS_KEY_EDIT_PAIRS);
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->read_pairs != NULL &&
            (chosen != NULL ? strcmp(chosen, suite->name) == 0 : fs_job_text_of(job, "data", suite->key) != NULL)) {
            return suite;
        }
    }
    return NULL;
}

double fs_job_model_number(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind)
{
    double given = fs_job_number(job, key);
    if (!isnan(given)) {
        return given;
    }
    if (key == FS_KEY_STAMP_KEY_BIAS) {
        return kind == FS_MASKED ? -2 : -1;
    }
    return kind == FS_MASKED ? 1 : 0.1; /* stamp.alpha, stamp.beta */
}

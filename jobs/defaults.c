#include "jobs/defaults.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const char *fs_job_scoring(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind)
{
    const char *given = fs_job_text(job, key);
    if (given != NULL) {
        return given;
    }
    switch (key) {
    case FS_KEY_SCORING_CROWS_PAIRS:
        return kind == FS_MASKED ? "pll.unmodified" : "sentence.sum";
    case FS_KEY_SCORING_BIASKE:
        return kind == FS_MASKED ? "target.prob" : "object.mean";
    default:
        return kind == FS_MASKED ? "target.prob" : "sentence.mean";
    }
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

bool fs_job_edits_stereoset(const struct fs_job *job)
{
    const char *edited = fs_job_text(job, FS_KEY_EDIT_PAIRS);
    return edited != NULL ? strcmp(edited, "stereoset") == 0 : fs_job_text(job, FS_KEY_DATA_STEREOSET) != NULL;
}

enum fs_key fs_job_pair_scoring_key(const struct fs_job *job)
{
    return fs_job_edits_stereoset(job) ? FS_KEY_SCORING_STEREOSET : FS_KEY_SCORING_BIASKE;
}

/* What the stages of a job depend on; a row each, in their order. Local. */
#ifndef FAIRSTAMP_JOBS_STAGE_RULES_H
#define FAIRSTAMP_JOBS_STAGE_RULES_H

#include "jobs/job.h"

/* Sets of stages are bits 1 << fs_stage. */
struct fs_stage_rule {
    unsigned keys; /* the keys that its results depend on are those of these stages, and its own */
    /* The stages whose results its own depend on, and those whose files it reads. */
    unsigned (*follows)(const struct fs_job *job, enum fs_stage stage);
    unsigned (*reads)(const struct fs_job *job, enum fs_stage stage);
    bool (*is_asked)(const struct fs_job *job, enum fs_stage stage); /* whether the job has it; NULL: every job */
    const char *unasked;                             /* what to tell where it is run all the same; NULL: it runs */
    const char *(*reused)(const struct fs_job *job); /* folder whose file may be taken; NULL: of none */
};
const struct fs_stage_rule *fs_stage_rule(enum fs_stage stage);

bool fs_stage_is_asked(const struct fs_job *job, enum fs_stage stage);

#endif

/* What the stages of a job depend on; a row each, in their order. Local. */
#ifndef FAIRSTAMP_JOBS_STAGE_RULES_H
#define FAIRSTAMP_JOBS_STAGE_RULES_H

#include "jobs/job.h"

struct fs_stage_rule {
    unsigned keys; /* bits 1 << fs_stage: the keys that its results depend on are those of these stages */
    /* The stage whose results its own depend on, and the one whose file it reads; FS_STAGE_COUNT: none. */
    enum fs_stage (*follows)(const struct fs_job *job);
    enum fs_stage (*reads)(const struct fs_job *job);
    bool (*is_asked)(const struct fs_job *job);      /* whether the job has it; NULL: every job */
    const char *unasked;                             /* what to tell where it is run all the same; NULL: it runs */
    const char *(*reused)(const struct fs_job *job); /* folder whose file may be taken; NULL: of none */
};
extern const struct fs_stage_rule fs_stage_rules[FS_STAGE_COUNT];

bool fs_stage_is_asked(const struct fs_job *job, enum fs_stage stage);

#endif

/* What `run` and the commands of single stages share. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_JOB_STAGES_H
#define FAIRSTAMP_PIPELINE_COMMANDS_JOB_STAGES_H

#include "jobs/job.h"
#include "pipeline/ranks/session.h"

struct fs_job_request {
    const char *path;       /* of the job file */
    const char *const *set; /* [sets] "KEY=VALUE" */
    size_t sets;
    unsigned stages; /* bits 1 << fs_stage: these alone, as far as the job asks for them; 0: all that it asks for */
    bool force;      /* --force */
    bool json;       /* results as JSON */
};

/*
 * Loads the job, checks the result files that exist, runs the stages that are not finished, and prints their results.
 * Collective.
 */
int fs_run_job(struct fs_session *session, const struct fs_job_request *request, struct fs_error *err);
/* As the session's options say: the job that the first operand names, --set, --force, --format. */
int fs_run_stages(struct fs_session *session, unsigned stages, struct fs_error *err);

#endif

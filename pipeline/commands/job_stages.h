/* What `run` and the commands of single stages share. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_JOB_STAGES_H
#define FAIRSTAMP_PIPELINE_COMMANDS_JOB_STAGES_H

#include "jobs/job.h"
#include "pipeline/ranks/session.h"

/*
 * Loads the job that the first operand names, checks the result files that exist, runs the stages that are not
 * finished, and prints their results. `only`: that stage alone; FS_STAGE_COUNT: all that the job asks for. Collective.
 */
int fs_run_stages(struct fs_session *session, enum fs_stage only, struct fs_error *err);

#endif

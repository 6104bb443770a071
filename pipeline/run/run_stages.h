/* The stages of a job: each computes, and publishes its file. Collective. */
#ifndef FAIRSTAMP_PIPELINE_RUN_RUN_STAGES_H
#define FAIRSTAMP_PIPELINE_RUN_RUN_STAGES_H

#include "pipeline/run/stage.h"
#include "stages/evaluate/evaluate.h"
#include "stages/methods/method.h"

int fs_stage_run_trace(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err);
int fs_stage_run_training(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err); /* of any method */
int fs_stage_run_evaluate(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err);
int fs_stage_run_layer_sweep(struct fs_job_run *run, enum fs_stage stage,
                             struct fs_error *err); /* stage_layer_sweep.c */

/* The edit of `kind` that the root reads from the archive at `path`, of `format`, on all ranks. The caller releases it.
 * The model is loaded. */
int fs_load_edit(struct fs_session *session, const char *path, const char *format, const struct fs_edit_kind *kind,
                 struct fs_edit *edit, struct fs_error *err);

#endif

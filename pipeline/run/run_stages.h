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

/* What the job evaluates, but for the edits. Local. */
void fs_stage_evaluate_input(const struct fs_job_run *run, struct fs_evaluate_input *input);

/* The suites that tell edits of one method apart: the edited one, and those whose row says so (compares_layers). The caller
 * frees; NULL without memory. Local. */
struct fs_suite **fs_stage_comparing_suites(const struct fs_job_run *run, size_t *count, struct fs_error *err);

/* The edit of `kind` that the root reads from the archive at `path`, of `format`, on all ranks. The caller releases it.
 * The model is loaded. */
int fs_load_edit(struct fs_session *session, const char *path, const char *format, const struct fs_edit_kind *kind,
                 struct fs_edit *edit, struct fs_error *err);

#endif

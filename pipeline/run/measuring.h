/* What the stages that measure edits have in common. Local. */
#ifndef FAIRSTAMP_PIPELINE_RUN_MEASURING_H
#define FAIRSTAMP_PIPELINE_RUN_MEASURING_H

#include "pipeline/run/stage.h"
#include "stages/evaluate/evaluate.h"

/* What the job evaluates, but for the edits. */
void fs_stage_evaluate_input(const struct fs_job_run *run, struct fs_evaluate_input *input);

/* The suites that tell edits of one method apart: the edited one, and those whose row says so (compares_layers). The caller
 * frees; NULL without memory. */
struct fs_suite **fs_stage_comparing_suites(const struct fs_job_run *run, size_t *count, struct fs_error *err);

#endif

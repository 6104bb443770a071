/*
 * The settings that a job tries before it trains a method (keys search.*): each is trained and measured on the validation
 * split of the pairs that are edited, one after the other, as the job would without its held-out pairs. What is done is
 * saved try by try, and inside one its training and its scores. Collective.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_TRIES_H
#define FAIRSTAMP_PIPELINE_RUN_TRIES_H

#include "pipeline/run/stage.h"
#include "stages/evaluate/tries.h"

/*
 * Tries all settings of the stage's method, of which there are some; `tries` is whole on the root, *chosen on every rank.
 * The stage has begun. The caller releases `tries`, also on failure.
 */
int fs_tries_run(struct fs_job_run *run, enum fs_stage stage, struct fs_tries *tries, size_t *chosen,
                 struct fs_error *err);

#endif

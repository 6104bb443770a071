/* What the stages of a job share (stage_run.c). Collective unless it says otherwise. */
#ifndef FAIRSTAMP_PIPELINE_RUN_STAGE_H
#define FAIRSTAMP_PIPELINE_RUN_STAGE_H

#include "io/archive/archive.h"
#include "pipeline/run/run_stages.h"
#include "stages/evaluate/evaluate.h"
#include "stages/methods/stamp.h"

#define FS_PART_FORMAT FS_ARCHIVE_PARTIAL

/* Model, data, and where partial results of `stage` go. */
int fs_stage_begin(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err);
/* Local, root: a file of `format` at <stage><suffix>, filled by `fill`, with provenance. */
int fs_stage_write(struct fs_job_run *run, enum fs_stage stage, const char *suffix, const char *format,
                   int (*fill)(struct fs_archive *archive, const void *context, struct fs_error *err),
                   const void *context, struct fs_error *err);
/* The root publishes a stage's file; the partial results are not needed any more. */
int fs_stage_publish(struct fs_job_run *run, enum fs_stage stage,
                     int (*fill)(struct fs_archive *archive, const void *context, struct fs_error *err),
                     const void *context, struct fs_error *err);

/* The job's training; the layer is read from the trace where the job names none. */
int fs_stage_stamp_options(struct fs_job_run *run, struct fs_stamp_options *options, struct fs_error *err);
/* The job's evaluation; local. */
int fs_stage_evaluate_input(struct fs_job_run *run, struct fs_evaluate_input *input, struct fs_error *err);

#endif

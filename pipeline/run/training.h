/*
 * A training that goes on where an earlier run has left it: the stage of the trained method, and each layer's of the
 * stage layer_sweep. The state goes to a partial file after as many steps as the method says or `checkpoint_seconds`,
 * whichever is first, as far as saves may take time (save_clock.h), and on a stop request. Collective.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_TRAINING_H
#define FAIRSTAMP_PIPELINE_RUN_TRAINING_H

#include "pipeline/run/covariances.h"
#include "pipeline/run/stage.h"
#include "stages/methods/method.h"

struct fs_training {
    struct fs_job_run *run;
    const struct fs_method *method;
    struct fs_method_task task; /* the caller may change the layer before a run */
    struct fs_training_size size;
    union fs_method_settings settings; /* of the task */
    struct fs_covariances covariances; /* likewise */
    struct fs_training_state *state;   /* of the last run; NULL before */
    enum fs_stage stage;               /* whose digest the files carry */
    const char *part;                  /* its name in the output folder, behind the stage's: ".part.h5" */
    bool keep_end; /* the finished training is saved too: a long evaluation follows, and nothing is published yet */
    size_t saved;  /* the step of the last save; fs_training_run sets it */
};

/* The file of a state of more bytes is not built in memory. */
#define FS_TRAINING_IN_MEMORY ((size_t)64 << 20)

/* The job's training; the layer is that of the trace where the job names none. The stage has begun. The caller closes,
 * also on failure. */
int fs_training_open(struct fs_job_run *run, const struct fs_method *method, struct fs_training *training,
                     struct fs_error *err);
void fs_training_close(struct fs_training *training);

/* Trains: training->state, in the place of an earlier run's. */
int fs_training_run(struct fs_training *training, struct fs_error *err);

/* Publishes the stage's file, which `fill` fills by fs_training_fill and what else it has; `context` is for it. */
int fs_training_publish(struct fs_training *training, fs_stage_fill *fill, const void *context, struct fs_error *err);

/* Root, a fs_stage_fill, below fs_training_publish; `context` is the training. */
int fs_training_fill(struct fs_archive *archive, const void *context, struct fs_error *err);

#endif

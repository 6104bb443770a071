/*
 * A training that goes on where an earlier run has left it: the stage stamp's own, and each layer's of the stage
 * layers. The state goes to a partial file every `stamp.checkpoint_every` steps or `checkpoint_seconds`, whichever is
 * first, as far as saves may take time (save_clock.h), and on a stop request. Collective.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_TRAINING_H
#define FAIRSTAMP_PIPELINE_RUN_TRAINING_H

#include "pipeline/run/stage.h"
#include "stages/methods/stamp.h"

struct fs_training {
    struct fs_job_run *run;
    enum fs_stage stage; /* whose digest the partial file carries */
    const char *part;    /* its name in the output folder, behind the stage's: ".part.h5" */
    const struct fs_stamp_options *options;
    bool keep_end; /* the finished training is saved too: a long evaluation follows, and nothing is published yet */
    size_t saved;  /* the step of the last save; the functions below set it */
};

/* Trains; `state` is created here, and released by the caller, also on failure. The stage has begun. */
int fs_training_run(struct fs_training *training, struct fs_stamp_state *state, struct fs_error *err);

#endif

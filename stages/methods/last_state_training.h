/*
 * What the methods that make a map of the last state have in common: the state of a training, in memory and in an
 * archive. A step takes some texts, or makes a part of the map; what a step leaves to the next ones beside the map is
 * `work`, which the root alone has.
 *
 *     /last_state/...                 the map (model/edits/last_state.h)
 *     /last_state/training@step, steps
 *     /last_state/training/left       f64 (step): what is left after each step, of the method's own measure
 *     /last_state/training/work       f64 (any), until the training is done
 */
#ifndef FAIRSTAMP_STAGES_METHODS_LAST_STATE_TRAINING_H
#define FAIRSTAMP_STAGES_METHODS_LAST_STATE_TRAINING_H

#include <stddef.h>

#include "model/edits/last_state.h"
#include "stages/methods/method.h"

struct fs_last_state_training {
    struct fs_training_state base;
    struct fs_edit edit; /* owned */
    double *left;        /* [base.steps] */
    double *work;        /* [works] of the root */
    size_t works;
    /* The method's own, made from the task again after a training was read back; NULL: not there. */
    void *own;
    void (*release)(void *own);
};

/* A training without a step whose map changes nothing. The caller destroys, also on failure. */
int fs_last_state_begin(const struct fs_spec *spec, size_t rank, size_t steps, size_t works,
                        struct fs_last_state_training *training, struct fs_error *err);

/* Root and others: after a step, gives the root's map and measure to all, counts the step and saves. `stop` as in struct
 * fs_trainer. Collective. */
int fs_last_state_step(struct fs_last_state_training *training, const struct fs_method_task *task, double left,
                       fs_training_save *save, void *context, struct fs_error *err);
/* After an interruption inside a step: saves the steps done. Returns -1 with `err` as it was. Collective. */
int fs_last_state_interrupted(struct fs_last_state_training *training, fs_training_save *save, void *context,
                              struct fs_error *err);

/* Functions of struct fs_trainer. */
void fs_last_state_destroy(struct fs_training_state *state);
int fs_last_state_broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err);
bool fs_last_state_is_same(const struct fs_training_state *fresh, const struct fs_training_state *found);
size_t fs_last_state_bytes(const struct fs_training_state *state);
void fs_last_state_losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES]);
int fs_last_state_write(const struct fs_method_task *task, const struct fs_training_state *state,
                        struct fs_archive *archive, struct fs_error *err);
int fs_last_state_read(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err);
struct fs_edit fs_last_state_edit(const struct fs_training_state *state);

/* What a method calls itself and its measure, for struct fs_training_history. */
struct fs_last_state_words {
    const char *name;    /* "SentenceDebias" */
    const char *term;    /* of the measure */
    const char *caption; /* what it is, below its picture */
};
int fs_last_state_history(const struct fs_archive *archive, const struct fs_last_state_words *words,
                          struct fs_training_history *history, struct fs_error *err);

#endif

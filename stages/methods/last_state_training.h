/*
 * What the methods that make a map of the last state have in common: the state of a training, in memory and in an
 * archive. A step takes some texts, or makes a part of the map; what a step leaves to the next ones beside the map is
 * `work` and `kept`, which the root alone fills.
 *
 *     /last_state/...                 the map (model/edits/last_state.h)
 *     /last_state/training@step, steps
 *     /last_state/training/left       f64 (step), or (step, terms) where a method has several: its own measures after
 *                                     each step
 *     /last_state/training/work       f64 (any), until the training is done
 *     /last_state/training/kept       f32 (any), likewise, where a method keeps some
 */
#ifndef FAIRSTAMP_STAGES_METHODS_LAST_STATE_TRAINING_H
#define FAIRSTAMP_STAGES_METHODS_LAST_STATE_TRAINING_H

#include <stddef.h>

#include "model/edits/last_state.h"
#include "stages/methods/method.h"

/* How much a training is. */
struct fs_last_state_sizes {
    size_t rank, steps;
    size_t works, keeps; /* numbers that it goes on with, of float64 and of float32 */
    size_t terms;        /* measures of a step, at most FS_TRAINING_LOSSES */
};

struct fs_last_state_training {
    struct fs_training_state base;
    struct fs_edit edit; /* owned */
    struct fs_last_state_sizes sizes;
    double *left; /* [base.steps][terms] */
    double *work; /* [works] of the root */
    float *kept;  /* [keeps] of the root */
    /* The method's own, made from the task again after a training was read back; NULL: not there. */
    void *own;
    void (*release)(void *own);
};

/* What a method does itself. */
struct fs_last_state_method {
    /* Sets `own` and `release` of a training, on every rank; also on failure. Local. */
    int (*prepare)(const struct fs_method_task *task, struct fs_last_state_training *training, struct fs_error *err);
    /* Of a prepared training. Local. */
    int (*measure)(const struct fs_method_task *task, const struct fs_last_state_training *training,
                   struct fs_last_state_sizes *sizes, struct fs_error *err);
    /* The step number base.step: sets the root's map, work, kept and `left` [terms]. Collective. */
    int (*step)(const struct fs_method_task *task, struct fs_last_state_training *training, double *left,
                struct fs_error *err);
};

/* Functions of struct fs_trainer, for the method. */
int fs_last_state_new(const struct fs_last_state_method *method, const struct fs_method_task *task,
                      struct fs_training_state **state, struct fs_error *err);
int fs_last_state_train(const struct fs_last_state_method *method, const struct fs_method_task *task,
                        fs_training_save *save, void *context, struct fs_training_state *state, struct fs_error *err);

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
    const char *name;                     /* "SentenceDebias" */
    const char *term[FS_TRAINING_LOSSES]; /* of the measures */
    const char *caption;                  /* what they are, below their picture */
};
int fs_last_state_history(const struct fs_archive *archive, const struct fs_last_state_words *words,
                          struct fs_training_history *history, struct fs_error *err);

/* The row of a method's file, with its functions `create`, `train`, `read_history` and `size`. */
#define FS_LAST_STATE_TRAINER                                                                                          \
    {                                                                                                                  \
        .create = create, .destroy = fs_last_state_destroy, .broadcast = fs_last_state_broadcast, .train = train,      \
        .is_same = fs_last_state_is_same, .bytes = fs_last_state_bytes, .losses = fs_last_state_losses,                \
        .write = fs_last_state_write, .read = fs_last_state_read, .edit = fs_last_state_edit,                          \
        .read_history = read_history, .size = size                                                                     \
    }

#endif

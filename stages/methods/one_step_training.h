/*
 * A training that makes its edit in one step, with one number that says how well: all of a trainer (method.h) but the step
 * itself, so that such a method is one file. Layout, beside the edit's own at /<kind> (model/edits/):
 *
 *   /<kind>@step        0 or 1
 *   /<kind>/<measure>   f64 (step)
 */
#ifndef FAIRSTAMP_STAGES_METHODS_ONE_STEP_TRAINING_H
#define FAIRSTAMP_STAGES_METHODS_ONE_STEP_TRAINING_H

#include <stdbool.h>
#include <stddef.h>

#include "stages/methods/method.h"

struct fs_one_step_training {
    struct fs_training_state base;
    const struct fs_one_step_method *method;
    struct fs_edit edit; /* owned */
    double measure;      /* 0 before the step */
};

/* What a method does itself. */
struct fs_one_step_method {
    const struct fs_edit_kind *edit;
    bool finds_layer;    /* by its step; otherwise the edit is at the task's layer */
    const char *measure; /* "left" */
    const char *caption; /* what it is, below its picture */
    /* Sets the root's edit and measure. Collective. */
    int (*step)(const struct fs_method_task *task, struct fs_one_step_training *training, struct fs_error *err);
    void (*title)(const struct fs_edit *edit, char *title, size_t size); /* of struct fs_training_history */
};

/* Functions of struct fs_trainer, for the method. A new training has no edit: the caller makes a fresh one. */
int fs_one_step_new(const struct fs_one_step_method *method, struct fs_training_state **state, struct fs_edit **edit,
                    struct fs_error *err);
int fs_one_step_read(const struct fs_one_step_method *method, const struct fs_archive *archive,
                     struct fs_training_state **state, struct fs_error *err);
int fs_one_step_history(const struct fs_one_step_method *method, const struct fs_archive *archive,
                        struct fs_training_history *history, struct fs_error *err);

/* Functions of struct fs_trainer. */
void fs_one_step_destroy(struct fs_training_state *state);
int fs_one_step_broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err);
int fs_one_step_train(const struct fs_method_task *task, fs_training_save *save, void *context,
                      struct fs_training_state *state, struct fs_error *err);
bool fs_one_step_is_same(const struct fs_training_state *fresh, const struct fs_training_state *found);
size_t fs_one_step_bytes(const struct fs_training_state *state);
void fs_one_step_losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES]);
int fs_one_step_write(const struct fs_method_task *task, const struct fs_training_state *state,
                      struct fs_archive *archive, struct fs_error *err);
struct fs_edit fs_one_step_edit(const struct fs_training_state *state);

/* The rows of a method's file that are the same in all; its own: create, read, read_history, size. */
#define FS_ONE_STEP_ROWS                                                                                               \
    .destroy = fs_one_step_destroy, .broadcast = fs_one_step_broadcast, .train = fs_one_step_train,                    \
    .is_same = fs_one_step_is_same, .bytes = fs_one_step_bytes, .losses = fs_one_step_losses,                          \
    .write = fs_one_step_write, .edit = fs_one_step_edit

#endif

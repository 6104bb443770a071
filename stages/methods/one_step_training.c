#include "stages/methods/one_step_training.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"

static struct fs_one_step_training *of(struct fs_training_state *state)
{
    return (struct fs_one_step_training *)state;
}

static const struct fs_one_step_training *of_const(const struct fs_training_state *state)
{
    return (const struct fs_one_step_training *)state;
}

int fs_one_step_new(const struct fs_one_step_method *method, struct fs_training_state **state, struct fs_edit **edit,
                    struct fs_error *err)
{
    struct fs_one_step_training *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = NULL;
    if (training == NULL) {
        return -1;
    }
    training->base.steps = 1;
    training->method = method;
    *state = &training->base;
    *edit = &training->edit;
    return 0;
}

void fs_one_step_destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_edit_release(&of(state)->edit);
        free(state);
    }
}

int fs_one_step_broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_one_step_training *training = of(state);
    struct fs_edit *edit = &training->edit;
    return fs_runner_broadcast(runner, &state->step, sizeof state->step, err) == 0 &&
                   fs_runner_broadcast(runner, &training->measure, sizeof training->measure, err) == 0 &&
                   fs_runner_broadcast(runner, &edit->first_layer, sizeof edit->first_layer, err) == 0
               ? fs_runner_broadcast(runner, edit->number, edit->count * sizeof *edit->number, err)
               : -1;
}

int fs_one_step_train(const struct fs_method_task *task, fs_training_save *save, void *context,
                      struct fs_training_state *state, struct fs_error *err)
{
    if (state->step == state->steps) {
        return 0;
    }
    if (of(state)->method->step(task, of(state), err) != 0) {
        return -1;
    }
    state->step = 1;
    return fs_one_step_broadcast(state, task->runner, err) == 0 ? save(context, state, false, err) : -1;
}

bool fs_one_step_is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_edit *a = &of_const(fresh)->edit, *b = &of_const(found)->edit;
    return (of_const(fresh)->method->finds_layer || a->first_layer == b->first_layer) &&
           memcmp(a->size, b->size, sizeof a->size) == 0;
}

size_t fs_one_step_bytes(const struct fs_training_state *state)
{
    return of_const(state)->edit.count * sizeof(float) + state->step * sizeof(double);
}

void fs_one_step_losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    loss[0] = of_const(state)->measure;
}

/* Names in the archive. */
struct names {
    char group[64], measure[128];
};

static struct names names_of(const struct fs_one_step_method *method)
{
    struct names names;
    snprintf(names.group, sizeof names.group, "/%s", method->edit->name);
    snprintf(names.measure, sizeof names.measure, "/%s/%s", method->edit->name, method->measure);
    return names;
}

int fs_one_step_write(const struct fs_method_task *task, const struct fs_training_state *state,
                      struct fs_archive *archive, struct fs_error *err)
{
    const struct fs_one_step_training *training = of_const(state);
    struct names names = names_of(training->method);
    (void)task;
    return training->edit.kind->write(&training->edit, archive, err) == 0 &&
                   fs_archive_attribute_integer(archive, names.group, "step", (int64_t)state->step, err) == 0
               ? fs_archive_write(archive, names.measure, FS_ARCHIVE_F64, 1, &state->step, &training->measure, err)
               : -1;
}

static int read_training(const struct fs_archive *archive, struct fs_one_step_training *training, struct fs_error *err)
{
    size_t dimensions, shape[4], *step = &training->base.step;
    struct names names = names_of(training->method);
    if (training->method->edit->read(archive, &training->edit, err) != 0 ||
        fs_edit_read_size(archive, names.group, "step", 0, 1, step, err) != 0 ||
        fs_archive_shape(archive, names.measure, &dimensions, shape, err) != 0) {
        return -1;
    }
    return dimensions == 1 && shape[0] == *step
               ? fs_archive_read(archive, names.measure, FS_ARCHIVE_F64, *step, &training->measure, err)
               : fs_error_set(err, FS_EXIT_DATA, "%s: its length is not the steps done, %zu; train again",
                              names.measure, *step);
}

int fs_one_step_read(const struct fs_one_step_method *method, const struct fs_archive *archive,
                     struct fs_training_state **state, struct fs_error *err)
{
    struct fs_edit *edit;
    if (fs_one_step_new(method, state, &edit, err) != 0) {
        return -1;
    }
    if (read_training(archive, of(*state), err) != 0) {
        fs_one_step_destroy(*state);
        *state = NULL;
        return -1;
    }
    return 0;
}

struct fs_edit fs_one_step_edit(const struct fs_training_state *state)
{
    return of_const(state)->edit;
}

int fs_one_step_history(const struct fs_one_step_method *method, const struct fs_archive *archive,
                        struct fs_training_history *history, struct fs_error *err)
{
    struct fs_training_state *state;
    *history = (struct fs_training_history){.note = "",
                                            .caption = method->caption,
                                            .losses = 1,
                                            .terms = 1,
                                            .term = {method->measure},
                                            .name = {method->measure},
                                            .decimals = {6}};
    if (fs_one_step_read(method, archive, &state, err) != 0) {
        return -1;
    }
    const struct fs_one_step_training *training = of_const(state);
    history->layer = method->finds_layer ? FS_AUTO : training->edit.first_layer;
    history->step = state->step;
    method->title(&training->edit, history->title, sizeof history->title);
    history->value = fs_allocate(state->step, sizeof *history->value, "the history of a training", err);
    if (history->value != NULL && state->step > 0) {
        history->value[0] = training->measure;
    }
    fs_one_step_destroy(state);
    return history->value != NULL ? 0 : -1;
}

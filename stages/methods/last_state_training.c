#include "stages/methods/last_state_training.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "/last_state/training"
#define MOST ((int64_t)1 << 32) /* of steps */

static struct fs_last_state_training *of(struct fs_training_state *state)
{
    return (struct fs_last_state_training *)state;
}

static const struct fs_last_state_training *of_const(const struct fs_training_state *state)
{
    return (const struct fs_last_state_training *)state;
}

static int reserve(struct fs_last_state_training *training, size_t steps, size_t works, struct fs_error *err)
{
    training->base = (struct fs_training_state){0, steps};
    training->works = works;
    training->left = fs_allocate(steps, sizeof *training->left, "the history of a training", err);
    training->work = fs_allocate(works, sizeof *training->work, "what a training goes on with", err);
    return training->left != NULL && training->work != NULL ? 0 : -1;
}

int fs_last_state_begin(const struct fs_spec *spec, size_t rank, size_t steps, size_t works,
                        struct fs_last_state_training *training, struct fs_error *err)
{
    return fs_last_state_create(spec, rank, &training->edit, err) == 0 ? reserve(training, steps, works, err) : -1;
}

void fs_last_state_destroy(struct fs_training_state *state)
{
    struct fs_last_state_training *training = of(state);
    if (training == NULL) {
        return;
    }
    if (training->own != NULL) {
        training->release(training->own);
    }
    fs_edit_release(&training->edit);
    free(training->left);
    free(training->work);
    free(training);
}

int fs_last_state_broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_last_state_training *training = of(state);
    size_t bytes = training->edit.count * sizeof *training->edit.number;
    return fs_runner_broadcast(runner, &state->step, sizeof state->step, err) == 0 &&
                   fs_runner_broadcast(runner, training->edit.number, bytes, err) == 0
               ? fs_runner_broadcast(runner, training->left, state->steps * sizeof *training->left, err)
               : -1;
}

int fs_last_state_step(struct fs_last_state_training *training, const struct fs_method_task *task, double left,
                       fs_training_save *save, void *context, struct fs_error *err)
{
    training->left[training->base.step++] = left;
    if (fs_last_state_broadcast(&training->base, task->runner, err) != 0) {
        return -1;
    }
    bool stop = fs_runner_stop_requested(task->runner) && training->base.step < training->base.steps;
    if (save(context, &training->base, stop, err) != 0) {
        return -1;
    }
    return stop ? fs_error_set(err, FS_EXIT_INTERRUPTED,
                               "interrupted after step %zu of %zu; run the same command again to go on",
                               training->base.step, training->base.steps)
                : 0;
}

int fs_last_state_interrupted(struct fs_last_state_training *training, fs_training_save *save, void *context,
                              struct fs_error *err)
{
    struct fs_error own = FS_ERROR_INIT;
    if (err != NULL && err->code == FS_EXIT_INTERRUPTED && training->base.step > 0 &&
        save(context, &training->base, true, &own) != 0) {
        *err = own;
    }
    return -1;
}

bool fs_last_state_is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_last_state_training *a = of_const(fresh), *b = of_const(found);
    return memcmp(a->edit.size, b->edit.size, sizeof a->edit.size) == 0 && a->edit.first_layer == b->edit.first_layer &&
           fresh->steps == found->steps && (a->works == b->works || found->step == found->steps);
}

size_t fs_last_state_bytes(const struct fs_training_state *state)
{
    const struct fs_last_state_training *training = of_const(state);
    size_t works = state->step < state->steps ? training->works : 0; /* a finished one leaves them out */
    return training->edit.count * sizeof(float) + (state->steps + works) * sizeof(double);
}

void fs_last_state_losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    if (state->step > 0) {
        loss[0] = of_const(state)->left[state->step - 1];
    }
}

int fs_last_state_write(const struct fs_method_task *task, const struct fs_training_state *state,
                        struct fs_archive *archive, struct fs_error *err)
{
    const struct fs_last_state_training *training = of_const(state);
    bool done = state->step == state->steps;
    (void)task;
    int status = training->edit.kind->write(&training->edit, archive, err);
    if (status == 0) {
        status = fs_archive_write(archive, GROUP "/left", FS_ARCHIVE_F64, 1, &state->step, training->left, err);
    }
    if (status == 0 && !done) {
        status = fs_archive_write(archive, GROUP "/work", FS_ARCHIVE_F64, 1, &training->works, training->work, err);
    }
    return status == 0 && fs_archive_attribute_integer(archive, GROUP, "step", (int64_t)state->step, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "steps", (int64_t)state->steps, err)
               : -1;
}

/* Attributes and shapes must agree before memory is asked for. */
static int read_sizes(const struct fs_archive *archive, int64_t *step, int64_t *steps, size_t *works,
                      struct fs_error *err)
{
    size_t dimensions, shape[4];
    if (fs_archive_read_attribute_integer(archive, GROUP, "step", step, err) != 0 ||
        fs_archive_read_attribute_integer(archive, GROUP, "steps", steps, err) != 0 ||
        fs_archive_shape(archive, GROUP "/left", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (*step < 0 || *steps < *step || *steps > MOST || dimensions != 1 || shape[0] != (size_t)*step) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %lld steps of %lld, and another number of them in left; "
                            "train again",
                            GROUP, (long long)*step, (long long)*steps);
    }
    *works = 0;
    if (*step == *steps) {
        return 0;
    }
    if (fs_archive_shape(archive, GROUP "/work", &dimensions, shape, err) != 0) {
        return -1;
    }
    *works = shape[0];
    return dimensions == 1 ? 0
                           : fs_error_set(err, FS_EXIT_DATA, "%s/work: found %zu dimensions, expected 1; train again",
                                          GROUP, dimensions);
}

int fs_last_state_read(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    int64_t step = 0, steps = 0;
    size_t works = 0;
    *state = NULL;
    struct fs_last_state_training *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    if (read_sizes(archive, &step, &steps, &works, err) != 0 ||
        fs_edit_last_state.read(archive, &training->edit, err) != 0 ||
        reserve(training, (size_t)steps, works, err) != 0 ||
        fs_archive_read(archive, GROUP "/left", FS_ARCHIVE_F64, (size_t)step, training->left, err) != 0 ||
        (works > 0 && fs_archive_read(archive, GROUP "/work", FS_ARCHIVE_F64, works, training->work, err) != 0)) {
        fs_last_state_destroy(&training->base);
        return -1;
    }
    training->base.step = (size_t)step;
    *state = &training->base;
    return 0;
}

struct fs_edit fs_last_state_edit(const struct fs_training_state *state)
{
    return of_const(state)->edit;
}

int fs_last_state_history(const struct fs_archive *archive, const struct fs_last_state_words *words,
                          struct fs_training_history *history, struct fs_error *err)
{
    struct fs_training_state *state;
    *history = (struct fs_training_history){.note = "",
                                            .caption = words->caption,
                                            .losses = 1,
                                            .terms = 1,
                                            .term = {words->term},
                                            .name = {words->term},
                                            .decimals = {6},
                                            .layer = FS_AUTO,
                                            .sizes = 1,
                                            .size = {{"rank", 0}}};
    if (fs_last_state_read(archive, &state, err) != 0) {
        return -1;
    }
    const struct fs_last_state_training *training = of_const(state);
    history->step = state->step;
    history->size[0].value = training->edit.size[1];
    snprintf(history->title, sizeof history->title, "%s, rank %zu", words->name, training->edit.size[1]);
    history->value = fs_allocate(state->step, sizeof *history->value, "the history of a training", err);
    if (history->value != NULL) {
        memcpy(history->value, training->left, state->step * sizeof *history->value);
    }
    fs_last_state_destroy(state);
    return history->value != NULL ? 0 : -1;
}

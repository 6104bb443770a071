#include "stages/methods/last_state_training.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/methods/training_step.h"

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

static int reserve(struct fs_last_state_training *training, const struct fs_last_state_sizes *sizes,
                   struct fs_error *err)
{
    training->base = (struct fs_training_state){0, sizes->steps};
    training->sizes = *sizes;
    training->left = fs_allocate(sizes->steps, sizes->terms * sizeof *training->left, "the history of a training", err);
    training->work = fs_allocate(sizes->works, sizeof *training->work, "what a training goes on with", err);
    training->kept = fs_allocate(sizes->keeps, sizeof *training->kept, "what a training goes on with", err);
    return training->left != NULL && training->work != NULL && training->kept != NULL ? 0 : -1;
}

int fs_last_state_new(const struct fs_last_state_method *method, const struct fs_method_task *task,
                      struct fs_training_state **state, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(task->model);
    struct fs_last_state_sizes sizes = {0};
    struct fs_last_state_training *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = training != NULL ? &training->base : NULL;
    return training != NULL && method->prepare(task, training, err) == 0 &&
                   method->measure(task, training, &sizes, err) == 0 &&
                   fs_last_state_create(spec, sizes.rank, &training->edit, err) == 0
               ? reserve(training, &sizes, err)
               : -1;
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
    free(training->kept);
    free(training);
}

int fs_last_state_broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_last_state_training *training = of(state);
    size_t bytes = training->edit.count * sizeof *training->edit.number;
    return fs_runner_broadcast(runner, &state->step, sizeof state->step, err) == 0 &&
                   fs_runner_broadcast(runner, training->edit.number, bytes, err) == 0
               ? fs_runner_broadcast(runner, training->left,
                                     state->steps * training->sizes.terms * sizeof *training->left, err)
               : -1;
}

/* Gives the root's map and measures to all, counts the step and saves. */
static int end_step(struct fs_last_state_training *training, const struct fs_method_task *task, fs_training_save *save,
                    void *context, struct fs_error *err)
{
    training->base.step++;
    return fs_last_state_broadcast(&training->base, task->runner, err) == 0
               ? fs_training_step_done(task->runner, save, context, &training->base, err)
               : -1;
}

int fs_last_state_train(const struct fs_last_state_method *method, const struct fs_method_task *task,
                        fs_training_save *save, void *context, struct fs_training_state *state, struct fs_error *err)
{
    struct fs_last_state_training *training = of(state);
    int status = training->own == NULL ? method->prepare(task, training, err) : 0; /* not there: it was read back */
    status = fs_runner_agree(task->runner, status, err);
    while (status == 0 && state->step < state->steps) {
        double *left = training->left + state->step * training->sizes.terms;
        status = method->step(task, training, left, err) == 0 ? end_step(training, task, save, context, err)
                                                              : fs_training_step_failed(save, context, state, err);
    }
    return status;
}

bool fs_last_state_is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_last_state_training *a = of_const(fresh), *b = of_const(found);
    return memcmp(a->edit.size, b->edit.size, sizeof a->edit.size) == 0 && a->edit.first_layer == b->edit.first_layer &&
           fresh->steps == found->steps && a->sizes.terms == b->sizes.terms &&
           ((a->sizes.works == b->sizes.works && a->sizes.keeps == b->sizes.keeps) || found->step == found->steps);
}

size_t fs_last_state_bytes(const struct fs_training_state *state)
{
    const struct fs_last_state_training *training = of_const(state);
    const struct fs_last_state_sizes *sizes = &training->sizes;
    bool done = state->step == state->steps; /* a finished one leaves out what it went on with */
    return training->edit.count * sizeof(float) + state->steps * sizes->terms * sizeof(double) +
           (done ? 0 : sizes->works * sizeof(double) + sizes->keeps * sizeof(float));
}

void fs_last_state_losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    if (state->step > 0) {
        size_t terms = of_const(state)->sizes.terms;
        memcpy(loss, of_const(state)->left + (state->step - 1) * terms, terms * sizeof *loss);
    }
}

int fs_last_state_write(const struct fs_method_task *task, const struct fs_training_state *state,
                        struct fs_archive *archive, struct fs_error *err)
{
    const struct fs_last_state_training *training = of_const(state);
    const struct fs_last_state_sizes *sizes = &training->sizes;
    const size_t left[] = {state->step, sizes->terms};
    bool done = state->step == state->steps;
    (void)task;
    int status = training->edit.kind->write(&training->edit, archive, err);
    if (status == 0) {
        status = fs_archive_write(archive, GROUP "/left", FS_ARCHIVE_F64, sizes->terms > 1 ? 2 : 1, left,
                                  training->left, err);
    }
    if (status == 0 && !done) {
        status = fs_archive_write(archive, GROUP "/work", FS_ARCHIVE_F64, 1, &sizes->works, training->work, err);
    }
    if (status == 0 && !done && sizes->keeps > 0) {
        status = fs_archive_write(archive, GROUP "/kept", FS_ARCHIVE_F32, 1, &sizes->keeps, training->kept, err);
    }
    return status == 0 && fs_archive_attribute_integer(archive, GROUP, "step", (int64_t)state->step, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "steps", (int64_t)state->steps, err)
               : -1;
}

/* How many numbers `name` has, which has one dimension. */
static int read_length(const struct fs_archive *archive, const char *name, size_t *length, struct fs_error *err)
{
    size_t dimensions, shape[4];
    if (fs_archive_shape(archive, name, &dimensions, shape, err) != 0) {
        return -1;
    }
    *length = shape[0];
    return dimensions == 1
               ? 0
               : fs_error_set(err, FS_EXIT_DATA, "%s: found %zu dimensions, expected 1; train again", name, dimensions);
}

/* Attributes and shapes must agree before memory is asked for. */
static int read_sizes(const struct fs_archive *archive, size_t *done, struct fs_last_state_sizes *sizes,
                      struct fs_error *err)
{
    int64_t step, steps;
    size_t dimensions, shape[4];
    if (fs_archive_read_attribute_integer(archive, GROUP, "step", &step, err) != 0 ||
        fs_archive_read_attribute_integer(archive, GROUP, "steps", &steps, err) != 0 ||
        fs_archive_shape(archive, GROUP "/left", &dimensions, shape, err) != 0) {
        return -1;
    }
    size_t terms = dimensions == 2 ? shape[1] : 1;
    if (step < 0 || steps < step || steps > MOST || dimensions < 1 || dimensions > 2 || shape[0] != (size_t)step ||
        terms < 1 || terms > FS_TRAINING_LOSSES) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %lld steps of %lld, and another number of them or of measures in left; "
                            "train again",
                            GROUP, (long long)step, (long long)steps);
    }
    *done = (size_t)step;
    *sizes = (struct fs_last_state_sizes){.steps = (size_t)steps, .terms = terms};
    if (step == steps) {
        return 0;
    }
    if (read_length(archive, GROUP "/work", &sizes->works, err) != 0) {
        return -1;
    }
    return fs_archive_has(archive, GROUP "/kept") ? read_length(archive, GROUP "/kept", &sizes->keeps, err) : 0;
}

int fs_last_state_read(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_last_state_sizes sizes;
    size_t step = 0;
    *state = NULL;
    struct fs_last_state_training *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    if (read_sizes(archive, &step, &sizes, err) != 0 || fs_edit_last_state.read(archive, &training->edit, err) != 0 ||
        reserve(training, &sizes, err) != 0 ||
        fs_archive_read(archive, GROUP "/left", FS_ARCHIVE_F64, step * sizes.terms, training->left, err) != 0 ||
        (sizes.works > 0 &&
         fs_archive_read(archive, GROUP "/work", FS_ARCHIVE_F64, sizes.works, training->work, err) != 0) ||
        (sizes.keeps > 0 &&
         fs_archive_read(archive, GROUP "/kept", FS_ARCHIVE_F32, sizes.keeps, training->kept, err) != 0)) {
        fs_last_state_destroy(&training->base);
        return -1;
    }
    training->base.step = step;
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
    *history = (struct fs_training_history){
        .note = "", .caption = words->caption, .layer = FS_AUTO, .sizes = 1, .size = {{"rank", 0}}};
    if (fs_last_state_read(archive, &state, err) != 0) {
        return -1;
    }
    const struct fs_last_state_training *training = of_const(state);
    size_t terms = training->sizes.terms;
    history->step = state->step;
    history->losses = history->terms = terms;
    for (size_t i = 0; i < terms; i++) {
        history->term[i] = history->name[i] = words->term[i] != NULL ? words->term[i] : "";
        history->decimals[i] = 6;
    }
    history->size[0].value = training->edit.size[1];
    snprintf(history->title, sizeof history->title, "%s, rank %zu", words->name, training->edit.size[1]);
    history->value = fs_allocate(state->step, terms * sizeof *history->value, "the history of a training", err);
    if (history->value != NULL) {
        memcpy(history->value, training->left, state->step * terms * sizeof *history->value);
    }
    fs_last_state_destroy(state);
    return history->value != NULL ? 0 : -1;
}

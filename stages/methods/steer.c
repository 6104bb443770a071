/*
 * Steering: contrastive activation addition (Rimsky et al. 2024, arXiv 2312.06681) and ablation of a direction, from the edited
 * pairs. delta is the difference of a pair's states behind the layer (pair_states.h).
 *
 *   steer_add      h <- h + c v      v the mean of delta, c steer_add.coefficient
 *   steer_ablate   h <- h - v v^T h  v the first eigenvector of sum delta delta^T
 *
 * One step makes the edit. Layout beside the edit's own (model/edits/direction.h):
 *
 *   /direction@step        0 or 1
 *   /direction/left        f64 (step): of sum |delta|^2 the share that is not along v
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "model/edits/direction.h"
#include "model/edits/edit_file.h"
#include "model/numbers/dense.h"
#include "stages/methods/method.h"
#include "stages/methods/pair_states.h"

#define GROUP "/direction"

struct options {
    size_t layer;
    double coefficient; /* of steer_add */
};

#define ROW(method, name) .key = #method "." #name, FS_SETTING_MEMBER(struct options, name)
#define LAYER(method)                                                                                                  \
    {                                                                                                                  \
        ROW(method, layer), .kind = FS_SETTING_AUTO, .initial = "auto", .most = 10000, .unit = "layer, from 0",        \
                            .meaning = "\"auto\": the decisive layer of the trace; a number needs no trace"            \
    }

static const struct fs_setting add_rows[] = {
    LAYER(steer_add),
    {ROW(steer_add, coefficient), .kind = FS_SETTING_NUMBER, .initial = "-1", .least = -100, .most = 100,
     .meaning = "times the mean difference, of stereotype less counterpart, that is added; below 0: away from the "
                "stereotypes"}};
static const struct fs_setting ablate_rows[] = {LAYER(steer_ablate)};
static const struct fs_settings add_settings = {add_rows, sizeof add_rows / sizeof add_rows[0]};
static const struct fs_settings ablate_settings = {ablate_rows, sizeof ablate_rows / sizeof ablate_rows[0]};

struct steering {
    struct fs_training_state base; /* of one step */
    struct fs_edit edit;           /* owned */
    double left;
};

static struct steering *of(struct fs_training_state *state)
{
    return (struct steering *)state;
}

static const struct steering *of_const(const struct fs_training_state *state)
{
    return (const struct steering *)state;
}

static void destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_edit_release(&of(state)->edit);
        free(state);
    }
}

static int create(const struct fs_method_task *task, bool ablated, struct fs_training_state **state,
                  struct fs_error *err)
{
    const struct options *options = task->settings;
    struct steering *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = training != NULL ? &training->base : NULL;
    if (training == NULL) {
        return -1;
    }
    training->base.steps = 1;
    return fs_direction_create(fs_model_spec(task->model), task->layer, ablated, ablated ? 1 : options->coefficient,
                               &training->edit, err);
}

static int create_add(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                      struct fs_error *err)
{
    (void)pairs;
    return create(task, false, state, err);
}

static int create_ablate(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                         struct fs_error *err)
{
    (void)pairs;
    return create(task, true, state, err);
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct steering *training = of(state);
    return fs_runner_broadcast(runner, &state->step, sizeof state->step, err) == 0 &&
                   fs_runner_broadcast(runner, &training->left, sizeof training->left, err) == 0
               ? fs_runner_broadcast(runner, training->edit.number, training->edit.count * sizeof(fs_real), err)
               : -1;
}

static void find_mean(const double *difference, size_t count, size_t d, double *v)
{
    memset(v, 0, d * sizeof *v);
    for (size_t i = 0; i < count * d; i++) {
        v[i % d] += difference[i] / (double)count;
    }
}

static int find_eigenvector(const double *difference, size_t count, size_t d, double *v, struct fs_error *err)
{
    double value, *s = fs_allocate(d, d * sizeof *s, "a matrix of differences", err);
    if (s == NULL) {
        return -1;
    }
    fs_dense_add_square(count, d, difference, s);
    int status = fs_dense_eigenvectors(d, 1, s, &value, v, err);
    free(s);
    return status;
}

/* Of sum |delta|^2 the share beside v; 1 where all are 0. */
static double left_of(const double *difference, size_t count, size_t d, const double *v)
{
    double all = 0, along = 0, length = 0;
    for (size_t k = 0; k < d; k++) {
        length += v[k] * v[k];
    }
    for (size_t i = 0; i < count; i++) {
        double dot = 0;
        for (size_t k = 0; k < d; k++) {
            all += difference[i * d + k] * difference[i * d + k];
            dot += difference[i * d + k] * v[k];
        }
        along += dot * dot;
    }
    return all > 0 && length > 0 ? fmax(0, 1 - along / (length * all)) : 1;
}

/* Root: the direction, from what the pairs' states differ by. */
static int find_direction(struct steering *training, const double *difference, size_t count, struct fs_error *err)
{
    size_t d = training->edit.size[0];
    bool ablated = training->edit.size[1] > 0;
    double *v = fs_allocate(d, sizeof *v, "a direction", err);
    if (v == NULL) {
        return -1;
    }
    int status = ablated ? find_eigenvector(difference, count, d, v, err) : 0;
    if (!ablated) {
        find_mean(difference, count, d, v);
    }
    training->left = status == 0 ? left_of(difference, count, d, v) : 0;
    for (size_t k = 0; status == 0 && k < d; k++) {
        training->edit.number[k] = (fs_real)v[k];
    }
    free(v);
    if (status == 0 && !isfinite(training->left)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "the states of the pairs behind layer %zu are no numbers; do config.json and the weights "
                            "belong together?",
                            training->edit.first_layer);
    }
    return status;
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    struct steering *training = of(state);
    double *difference;
    size_t count, without;
    if (state->step == state->steps) {
        return 0;
    }
    if (fs_pair_differences(task, &difference, &count, &without, err) != 0) {
        return -1;
    }
    bool root = fs_runner_is_root(task->runner);
    if (root && without > 0) {
        fs_say("steering: %zu of %zu edited pairs have no text with their subject that the model takes", without,
               count + without);
    }
    int status = root ? find_direction(training, difference, count, err) : 0;
    free(difference);
    if (fs_runner_agree(task->runner, status, err) != 0) {
        return -1;
    }
    state->step = 1;
    return broadcast(state, task->runner, err) == 0 ? save(context, state, false, err) : -1;
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_edit *a = &of_const(fresh)->edit, *b = &of_const(found)->edit;
    return a->first_layer == b->first_layer && memcmp(a->size, b->size, sizeof a->size) == 0;
}

static size_t bytes(const struct fs_training_state *state)
{
    return of_const(state)->edit.count * sizeof(float) + state->step * sizeof(double);
}

static void losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    loss[0] = state->step > 0 ? of_const(state)->left : 0;
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct steering *training = of_const(state);
    (void)task;
    return training->edit.kind->write(&training->edit, archive, err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "step", (int64_t)state->step, err) == 0
               ? fs_archive_write(archive, GROUP "/left", FS_ARCHIVE_F64, 1, &state->step, &training->left, err)
               : -1;
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    size_t dimensions, shape[4];
    struct steering *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = NULL;
    if (training == NULL || fs_edit_direction.read(archive, &training->edit, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "step", 0, 1, &training->base.step, err) != 0 ||
        fs_archive_shape(archive, GROUP "/left", &dimensions, shape, err) != 0) {
        destroy(training != NULL ? &training->base : NULL);
        return -1;
    }
    training->base.steps = 1;
    int status =
        dimensions == 1 && shape[0] == training->base.step
            ? fs_archive_read(archive, GROUP "/left", FS_ARCHIVE_F64, shape[0], &training->left, err)
            : fs_error_set(err, FS_EXIT_DATA, GROUP "/left: its length is not the steps done, %zu; train again",
                           training->base.step);
    if (status != 0) {
        destroy(&training->base);
        return -1;
    }
    *state = &training->base;
    return 0;
}

static struct fs_edit edit(const struct fs_training_state *state)
{
    return of_const(state)->edit;
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    struct fs_training_state *state;
    *history = (struct fs_training_history){
        .note = "",
        .caption = "left: the share of the differences between the statements' states that is not along the direction.",
        .losses = 1,
        .terms = 1,
        .term = {"left"},
        .name = {"left"},
        .decimals = {6}};
    if (read_state(archive, &state, err) != 0) {
        return -1;
    }
    const struct steering *training = of_const(state);
    history->layer = training->edit.first_layer;
    history->step = state->step;
    snprintf(history->title, sizeof history->title, "Direction %s behind layer %zu",
             training->edit.size[1] > 0 ? "ablated" : "added", history->layer);
    history->value = fs_allocate(state->step, sizeof *history->value, "the history of a training", err);
    if (history->value != NULL && state->step > 0) {
        history->value[0] = training->left;
    }
    destroy(state);
    return history->value != NULL ? 0 : -1;
}

static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct options *options = settings;
    size_t d = spec != NULL ? spec->hidden : 0;
    *out = (struct fs_training_size){
        .layer = options->layer, .parameters = d > 0 ? d + 1 : 0, .steps = 1, .save_every = 1};
}

/* The sum of squares, and LAPACK's. */
static void size_ablate(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    size(settings, spec, out);
    out->root = spec != NULL ? 2 * (double)spec->hidden * (double)spec->hidden * (double)sizeof(double) : 0;
}

#define TRAINER(method, create_function, size_function)                                                                \
    {                                                                                                                  \
        .create = create_function, .destroy = destroy, .broadcast = broadcast, .train = train, .is_same = is_same,     \
        .bytes = bytes, .losses = losses, .write = write, .read = read_state, .edit = edit,                            \
        .read_history = read_history, .size = size_function, .layer_key = #method ".layer"                             \
    }

_Static_assert(sizeof(struct options) <= sizeof(union fs_method_settings), "room for the settings");

static const struct fs_trainer of_add = TRAINER(steer_add, create_add, size),
                               of_ablate = TRAINER(steer_ablate, create_ablate, size_ablate);

extern const struct fs_method fs_method_steer_add, fs_method_steer_ablate;
const struct fs_method fs_method_steer_add = {
    .name = "steer_add",
    .about = "steering: the mean difference of the statements' states, added to the residual stream behind one layer",
    .learns = FS_LEARNS_PAIRS,
    .edit = &fs_edit_direction,
    .settings = &add_settings,
    .settings_size = sizeof(struct options),
    .trainer = &of_add};
const struct fs_method fs_method_steer_ablate = {
    .name = "steer_ablate",
    .about =
        "the direction in which the statements' states differ most, taken out of the residual stream behind one layer",
    .learns = FS_LEARNS_PAIRS,
    .edit = &fs_edit_direction,
    .settings = &ablate_settings,
    .settings_size = sizeof(struct options),
    .trainer = &of_ablate};

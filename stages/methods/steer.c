/*
 * Steering: contrastive activation addition (Rimsky et al. 2024, arXiv 2312.06681) and ablation of a direction, from the edited
 * pairs. delta is the difference of a pair's states behind the layer (pair_states.h).
 *
 *   steer_add      h <- h + c v      v the mean of delta, c steer_add.coefficient
 *   steer_ablate   h <- h - v v^T h  v the first eigenvector of sum delta delta^T
 *
 * One step makes the edit (one_step_training.h); its measure is `left`, of sum |delta|^2 the share that is not along v.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "model/edits/direction.h"
#include "model/numbers/dense.h"
#include "stages/methods/one_step_training.h"
#include "stages/methods/pair_states.h"

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
static int find_direction(struct fs_one_step_training *training, const double *difference, size_t count,
                          struct fs_error *err)
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
    training->measure = status == 0 ? left_of(difference, count, d, v) : 0;
    for (size_t k = 0; status == 0 && k < d; k++) {
        training->edit.number[k] = (fs_real)v[k];
    }
    free(v);
    if (status == 0 && !isfinite(training->measure)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "the states of the pairs behind layer %zu are no numbers; do config.json and the weights "
                            "belong together?",
                            training->edit.first_layer);
    }
    return status;
}

static int step(const struct fs_method_task *task, struct fs_one_step_training *training, struct fs_error *err)
{
    double *difference;
    size_t count, without;
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
    return fs_runner_agree(task->runner, status, err);
}

static void title(const struct fs_edit *edit, char *title, size_t size)
{
    snprintf(title, size, "Direction %s behind layer %zu", edit->size[1] > 0 ? "ablated" : "added", edit->first_layer);
}

static const struct fs_one_step_method method = {
    .edit = &fs_edit_direction,
    .measure = "left",
    .caption = "left: the share of the differences between the statements' states that is not along the direction.",
    .step = step,
    .title = title};

static int create(const struct fs_method_task *task, bool ablated, struct fs_training_state **state,
                  struct fs_error *err)
{
    const struct options *options = task->settings;
    struct fs_edit *edit;
    return fs_one_step_new(&method, state, &edit, err) == 0
               ? fs_direction_create(fs_model_spec(task->model), task->layer, ablated,
                                     ablated ? 1 : options->coefficient, edit, err)
               : -1;
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

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    return fs_one_step_read(&method, archive, state, err);
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    return fs_one_step_history(&method, archive, history, err);
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
        FS_ONE_STEP_ROWS, .create = (create_function), .read = read_state, .read_history = read_history,               \
                          .size = (size_function), .layer_key = #method ".layer"                                       \
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

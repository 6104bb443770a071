/*
 * The methods ft, ft_l and ft_m: ft.h behind the interface of method.h. Layout of their files, beside the edit's own
 * (model/edits/weight.h), P numbers of it:
 *
 *   /weight@step, steps, planned           done, of the whole training, and where no epoch ends it
 *   /weight/training/moment1, moment2      f32 (P)   Adam
 *   /weight/training/loss                  f64 (planned)   before each step; 0 beyond `step`
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"
#include "stages/methods/ft.h"
#include "stages/methods/method.h"

#define GROUP "/weight"
#define TRAINING "/weight/training/"
#define MOST ((int64_t)1 << 32) /* steps */

static struct fs_ft_state *state_of(struct fs_training_state *state)
{
    return (struct fs_ft_state *)state;
}

static const struct fs_ft_state *seen(const struct fs_training_state *state)
{
    return (const struct fs_ft_state *)state;
}

static void destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_ft_state_release(state_of(state));
        free(state);
    }
}

static int create(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err)
{
    struct fs_ft_state *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    *state = &training->base;
    return fs_ft_state_create(task->settings, fs_model_spec(task->model), task->layer, pairs, training, err);
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_ft_state *training = state_of(state);
    size_t bytes = training->edit.count * sizeof(fs_real);
    return fs_runner_broadcast(runner, &training->base, sizeof training->base, err) == 0 &&
                   fs_runner_broadcast(runner, training->edit.number, bytes, err) == 0 &&
                   fs_runner_broadcast(runner, training->moment1, bytes, err) == 0 &&
                   fs_runner_broadcast(runner, training->moment2, bytes, err) == 0
               ? fs_runner_broadcast(runner, training->loss, training->planned * sizeof *training->loss, err)
               : -1;
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    return fs_ft_train(task, save, context, state_of(state), err);
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_ft_state *a = seen(fresh), *b = seen(found);
    return a->edit.first_layer == b->edit.first_layer && memcmp(a->edit.size, b->edit.size, sizeof a->edit.size) == 0 &&
           a->planned == b->planned;
}

/* The edit, Adam's moments and the losses. */
static size_t bytes(const struct fs_training_state *state)
{
    return 3 * seen(state)->edit.count * sizeof(float) + seen(state)->planned * sizeof(double);
}

static void losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    loss[0] = state->step > 0 ? seen(state)->loss[state->step - 1] : 0;
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct fs_ft_state *training = seen(state);
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {{"step", state->step}, {"steps", state->steps}, {"planned", training->planned}};
    (void)task;
    if (training->edit.kind->write(&training->edit, archive, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (fs_archive_attribute_integer(archive, GROUP, sizes[i].name, (int64_t)sizes[i].value, err) != 0) {
            return -1;
        }
    }
    size_t count = training->edit.count;
    return fs_edit_write_reals(archive, TRAINING "moment1", 1, &count, training->moment1, err) == 0 &&
                   fs_edit_write_reals(archive, TRAINING "moment2", 1, &count, training->moment2, err) == 0
               ? fs_archive_write(archive, TRAINING "loss", FS_ARCHIVE_F64, 1, &training->planned, training->loss, err)
               : -1;
}

static int read_training(const struct fs_archive *archive, struct fs_ft_state *state, struct fs_error *err)
{
    size_t dimensions, shape[4];
    if (fs_edit_read_size(archive, GROUP, "planned", 0, MOST, &state->planned, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "steps", 0, (int64_t)state->planned, &state->base.steps, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "step", 0, (int64_t)state->base.steps, &state->base.step, err) != 0 ||
        fs_archive_shape(archive, TRAINING "loss", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 1 || shape[0] != state->planned) {
        return fs_error_set(err, FS_EXIT_DATA, "%sloss: its shape is not the planned steps %zu; train again", TRAINING,
                            state->planned);
    }
    state->moment1 = fs_allocate(state->edit.count, sizeof *state->moment1, "Adam's moments", err);
    state->moment2 = fs_allocate(state->edit.count, sizeof *state->moment2, "Adam's moments", err);
    state->loss = fs_allocate(state->planned, sizeof *state->loss, "the history of losses", err);
    if (state->moment1 == NULL || state->moment2 == NULL || state->loss == NULL ||
        fs_edit_read_reals(archive, TRAINING "moment1", state->edit.count, state->moment1, err) != 0 ||
        fs_edit_read_reals(archive, TRAINING "moment2", state->edit.count, state->moment2, err) != 0) {
        return -1;
    }
    return fs_archive_read(archive, TRAINING "loss", FS_ARCHIVE_F64, state->planned, state->loss, err);
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_ft_state *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = NULL;
    if (training == NULL || fs_edit_weight.read(archive, &training->edit, err) != 0 ||
        read_training(archive, training, err) != 0) {
        destroy(training != NULL ? &training->base : NULL);
        return -1;
    }
    *state = &training->base;
    return 0;
}

static struct fs_edit edit(const struct fs_training_state *state)
{
    return seen(state)->edit;
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    struct fs_training_state *state;
    *history = (struct fs_training_history){.note = "",
                                            .caption = "L: the mean over the requests of a batch, before the step.",
                                            .losses = 1,
                                            .terms = 1,
                                            .term = {"L"},
                                            .name = {"L"},
                                            .decimals = {6}};
    if (read_state(archive, &state, err) != 0) {
        return -1;
    }
    history->layer = seen(state)->edit.first_layer;
    history->step = state->step;
    snprintf(history->title, sizeof history->title, "Fine-tuned FFN output matrix of layer %zu", history->layer);
    history->value = fs_allocate(state->step, sizeof *history->value, "the history of a training", err);
    for (size_t i = 0; history->value != NULL && i < state->step; i++) {
        history->value[i] = seen(state)->loss[i];
    }
    destroy(state);
    return history->value != NULL ? 0 : -1;
}

static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct fs_ft_options *options = settings;
    size_t layer = spec != NULL && options->layer < spec->layers ? options->layer : 0;
    *out = (struct fs_training_size){.layer = options->layer,
                                     .inner = spec != NULL ? spec->layer[layer].ffn : 0,
                                     .parameters = spec != NULL ? fs_weight_parameters(spec, layer) : 0,
                                     .steps = options->epochs,
                                     .save_every = options->checkpoint_every,
                                     .memory = (double)options->memory * (1 << 20)};
}

#define TRAINER(method)                                                                                                \
    {                                                                                                                  \
        .create = create, .destroy = destroy, .broadcast = broadcast, .train = train, .is_same = is_same,              \
        .bytes = bytes, .losses = losses, .write = write, .read = read_state, .edit = edit,                            \
        .read_history = read_history, .size = size, .steps_key = #method ".epochs",                                    \
        .save_key = #method ".checkpoint_every", .layer_key = #method ".layer"                                         \
    }

_Static_assert(sizeof(struct fs_ft_options) <= sizeof(union fs_method_settings), "room for the settings");

static const struct fs_trainer of_ft = TRAINER(ft), of_ft_l = TRAINER(ft_l), of_ft_m = TRAINER(ft_m);

extern const struct fs_method fs_method_ft, fs_method_ft_l, fs_method_ft_m;
const struct fs_method fs_method_ft = {.name = "ft",
                                       .about = "FT: the matrix by which one layer's FFN writes, fine-tuned by Adam",
                                       .learns = FS_LEARNS_PAIRS,
                                       .edit = &fs_edit_weight,
                                       .settings = &fs_ft_settings,
                                       .settings_size = sizeof(struct fs_ft_options),
                                       .trainer = &of_ft};
const struct fs_method fs_method_ft_l = {.name = "ft_l",
                                         .about = "FT-L: as ft, no number further from its start than a bound",
                                         .learns = FS_LEARNS_PAIRS,
                                         .edit = &fs_edit_weight,
                                         .settings = &fs_ft_l_settings,
                                         .settings_size = sizeof(struct fs_ft_options),
                                         .trainer = &of_ft_l};
const struct fs_method fs_method_ft_m = {.name = "ft_m",
                                         .about = "FT-M: as ft, one request a step",
                                         .learns = FS_LEARNS_PAIRS,
                                         .edit = &fs_edit_weight,
                                         .settings = &fs_ft_m_settings,
                                         .settings_size = sizeof(struct fs_ft_options),
                                         .trainer = &of_ft_m};

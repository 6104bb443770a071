/*
 * The method biasedit: biasedit.h behind the interface of method.h. Layout of its file, beside the edit's own
 * (model/edits/weight.h), P numbers of the editor:
 *
 *   /weight@step, steps                    done, and of the whole training
 *   /weight/training@groups, epochs, rank, parameters, best_epoch
 *   /weight/training/loss                  f64 (groups x epochs,3)  L, L_d, L_r before each step; 0 beyond `step`
 *   /weight/training/validation            f64 (epochs)  behind each epoch
 *   /weight/training/editor, best, moment1, moment2    f32 (P)  until the training is done
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"
#include "stages/methods/biasedit.h"

#define GROUP "/weight"
#define TRAINING "/weight/training"
#define MOST ((int64_t)1 << 32)

static struct fs_biasedit_state *state_of(struct fs_training_state *state)
{
    return (struct fs_biasedit_state *)state;
}

static const struct fs_biasedit_state *seen(const struct fs_training_state *state)
{
    return (const struct fs_biasedit_state *)state;
}

static void destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_biasedit_state_release(state_of(state));
        free(state);
    }
}

static int create(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err)
{
    struct fs_biasedit_state *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    *state = &training->base;
    return fs_biasedit_state_create(task, pairs, training, err);
}

static size_t planned_of(const struct fs_biasedit_state *state)
{
    return state->groups * state->epochs;
}

/* What is there until the training is done. */
struct vector {
    const char *name;
    fs_real *number;
};
enum { VECTORS = 4 };
static void list_vectors(const struct fs_biasedit_state *state, struct vector vector[VECTORS])
{
    vector[0] = (struct vector){TRAINING "/editor", state->number};
    vector[1] = (struct vector){TRAINING "/best", state->best};
    vector[2] = (struct vector){TRAINING "/moment1", state->moment1};
    vector[3] = (struct vector){TRAINING "/moment2", state->moment2};
}

static bool is_done(const struct fs_biasedit_state *state)
{
    return state->base.step == state->base.steps;
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_biasedit_state *training = state_of(state);
    struct vector vector[VECTORS];
    if (fs_runner_broadcast(runner, &training->base, sizeof training->base, err) != 0 ||
        fs_runner_broadcast(runner, &training->best_epoch, sizeof training->best_epoch, err) != 0 ||
        fs_runner_broadcast(runner, training->edit.number, training->edit.count * sizeof(fs_real), err) != 0 ||
        fs_runner_broadcast(runner, training->loss, planned_of(training) * FS_BIASEDIT_LOSSES * sizeof(double), err) !=
            0 ||
        fs_runner_broadcast(runner, training->validation, training->epochs * sizeof(double), err) != 0) {
        return -1;
    }
    list_vectors(training, vector);
    for (size_t i = 0; i < VECTORS && !is_done(training); i++) {
        if (fs_runner_broadcast(runner, vector[i].number, training->parameters * sizeof(fs_real), err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    return fs_biasedit_train(task, save, context, state_of(state), err);
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_biasedit_state *a = seen(fresh), *b = seen(found);
    return a->edit.first_layer == b->edit.first_layer && memcmp(a->edit.size, b->edit.size, sizeof a->edit.size) == 0 &&
           a->rank == b->rank && a->parameters == b->parameters && a->groups == b->groups && a->epochs == b->epochs;
}

static size_t bytes(const struct fs_training_state *state)
{
    const struct fs_biasedit_state *training = seen(state);
    size_t editor = is_done(training) ? 0 : VECTORS * training->parameters;
    return (training->edit.count + editor) * sizeof(float) +
           (planned_of(training) * FS_BIASEDIT_LOSSES + training->epochs) * sizeof(double);
}

static void losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    if (state->step > 0) {
        memcpy(loss, seen(state)->loss + (state->step - 1) * FS_BIASEDIT_LOSSES, FS_BIASEDIT_LOSSES * sizeof *loss);
    }
}

/* ---- its file ---- */

static int write_sizes(const struct fs_biasedit_state *state, struct fs_archive *archive, struct fs_error *err)
{
    const struct {
        const char *group, *name;
        size_t value;
    } sizes[] = {{GROUP, "step", state->base.step},
                 {GROUP, "steps", state->base.steps},
                 {TRAINING, "groups", state->groups},
                 {TRAINING, "epochs", state->epochs},
                 {TRAINING, "rank", state->rank},
                 {TRAINING, "parameters", state->parameters},
                 {TRAINING, "best_epoch", state->best_epoch}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (fs_archive_attribute_integer(archive, sizes[i].group, sizes[i].name, (int64_t)sizes[i].value, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct fs_biasedit_state *training = seen(state);
    const size_t loss[] = {planned_of(training), FS_BIASEDIT_LOSSES};
    struct vector vector[VECTORS];
    (void)task;
    if (training->edit.kind->write(&training->edit, archive, err) != 0 ||
        fs_archive_write(archive, TRAINING "/loss", FS_ARCHIVE_F64, 2, loss, training->loss, err) != 0 ||
        fs_archive_write(archive, TRAINING "/validation", FS_ARCHIVE_F64, 1, &training->epochs, training->validation,
                         err) != 0 ||
        write_sizes(training, archive, err) != 0) {
        return -1;
    }
    list_vectors(training, vector);
    for (size_t i = 0; i < VECTORS && !is_done(training); i++) {
        if (fs_edit_write_reals(archive, vector[i].name, 1, &training->parameters, vector[i].number, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Sizes and shapes must agree before memory is asked for. */
static int read_sizes(const struct fs_archive *archive, struct fs_biasedit_state *state, struct fs_error *err)
{
    size_t dimensions[2], shape[2][4];
    state->layers = fs_weight_of(&state->edit).layers;
    if (fs_edit_read_size(archive, TRAINING, "groups", 1, MOST, &state->groups, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "epochs", 1, MOST, &state->epochs, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "rank", 1, MOST, &state->rank, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "parameters", 1, MOST, &state->parameters, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "best_epoch", 0, MOST, &state->best_epoch, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "steps", 0, MOST, &state->base.steps, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "step", 0, (int64_t)state->base.steps, &state->base.step, err) != 0 ||
        fs_archive_shape(archive, TRAINING "/loss", &dimensions[0], shape[0], err) != 0 ||
        fs_archive_shape(archive, TRAINING "/validation", &dimensions[1], shape[1], err) != 0) {
        return -1;
    }
    size_t planned, all;
    if (fs_multiply(state->groups, state->epochs, &planned) != 0 ||
        fs_multiply(planned, FS_BIASEDIT_LOSSES, &all) != 0 || dimensions[0] != 2 || shape[0][0] != planned ||
        shape[0][1] != FS_BIASEDIT_LOSSES || dimensions[1] != 1 || shape[1][0] != state->epochs ||
        state->base.steps > planned || state->best_epoch > state->epochs) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %zu groups, %zu epochs, %zu steps and the best epoch %zu do not fit each other or the "
                            "history; train again",
                            TRAINING, state->groups, state->epochs, state->base.steps, state->best_epoch);
    }
    return 0;
}

/* The editor's numbers, which a file of a training that is done lacks. */
static int read_vectors(const struct fs_archive *archive, struct fs_biasedit_state *state, struct fs_error *err)
{
    struct vector vector[VECTORS];
    list_vectors(state, vector);
    for (size_t i = 0; i < VECTORS; i++) {
        if (fs_edit_read_reals(archive, vector[i].name, state->parameters, vector[i].number, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_training(const struct fs_archive *archive, struct fs_biasedit_state *state, struct fs_error *err)
{
    if (read_sizes(archive, state, err) != 0) {
        return -1;
    }
    bool done = is_done(state);
    size_t parameters = state->parameters, dimensions, shape[4];
    if (!done) {
        if (fs_archive_shape(archive, TRAINING "/editor", &dimensions, shape, err) != 0) {
            return -1;
        }
        if (dimensions != 1 || shape[0] != parameters) {
            return fs_error_set(err, FS_EXIT_DATA, "%s/editor: its shape is not the %zu parameters; train again",
                                TRAINING, parameters);
        }
    }
    state->parameters = done ? 0 : parameters;
    int status = fs_biasedit_state_allocate(state, err);
    status = status == 0 && !done ? read_vectors(archive, state, err) : status;
    state->parameters = parameters;
    if (status != 0 || fs_archive_read(archive, TRAINING "/loss", FS_ARCHIVE_F64,
                                       planned_of(state) * FS_BIASEDIT_LOSSES, state->loss, err) != 0) {
        return -1;
    }
    return fs_archive_read(archive, TRAINING "/validation", FS_ARCHIVE_F64, state->epochs, state->validation, err);
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_biasedit_state *training = fs_allocate(1, sizeof *training, "a training", err);
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

#define SHOWN (FS_BIASEDIT_LOSSES + 1)
static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    struct fs_training_state *state;
    *history = (struct fs_training_history){
        .note = "A step is a group of pairs. L_v: the loss of the validation groups behind the last epoch, 0 before.",
        .caption = "Of the group, edited by the editor before the step: L, and its parts L_d and L_r.",
        .losses = FS_BIASEDIT_LOSSES,
        .terms = SHOWN,
        .term = {"L", "L_d", "L_r", "L_v"},
        .name = {"L", "L_d", "L_r", "L_v"},
        .decimals = {6, 6, 6, 6},
        .sizes = 3,
        .size = {{"rank", 0}, {"editor_parameters", 0}, {"best_epoch", 0}}};
    if (read_state(archive, &state, err) != 0) {
        return -1;
    }
    const struct fs_biasedit_state *training = seen(state);
    size_t first = training->edit.first_layer, last = first + training->layers - 1;
    history->layer = FS_AUTO;
    history->step = state->step;
    history->size[0].value = training->rank;
    history->size[1].value = training->parameters;
    history->size[2].value = training->best_epoch;
    snprintf(history->title, sizeof history->title, "BiasEdit at layers %zu to %zu, rank %zu", first, last,
             training->rank);
    history->value = fs_allocate(state->step * SHOWN, sizeof *history->value, "the history of a training", err);
    for (size_t i = 0; history->value != NULL && i < state->step; i++) {
        double *value = history->value + i * SHOWN;
        size_t epoch = i / training->groups; /* done before */
        memcpy(value, training->loss + i * FS_BIASEDIT_LOSSES, FS_BIASEDIT_LOSSES * sizeof *value);
        value[FS_BIASEDIT_LOSSES] = epoch > 0 ? training->validation[epoch - 1] : 0;
    }
    destroy(state);
    return history->value != NULL ? 0 : -1;
}

/* Rows of a group are bounded by `memory`, but for one group's. */
static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct fs_biasedit_options *options = settings;
    size_t parameters = 0, F = 0, d = 0, layers = 0;
    if (spec != NULL && options->above < spec->layers) {
        size_t below = spec->layers - options->above;
        layers = options->layers < below ? options->layers : below;
        F = spec->layer[below - layers].ffn;
        d = spec->hidden;
        size_t rank = fs_biasedit_rank(options, F + d);
        parameters = fs_biasedit_parameters(F, d, rank, layers);
    }
    *out = (struct fs_training_size){.inner = F,
                                     .parameters = parameters,
                                     .steps = options->epochs,
                                     .save_every = options->checkpoint_every,
                                     .memory = 2 * (double)options->memory * (1 << 20) +
                                               (double)layers * (double)F * (double)(F + d) * sizeof(double),
                                     .root = (double)layers * (double)F * (double)d * sizeof(fs_real)};
}

_Static_assert(sizeof(struct fs_biasedit_options) <= sizeof(union fs_method_settings), "room for the settings");

static const struct fs_trainer trainer = {.create = create,
                                          .destroy = destroy,
                                          .broadcast = broadcast,
                                          .train = train,
                                          .is_same = is_same,
                                          .bytes = bytes,
                                          .losses = losses,
                                          .write = write,
                                          .read = read_state,
                                          .edit = edit,
                                          .read_history = read_history,
                                          .size = size,
                                          .steps_key = "biasedit.epochs",
                                          .save_key = "biasedit.checkpoint_every"};

extern const struct fs_method fs_method_biasedit;
const struct fs_method fs_method_biasedit = {
    .name = "biasedit",
    .about = "BiasEdit: the matrices by which the last layers' FFNs write, changed at once by a trained editor",
    .learns = FS_LEARNS_PAIRS,
    .edit = &fs_edit_weight,
    .settings = &fs_biasedit_settings,
    .settings_size = sizeof(struct fs_biasedit_options),
    .trainer = &trainer};

/*
 * The methods memit and alphaedit: memit.h behind the interface of method.h. Layout of their files, beside the edit's own
 * (model/edits/weight.h):
 *
 *   /weight@step, steps                done, and all: batches of pairs, then layers
 *   /weight/training@columns, batch    of the edit that a pair has; pairs of a batch
 *   /weight/training/record            f64 (pairs,5): L before and after the search, |delta|, iterations, and place: 0 no request, 1 by the
 *                                      prompt's last token, 2 by the subject
 *   /weight/training/residual          f64 (layers + 1): mean of |z - h| before each layer's change, and at the end
 *   /weight/training/z                 f64 (pairs x columns,d): until the training is done
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"
#include "stages/methods/memit.h"
#include "stages/methods/method.h"

#define GROUP "/weight"
#define TRAINING "/weight/training"
#define MOST ((int64_t)1 << 32)

static struct fs_memit_state *state_of(struct fs_training_state *state)
{
    return (struct fs_memit_state *)state;
}

static const struct fs_memit_state *seen(const struct fs_training_state *state)
{
    return (const struct fs_memit_state *)state;
}

static void destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_memit_state_release(state_of(state));
        free(state);
    }
}

static int create(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err)
{
    struct fs_memit_state *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    *state = &training->base;
    return fs_memit_state_create(task, pairs, training, err);
}

/* Of target values; none once the training is done. */
static size_t z_count(const struct fs_memit_state *state)
{
    bool done = state->base.step == state->base.steps;
    return done ? 0 : state->pairs * state->columns * fs_weight_of(&state->edit).hidden;
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_memit_state *training = state_of(state);
    return fs_runner_broadcast(runner, &state->step, sizeof state->step, err) == 0 &&
                   fs_runner_broadcast(runner, training->edit.number, training->edit.count * sizeof(fs_real), err) ==
                       0 &&
                   fs_runner_broadcast(runner, training->record, training->pairs * FS_MEMIT_TERMS * sizeof(double),
                                       err) == 0 &&
                   fs_runner_broadcast(runner, training->residual, (training->layers + 1) * sizeof(double), err) == 0
               ? fs_runner_broadcast(runner, training->z, z_count(training) * sizeof(double), err)
               : -1;
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    return fs_memit_train(task, save, context, state_of(state), err);
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_memit_state *a = seen(fresh), *b = seen(found);
    return a->edit.first_layer == b->edit.first_layer && memcmp(a->edit.size, b->edit.size, sizeof a->edit.size) == 0 &&
           a->pairs == b->pairs && a->columns == b->columns && a->batch == b->batch && a->layers == b->layers;
}

static size_t bytes(const struct fs_training_state *state)
{
    const struct fs_memit_state *training = seen(state);
    return training->edit.count * sizeof(float) +
           (training->pairs * FS_MEMIT_TERMS + training->layers + 1 + z_count(training)) * sizeof(double);
}

/* What a step shows: L and L0, means over its pairs, 0 of a layer; and |z - h| before it. */
#define SHOWN 3
static void show(const struct fs_memit_state *state, size_t step, double value[SHOWN])
{
    size_t first = step * state->batch, requests = 0;
    memset(value, 0, SHOWN * sizeof *value);
    if (step >= state->batches) {
        value[2] = state->residual[step - state->batches];
        return;
    }
    for (size_t i = first; i < state->pairs && i - first < state->batch; i++) {
        const double *record = state->record + i * FS_MEMIT_TERMS;
        requests += record[FS_MEMIT_PLACE] > 0;
        value[0] += record[FS_MEMIT_AFTER];
        value[1] += record[FS_MEMIT_BEFORE];
        value[2] += record[FS_MEMIT_DELTA];
    }
    for (size_t k = 0; requests > 0 && k < SHOWN; k++) {
        value[k] /= (double)requests;
    }
}

static void losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    double value[SHOWN] = {0};
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    if (state->step > 0) {
        show(seen(state), state->step - 1, value);
    }
    loss[0] = value[0];
    loss[1] = value[1];
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct fs_memit_state *training = seen(state);
    const size_t record[] = {training->pairs, FS_MEMIT_TERMS}, residual = training->layers + 1;
    const size_t z[] = {training->pairs * training->columns, fs_weight_of(&training->edit).hidden};
    (void)task;
    if (training->edit.kind->write(&training->edit, archive, err) != 0 ||
        fs_archive_attribute_integer(archive, GROUP, "step", (int64_t)state->step, err) != 0 ||
        fs_archive_attribute_integer(archive, GROUP, "steps", (int64_t)state->steps, err) != 0 ||
        fs_archive_write(archive, TRAINING "/record", FS_ARCHIVE_F64, 2, record, training->record, err) != 0 ||
        fs_archive_write(archive, TRAINING "/residual", FS_ARCHIVE_F64, 1, &residual, training->residual, err) != 0 ||
        (z_count(training) > 0 &&
         fs_archive_write(archive, TRAINING "/z", FS_ARCHIVE_F64, 2, z, training->z, err) != 0)) {
        return -1;
    }
    return fs_archive_attribute_integer(archive, TRAINING, "columns", (int64_t)training->columns, err) == 0
               ? fs_archive_attribute_integer(archive, TRAINING, "batch", (int64_t)training->batch, err)
               : -1;
}

/* Sizes and shapes must agree before memory is asked for. */
static int read_sizes(const struct fs_archive *archive, struct fs_memit_state *state, struct fs_error *err)
{
    size_t dimensions, shape[4];
    struct fs_weight w = fs_weight_of(&state->edit);
    state->layers = w.layers;
    if (fs_edit_read_size(archive, GROUP, "steps", 0, MOST, &state->base.steps, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "step", 0, (int64_t)state->base.steps, &state->base.step, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "columns", 1, FS_TARGET_VECTORS, &state->columns, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "batch", 1, MOST, &state->batch, err) != 0 ||
        fs_archive_shape(archive, TRAINING "/record", &dimensions, shape, err) != 0) {
        return -1;
    }
    state->pairs = shape[0];
    state->batches = state->pairs > 0 ? (state->pairs - 1) / state->batch + 1 : 0;
    if (dimensions != 2 || shape[1] != FS_MEMIT_TERMS || state->pairs > (size_t)MOST || state->batches > state->pairs ||
        (state->batches == 0) != (state->pairs == 0) || state->base.steps != state->batches + state->layers ||
        (w.rank > 0 && w.rank != state->pairs * state->columns)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %zu pairs of %zu columns in %zu batches and %zu layers do not make the %zu steps, the "
                            "edit's rank %zu, or a record of %d terms; train again",
                            TRAINING, state->pairs, state->columns, state->batches, state->layers, state->base.steps,
                            w.rank, (int)FS_MEMIT_TERMS);
    }
    return 0;
}

static int read_training(const struct fs_archive *archive, struct fs_memit_state *state, struct fs_error *err)
{
    if (read_sizes(archive, state, err) != 0) {
        return -1;
    }
    size_t record = state->pairs * FS_MEMIT_TERMS, z = z_count(state);
    state->record = fs_allocate(record, sizeof(double), "the history of a training", err);
    state->residual = fs_allocate(state->layers + 1, sizeof(double), "the history of a training", err);
    state->z = fs_allocate(z, sizeof(double), "target values", err);
    if (state->record == NULL || state->residual == NULL || state->z == NULL ||
        fs_archive_read(archive, TRAINING "/record", FS_ARCHIVE_F64, record, state->record, err) != 0 ||
        fs_archive_read(archive, TRAINING "/residual", FS_ARCHIVE_F64, state->layers + 1, state->residual, err) != 0) {
        return -1;
    }
    return z > 0 ? fs_archive_read(archive, TRAINING "/z", FS_ARCHIVE_F64, z, state->z, err) : 0;
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_memit_state *training = fs_allocate(1, sizeof *training, "a training", err);
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

static int read_history_of(const char *name, const struct fs_archive *archive, struct fs_training_history *history,
                           struct fs_error *err)
{
    struct fs_training_state *state;
    *history = (struct fs_training_history){
        .note = "A step is a batch of pairs, whose losses are means, or a layer, which has none.",
        .caption = "Of each batch of pairs: L at their target values, and L0 before the search for them.",
        .losses = 2,
        .terms = SHOWN,
        .term = {"L", "L0", "|z-h|"},
        .name = {"L", "L0", "residual"},
        .decimals = {6, 6, 4},
        .sizes = 2,
        .size = {{"pairs without a request", 0}, {"pairs looked up at the last token, for want of the subject", 0}}};
    if (read_state(archive, &state, err) != 0) {
        return -1;
    }
    const struct fs_memit_state *training = seen(state);
    size_t first = training->edit.first_layer, last = first + training->layers - 1;
    history->layer = last;
    history->step = state->step;
    int used = snprintf(history->title, sizeof history->title, "%s at layers %zu to %zu", name, first, last);
    if (state->step == state->steps) {
        snprintf(history->title + used, sizeof history->title - (size_t)used, ", %.4g of |z-h| left",
                 training->residual[training->layers]);
    }
    history->value = fs_allocate(state->step * SHOWN, sizeof *history->value, "the history of a training", err);
    for (size_t i = 0; history->value != NULL && i < state->step; i++) {
        show(training, i, history->value + i * SHOWN);
    }
    for (size_t i = 0; i < training->pairs && i / training->batch < state->step; i++) {
        double place = training->record[i * FS_MEMIT_TERMS + FS_MEMIT_PLACE];
        history->size[0].value += place == 0;
        history->size[1].value += place == 1;
    }
    destroy(state);
    return history->value != NULL ? 0 : -1;
}

static int read_memit(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    return read_history_of("MEMIT", archive, history, err);
}

static int read_alphaedit(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    return read_history_of("AlphaEdit", archive, history, err);
}

/* Sizes of dense matrices, which factors are smaller than. */
static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct fs_memit_options *options = settings;
    size_t layer = spec != NULL && options->layer < spec->layers ? options->layer : 0;
    size_t most = spec != NULL && options->layers > spec->layers ? spec->layers : options->layers;
    size_t F = spec != NULL ? spec->layer[layer].ffn : 0;
    *out = (struct fs_training_size){.layer = options->layer,
                                     .inner = spec != NULL ? F + spec->hidden : 0,
                                     .parameters = spec != NULL ? most * fs_weight_parameters(spec, layer) : 0,
                                     .steps = 1,
                                     .save_every = options->checkpoint_every,
                                     .memory = fs_covariance_rank_bytes(),
                                     .root = fs_covariance_root_bytes(F)};
}

_Static_assert(sizeof(struct fs_memit_options) <= sizeof(union fs_method_settings), "room for the settings");

#define TRAINER(method)                                                                                                \
    {                                                                                                                  \
        .create = create, .destroy = destroy, .broadcast = broadcast, .train = train, .is_same = is_same,              \
        .bytes = bytes, .losses = losses, .write = write, .read = read_state, .edit = edit,                            \
        .read_history = read_##method, .size = size, .save_key = #method ".checkpoint_every",                          \
        .layer_key = #method ".layer"                                                                                  \
    }

static const struct fs_trainer of_memit = TRAINER(memit), of_alphaedit = TRAINER(alphaedit);

extern const struct fs_method fs_method_memit, fs_method_alphaedit;
const struct fs_method fs_method_memit = {
    .name = "memit",
    .about = "MEMIT: the matrices by which a few layers' FFNs write, changed at once for all pairs",
    .learns = FS_LEARNS_PAIRS | FS_LEARNS_TEXT | FS_LEARNS_KEYS,
    .edit = &fs_edit_weight,
    .settings = &fs_memit_settings,
    .settings_size = sizeof(struct fs_memit_options),
    .revision = {[FS_MASKED] = 1},
    .trainer = &of_memit};
const struct fs_method fs_method_alphaedit = {
    .name = "alphaedit",
    .about = "AlphaEdit: as memit, in directions that the keys of a text do not take",
    .learns = FS_LEARNS_PAIRS | FS_LEARNS_TEXT | FS_LEARNS_KEYS,
    .edit = &fs_edit_weight,
    .settings = &fs_alphaedit_settings,
    .settings_size = sizeof(struct fs_memit_options),
    .revision = {[FS_MASKED] = 1},
    .trainer = &of_alphaedit};

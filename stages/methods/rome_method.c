/*
 * The method rome: rome.h behind the interface of method.h. Layout of its file, beside the edit's own
 * (model/edits/weight.h):
 *
 *   /weight@step, steps             pairs that are done, and all of them
 *   /weight/training@columns        of the edit that a pair has
 *   /weight/training/record         f64 (steps,5): L before and after the search, |delta| / |v_0|, iterations, and place: 0 no
 *                                   request, 1 by the prompt's last token, 2 by the subject; 0 beyond `step`
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"
#include "stages/methods/method.h"
#include "stages/methods/rome.h"

#define GROUP "/weight"
#define TRAINING "/weight/training"
#define MOST ((int64_t)1 << 32) /* steps */

static struct fs_rome_state *state_of(struct fs_training_state *state)
{
    return (struct fs_rome_state *)state;
}

static const struct fs_rome_state *seen(const struct fs_training_state *state)
{
    return (const struct fs_rome_state *)state;
}

static void destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_rome_state_release(state_of(state));
        free(state);
    }
}

static int create(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err)
{
    struct fs_rome_state *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    *state = &training->base;
    return fs_rome_state_create(task, pairs, training, err);
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_rome_state *training = state_of(state);
    return fs_runner_broadcast(runner, &training->base, sizeof training->base, err) == 0 &&
                   fs_runner_broadcast(runner, training->edit.number, training->edit.count * sizeof(fs_real), err) == 0
               ? fs_runner_broadcast(runner, training->record,
                                     training->base.steps * FS_ROME_TERMS * sizeof *training->record, err)
               : -1;
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    return fs_rome_train(task, save, context, state_of(state), err);
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_rome_state *a = seen(fresh), *b = seen(found);
    return a->edit.first_layer == b->edit.first_layer && memcmp(a->edit.size, b->edit.size, sizeof a->edit.size) == 0 &&
           a->base.steps == b->base.steps && a->columns == b->columns;
}

static size_t bytes(const struct fs_training_state *state)
{
    return seen(state)->edit.count * sizeof(float) + state->steps * FS_ROME_TERMS * sizeof(double);
}

static const double *record_of(const struct fs_training_state *state, size_t step)
{
    return seen(state)->record + step * FS_ROME_TERMS;
}

static void losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    if (state->step > 0) {
        loss[0] = record_of(state, state->step - 1)[FS_ROME_AFTER];
        loss[1] = record_of(state, state->step - 1)[FS_ROME_BEFORE];
    }
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct fs_rome_state *training = seen(state);
    const size_t shape[] = {state->steps, FS_ROME_TERMS};
    (void)task;
    return training->edit.kind->write(&training->edit, archive, err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "step", (int64_t)state->step, err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "steps", (int64_t)state->steps, err) == 0 &&
                   fs_archive_write(archive, TRAINING "/record", FS_ARCHIVE_F64, 2, shape, training->record, err) == 0
               ? fs_archive_attribute_integer(archive, TRAINING, "columns", (int64_t)training->columns, err)
               : -1;
}

/* The columns of the steps must be those of the edit, which is written without looking again. */
static int read_training(const struct fs_archive *archive, struct fs_rome_state *state, struct fs_error *err)
{
    size_t dimensions, shape[4], rank = fs_weight_of(&state->edit).rank;
    if (fs_edit_read_size(archive, GROUP, "steps", 0, MOST, &state->base.steps, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "step", 0, (int64_t)state->base.steps, &state->base.step, err) != 0 ||
        fs_edit_read_size(archive, TRAINING, "columns", 1, FS_TARGET_VECTORS, &state->columns, err) != 0 ||
        fs_archive_shape(archive, TRAINING "/record", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || shape[0] != state->base.steps || shape[1] != FS_ROME_TERMS ||
        (rank > 0 && rank != state->base.steps * state->columns)) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s/record: its shape is not %zu x %d, or the edit's rank %zu is not %zu columns for each of %zu "
            "pairs; train again",
            TRAINING, state->base.steps, (int)FS_ROME_TERMS, rank, state->columns, state->base.steps);
    }
    size_t count = state->base.steps * FS_ROME_TERMS;
    state->record = fs_allocate(count, sizeof *state->record, "the history of a training", err);
    return state->record != NULL
               ? fs_archive_read(archive, TRAINING "/record", FS_ARCHIVE_F64, count, state->record, err)
               : -1;
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_rome_state *training = fs_allocate(1, sizeof *training, "a training", err);
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
    static const size_t shown[] = {FS_ROME_AFTER, FS_ROME_BEFORE, FS_ROME_GROWTH, FS_ROME_ITERATIONS};
    struct fs_training_state *state;
    *history = (struct fs_training_history){
        .note = "A step is a pair; |delta|/|v0| is 0 where a pair made no request.",
        .caption = "Of each pair: L at its target value, and L0 before the search for it.",
        .losses = 2,
        .terms = 4,
        .term = {"L", "L0", "|delta|/|v0|", "iterations"},
        .name = {"L", "L0", "growth", "iterations"},
        .decimals = {6, 6, 4, 0},
        .sizes = 2,
        .size = {{"pairs without a request", 0}, {"pairs looked up at the last token, for want of the subject", 0}}};
    if (read_state(archive, &state, err) != 0) {
        return -1;
    }
    history->layer = seen(state)->edit.first_layer;
    history->step = state->step;
    snprintf(history->title, sizeof history->title, "ROME at layer %zu", history->layer);
    history->value = fs_allocate(state->step * 4, sizeof *history->value, "the history of a training", err);
    for (size_t i = 0; history->value != NULL && i < state->step; i++) {
        for (size_t k = 0; k < 4; k++) {
            history->value[i * 4 + k] = record_of(state, i)[shown[k]];
        }
        double place = record_of(state, i)[FS_ROME_PLACE];
        history->size[0].value += place == 0;
        history->size[1].value += place == 1;
    }
    destroy(state);
    return history->value != NULL ? 0 : -1;
}

static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct fs_rome_options *options = settings;
    size_t layer = spec != NULL && options->layer < spec->layers ? options->layer : 0;
    size_t F = spec != NULL ? spec->layer[layer].ffn : 0;
    *out =
        (struct fs_training_size){.layer = options->layer,
                                  .inner = spec != NULL ? F + spec->hidden : 0, /* factors have a lower rank than d */
                                  .parameters = spec != NULL ? fs_weight_parameters(spec, layer) : 0,
                                  .steps = options->target.iterations,
                                  .save_every = options->checkpoint_every,
                                  .memory = fs_covariance_rank_bytes(),
                                  .root = fs_covariance_root_bytes(F)};
}

_Static_assert(sizeof(struct fs_rome_options) <= sizeof(union fs_method_settings), "room for the settings");

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
                                          .steps_key = "rome.iterations",
                                          .save_key = "rome.checkpoint_every",
                                          .layer_key = "rome.layer"};

extern const struct fs_method fs_method_rome;
const struct fs_method fs_method_rome = {
    .name = "rome",
    .about = "ROME, r-ROME: rank-one changes of the matrix by which one layer's FFN writes, a pair after the other",
    .learns = FS_LEARNS_PAIRS | FS_LEARNS_TEXT | FS_LEARNS_KEYS,
    .edit = &fs_edit_weight,
    .settings = &fs_rome_settings,
    .settings_size = sizeof(struct fs_rome_options),
    .revision = {[FS_MASKED] = 1},
    .trainer = &trainer};

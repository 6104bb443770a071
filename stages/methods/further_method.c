/*
 * The methods cda and dropout_debias: further.h behind the interface of method.h. Layout of their files, beside the edit's own
 * (model/edits/all_weights.h), P numbers of it:
 *
 *   /all_weights@step, steps, seen              done, of the whole training, and tokens of the steps done
 *   /all_weights@lines, exchanged, tokens, block   of the text: lines that were read, lines with words exchanged, tokens,
 *                                               tokens of a block
 *   /all_weights/training/moment1, moment2      f32 (P)   Adam, until the training is done
 *   /all_weights/training/loss                  f64 (steps)   before each step; 0 beyond `step`
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/all_weights.h"
#include "model/edits/edit_file.h"
#include "model/trainable.h"
#include "stages/methods/further.h"

#define GROUP "/all_weights"
#define TRAINING "/all_weights/training/"
#define MOST ((int64_t)1 << 53) /* steps, tokens */

static struct fs_further_state *state_of(struct fs_training_state *state)
{
    return (struct fs_further_state *)state;
}

static const struct fs_further_state *seen(const struct fs_training_state *state)
{
    return (const struct fs_further_state *)state;
}

static bool is_done(const struct fs_training_state *state)
{
    return state->step == state->steps;
}

static void destroy(struct fs_training_state *state)
{
    if (state != NULL) {
        fs_further_state_release(state_of(state));
        free(state);
    }
}

static int create(const struct fs_further_form *form, const struct fs_method_task *task,
                  struct fs_training_state **state, struct fs_error *err)
{
    struct fs_further_state *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    *state = &training->base;
    return fs_further_state_create(form, task, training, err);
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct fs_further_state *training = state_of(state);
    return fs_runner_broadcast(runner, &training->base, sizeof training->base, err) == 0 &&
                   fs_runner_broadcast(runner, &training->seen, sizeof training->seen, err) == 0
               ? fs_runner_broadcast(runner, training->loss, training->base.steps * sizeof *training->loss, err)
               : -1;
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    return seen(fresh)->edit.count == seen(found)->edit.count && fresh->steps == found->steps;
}

static size_t bytes(const struct fs_training_state *state)
{
    return (is_done(state) ? 1 : 3) * seen(state)->edit.count * sizeof(float) + state->steps * sizeof(double);
}

static void losses(const struct fs_training_state *state, double loss[FS_TRAINING_LOSSES])
{
    memset(loss, 0, FS_TRAINING_LOSSES * sizeof *loss);
    loss[0] = state->step > 0 ? seen(state)->loss[state->step - 1] : 0;
}

static int write_sizes(const struct fs_further_state *state, struct fs_archive *archive, struct fs_error *err)
{
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {{"step", state->base.step},   {"steps", state->base.steps},         {"seen", state->seen},
                 {"lines", state->text.lines}, {"exchanged", state->text.exchanged}, {"tokens", state->text.tokens},
                 {"block", state->text.block}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (fs_archive_attribute_integer(archive, GROUP, sizes[i].name, (int64_t)sizes[i].value, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct fs_further_state *training = seen(state);
    (void)task;
    return fs_all_weights_write_places(&training->edit, archive, err) == 0 && write_sizes(training, archive, err) == 0
               ? fs_archive_write(archive, TRAINING "loss", FS_ARCHIVE_F64, 1, &state->steps, training->loss, err)
               : -1;
}

/* A dataset of one number for each weight, and what this rank has of it. */
struct shared_numbers {
    const char *name;
    fs_real *own;
};
#define SHARED_NUMBERS 3
/* Those of a state's file; how many. */
static size_t list_shared(const struct fs_further_state *state, struct shared_numbers list[SHARED_NUMBERS])
{
    list[0] = (struct shared_numbers){FS_ALL_WEIGHTS_DELTA, state->delta};
    list[1] = (struct shared_numbers){TRAINING "moment1", state->moment1};
    list[2] = (struct shared_numbers){TRAINING "moment2", state->moment2};
    return is_done(&state->base) ? 1 : SHARED_NUMBERS;
}

/* The root's end of a collection. */
struct passing {
    struct fs_archive *written;
    const struct fs_archive *read;
    const char *name;
};

static int write_numbers(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err)
{
    const struct passing *passing = context;
    return fs_edit_write_part(passing->written, passing->name, first, count, number, err);
}

static int read_numbers(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err)
{
    const struct passing *passing = context;
    return fs_edit_read_part(passing->read, passing->name, first, count, number, err);
}

static int write_shares(const struct fs_method_task *task, const struct fs_training_state *state,
                        struct fs_archive *archive, struct fs_error *err)
{
    const struct fs_further_state *training = seen(state);
    struct shared_numbers list[SHARED_NUMBERS];
    size_t count = training->edit.count, lists = list_shared(training, list);
    for (size_t i = 0; i < lists; i++) {
        struct passing passing = {.written = archive, .name = list[i].name};
        int status = archive != NULL ? fs_archive_reserve(archive, list[i].name, FS_ARCHIVE_F32, count, err) : 0;
        if (fs_runner_agree(task->runner, status, err) != 0 ||
            fs_runner_collect(task->runner, list[i].own, count, write_numbers, &passing, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_shares(const struct fs_method_task *task, const struct fs_archive *archive,
                       struct fs_training_state *state, struct fs_error *err)
{
    struct fs_further_state *training = state_of(state);
    struct shared_numbers list[SHARED_NUMBERS];
    int status = training->delta == NULL ? fs_further_state_begin(task, training, err) : 0;
    if (fs_runner_agree(task->runner, status, err) != 0) {
        return -1;
    }
    size_t lists = list_shared(training, list);
    for (size_t i = 0; i < lists; i++) {
        struct passing passing = {.read = archive, .name = list[i].name};
        if (fs_runner_distribute(task->runner, list[i].own, training->edit.count, read_numbers, &passing, err) != 0) {
            return -1;
        }
    }
    fs_further_state_apply(task, training);
    return 0;
}

/* All but the numbers of weights. */
static int read_progress(const struct fs_archive *archive, struct fs_further_state *state, struct fs_error *err)
{
    size_t dimensions, shape[4];
    if (fs_edit_read_size(archive, GROUP, "steps", 1, MOST, &state->base.steps, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "step", 0, (int64_t)state->base.steps, &state->base.step, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "seen", 0, MOST, &state->seen, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "lines", 0, MOST, &state->text.lines, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "exchanged", 0, MOST, &state->text.exchanged, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "tokens", 0, MOST, &state->text.tokens, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "block", 0, MOST, &state->text.block, err) != 0 ||
        fs_archive_shape(archive, TRAINING "loss", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 1 || shape[0] != state->base.steps) {
        return fs_error_set(err, FS_EXIT_DATA, TRAINING "loss: its shape is not the steps %zu; train again",
                            state->base.steps);
    }
    state->loss = fs_allocate(state->base.steps, sizeof *state->loss, "the history of losses", err);
    return state->loss != NULL
               ? fs_archive_read(archive, TRAINING "loss", FS_ARCHIVE_F64, state->base.steps, state->loss, err)
               : -1;
}

/* Whether they can be read, so that read_shares can: as many as the edit has, and finite. */
static int check_numbers(const struct fs_archive *archive, const char *name, size_t count, struct fs_error *err)
{
    size_t dimensions, shape[4], most = count < FS_RUNNER_PIECE ? count : FS_RUNNER_PIECE;
    if (fs_archive_shape(archive, name, &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 1 || shape[0] != count) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu numbers, expected %zu as in " FS_ALL_WEIGHTS_DELTA "; train again", name,
                            dimensions == 1 ? shape[0] : 0, count);
    }
    fs_real *piece = fs_allocate(most, sizeof *piece, "a piece of a vector", err);
    int status = piece != NULL ? 0 : -1;
    for (size_t first = 0; status == 0 && first < count; first += FS_RUNNER_PIECE) {
        status = fs_edit_read_part(archive, name, first, count - first < most ? count - first : most, piece, err);
    }
    free(piece);
    return status;
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_further_state *training = fs_allocate(1, sizeof *training, "a training", err);
    struct shared_numbers list[SHARED_NUMBERS];
    *state = NULL;
    int status = training != NULL ? fs_all_weights_read_size(archive, &training->edit, err) : -1;
    status = status == 0 ? read_progress(archive, training, err) : -1;
    for (size_t i = 0; status == 0 && i < list_shared(training, list); i++) {
        status = check_numbers(archive, list[i].name, training->edit.count, err);
    }
    if (status != 0) {
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

static int read_history(const struct fs_archive *archive, const char *name, struct fs_training_history *history,
                        struct fs_error *err)
{
    struct fs_further_state state = {0};
    *history = (struct fs_training_history){
        .note = "",
        .caption = "L: the mean of -log p over the tokens that a step predicts, before the step; each step has other "
                   "tokens.",
        .layer = FS_AUTO,
        .losses = 1,
        .terms = 1,
        .term = {"L"},
        .name = {"L"},
        .decimals = {4}};
    if (read_progress(archive, &state, err) != 0) {
        free(state.loss);
        return -1;
    }
    history->step = state.base.step;
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {{"tokens_seen", state.seen},
                 {"text_tokens", state.text.tokens},
                 {"text_lines", state.text.lines},
                 {"exchanged_lines", state.text.exchanged}};
    for (history->sizes = 0; history->sizes < sizeof sizes / sizeof *sizes; history->sizes++) {
        history->size[history->sizes].name = sizes[history->sizes].name;
        history->size[history->sizes].value = sizes[history->sizes].value;
    }
    snprintf(history->title, sizeof history->title, "%s, %zu tokens seen, text of %zu in blocks of %zu", name,
             state.seen, state.text.tokens, state.text.block);
    history->value = fs_allocate(state.base.step, sizeof *history->value, "the history of a training", err);
    if (history->value != NULL) {
        memcpy(history->value, state.loss, state.base.step * sizeof *history->value);
    }
    free(state.loss);
    return history->value != NULL ? 0 : -1;
}

static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct fs_further_options *options = settings;
    size_t parameters = spec != NULL ? fs_trainable_numbers(spec) : 0;
    double tokens = (double)options->steps * (double)options->batch * (double)options->block;
    *out = (struct fs_training_size){.shared = parameters,
                                     .steps = options->steps,
                                     .save_every = options->checkpoint_every,
                                     .text = tokens * (double)sizeof(int32_t)};
}

_Static_assert(sizeof(struct fs_further_options) <= sizeof(union fs_method_settings), "room for the settings");

/* ---- the two ---- */

#define METHOD(method, words, title, what, settings_of, data)                                                          \
    static const struct fs_further_form form_of_##method = {.name = #method, .exchanges = (words)};                    \
    static int create_##method(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,      \
                               struct fs_error *err)                                                                   \
    {                                                                                                                  \
        (void)pairs;                                                                                                   \
        return create(&form_of_##method, task, state, err);                                                            \
    }                                                                                                                  \
    static int train_##method(const struct fs_method_task *task, fs_training_save *save, void *context,                \
                              struct fs_training_state *state, struct fs_error *err)                                   \
    {                                                                                                                  \
        return fs_further_train(&form_of_##method, task, save, context, state_of(state), err);                         \
    }                                                                                                                  \
    static int history_of_##method(const struct fs_archive *archive, struct fs_training_history *history,              \
                                   struct fs_error *err)                                                               \
    {                                                                                                                  \
        return read_history(archive, (title), history, err);                                                           \
    }                                                                                                                  \
    static const struct fs_trainer trainer_of_##method = {.create = create_##method,                                   \
                                                          .destroy = destroy,                                          \
                                                          .broadcast = broadcast,                                      \
                                                          .train = train_##method,                                     \
                                                          .is_same = is_same,                                          \
                                                          .bytes = bytes,                                              \
                                                          .losses = losses,                                            \
                                                          .write = write,                                              \
                                                          .read = read_state,                                          \
                                                          .write_shares = write_shares,                                \
                                                          .read_shares = read_shares,                                  \
                                                          .edit = edit,                                                \
                                                          .read_history = history_of_##method,                         \
                                                          .size = size,                                                \
                                                          .steps_key = #method ".steps",                               \
                                                          .save_key = #method ".checkpoint_every"};                    \
    extern const struct fs_method fs_method_##method;                                                                  \
    const struct fs_method fs_method_##method = {.name = #method,                                                      \
                                                 .about = (what),                                                      \
                                                 .learns = (data),                                                     \
                                                 .edit = &fs_edit_all_weights,                                         \
                                                 .settings = &(settings_of),                                           \
                                                 .settings_size = sizeof(struct fs_further_options),                   \
                                                 .trainer = &trainer_of_##method};

METHOD(cda, true, "CDA",
       "CDA: all weights trained further on a text, with attribute words exchanged in half of its lines",
       fs_cda_settings, FS_LEARNS_TEXT | FS_LEARNS_WORDS)
METHOD(dropout_debias, false, "Dropout",
       "Dropout: all weights trained further on a text, with more dropout than before", fs_dropout_debias_settings,
       FS_LEARNS_TEXT)

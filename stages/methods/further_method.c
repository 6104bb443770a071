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
    size_t bytes = training->edit.count * sizeof(fs_real);
    if (fs_runner_broadcast(runner, &training->base, sizeof training->base, err) != 0 ||
        fs_runner_broadcast(runner, &training->seen, sizeof training->seen, err) != 0 ||
        fs_runner_broadcast(runner, training->edit.number, bytes, err) != 0 ||
        fs_runner_broadcast(runner, training->loss, training->base.steps * sizeof *training->loss, err) != 0) {
        return -1;
    }
    if (training->edit.model != NULL) {
        fs_all_weights_apply(&training->edit);
    }
    if (is_done(state)) {
        return 0;
    }
    return fs_runner_broadcast(runner, training->moment1, bytes, err) == 0
               ? fs_runner_broadcast(runner, training->moment2, bytes, err)
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
    size_t count = training->edit.count;
    (void)task;
    if (training->edit.kind->write(&training->edit, archive, err) != 0 || write_sizes(training, archive, err) != 0 ||
        fs_archive_write(archive, TRAINING "loss", FS_ARCHIVE_F64, 1, &state->steps, training->loss, err) != 0) {
        return -1;
    }
    if (is_done(state)) {
        return 0;
    }
    return fs_edit_write_reals(archive, TRAINING "moment1", 1, &count, training->moment1, err) == 0
               ? fs_edit_write_reals(archive, TRAINING "moment2", 1, &count, training->moment2, err)
               : -1;
}

/* All but the edit and the moments. */
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

static int read_moments(const struct fs_archive *archive, struct fs_further_state *state, struct fs_error *err)
{
    size_t count = state->edit.count;
    state->moment1 = fs_allocate(count, sizeof *state->moment1, "Adam's moments", err);
    state->moment2 = fs_allocate(count, sizeof *state->moment2, "Adam's moments", err);
    return state->moment1 != NULL && state->moment2 != NULL &&
                   fs_edit_read_reals(archive, TRAINING "moment1", count, state->moment1, err) == 0 &&
                   fs_edit_read_reals(archive, TRAINING "moment2", count, state->moment2, err) == 0
               ? 0
               : -1;
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    struct fs_further_state *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = NULL;
    if (training == NULL || fs_edit_all_weights.read(archive, &training->edit, err) != 0 ||
        read_progress(archive, training, err) != 0 ||
        (!is_done(&training->base) && read_moments(archive, training, err) != 0)) {
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

/* The root reads an earlier state beside its own. */
static void size(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct fs_further_options *options = settings;
    size_t parameters = spec != NULL ? fs_trainable_numbers(spec) : 0;
    double tokens = (double)options->steps * (double)options->batch * (double)options->block;
    *out = (struct fs_training_size){.parameters = parameters,
                                     .steps = options->steps,
                                     .save_every = options->checkpoint_every,
                                     .root = 3 * (double)parameters * (double)sizeof(fs_real),
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

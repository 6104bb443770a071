/* The Fairness Stamp, and ft_equal, which trains another edit by the same loss (stamp_form.h), as methods: stamp.h behind the
 * interface of method.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/stamp_net.h"
#include "model/edits/weight.h"
#include "stages/methods/method.h"
#include "stages/methods/stamp.h"

#define LOSSES FS_TRAINING_LOSSES

struct stamp_training {
    struct fs_training_state base;
    struct fs_stamp_state state;
};

static void note_step(struct stamp_training *training)
{
    training->base = (struct fs_training_state){training->state.step, training->state.steps};
}

static const struct fs_stamp_form *form_of(const struct fs_training_state *state)
{
    const struct stamp_training *training = (const struct stamp_training *)state;
    return training->state.edit.kind == fs_stamp_form.edit ? &fs_stamp_form : &fs_ft_equal_form;
}

static struct fs_stamp_options options_of(const struct fs_method_task *task, const struct fs_stamp_form *form)
{
    struct fs_stamp_options options = *(const struct fs_stamp_options *)task->settings;
    options.form = form;
    options.layer = task->layer;
    options.scoring = task->scoring;
    options.seed = task->seed;
    return options;
}

static void destroy(struct fs_training_state *state)
{
    struct stamp_training *training = (struct stamp_training *)state;
    if (training != NULL) {
        fs_stamp_state_release(&training->state);
        free(training);
    }
}

static int create(const struct fs_method_task *task, const struct fs_stamp_form *form, size_t pairs,
                  struct fs_training_state **state, struct fs_error *err)
{
    const struct fs_stamp_options options = options_of(task, form);
    struct stamp_training *training = fs_allocate(1, sizeof *training, "a training", err);
    if (training == NULL) {
        return -1;
    }
    *state = &training->base;
    int status = fs_stamp_state_create(&options, fs_model_spec(task->model), fs_stamp_steps(&options, pairs),
                                       &training->state, err);
    note_step(training);
    return status;
}

static int broadcast(struct fs_training_state *state, struct fs_runner *runner, struct fs_error *err)
{
    struct stamp_training *training = (struct stamp_training *)state;
    int status = fs_stamp_state_broadcast(&training->state, runner, err);
    note_step(training);
    return status;
}

/* Hands each step on to the caller's save. */
struct relay {
    fs_training_save *save;
    void *context;
    struct stamp_training *training;
};

static int relay_save(void *context, const struct fs_stamp_state *state, bool stop, struct fs_error *err)
{
    const struct relay *relay = context;
    (void)state; /* the training's own */
    note_step(relay->training);
    return relay->save(relay->context, &relay->training->base, stop, err);
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    struct stamp_training *training = (struct stamp_training *)state;
    struct relay relay = {save, context, training};
    const struct fs_stamp_options options = options_of(task, form_of(state));
    const struct fs_stamp_task stamp = {.model = task->model,
                                        .tokenizer = task->tokenizer,
                                        .pairs = task->pairs,
                                        .held_out = task->held_out,
                                        .options = &options,
                                        .runner = task->runner,
                                        .save = relay_save,
                                        .save_context = &relay};
    int status = fs_stamp_train(&stamp, &training->state, err);
    note_step(training);
    return status;
}

static bool is_same(const struct fs_training_state *fresh, const struct fs_training_state *found)
{
    const struct fs_edit *a = &((const struct stamp_training *)fresh)->state.edit;
    const struct fs_edit *b = &((const struct stamp_training *)found)->state.edit;
    return a->first_layer == b->first_layer && memcmp(a->size, b->size, sizeof a->size) == 0 && a->count == b->count &&
           fresh->steps == found->steps;
}

/* The parameters, their best, Adam's moments and the losses. */
static size_t bytes(const struct fs_training_state *state)
{
    return 4 * ((const struct stamp_training *)state)->state.edit.count * sizeof(fs_real) +
           (LOSSES + FS_STAMP_EXTRA) * state->steps * sizeof(double);
}

static void losses(const struct fs_training_state *state, double loss[LOSSES])
{
    const struct stamp_training *training = (const struct stamp_training *)state;
    memset(loss, 0, LOSSES * sizeof *loss);
    if (state->step > 0) {
        memcpy(loss, training->state.loss + LOSSES * (state->step - 1), LOSSES * sizeof *loss);
    }
}

static int write(const struct fs_method_task *task, const struct fs_training_state *state, struct fs_archive *archive,
                 struct fs_error *err)
{
    const struct fs_stamp_options options = options_of(task, form_of(state));
    return fs_stamp_write(archive, &options, &((const struct stamp_training *)state)->state, err);
}

static int read_state(const struct fs_archive *archive, const struct fs_stamp_form *form,
                      struct fs_training_state **state, struct fs_error *err)
{
    struct stamp_training *training = fs_allocate(1, sizeof *training, "a training", err);
    *state = NULL;
    if (training == NULL || fs_stamp_read_state(archive, form->edit, &training->state, err) != 0) {
        free(training);
        return -1;
    }
    note_step(training);
    *state = &training->base;
    return 0;
}

static struct fs_edit edit(const struct fs_training_state *state)
{
    return ((const struct stamp_training *)state)->state.edit;
}

static int read_history(const struct fs_archive *archive, const struct fs_stamp_form *form,
                        struct fs_training_history *history, struct fs_error *err)
{
    struct fs_stamp_state state = {0};
    *history = (struct fs_training_history){
        .note =
            "|SS - 50| of the worst category and gap are of the edited pairs; version 0: their statements as they are, "
            "others: behind neutral sentences",
        .caption = "L: the whole loss. L_e: what is left of the pairs' differences. L_s1, L_s2: divergence from the "
                   "unedited model at the edited and at generic prompts.",
        .losses = LOSSES,
        .terms = LOSSES + FS_STAMP_EXTRA,
        .term = {"L", "L_e", "L_s1", "L_s2", "L_m", "L_b", "|SS - 50|", "gap", "L_t", "version"},
        .name = {"L", "L_e", "L_s1", "L_s2", "L_m", "L_b", "ss_distance", "gap", "L_t", "version"},
        .decimals = {6, 6, 6, 6, 6, 6, 2, 6, 6, 0},
    };
    if (fs_stamp_read_done(archive, form->edit, &state, err) != 0) {
        return -1;
    }
    history->layer = state.edit.first_layer;
    history->step = state.step;
    if (form->has_keys) {
        history->sizes = 1;
        history->size[0].name = "width";
        history->size[0].value = fs_stamp_of(&state.edit).width;
        snprintf(history->title, sizeof history->title, "Fairness Stamp at layer %zu, width %zu", history->layer,
                 history->size[0].value);
    } else {
        snprintf(history->title, sizeof history->title, "FFN output matrix of layer %zu, by the stamp's loss",
                 history->layer);
    }
    history->value = fs_allocate(state.step, history->terms * sizeof *history->value, "the history of a training", err);
    for (size_t i = 0; history->value != NULL && i < state.step * history->terms; i++) {
        size_t step = i / history->terms, term = i % history->terms;
        history->value[i] =
            term < LOSSES ? state.loss[LOSSES * step + term] : state.extra[FS_STAMP_EXTRA * step + term - LOSSES];
    }
    fs_stamp_state_release(&state);
    return history->value != NULL ? 0 : -1;
}

static void size(const void *settings, const struct fs_stamp_form *form, const struct fs_spec *spec,
                 struct fs_training_size *out)
{
    const struct fs_stamp_options *options = settings;
    size_t layer = spec != NULL && options->layer < spec->layers ? options->layer : 0;
    size_t keys = spec != NULL ? fs_stamp_form_input(form, spec, layer) : 0;
    *out = (struct fs_training_size){.layer = options->layer,
                                     .inner = form->has_keys ? options->width : keys,
                                     .parameters = spec != NULL ? form->parameters(options, spec) : 0,
                                     .steps = options->iterations,
                                     .save_every = options->checkpoint_every,
                                     .memory = (double)options->memory * (1 << 20),
                                     .two_sweeps = options->balance_weight > 0};
}

/* The functions of a trainer that are asked before there is a state, and its row. */
#define TRAINER(method, form)                                                                                          \
    static int create_##method(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,      \
                               struct fs_error *err)                                                                   \
    {                                                                                                                  \
        return create(task, &(form), pairs, state, err);                                                               \
    }                                                                                                                  \
    static int read_##method(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err) \
    {                                                                                                                  \
        return read_state(archive, &(form), state, err);                                                               \
    }                                                                                                                  \
    static int read_history_##method(const struct fs_archive *archive, struct fs_training_history *history,            \
                                     struct fs_error *err)                                                             \
    {                                                                                                                  \
        return read_history(archive, &(form), history, err);                                                           \
    }                                                                                                                  \
    static void size_##method(const void *settings, const struct fs_spec *spec, struct fs_training_size *out)          \
    {                                                                                                                  \
        size(settings, &(form), spec, out);                                                                            \
    }                                                                                                                  \
    static const struct fs_trainer of_##method = {.create = create_##method,                                           \
                                                  .destroy = destroy,                                                  \
                                                  .broadcast = broadcast,                                              \
                                                  .train = train,                                                      \
                                                  .is_same = is_same,                                                  \
                                                  .bytes = bytes,                                                      \
                                                  .losses = losses,                                                    \
                                                  .write = write,                                                      \
                                                  .read = read_##method,                                               \
                                                  .edit = edit,                                                        \
                                                  .read_history = read_history_##method,                               \
                                                  .size = size_##method,                                               \
                                                  .steps_key = #method ".iterations",                                  \
                                                  .save_key = #method ".checkpoint_every",                             \
                                                  .layer_key = #method ".layer"}

TRAINER(stamp, fs_stamp_form);
TRAINER(ft_equal, fs_ft_equal_form);

_Static_assert(sizeof(struct fs_stamp_options) <= sizeof(union fs_method_settings), "room for the settings");

extern const struct fs_method fs_method_stamp, fs_method_ft_equal;
const struct fs_method fs_method_stamp = {.name = "stamp",
                                          .about = "the Fairness Stamp: a key-value memory beside the FFN of one layer",
                                          .edit = &fs_edit_stamp,
                                          .settings = &fs_stamp_settings,
                                          .settings_size = sizeof(struct fs_stamp_options),
                                          .trainer = &of_stamp,
                                          .learns = FS_LEARNS_PAIRS};
const struct fs_method fs_method_ft_equal = {
    .name = "ft_equal",
    .about = "FT-equal: the matrix by which one layer's FFN writes, fine-tuned by the stamp's whole loss",
    .edit = &fs_edit_weight,
    .settings = &fs_ft_equal_settings,
    .settings_size = sizeof(struct fs_stamp_options),
    .trainer = &of_ft_equal,
    .learns = FS_LEARNS_PAIRS};

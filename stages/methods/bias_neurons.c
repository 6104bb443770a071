/*
 * Bias neurons (IG^2, Liu et al., ICLR 2024): neurons that carry the gap between the statements of the edited pairs (neuron_gaps.h),
 * switched off. The edited pairs are one set. A neuron is kept that is the pair's in at least 70 % of them; where fewer than
 * bias_neurons.least are left, or more than bias_neurons.most, in 5 % less, or more, until it fits; of too many still those in
 * most pairs. One step makes the edit (one_step_training.h); its measure is `kept`, the share of the pairs in which each kept
 * neuron is at least.
 */
#include <stdio.h>
#include <stdlib.h>

#include "io/console/progress.h"
#include "model/edits/neurons.h"
#include "stages/methods/method.h"
#include "stages/methods/neuron_gaps.h"
#include "stages/methods/one_step_training.h"

#define CHECKPOINT "bias_neurons_pairs"

enum { FIRST_SHARE = 70, LESS = 5 }; /* percent of the pairs */

struct options {
    struct fs_neuron_options gap;
    size_t least, most;
};

#define ROW(name, member) .key = "bias_neurons." #name, FS_SETTING_MEMBER(struct options, member)

static const struct fs_setting rows[] = {
    {ROW(steps, gap.steps), .kind = FS_SETTING_INTEGER, .initial = "20", .least = 1, .most = 10000, .unit = "steps",
     .meaning = "of the integrated gradients of a layer"},
    {ROW(share, gap.share), .kind = FS_SETTING_NUMBER, .initial = "0.2", .least = 1e-6, .most = 1,
     .meaning = "a neuron is a pair's where its gap is at least this share of the largest"},
    {ROW(least, least), .kind = FS_SETTING_INTEGER, .initial = "2", .least = 1, .most = 100000, .unit = "neurons",
     .meaning = "that are switched off, where so many are any pair's"},
    {ROW(most, most), .kind = FS_SETTING_INTEGER, .initial = "5", .least = 1, .most = 100000, .unit = "neurons",
     .meaning = "that are switched off, at most"}};
static const struct fs_settings settings = {rows, sizeof rows / sizeof rows[0]};

/* Pairs that make `percent` of all, at least one. */
static size_t needed(size_t pairs, size_t percent)
{
    size_t count = (pairs * percent + 99) / 100;
    return count > 0 ? count : 1;
}

static size_t kept_with(const size_t *count, size_t neurons, size_t pairs, size_t percent)
{
    size_t kept = 0;
    for (size_t j = 0; j < neurons; j++) {
        kept += count[j] >= needed(pairs, percent) ? 1 : 0;
    }
    return kept;
}

/* Percent of the pairs in which a kept neuron must be. */
static size_t choose_share(const struct options *options, const size_t *count, size_t neurons, size_t pairs)
{
    size_t percent = FIRST_SHARE;
    while (percent > LESS && kept_with(count, neurons, pairs, percent) < options->least) {
        percent -= LESS;
    }
    while (percent < 100 && kept_with(count, neurons, pairs, percent) > options->most &&
           kept_with(count, neurons, pairs, percent + LESS) >= options->least) {
        percent += LESS;
    }
    return percent;
}

static size_t in_more_than(const size_t *count, size_t neurons, size_t pairs)
{
    size_t more = 0;
    for (size_t j = 0; j < neurons; j++) {
        more += count[j] > pairs ? 1 : 0;
    }
    return more;
}

/* Root: the neurons that are kept, in their order, to the edit. */
static int keep(const struct fs_method_task *task, struct fs_one_step_training *training, const size_t *count,
                size_t pairs, struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct fs_spec *spec = fs_model_spec(task->model);
    size_t neurons = fs_neurons_of(spec), kept = 0;
    size_t least = needed(pairs, choose_share(options, count, neurons, pairs));
    while (in_more_than(count, neurons, least) >= options->most) { /* too many: those in most pairs */
        least++;
    }
    size_t equal = options->most - in_more_than(count, neurons, least); /* of those in just as many the first ones */
    struct fs_neuron *neuron = fs_allocate(options->most, sizeof *neuron, "neurons", err);
    if (neuron == NULL) {
        return -1;
    }
    for (size_t layer = 0, j = 0; layer < spec->layers; layer++) {
        for (size_t k = 0; k < spec->layer[layer].ffn; k++, j++) {
            bool fills = count[j] == least && equal > 0;
            equal -= fills ? 1 : 0;
            if (count[j] > least || fills) {
                neuron[kept++] = (struct fs_neuron){layer, k};
            }
        }
    }
    training->measure = (double)least / (double)pairs;
    int status = kept > 0 ? fs_neurons_set(task->model, neuron, kept, &training->edit, err)
                          : fs_error_set(err, FS_EXIT_DATA,
                                         "bias_neurons: no neuron carries a gap in %zu of %zu pairs; lower "
                                         "bias_neurons.share, or take more pairs",
                                         least, pairs);
    if (status == 0) {
        fs_say("bias_neurons: %zu of %zu neurons are switched off, each in at least %zu of %zu pairs", kept, neurons,
               least, pairs);
    }
    free(neuron);
    return status;
}

static int step(const struct fs_method_task *task, struct fs_one_step_training *training, struct fs_error *err)
{
    const struct options *options = task->settings;
    size_t *count, pairs;
    if (fs_neuron_counts(task, &options->gap, CHECKPOINT, &count, &pairs, err) != 0) {
        return -1;
    }
    int status = count != NULL && !task->runner->probes ? keep(task, training, count, pairs, err) : 0;
    free(count);
    return fs_runner_agree(task->runner, status, err);
}

static void title(const struct fs_edit *edit, char *title, size_t size)
{
    snprintf(title, size, "Bias neurons, switched off from layer %zu on", edit->first_layer);
}

static const struct fs_one_step_method method = {
    .edit = &fs_edit_neurons,
    .finds_layer = true,
    .measure = "kept",
    .caption = "kept: the share of the edited pairs whose gap each neuron that is switched off carries, at least.",
    .step = step,
    .title = title};

static int create(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err)
{
    const struct options *options = task->settings;
    struct fs_edit *edit;
    (void)pairs;
    if (fs_one_step_new(&method, state, &edit, err) != 0) {
        return -1;
    }
    if (options->least > options->most) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "bias_neurons.least: found %zu, expected at most bias_neurons.most, %zu", options->least,
                            options->most);
    }
    return fs_neurons_create(fs_model_spec(task->model), options->most, edit, err);
}

static int read_state(const struct fs_archive *archive, struct fs_training_state **state, struct fs_error *err)
{
    return fs_one_step_read(&method, archive, state, err);
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    return fs_one_step_history(&method, archive, history, err);
}

static void size(const void *own, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct options *options = own;
    *out = (struct fs_training_size){.inner = spec != NULL ? spec->layer[0].ffn : 0,
                                     .parameters = spec != NULL ? fs_neurons_parameters(spec, options->most) : 0,
                                     .steps = 1,
                                     .save_every = 1,
                                     .all_layers = true};
}

static const struct fs_trainer trainer = {FS_ONE_STEP_ROWS, .create = create, .read = read_state,
                                          .read_history = read_history, .size = size};

_Static_assert(sizeof(struct options) <= sizeof(union fs_method_settings), "room for the settings");

extern const struct fs_method fs_method_bias_neurons;
const struct fs_method fs_method_bias_neurons = {
    .name = "bias_neurons",
    .about = "neurons of FFNs that carry the gap of the edited pairs, by integrated gradients, switched off",
    .learns = FS_LEARNS_PAIRS,
    .edit = &fs_edit_neurons,
    .settings = &settings,
    .settings_size = sizeof(struct options),
    .trainer = &trainer};

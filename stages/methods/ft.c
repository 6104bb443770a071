#include "stages/methods/ft.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model/backward.h"
#include "model/flops.h"
#include "stages/methods/adam.h"
#include "stages/methods/training_step.h"

#define MIB ((double)(1 << 20))

/* What one thread computes with; made when it gets its first unit. */
struct bench {
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    fs_real *h, *dh;  /* (T,d) */
    fs_real *logprob; /* (R,V) log probabilities, then gradients of logits */
};

struct batch {
    struct fs_requests requests;
    size_t first; /* of its units among those of all batches */
};

/* Small batches are handed out together, until there are so many units. */
#define CLAIMED_UNITS ((size_t)64)

struct trainer {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    const struct fs_ft_options *options;
    struct fs_request_form form;
    struct fs_ft_state *state;
    size_t *pair, pairs; /* [pairs] the edited ones, in their order */
    struct batch *batch; /* [batches] */
    size_t batches, requests;
    const struct batch *now;       /* what runs */
    struct fs_request_unit **unit; /* [units] of all batches */
    unsigned char *mine;           /* [units] which of them this rank has filled */
    size_t units, begin;           /* begin: of the work that runs */
    size_t most_tokens, most_rows, most_units;
    _Atomic size_t cached; /* bytes of units that stay filled */
    struct bench *bench;   /* [threads] */
    fs_real *total;        /* [parameters + 2 most_units] the gradient, and each unit's loss in two numbers */
};

size_t fs_ft_steps(const struct fs_ft_options *options, size_t pairs)
{
    return pairs == 0 ? 0 : ((pairs - 1) / options->batch + 1) * options->epochs;
}

int fs_ft_state_create(const struct fs_ft_options *options, const struct fs_spec *spec, size_t layer, size_t pairs,
                       struct fs_ft_state *state, struct fs_error *err)
{
    size_t steps = fs_ft_steps(options, pairs);
    *state = (struct fs_ft_state){.base = {0, steps}, .planned = steps};
    if (layer >= spec->layers) {
        return fs_error_set(err, FS_EXIT_CONFIG, "layer %zu, but the model has layers 0 to %zu", layer,
                            spec->layers - 1);
    }
    if (fs_weight_create(spec, layer, 0, &state->edit, err) != 0) {
        return -1;
    }
    state->moment1 = fs_allocate(state->edit.count, sizeof *state->moment1, "Adam's moments", err);
    state->moment2 = fs_allocate(state->edit.count, sizeof *state->moment2, "Adam's moments", err);
    state->loss = fs_allocate(steps, sizeof *state->loss, "the history of losses", err);
    if (state->moment1 != NULL && state->moment2 != NULL && state->loss != NULL) {
        return 0;
    }
    fs_ft_state_release(state);
    return -1;
}

void fs_ft_state_release(struct fs_ft_state *state)
{
    fs_edit_release(&state->edit);
    free(state->moment1);
    free(state->moment2);
    free(state->loss);
    *state = (struct fs_ft_state){0};
}

/* ---- units ---- */

static struct bench *bench_of(struct trainer *t, size_t thread, struct fs_error *err)
{
    struct bench *bench = &t->bench[thread];
    if (bench->tape != NULL) {
        return bench;
    }
    size_t row_bytes = t->spec->hidden * sizeof(fs_real), logit_bytes = t->spec->vocabulary * sizeof(fs_real);
    bench->h = fs_allocate_aligned(t->most_tokens, row_bytes, "hidden states", err);
    bench->dh = fs_allocate_aligned(t->most_tokens, row_bytes, "gradients of hidden states", err);
    bench->logprob = fs_allocate_aligned(t->most_rows, logit_bytes, "logits", err);
    return bench->h != NULL && bench->dh != NULL && bench->logprob != NULL &&
                   fs_workspace_create(t->task->model, &bench->workspace, err) == 0 &&
                   fs_tape_create(t->task->model, &bench->tape, err) == 0
               ? bench
               : NULL;
}

static size_t cache_bytes(const struct trainer *t, const struct fs_request_unit *unit)
{
    return sizeof(fs_real) * (1 + fs_base_matrices(t->spec)) * unit->view.batch.tokens * t->spec->hidden;
}

static void empty(struct fs_request_unit *unit)
{
    free(unit->x);
    free(unit->base);
    unit->x = unit->base = NULL;
}

/* The unedited model up to the FFN of the layer, where the unit is not filled. */
static int need_filled(const struct trainer *t, const struct bench *bench, struct fs_request_unit *unit,
                       struct fs_error *err)
{
    const struct fs_batch *batch = &unit->view.batch;
    const struct fs_pass pass = {t->task->model, bench->workspace, batch, NULL};
    size_t row_bytes = t->spec->hidden * sizeof(fs_real);
    if (unit->x != NULL) {
        return 0;
    }
    unit->x = fs_allocate_aligned(batch->tokens, row_bytes, "a training unit's FFN inputs", err);
    unit->base =
        fs_allocate_aligned(fs_base_matrices(t->spec) * batch->tokens, row_bytes, "a training unit's FFN outputs", err);
    if (unit->x == NULL || unit->base == NULL || fs_batch_check(t->task->model, batch, err) != 0 ||
        fs_embed(t->task->model, bench->workspace, batch, NULL, bench->h, err) != 0 ||
        fs_run_layers(&pass, 0, t->task->layer, bench->h, err) != 0 ||
        fs_run_to_ffn(&pass, t->task->layer, bench->h, unit->x, unit->base, err) != 0) {
        empty(unit);
        return -1;
    }
    return 0;
}

static int fill_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    struct fs_request_unit *unit = t->unit[t->begin + number];
    struct bench *bench = bench_of(t, thread, err);
    (void)result;
    if (bench == NULL || need_filled(t, bench, unit, err) != 0) {
        return -1;
    }
    size_t bytes = cache_bytes(t, unit), before = atomic_fetch_add(&t->cached, bytes);
    unit->stays = (double)(before + bytes) <= (double)t->options->memory * MIB;
    if (!unit->stays) {
        atomic_fetch_sub(&t->cached, bytes);
        empty(unit);
    }
    return 0;
}

static double weight_of(const struct trainer *t)
{
    return 1.0 / (double)t->now->requests.count;
}

/* The unit's gradient, and its loss at its own place behind: itself and the remainder, so that float32 carries 48 bits. */
static int differentiate_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    struct fs_request_unit *unit = t->unit[t->begin + number];
    struct bench *bench = bench_of(t, thread, err);
    fs_real *gradient = result, *values = gradient + t->state->edit.count;
    double *scratch = fs_allocate(2 * unit->reads, sizeof *scratch, "a training unit", err);
    int status = bench != NULL && scratch != NULL ? need_filled(t, bench, unit, err) : -1;
    if (status == 0) {
        const struct fs_pass pass = {t->task->model, bench->workspace, &unit->view.batch, &t->state->edit};
        const struct fs_reads *reads = &unit->view.reads;
        status = fs_upper_forward(&pass, bench->tape, unit->x, unit->base, bench->h, err) == 0
                     ? fs_tape_read(bench->tape, bench->h, reads->rows, reads->row, bench->logprob, err)
                     : -1;
    }
    if (status == 0) {
        double loss = fs_request_evaluate(unit, &t->form, t->spec->vocabulary, weight_of(t), bench->logprob, scratch);
        memset(gradient, 0, (t->state->edit.count + 2 * t->now->requests.units) * sizeof *gradient);
        values[2 * number] = (fs_real)loss;
        values[2 * number + 1] = (fs_real)(loss - (double)values[2 * number]);
        status = fs_tape_read_backward(bench->tape, bench->logprob, bench->dh, err) == 0
                     ? fs_upper_backward(bench->tape, bench->dh, gradient, NULL, err)
                     : -1;
    }
    if (!unit->stays) {
        empty(unit);
    }
    free(scratch);
    return status;
}

static void fill_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct trainer *t = context;
    const struct fs_request_unit *unit = t->unit[t->begin + number];
    const struct fs_batch *batch = &unit->view.batch;
    double tokens = (double)batch->tokens;
    *cost = (struct fs_cost){.flops = fs_flops_layers(t->spec, 0, t->task->layer + 1, tokens, fs_batch_squares(batch)),
                             .passes = (double)batch->sequences,
                             .tokens = tokens,
                             .stays = (double)cache_bytes(t, unit)};
}

/* Of the edit, its product forward and that of its gradient. */
static void step_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct trainer *t = context;
    const struct fs_request_unit *unit = t->unit[t->begin + number];
    const struct fs_batch *batch = &unit->view.batch;
    const struct fs_pass pass = {t->task->model, NULL, batch, &t->state->edit};
    size_t first = t->task->layer + 1, layers = t->spec->layers;
    double tokens = (double)batch->tokens, rows = (double)unit->view.reads.rows, squares = fs_batch_squares(batch);
    *cost = (struct fs_cost){.flops = fs_flops_layers(t->spec, first, layers, tokens, squares) +
                                      fs_flops_layers_backward(t->spec, first, layers, tokens, squares) +
                                      2 * fs_flops_head(t->spec, rows) +
                                      2 * t->state->edit.kind->flops(&t->state->edit, tokens),
                             .passes = (double)batch->sequences,
                             .tokens = tokens,
                             .rows = rows,
                             .stays = (double)cache_bytes(t, unit),
                             .waits = (double)sizeof(fs_real) * ((double)fs_tape_numbers(&pass, unit->view.reads.rows) +
                                                                 rows * (double)t->spec->vocabulary)};
}

/* ---- the training ---- */

static int list_pairs(struct trainer *t, struct fs_error *err)
{
    const struct fs_pair_list *list = t->task->pairs;
    t->pair = fs_allocate(list->count, sizeof *t->pair, "the edited pairs", err);
    for (size_t i = 0; t->pair != NULL && i < list->count; i++) {
        if (list->item[i].skip == FS_KEPT && (t->task->held_out == NULL || !t->task->held_out[i])) {
            t->pair[t->pairs++] = i;
        }
    }
    return t->pair != NULL ? 0 : -1;
}

static void raise_to(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

static int compile_batch(struct trainer *t, size_t number, struct fs_error *err)
{
    struct batch *batch = &t->batch[number];
    size_t first = number * t->options->batch, size = t->options->batch;
    const struct fs_request_pairs pairs = {t->task->pairs, t->pair + first,
                                           t->pairs - first < size ? t->pairs - first : size};
    double flops = fs_flops_layers(t->spec, t->task->layer, t->spec->layers, 1, 1) +
                   fs_flops_layers_backward(t->spec, t->task->layer, t->spec->layers, 1, 1);
    if (fs_requests_compile(t->spec, t->task->tokenizer, &t->form, &pairs, flops, &batch->requests, err) != 0) {
        return -1;
    }
    t->requests += batch->requests.count;
    batch->first = t->units;
    t->units += batch->requests.units;
    raise_to(&t->most_units, batch->requests.units);
    for (size_t u = 0; u < batch->requests.units; u++) {
        raise_to(&t->most_tokens, batch->requests.unit[u].view.batch.tokens);
        raise_to(&t->most_rows, batch->requests.unit[u].view.reads.rows);
    }
    return 0;
}

static int list_units(struct trainer *t, struct fs_error *err)
{
    t->unit = fs_allocate(t->units, sizeof(struct fs_request_unit *), "the training units", err);
    t->mine = fs_allocate(t->units, 1, "the training units", err);
    for (size_t b = 0; t->unit != NULL && b < t->batches; b++) {
        for (size_t u = 0; u < t->batch[b].requests.units; u++) {
            t->unit[t->batch[b].first + u] = &t->batch[b].requests.unit[u];
        }
    }
    return t->unit != NULL && t->mine != NULL ? 0 : -1;
}

static int compile(struct trainer *t, struct fs_error *err)
{
    if (fs_request_check(&t->form, t->spec->kind, err) != 0 || list_pairs(t, err) != 0) {
        return -1;
    }
    if (t->state->planned != fs_ft_steps(t->options, t->pairs)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "the state to go on from has %zu steps, this job %zu; remove it to begin anew",
                            t->state->planned, fs_ft_steps(t->options, t->pairs));
    }
    t->batches = t->state->planned / t->options->epochs;
    t->batch = fs_allocate(t->batches, sizeof *t->batch, "the training units", err);
    for (size_t b = 0; t->batch != NULL && b < t->batches; b++) {
        if (compile_batch(t, b, err) != 0) {
            return -1;
        }
    }
    if (t->batch != NULL && t->requests == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "none of the %zu edited pairs can be scored: they are too long, their completions have no "
                            "token, or all are held out; take other pairs",
                            t->pairs);
    }
    t->bench = fs_allocate(t->task->runner->threads, sizeof *t->bench, "workspaces", err);
    t->total = fs_allocate_aligned(t->state->edit.count + 2 * t->most_units, sizeof *t->total, "the gradient", err);
    return t->batch != NULL && t->bench != NULL && t->total != NULL ? list_units(t, err) : -1;
}

static int fill(struct trainer *t, struct fs_error *err)
{
    for (size_t b = 0, end = 0; b < t->batches; b++) {
        end += t->batch[b].requests.units;
        size_t units = end - t->begin;
        struct fs_work work = {
            .name = "ft: unedited model", .units = units, .context = t, .run = fill_unit, .cost = fill_cost};
        struct fs_work steps = {.name = "ft", .units = units, .context = t, .cost = step_cost};
        if (units == 0 || (units < CLAIMED_UNITS && b + 1 < t->batches)) {
            continue;
        }
        if (fs_runner_claim(t->task->runner, &work, &steps, t->mine + t->begin, err) != 0) {
            return -1;
        }
        t->begin = end;
    }
    return 0;
}

/* Sets total, and the loss of the batch; one without requests has none. */
static int sum(struct trainer *t, double *loss, struct fs_error *err)
{
    size_t units = t->now->requests.units, count = t->state->edit.count;
    const struct fs_step_kind batch = {(size_t)(t->now - t->batch) + 1, 1}; /* each has one step an epoch */
    struct fs_work work = {
        .name = "ft", .step = batch, .units = units, .context = t, .run = differentiate_unit, .cost = step_cost};
    *loss = 0;
    if (units == 0) {
        return 0;
    }
    t->begin = t->now->first;
    if (fs_runner_sum(t->task->runner, &work, t->mine + t->begin, count + 2 * units, t->total, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < 2 * units; i++) {
        *loss += (double)t->total[count + i];
    }
    bool finite = isfinite(*loss);
    for (size_t i = 0; finite && i < count; i++) {
        finite = isfinite(t->total[i]);
    }
    return finite ? 0
                  : fs_error_set(err, FS_EXIT_DATA,
                                 "step %zu: the loss is %g or its gradient is not finite; lower learning_rate (now %g)",
                                 t->state->base.step + 1, *loss, t->options->learning_rate);
}

static bool takes_step(const struct trainer *t, size_t step)
{
    return t->state->loss[step] > 0 && t->state->loss[step] >= t->options->enough;
}

/* Adam's number of the step is that of the steps that were taken, which the losses tell. */
static void update(struct trainer *t)
{
    struct fs_ft_state *state = t->state;
    const struct fs_adam adam = {t->options->learning_rate, 0.9, 0.999, 1e-8};
    const struct fs_adam_parameters at = {state->edit.number, state->moment1, state->moment2, state->edit.count};
    const fs_real most = (fs_real)t->options->norm_constraint;
    size_t taken = 0;
    for (size_t s = 0; s <= state->base.step; s++) {
        taken += takes_step(t, s);
    }
    fs_adam_step(&adam, taken, t->total, &at);
    for (size_t i = 0; most > 0 && i < state->edit.count; i++) {
        fs_real *number = &state->edit.number[i];
        *number = *number > most ? most : *number < -most ? -most : *number;
    }
}

/* Whether the epoch that has just ended ends the training. */
static bool ends(const struct trainer *t)
{
    double mean = 0;
    size_t first = t->state->base.step - t->batches;
    for (size_t b = 0; b < t->batches; b++) {
        mean += t->state->loss[first + b] * (double)t->batch[b].requests.count / (double)t->requests;
    }
    return mean < t->options->enough;
}

static int train(struct trainer *t, fs_training_save *save, void *context, struct fs_error *err)
{
    struct fs_training_state *base = &t->state->base;
    while (base->step < base->steps) {
        t->now = &t->batch[base->step % t->batches];
        if (sum(t, &t->state->loss[base->step], err) != 0) {
            return -1;
        }
        if (takes_step(t, base->step)) {
            update(t);
        }
        base->step++;
        if (base->step % t->batches == 0 && ends(t)) {
            base->steps = base->step;
        }
        if (fs_training_step_done(t->task->runner, save, context, base, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static void release(struct trainer *t)
{
    for (size_t i = 0; t->bench != NULL && i < t->task->runner->threads; i++) {
        fs_workspace_destroy(t->bench[i].workspace);
        fs_tape_destroy(t->bench[i].tape);
        free(t->bench[i].h);
        free(t->bench[i].dh);
        free(t->bench[i].logprob);
    }
    for (size_t b = 0; t->batch != NULL && b < t->batches; b++) {
        fs_requests_release(&t->batch[b].requests);
    }
    free(t->bench);
    free(t->batch);
    free(t->unit);
    free(t->mine);
    free(t->pair);
    free(t->total);
}

int fs_ft_train(const struct fs_method_task *task, fs_training_save *save, void *context, struct fs_ft_state *state,
                struct fs_error *err)
{
    const struct fs_ft_options *options = task->settings;
    struct trainer t = {.task = task,
                        .spec = fs_model_spec(task->model),
                        .options = options,
                        .form = {options->request, options->objective, task->scoring},
                        .state = state};
    int status = fs_runner_agree(task->runner, compile(&t, err), err);
    if (status == 0) {
        status = fill(&t, err) == 0 ? train(&t, save, context, err) : -1;
    }
    release(&t);
    return status;
}

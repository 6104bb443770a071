#include "stages/methods/target_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/backward.h"
#include "model/edits/shift.h"
#include "model/numbers/kernels.h"
#include "stages/methods/adam.h"
#include "stages/methods/stamp_loss.h"

static const struct fs_spec *spec_of(const struct fs_target *t)
{
    return fs_model_spec(t->task->model);
}

/* Of a place: key and output. */
static size_t place_size(const struct fs_target *t)
{
    return spec_of(t)->layer[t->layer].ffn + spec_of(t)->hidden;
}

int fs_target_create(const struct fs_method_task *task, const struct fs_target_options *options, size_t layer,
                     const struct fs_edit *edit, const struct fs_pair *pair, struct fs_target *target,
                     struct fs_error *err)
{
    *target = (struct fs_target){.task = task, .options = options, .layer = layer, .edit = edit};
    if (fs_target_compile(task, options->request, options->openings, pair, &target->prompts, err) != 0) {
        return -1;
    }
    size_t numbers = target->prompts.vectors * spec_of(target)->hidden;
    target->found = fs_allocate(fs_target_found_length(target), sizeof(fs_real), "keys of prompts", err);
    target->delta = fs_allocate(numbers, sizeof(fs_real), "a target value", err);
    target->moment1 = fs_allocate(numbers, sizeof(fs_real), "Adam's moments", err);
    target->moment2 = fs_allocate(numbers, sizeof(fs_real), "Adam's moments", err);
    return target->found != NULL && target->delta != NULL && target->moment1 != NULL && target->moment2 != NULL ? 0
                                                                                                                : -1;
}

void fs_target_release(struct fs_target *target)
{
    fs_target_prompts_release(&target->prompts);
    free(target->found);
    free(target->delta);
    free(target->moment1);
    free(target->moment2);
    *target = (struct fs_target){0};
}

void fs_target_bench_release(struct fs_target_bench *bench)
{
    fs_workspace_destroy(bench->workspace);
    fs_tape_destroy(bench->tape);
    free(bench->h);
    free(bench->dh);
    free(bench->key);
    free(bench->y);
    free(bench->kept);
    free(bench->logprob);
    *bench = (struct fs_target_bench){0};
}

static size_t inner_of(const struct fs_target *t)
{
    return t->edit != NULL && t->edit->kind->inner_size != NULL ? t->edit->kind->inner_size(t->edit) : 0;
}

/* Room for the largest unit. */
static int reserve(const struct fs_target *t, struct fs_target_bench *bench, struct fs_error *err)
{
    const struct fs_spec *spec = spec_of(t);
    size_t T = t->prompts.most_tokens, R = t->prompts.most_rows, inner = inner_of(t), real = sizeof(fs_real);
    if (bench->workspace != NULL && T <= bench->tokens && R <= bench->rows && inner <= bench->inner) {
        return 0;
    }
    T = T > bench->tokens ? T : bench->tokens;
    R = R > bench->rows ? R : bench->rows;
    fs_target_bench_release(bench);
    *bench = (struct fs_target_bench){.tokens = T, .rows = R, .inner = inner};
    bench->h = fs_allocate_aligned(T, spec->hidden * real, "hidden states", err);
    bench->dh = fs_allocate_aligned(T, spec->hidden * real, "gradients of hidden states", err);
    bench->y = fs_allocate_aligned(T, spec->hidden * real, "FFN outputs", err);
    bench->key = fs_allocate_aligned(T, spec->layer[t->layer].ffn * real, "keys", err);
    bench->kept = fs_allocate_aligned(T, (inner > 0 ? inner : 1) * real, "an edit's activations", err);
    bench->logprob = fs_allocate_aligned(R, spec->vocabulary * real, "logits", err);
    return bench->h != NULL && bench->dh != NULL && bench->y != NULL && bench->key != NULL && bench->kept != NULL &&
                   bench->logprob != NULL && fs_workspace_create(t->task->model, &bench->workspace, err) == 0 &&
                   fs_tape_create(t->task->model, &bench->tape, err) == 0
               ? 0
               : -1;
}

static void empty(struct fs_target_unit *unit)
{
    free(unit->texts->x);
    free(unit->texts->base);
    free(unit->found);
    unit->texts->x = unit->texts->base = unit->found = NULL;
}

/* What the edit adds at the layer, to h (T,d). */
static void add_edit(const struct fs_target *t, const struct fs_target_bench *bench, size_t tokens, fs_real *h)
{
    if (t->edit == NULL) {
        return;
    }
    const struct fs_edit_run run = {.backend = fs_model_backend(t->task->model),
                                    .layer = t->layer,
                                    .tokens = tokens,
                                    .key = bench->key,
                                    .inner = bench->kept};
    t->edit->kind->ffn_output(t->edit, &run, h);
}

static int run_to_layer(const struct fs_target *t, struct fs_target_bench *bench, struct fs_target_unit *unit,
                        struct fs_error *err)
{
    const struct fs_batch *batch = &unit->texts->view.batch;
    const struct fs_pass pass = {t->task->model, bench->workspace, batch, t->edit};
    struct fs_request_unit *texts = unit->texts;
    size_t T = batch->tokens, d = spec_of(t)->hidden, F = spec_of(t)->layer[t->layer].ffn;
    if (fs_batch_check(t->task->model, batch, err) != 0 ||
        fs_embed(t->task->model, bench->workspace, batch, NULL, bench->h, err) != 0 ||
        fs_run_layers(&pass, 0, t->layer, bench->h, err) != 0 ||
        fs_run_to_ffn(&pass, t->layer, bench->h, texts->x, texts->base, err) != 0 ||
        fs_run_keys(&pass, t->layer, texts->x, bench->key, err) != 0 ||
        (!t->options->of_state && fs_run_ffn(&pass, t->layer, texts->x, bench->y, err) != 0)) {
        return -1;
    }
    add_edit(t, bench, T, texts->base);
    if (!t->options->of_state) {
        add_edit(t, bench, T, bench->y);
    }
    const fs_real *output = t->options->of_state ? texts->base : bench->y;
    for (size_t i = 0; i < unit->lookups; i++) {
        fs_real *found = unit->found + i * (F + d);
        memcpy(found, bench->key + unit->row[i] * F, F * sizeof *found);
        memcpy(found + F, output + unit->row[i] * d, d * sizeof *found);
    }
    return 0;
}

int fs_target_fill(const struct fs_target *target, struct fs_target_bench *bench, size_t number, struct fs_error *err)
{
    struct fs_target_unit *unit = &target->prompts.unit[number];
    size_t T = unit->texts->view.batch.tokens, bytes = spec_of(target)->hidden * sizeof(fs_real);
    if (unit->texts->x != NULL) {
        return 0;
    }
    unit->texts->x = fs_allocate_aligned(T, bytes, "FFN inputs", err);
    unit->texts->base = fs_allocate_aligned(fs_base_matrices(spec_of(target)) * T, bytes, "FFN outputs", err);
    unit->found = fs_allocate(unit->lookups * place_size(target), sizeof(fs_real), "keys of prompts", err);
    if (unit->texts->x == NULL || unit->texts->base == NULL || unit->found == NULL ||
        reserve(target, bench, err) != 0 || run_to_layer(target, bench, unit, err) != 0) {
        empty(unit);
        return -1;
    }
    return 0;
}

/* ---- what is found ---- */

static size_t place_of(const struct fs_target *t, size_t prompt, size_t vector)
{
    return (prompt * t->prompts.vectors + vector) * (place_size(t) + 1);
}

size_t fs_target_found_length(const struct fs_target *target)
{
    return place_of(target, target->prompts.prompts, 0);
}

void fs_target_gather(const struct fs_target *target, size_t number, fs_real *numbers)
{
    const struct fs_target_unit *unit = &target->prompts.unit[number];
    size_t size = place_size(target);
    memset(numbers, 0, fs_target_found_length(target) * sizeof *numbers);
    for (size_t i = 0; unit->found != NULL && i < unit->lookups; i++) {
        if (unit->prompt[i] != SIZE_MAX) {
            fs_real *place = numbers + place_of(target, unit->prompt[i], unit->vector[i]);
            memcpy(place, unit->found + i * size, size * sizeof *place);
            place[size] = 1;
        }
    }
}

const fs_real *fs_target_found(const struct fs_target *target, size_t prompt, size_t vector)
{
    const fs_real *place = target->found + place_of(target, prompt, vector);
    return place[place_size(target)] > 0 ? place : NULL;
}

static double norm_of(const fs_real *number, size_t count)
{
    double square = 0;
    for (size_t i = 0; i < count; i++) {
        square += (double)number[i] * (double)number[i];
    }
    return sqrt(square);
}

void fs_target_begin(struct fs_target *target, const fs_real *numbers)
{
    size_t d = spec_of(target)->hidden, F = spec_of(target)->layer[target->layer].ffn;
    memcpy(target->found, numbers, fs_target_found_length(target) * sizeof *numbers);
    for (size_t v = 0; v < target->prompts.vectors; v++) {
        target->origin[v] = norm_of(target->found + place_of(target, 0, v) + F, d);
    }
}

double fs_target_growth(const struct fs_target *target)
{
    size_t d = spec_of(target)->hidden;
    double largest = 0;
    for (size_t v = 0; v < target->prompts.vectors; v++) {
        double own = norm_of(target->delta + v * d, d);
        largest = fmax(largest, target->origin[v] > 0 ? own / target->origin[v] : 0);
    }
    return largest;
}

/* ---- steps: the gradient, each unit's loss in two numbers, and log P'[k1] - log P'[k2] in two ---- */

static size_t gradient_size(const struct fs_target *t)
{
    return t->prompts.vectors * spec_of(t)->hidden;
}

size_t fs_target_step_length(const struct fs_target *target)
{
    return gradient_size(target) + 2 * target->prompts.units + 2;
}

/* So that float32 carries 48 bits. */
static void put(fs_real *place, double value)
{
    place[0] = (fs_real)value;
    place[1] = (fs_real)(value - (double)place[0]);
}

static double taken(const fs_real *place)
{
    return (double)place[0] + (double)place[1];
}

/* KL(P || P_0) of each row, weighed; in: logprob, out: the gradient of the logits. The first call notes P_0. */
static int keep(const struct fs_target *t, struct fs_target_unit *unit, fs_real *logprob, double *loss,
                struct fs_error *err)
{
    size_t V = spec_of(t)->vocabulary, rows = unit->texts->view.reads.rows;
    if (unit->logprob == NULL) {
        unit->logprob = fs_allocate_aligned(rows, V * sizeof *logprob, "a distribution", err);
        if (unit->logprob == NULL) {
            return -1;
        }
        memcpy(unit->logprob, logprob, rows * V * sizeof *logprob);
    }
    *loss = 0;
    for (size_t r = 0; r < rows; r++) {
        fs_real *now = logprob + r * V;
        const fs_real *before = unit->logprob + r * V;
        double divergence = 0;
        for (size_t v = 0; v < V; v++) {
            divergence += exp((double)now[v]) * ((double)now[v] - (double)before[v]);
        }
        for (size_t v = 0; v < V; v++) {
            now[v] = (fs_real)(t->options->kl_weight * exp((double)now[v]) *
                               ((double)now[v] - (double)before[v] - divergence));
        }
        *loss += t->options->kl_weight * divergence;
    }
    return 0;
}

/* log P'[k1] - log P'[k2] of the pair as it is. */
static double difference(const struct fs_target *t, const struct fs_target_unit *unit, const fs_real *logprob,
                         double *scratch)
{
    const struct fs_request_unit *texts = unit->texts;
    size_t V = spec_of(t)->vocabulary, first = texts->request[0].count[0], second = texts->request[0].count[1];
    for (size_t i = 0; i < texts->reads; i++) {
        scratch[i] = (double)logprob[texts->row[i] * V + (size_t)texts->token[i]];
    }
    double *slope = scratch + texts->reads;
    return fs_loss_fold(unit->form->scoring, scratch, first, slope) -
           fs_loss_fold(unit->form->scoring, scratch + first, second, slope);
}

int fs_target_differentiate(const struct fs_target *target, struct fs_target_bench *bench, size_t number,
                            fs_real *numbers, struct fs_error *err)
{
    struct fs_target_unit *unit = &target->prompts.unit[number];
    struct fs_request_unit *texts = unit->texts;
    size_t d = spec_of(target)->hidden, V = spec_of(target)->vocabulary;
    fs_real *losses = numbers + gradient_size(target);
    struct fs_shift shift = fs_shift_of(target->layer, d, target->delta, target->prompts.vectors);
    double loss = 0, *scratch = fs_allocate(2 * texts->reads, sizeof *scratch, "a request", err);
    memset(numbers, 0, fs_target_step_length(target) * sizeof *numbers);
    shift.rows = unit->lookups;
    shift.row = unit->row;
    shift.vector = unit->vector;
    int status = scratch != NULL && reserve(target, bench, err) == 0 ? fs_target_fill(target, bench, number, err) : -1;
    if (status == 0) {
        const struct fs_pass pass = {target->task->model, bench->workspace, &texts->view.batch, &shift.edit};
        const struct fs_reads *reads = &texts->view.reads;
        status = fs_upper_forward(&pass, bench->tape, texts->x, texts->base, bench->h, err) == 0
                     ? fs_tape_read(bench->tape, bench->h, reads->rows, reads->row, bench->logprob, err)
                     : -1;
    }
    if (status == 0 && unit->crossing) {
        put(losses + 2 * target->prompts.units, difference(target, unit, bench->logprob, scratch));
    } else if (status == 0) {
        if (unit->form == NULL) {
            status = keep(target, unit, bench->logprob, &loss, err);
        } else {
            loss =
                fs_request_evaluate(texts, unit->form, V, 1.0 / (double)target->prompts.texts, bench->logprob, scratch);
        }
        put(losses + 2 * number, loss);
        if (status == 0) {
            status = fs_tape_read_backward(bench->tape, bench->logprob, bench->dh, err) == 0
                         ? fs_upper_backward(bench->tape, bench->dh, numbers, NULL, err)
                         : -1;
        }
    }
    free(scratch);
    return status;
}

/* Adds |delta| / |v_0|^2 to the gradient; returns it. Where delta is 0 it has no slope. */
static double decay(const struct fs_target *t, fs_real *gradient)
{
    size_t d = spec_of(t)->hidden;
    double loss = 0;
    for (size_t v = 0; v < t->prompts.vectors; v++) {
        double norm = norm_of(t->delta + v * d, d), square = t->origin[v] * t->origin[v];
        for (size_t i = 0; norm > 0 && square > 0 && i < d; i++) {
            gradient[v * d + i] += (fs_real)(t->options->weight_decay * (double)t->delta[v * d + i] / (norm * square));
        }
        loss += square > 0 ? t->options->weight_decay * norm / square : 0;
    }
    return loss;
}

static void clamp(struct fs_target *t)
{
    size_t d = spec_of(t)->hidden;
    for (size_t v = 0; v < t->prompts.vectors; v++) {
        double norm = norm_of(t->delta + v * d, d), most = t->options->clamp * t->origin[v];
        for (size_t i = 0; norm > most && i < d; i++) {
            t->delta[v * d + i] = (fs_real)((double)t->delta[v * d + i] * most / norm);
        }
    }
}

int fs_target_advance(struct fs_target *target, fs_real *numbers, bool *done, struct fs_error *err)
{
    const struct fs_target_options *options = target->options;
    const fs_real *losses = numbers + gradient_size(target);
    double loss = decay(target, numbers);
    for (size_t u = 0; u < target->prompts.units; u++) {
        loss += taken(losses + 2 * u);
    }
    bool finite = isfinite(loss);
    for (size_t i = 0; finite && i < gradient_size(target); i++) {
        finite = isfinite(numbers[i]);
    }
    if (!finite) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "iteration %zu of a target value: the loss is %g or its gradient is not finite; lower "
                            "learning_rate (now %g)",
                            target->iteration + 1, loss, options->learning_rate);
    }
    target->before = target->iteration == 0 ? loss : target->before;
    target->after = loss;
    bool crossed = options->request == FS_TARGET_CROSSED && taken(losses + 2 * target->prompts.units) <= 0;
    bool probes = target->task->runner->probes;
    *done = target->iteration + 1 >= options->iterations || (!probes && (loss < options->enough || crossed));
    target->iteration++;
    if (!*done) {
        const struct fs_adam adam = {options->learning_rate, 0.9, 0.999, 1e-8};
        const struct fs_adam_parameters at = {target->delta, target->moment1, target->moment2, gradient_size(target)};
        fs_adam_step(&adam, target->iteration, numbers, &at);
        clamp(target);
    }
    return 0;
}

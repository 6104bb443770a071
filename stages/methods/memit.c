#include "stages/methods/memit.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "model/numbers/dense.h"
#include "stages/methods/training_step.h"

struct trainer {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    const struct fs_memit_options *options;
    struct fs_target_options search, lookup, own; /* of z, of keys, and of h: prompts as they are */
    struct fs_memit_state *state;
    size_t *pair;                  /* [state->pairs] the edited ones, in their order */
    struct fs_target_bench *bench; /* [threads] */
    size_t first;                  /* the pair of the first unit that runs */
    size_t layer;                  /* whose keys are looked up */
};

/* ---- state ---- */

static size_t columns_of(const struct fs_method_task *task, const struct fs_memit_options *options)
{
    size_t columns = 1;
    for (size_t i = 0; i < task->pairs->count; i++) {
        const struct fs_pair *pair = &task->pairs->item[i];
        if (pair->skip == FS_KEPT && fs_target_vectors(pair, options->target.request) > columns) {
            columns = fs_target_vectors(pair, options->target.request);
        }
    }
    return columns;
}

static int check_model(const struct fs_spec *spec, size_t layer, struct fs_error *err)
{
    if (layer >= spec->layers) {
        return fs_error_set(err, FS_EXIT_CONFIG, "layer %zu, but the model has layers 0 to %zu", layer,
                            spec->layers - 1);
    }
    if (fs_base_matrices(spec) > 1) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "a norm, a scale or a convolution stands between this model's FFN and what it is added to, "
                            "expected a sum, whose target is shared out to layers; take rome or the stamp");
    }
    return 0;
}

int fs_memit_state_create(const struct fs_method_task *task, size_t pairs, struct fs_memit_state *state,
                          struct fs_error *err)
{
    const struct fs_memit_options *options = task->settings;
    const struct fs_spec *spec = fs_model_spec(task->model);
    size_t layers = options->layers < task->layer + 1 ? options->layers : task->layer + 1;
    size_t batches = pairs == 0 ? 0 : (pairs - 1) / options->batch + 1;
    *state = (struct fs_memit_state){.base = {0, batches + layers},
                                     .pairs = pairs,
                                     .columns = columns_of(task, options),
                                     .batch = options->batch,
                                     .batches = batches,
                                     .layers = layers};
    if (check_model(spec, task->layer, err) != 0) {
        return -1;
    }
    size_t d = spec->hidden, F = spec->layer[task->layer].ffn, rank = pairs * state->columns;
    bool few = rank > 0 && rank < d * F / (d + F);
    if (fs_weight_create_layers(spec, task->layer + 1 - layers, layers, few ? rank : 0, &state->edit, err) != 0) {
        return -1;
    }
    state->record = fs_allocate(pairs * FS_MEMIT_TERMS, sizeof(double), "the history of a training", err);
    state->residual = fs_allocate(layers + 1, sizeof(double), "the history of a training", err);
    state->z = fs_allocate(rank * d, sizeof(double), "target values", err);
    if (state->record != NULL && state->residual != NULL && state->z != NULL) {
        return 0;
    }
    fs_memit_state_release(state);
    return -1;
}

void fs_memit_state_release(struct fs_memit_state *state)
{
    fs_edit_release(&state->edit);
    free(state->record);
    free(state->residual);
    free(state->z);
    *state = (struct fs_memit_state){0};
}

/* ---- step 1: target values, a pair a unit ---- */

/* Sums of all units of a target, in their order, into numbers [the longer of both]; begins it. */
static int find_places(struct fs_target *target, struct fs_target_bench *bench, fs_real *numbers, fs_real *own,
                       struct fs_error *err)
{
    size_t length = fs_target_found_length(target);
    memset(numbers, 0, length * sizeof *numbers);
    for (size_t u = 0; u < target->prompts.units; u++) {
        if (fs_target_fill(target, bench, u, err) != 0) {
            return -1;
        }
        fs_target_gather(target, u, own);
        for (size_t i = 0; i < length; i++) {
            numbers[i] += own[i];
        }
    }
    fs_target_begin(target, numbers);
    return 0;
}

static int search(struct fs_target *target, struct fs_target_bench *bench, fs_real *numbers, fs_real *own,
                  struct fs_error *err)
{
    size_t length = fs_target_step_length(target);
    for (bool done = false; !done;) {
        memset(numbers, 0, length * sizeof *numbers);
        for (size_t u = 0; u < target->prompts.units; u++) {
            if (fs_target_differentiate(target, bench, u, own, err) != 0) {
                return -1;
            }
            for (size_t i = 0; i < length; i++) {
                numbers[i] += own[i];
            }
        }
        if (fs_target_advance(target, numbers, &done, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static const struct fs_pair *pair_of(const struct trainer *t, size_t unit)
{
    return &t->task->pairs->item[t->pair[t->first + unit]];
}

/* Makes a target by one of the trainer's options, whose places are known; vectors 0: the pair has none. */
static int open_target(struct trainer *t, size_t thread, const struct fs_target_options *options,
                       const struct fs_pair *pair, struct fs_target *target, fs_real **numbers, struct fs_error *err)
{
    const struct fs_edit *edit = options == &t->search ? NULL : &t->state->edit;
    size_t layer = options == &t->lookup ? t->layer : t->task->layer;
    *numbers = NULL;
    if (fs_target_create(t->task, options, layer, edit, pair, target, err) != 0) {
        return -1;
    }
    if (target->prompts.vectors == 0) {
        return 0;
    }
    size_t found = fs_target_found_length(target), step = fs_target_step_length(target);
    size_t most = found > step ? found : step;
    *numbers = fs_allocate(2 * most, sizeof **numbers, "a target value", err);
    return *numbers != NULL ? find_places(target, &t->bench[thread], *numbers, *numbers + most, err) : -1;
}

static size_t search_bytes(const void *context, size_t unit)
{
    const struct trainer *t = context;
    (void)unit;
    return (FS_MEMIT_TERMS + t->state->columns * t->spec->hidden) * sizeof(double);
}

/* The pair's record, and z of its vectors behind. */
static int search_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    const struct fs_pair *pair = pair_of(t, unit);
    size_t d = t->spec->hidden, F = t->spec->layer[t->task->layer].ffn;
    struct fs_target target;
    fs_real *numbers;
    double *record = result, *z = record + FS_MEMIT_TERMS;
    memset(result, 0, search_bytes(t, unit));
    int status = open_target(t, thread, &t->search, pair, &target, &numbers, err);
    if (status == 0 && target.prompts.vectors > 0) {
        size_t found = fs_target_found_length(&target), step = fs_target_step_length(&target);
        status = search(&target, &t->bench[thread], numbers, numbers + (found > step ? found : step), err);
        double square = 0;
        for (size_t v = 0; status == 0 && v < target.prompts.vectors; v++) {
            const fs_real *own = fs_target_found(&target, 0, v);
            for (size_t i = 0; i < d; i++) {
                double delta = (double)target.delta[v * d + i];
                z[v * d + i] = (double)own[F + i] + delta;
                square += delta * delta / (double)target.prompts.vectors;
            }
        }
        record[FS_MEMIT_BEFORE] = target.before;
        record[FS_MEMIT_AFTER] = target.after;
        record[FS_MEMIT_DELTA] = sqrt(square);
        record[FS_MEMIT_ITERATIONS] = (double)target.iteration;
        record[FS_MEMIT_PLACE] = target.prompts.by_subject ? 2 : 1;
    }
    fs_target_release(&target);
    free(numbers);
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}

/* About: a statement and its openings, of 24 tokens each, some of which are read. */
static void search_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *t = context;
    double texts = 2 * (1 + (double)t->search.openings), tokens = 24 * texts, squares = 24 * tokens;
    size_t first = t->task->layer + 1, layers = t->spec->layers;
    (void)unit;
    *cost = (struct fs_cost){.flops = fs_flops_layers(t->spec, 0, first, tokens, squares) +
                                      (double)t->search.iterations *
                                          (fs_flops_layers(t->spec, first, layers, tokens, squares) +
                                           fs_flops_layers_backward(t->spec, first, layers, tokens, squares) +
                                           2 * fs_flops_head(t->spec, texts)),
                             .passes = texts,
                             .tokens = tokens,
                             .rows = texts};
}

static int search_batch(struct trainer *t, struct fs_error *err)
{
    struct fs_memit_state *state = t->state;
    size_t columns = state->columns * t->spec->hidden, row = FS_MEMIT_TERMS + columns;
    t->first = state->base.step * t->options->batch;
    size_t left = state->pairs - t->first, units = left < t->options->batch ? left : t->options->batch;
    bool root = fs_runner_is_root(t->task->runner);
    double *results = fs_allocate(units * row, sizeof *results, "target values", err);
    const struct fs_work work = {.name = "memit: target values",
                                 .units = units,
                                 .context = t,
                                 .result_bytes = search_bytes,
                                 .run = search_unit,
                                 .cost = search_cost};
    int status = fs_runner_agree(t->task->runner, results != NULL ? 0 : -1, err);
    if (status == 0) {
        status = fs_runner_map(t->task->runner, &work, NULL, root ? (unsigned char *)results : NULL, err) == 0
                     ? fs_runner_broadcast(t->task->runner, results, units * row * sizeof *results, err)
                     : -1;
    }
    for (size_t i = 0; status == 0 && i < units; i++) {
        memcpy(state->record + (t->first + i) * FS_MEMIT_TERMS, results + i * row, FS_MEMIT_TERMS * sizeof *results);
        memcpy(state->z + (t->first + i) * columns, results + i * row + FS_MEMIT_TERMS, columns * sizeof *results);
    }
    free(results);
    return status;
}

/* ---- step 2: keys and states of the weights edited so far, a pair a unit; then a layer's change ---- */

static size_t place_size(const struct trainer *t)
{
    return t->spec->layer[t->task->layer].ffn + t->spec->hidden;
}

static size_t lookup_bytes(const void *context, size_t unit)
{
    const struct trainer *t = context;
    (void)unit;
    return t->state->columns * place_size(t) * sizeof(double);
}

/* key (F) of a vector: half of the prompt as it is, half of the mean behind openings. */
static void mean_key(const struct fs_target *target, size_t vector, size_t F, double *key)
{
    double found = 0;
    const fs_real *own = fs_target_found(target, 0, vector);
    for (size_t p = 1; p < target->prompts.prompts; p++) {
        found += fs_target_found(target, p, vector) != NULL;
    }
    for (size_t p = 1; p < target->prompts.prompts; p++) {
        const fs_real *place = fs_target_found(target, p, vector);
        for (size_t i = 0; place != NULL && i < F; i++) {
            key[i] += (double)place[i] / found;
        }
    }
    for (size_t i = 0; i < F; i++) {
        key[i] = found > 0 ? (key[i] + (double)own[i]) / 2 : (double)own[i];
    }
}

/* Of each vector: key (F) at t->layer, and h (d) at the last layer; zeros where the pair makes no request. */
static int lookup_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    const struct fs_pair *pair = pair_of(t, unit);
    size_t d = t->spec->hidden, F = place_size(t) - d;
    double *out = result;
    memset(result, 0, lookup_bytes(t, unit));
    for (int part = 0; part < 2; part++) {
        struct fs_target target;
        fs_real *numbers;
        int status = open_target(t, thread, part == 0 ? &t->lookup : &t->own, pair, &target, &numbers, err);
        for (size_t v = 0; status == 0 && v < target.prompts.vectors; v++) {
            double *place = out + v * (F + d);
            if (part == 0) {
                mean_key(&target, v, F, place);
            }
            for (size_t i = 0; part == 1 && i < d; i++) {
                place[F + i] = (double)fs_target_found(&target, 0, v)[F + i];
            }
        }
        fs_target_release(&target);
        free(numbers);
        if (status != 0) {
            return fs_error_prepend(err, "pair %s", pair->id);
        }
    }
    return 0;
}

static void lookup_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *t = context;
    double texts = 2 * (2 + (double)t->lookup.openings), tokens = 24 * texts;
    (void)unit;
    *cost = (struct fs_cost){.flops = fs_flops_layers(t->spec, 0, t->task->layer + 1, tokens, 24 * tokens),
                             .passes = texts,
                             .tokens = tokens};
}

/* Root: key (n,F), and residual (n,d) z - h with the mean of its lengths; zeros of what is no request. */
static void take_places(const struct trainer *t, const double *places, double *key, double *residual, double *mean)
{
    const struct fs_memit_state *state = t->state;
    size_t d = t->spec->hidden, F = place_size(t) - d, requests = 0;
    *mean = 0;
    for (size_t i = 0; i < state->pairs * state->columns; i++) {
        const double *place = places + i * (F + d);
        const struct fs_pair *pair = &t->task->pairs->item[t->pair[i / state->columns]];
        bool is_one = state->record[i / state->columns * FS_MEMIT_TERMS + FS_MEMIT_PLACE] > 0 &&
                      i % state->columns < fs_target_vectors(pair, t->options->target.request);
        double square = 0;
        for (size_t k = 0; is_one && k < d; k++) {
            residual[i * d + k] = state->z[i * d + k] - place[F + k];
            square += residual[i * d + k] * residual[i * d + k];
        }
        memcpy(key + i * F, place, F * sizeof *key);
        *mean += sqrt(square);
        requests += is_one;
    }
    *mean /= requests > 0 ? (double)requests : 1;
}

/* Where all pairs stand: allocates key and residual on the root. Collective. */
static int look_up(struct trainer *t, double **key, double **residual, double *mean, struct fs_error *err)
{
    size_t n = t->state->pairs * t->state->columns, d = t->spec->hidden, F = place_size(t) - d;
    bool root = fs_runner_is_root(t->task->runner);
    double *places = root ? fs_allocate(n * (F + d), sizeof *places, "keys of prompts", err) : NULL;
    *key = root ? fs_allocate(n * F, sizeof **key, "keys of prompts", err) : NULL;
    *residual = root ? fs_allocate(n * d, sizeof **residual, "target values", err) : NULL;
    const struct fs_work work = {.name = "memit: keys",
                                 .units = t->state->pairs,
                                 .context = t,
                                 .result_bytes = lookup_bytes,
                                 .run = lookup_unit,
                                 .cost = lookup_cost};
    t->first = 0;
    bool room = !root || (places != NULL && *key != NULL && *residual != NULL);
    int status = fs_runner_agree(t->task->runner, room ? 0 : -1, err);
    if (status == 0) {
        status = fs_runner_map(t->task->runner, &work, NULL, (unsigned char *)places, err);
    }
    if (status == 0 && root) {
        take_places(t, places, *key, *residual, mean);
    }
    free(places);
    return status == 0 ? fs_runner_broadcast(t->task->runner, mean, sizeof *mean, err) : -1;
}

/* residual^T key into the edit at layer `number` of it. */
static int put_change(struct fs_memit_state *state, size_t number, const double *key, const double *residual,
                      struct fs_error *err)
{
    struct fs_weight w = fs_weight_at(&state->edit, number);
    size_t n = state->pairs * state->columns, d = w.hidden, F = w.ffn;
    for (size_t i = 0; w.rank > 0 && i < n * d; i++) {
        w.left[i % d * w.rank + i / d] = (fs_real)residual[i];
    }
    for (size_t i = 0; w.rank > 0 && i < n * F; i++) {
        w.right[i % F * w.rank + i / F] = (fs_real)key[i];
    }
    if (w.rank > 0) {
        return 0;
    }
    double *delta = fs_allocate(d * F, sizeof *delta, "a change of W_out", err);
    if (delta == NULL) {
        return -1;
    }
    fs_dense_one_thread();
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)d, (blasint)F, (blasint)n, 1, residual, (blasint)d,
                key, (blasint)F, 0, delta, (blasint)F);
    for (size_t i = 0; i < d * F; i++) {
        w.delta[i] = (fs_real)delta[i];
    }
    free(delta);
    return 0;
}

/* Root. */
static int solve_layer(struct trainer *t, size_t number, struct fs_covariance *covariance, double *key,
                       double *residual, struct fs_error *err)
{
    struct fs_memit_state *state = t->state;
    size_t n = state->pairs * state->columns, d = t->spec->hidden;
    if (t->task->runner->probes) {
        return 0;
    }
    fs_covariance_mean(covariance, t->options->ridge > 0 ? 0 : FS_COVARIANCE_RIDGE);
    if (fs_memit_solve(t->options, covariance->size, covariance->sum, n, key, err) != 0) {
        return fs_error_prepend(err, "layer %zu", covariance->layer);
    }
    for (size_t i = 0; i < n * d; i++) {
        residual[i] /= (double)(state->layers - number);
        if (!isfinite(residual[i])) {
            return fs_error_set(err, FS_EXIT_DATA, "layer %zu: the change of W_out is not finite", covariance->layer);
        }
    }
    return put_change(state, number, key, residual, err);
}

static int change_layer(struct trainer *t, struct fs_error *err)
{
    struct fs_memit_state *state = t->state;
    size_t number = state->base.step - state->batches;
    struct fs_covariance covariance = {0};
    double *key = NULL, *residual = NULL;
    t->layer = state->edit.first_layer + number;
    int status = fs_covariance_find(t->task, t->layer, &covariance, err) == 0
                     ? look_up(t, &key, &residual, &state->residual[number], err)
                     : -1;
    if (status == 0) {
        bool root = fs_runner_is_root(t->task->runner);
        status = root ? solve_layer(t, number, &covariance, key, residual, err) : 0;
        status = fs_runner_agree(t->task->runner, status, err);
    }
    fs_covariance_release(&covariance);
    free(key);
    free(residual);
    key = residual = NULL;
    if (status == 0) {
        status = fs_runner_broadcast(t->task->runner, state->edit.number, state->edit.count * sizeof(fs_real), err);
    }
    if (status == 0 && number + 1 == state->layers) {
        status = look_up(t, &key, &residual, &state->residual[number + 1], err);
        free(key);
        free(residual);
    }
    return status;
}

/* ---- the training ---- */

static int prepare(struct trainer *t, struct fs_error *err)
{
    const struct fs_pair_list *list = t->task->pairs;
    size_t pairs = 0;
    if (fs_target_check(t->task, t->options->target.request, err) != 0) {
        return -1;
    }
    t->pair = fs_allocate(list->count, sizeof *t->pair, "the edited pairs", err);
    t->bench = fs_allocate(t->task->runner->threads, sizeof *t->bench, "workspaces", err);
    for (size_t i = 0; t->pair != NULL && i < list->count; i++) {
        if (list->item[i].skip == FS_KEPT && (t->task->held_out == NULL || !t->task->held_out[i])) {
            t->pair[pairs++] = i;
        }
    }
    if (t->pair == NULL || t->bench == NULL) {
        return -1;
    }
    return pairs == t->state->pairs
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "the state to go on from has %zu pairs, this job %zu; remove it to begin anew",
                              t->state->pairs, pairs);
}

static int check_requests(const struct fs_memit_state *state, struct fs_error *err)
{
    for (size_t i = 0; i < state->pairs; i++) {
        if (state->record[i * FS_MEMIT_TERMS + FS_MEMIT_PLACE] > 0) {
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "none of the %zu edited pairs can be scored: they are too long, their completions have no "
                        "token, or all are held out; take other pairs",
                        state->pairs);
}

static int train(struct trainer *t, fs_training_save *save, void *context, struct fs_error *err)
{
    struct fs_training_state *base = &t->state->base;
    while (base->step < base->steps) {
        if (base->step == t->state->batches && check_requests(t->state, err) != 0) {
            return -1;
        }
        if ((base->step < t->state->batches ? search_batch(t, err) : change_layer(t, err)) != 0) {
            return fs_training_step_failed(save, context, base, err);
        }
        base->step++;
        if (fs_training_step_done(t->task->runner, save, context, base, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_memit_train(const struct fs_method_task *task, fs_training_save *save, void *context,
                   struct fs_memit_state *state, struct fs_error *err)
{
    const struct fs_memit_options *options = task->settings;
    struct trainer t = {.task = task,
                        .spec = fs_model_spec(task->model),
                        .options = options,
                        .search = options->target,
                        .lookup = options->target,
                        .own = options->target,
                        .state = state};
    t.search.of_state = t.lookup.of_state = t.own.of_state = true;
    t.own.openings = 0;
    int status = fs_runner_agree(task->runner, prepare(&t, err), err);
    if (status == 0) {
        status = train(&t, save, context, err);
    }
    for (size_t i = 0; t.bench != NULL && i < task->runner->threads; i++) {
        fs_target_bench_release(&t.bench[i]);
    }
    free(t.bench);
    free(t.pair);
    return status;
}

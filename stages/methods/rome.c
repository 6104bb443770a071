#include "stages/methods/rome.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/backward.h"
#include "model/edits/shift.h"
#include "model/flops.h"
#include "model/numbers/cholesky.h"
#include "stages/methods/training_step.h"

struct trainer {
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    const struct fs_rome_options *options;
    struct fs_rome_state *state;
    struct fs_covariance covariance; /* the factor, on the root */
    size_t *pair, pairs;             /* [pairs] the edited ones, in their order */
    struct fs_target_bench *bench;   /* [threads] */
    /* of the pair that runs */
    struct fs_target target;
    unsigned char *mine; /* [units] which of its units this rank runs */
};

/* ---- state ---- */

static size_t columns_of(const struct fs_method_task *task)
{
    const struct fs_rome_options *options = task->settings;
    size_t columns = 1;
    for (size_t i = 0; i < task->pairs->count; i++) {
        const struct fs_pair *pair = &task->pairs->item[i];
        if (pair->skip == FS_KEPT && fs_target_vectors(pair, options->target.request) > columns) {
            columns = fs_target_vectors(pair, options->target.request);
        }
    }
    return columns;
}

int fs_rome_state_create(const struct fs_method_task *task, size_t pairs, struct fs_rome_state *state,
                         struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(task->model);
    *state = (struct fs_rome_state){.base = {0, pairs}, .columns = columns_of(task)};
    if (task->layer >= spec->layers) {
        return fs_error_set(err, FS_EXIT_CONFIG, "layer %zu, but the model has layers 0 to %zu", task->layer,
                            spec->layers - 1);
    }
    size_t d = spec->hidden, F = spec->layer[task->layer].ffn, rank = pairs * state->columns;
    bool few = rank > 0 && rank < d * F / (d + F);
    if (fs_weight_create(spec, task->layer, few ? rank : 0, &state->edit, err) != 0) {
        return -1;
    }
    state->record = fs_allocate(pairs * FS_ROME_TERMS, sizeof *state->record, "the history of a training", err);
    if (state->record == NULL) {
        fs_rome_state_release(state);
        return -1;
    }
    return 0;
}

void fs_rome_state_release(struct fs_rome_state *state)
{
    fs_edit_release(&state->edit);
    free(state->record);
    *state = (struct fs_rome_state){0};
}

/* ---- the closed form ---- */

int fs_rome_solve(const double *factor, struct fs_rome_request *request, struct fs_error *err)
{
    size_t n = request->n, F = request->keys, d = request->hidden;
    double m[FS_TARGET_VECTORS][FS_TARGET_VECTORS] = {{0}}, *u = request->direction;
    fs_cholesky_solve(F, factor, n, u);
    for (size_t a = 0; a < n; a++) {
        cblas_dscal((blasint)F, 1 / cblas_dnrm2((blasint)F, u + a * F, 1), u + a * F, 1);
        for (size_t b = 0; b < n; b++) {
            m[a][b] = cblas_ddot((blasint)F, u + a * F, 1, request->key + b * F, 1);
        }
    }
    if (n == 1) {
        m[1][1] = 1;
    }
    double determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    bool finite = isfinite(1 / determinant);
    for (size_t i = 0; i < d; i++) { /* row i of R M^-1 */
        double r0 = request->residual[i], r1 = n > 1 ? request->residual[d + i] : 0;
        request->residual[i] = (r0 * m[1][1] - r1 * m[1][0]) / determinant;
        finite = finite && isfinite(request->residual[i]);
        if (n > 1) {
            request->residual[d + i] = (r1 * m[0][0] - r0 * m[0][1]) / determinant;
            finite = finite && isfinite(request->residual[d + i]);
        }
    }
    return finite
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "the change of W_out is not finite, for a key's product with the direction is %g; take "
                              "form r-rome, or another layer",
                              determinant);
}

/* row (count) += the numbers. */
static void add_reals(double *row, const fs_real *number, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        row[i] += (double)number[i];
    }
}

/* Of one vector: the direction's key, the key, and v* - y. */
static void fill_request(const struct trainer *t, size_t vector, const struct fs_rome_request *request)
{
    size_t F = request->keys, d = request->hidden;
    const fs_real *own = fs_target_found(&t->target, 0, vector);
    double *direction = request->direction + vector * F, *key = request->key + vector * F, found = 0;
    double *residual = request->residual + vector * d;
    for (size_t p = 0; p < t->target.prompts.prompts; p++) {
        const fs_real *place = fs_target_found(&t->target, p, vector);
        if (place != NULL) {
            add_reals(direction, place, F);
            add_reals(residual, place + F, d);
            found++;
        }
    }
    cblas_dscal((blasint)F, 1 / found, direction, 1);
    cblas_dscal((blasint)d, -1 / found, residual, 1);
    add_reals(residual, own + F, d);
    if (t->options->form == FS_ROME_R) {
        memcpy(key, direction, F * sizeof *key);
    } else {
        memset(residual, 0, d * sizeof *residual); /* v_0 = y_0 */
        add_reals(key, own, F);
    }
    if (t->options->form == FS_ROME_P) {
        memcpy(direction, key, F * sizeof *key);
    }
    add_reals(residual, t->target.delta + vector * d, d);
}

/* Adds left (n,d) right (n,F) to the edit, in the columns of the step. */
static void put_columns(struct fs_rome_state *state, const struct fs_rome_request *request)
{
    struct fs_weight w = fs_weight_of(&state->edit);
    size_t d = w.hidden, F = w.ffn, first = state->base.step * state->columns;
    for (size_t a = 0; a < request->n; a++) {
        const double *left = request->residual + a * d, *right = request->direction + a * F;
        for (size_t i = 0; w.rank > 0 && i < d; i++) {
            w.left[i * w.rank + first + a] = (fs_real)left[i];
        }
        for (size_t i = 0; w.rank > 0 && i < F; i++) {
            w.right[i * w.rank + first + a] = (fs_real)right[i];
        }
        for (size_t i = 0; w.rank == 0 && i < d * F; i++) {
            w.delta[i] = (fs_real)((double)w.delta[i] + left[i / F] * right[i % F]);
        }
    }
}

/* On all ranks alike. */
static int change(struct trainer *t, struct fs_error *err)
{
    size_t d = t->spec->hidden, F = t->covariance.size, n = t->target.prompts.vectors;
    double *numbers = fs_allocate(n * (2 * F + d), sizeof *numbers, "a change of W_out", err);
    struct fs_rome_request request = {n, F, d, numbers, NULL, NULL};
    int status = numbers != NULL ? 0 : -1;
    if (status == 0) {
        request.residual = numbers + n * F;
        request.key = request.residual + n * d;
        if (fs_runner_is_root(t->task->runner) && !t->task->runner->probes) {
            for (size_t v = 0; v < n; v++) {
                fill_request(t, v, &request);
            }
            status = fs_rome_solve(t->covariance.sum, &request, err);
        }
    }
    status = fs_runner_agree(t->task->runner, status, err);
    if (status == 0) {
        status = fs_runner_broadcast(t->task->runner, numbers, n * (F + d) * sizeof *numbers, err);
    }
    if (status == 0) {
        put_columns(t->state, &request);
    }
    free(numbers);
    return status;
}

/* ---- one pair ---- */

static int gather_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    if (fs_target_fill(&t->target, &t->bench[thread], unit, err) != 0) {
        return -1;
    }
    fs_target_gather(&t->target, unit, result);
    return 0;
}

/* The layers up to the one that is edited, once in the steps of a pair. */
static void gather_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *t = context;
    const struct fs_batch *batch = &t->target.prompts.unit[unit].texts->view.batch;
    double tokens = (double)batch->tokens;
    *cost = (struct fs_cost){.flops = fs_flops_layers(t->spec, 0, t->task->layer + 1, tokens, fs_batch_squares(batch)),
                             .passes = (double)batch->sequences,
                             .tokens = tokens};
}

static int step_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    return fs_target_differentiate(&t->target, &t->bench[thread], unit, result, err);
}

static void step_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *t = context;
    const struct fs_plan_unit *view = &t->target.prompts.unit[unit].texts->view;
    const struct fs_shift shift = fs_shift_of(t->task->layer, t->spec->hidden, t->target.delta, 1);
    const struct fs_pass pass = {t->task->model, NULL, &view->batch, &shift.edit};
    size_t first = t->task->layer + 1, layers = t->spec->layers;
    double tokens = (double)view->batch.tokens, rows = (double)view->reads.rows,
           squares = fs_batch_squares(&view->batch);
    *cost = (struct fs_cost){
        .flops = fs_flops_layers(t->spec, first, layers, tokens, squares) +
                 fs_flops_layers_backward(t->spec, first, layers, tokens, squares) + 2 * fs_flops_head(t->spec, rows),
        .passes = (double)view->batch.sequences,
        .tokens = tokens,
        .rows = rows,
        .stays = (double)sizeof(fs_real) * (1 + (double)fs_base_matrices(t->spec)) * tokens * (double)t->spec->hidden,
        .waits = (double)sizeof(fs_real) *
                 ((double)fs_tape_numbers(&pass, view->reads.rows) + rows * (double)t->spec->vocabulary)};
}

/* delta of the pair. A pair has few units, which the ranks take in turn. */
static int search(struct trainer *t, struct fs_error *err)
{
    struct fs_target *target = &t->target;
    size_t found = fs_target_found_length(target), length = fs_target_step_length(target),
           units = target->prompts.units;
    fs_real *numbers = fs_allocate_aligned(found > length ? found : length, sizeof *numbers, "a target value", err);
    const struct fs_step_kind kind = {t->state->base.step + 1, 1};
    const struct fs_work gather = {.name = "rome",
                                   .part = true,
                                   .step = {kind.number, 1 / (double)t->options->target.iterations},
                                   .units = units,
                                   .context = t,
                                   .run = gather_unit,
                                   .cost = gather_cost};
    const struct fs_work step = {
        .name = "rome: target value", .step = kind, .units = units, .context = t, .run = step_unit, .cost = step_cost};
    int status = fs_runner_agree(t->task->runner, numbers != NULL ? 0 : -1, err);
    if (status == 0) {
        status = fs_runner_sum(t->task->runner, &gather, t->mine, found, numbers, err);
    }
    if (status == 0) {
        fs_target_begin(target, numbers);
    }
    for (bool done = false; status == 0 && !done;) {
        status = fs_runner_sum(t->task->runner, &step, t->mine, length, numbers, err) == 0
                     ? fs_target_advance(target, numbers, &done, err)
                     : -1;
    }
    free(numbers);
    return status;
}

static int run_pair(struct trainer *t, struct fs_error *err)
{
    const struct fs_pair *pair = &t->task->pairs->item[t->pair[t->state->base.step]];
    double *record = t->state->record + t->state->base.step * FS_ROME_TERMS;
    struct fs_target *target = &t->target;
    int status = fs_target_create(t->task, &t->options->target, t->task->layer, &t->state->edit, pair, target, err);
    t->mine = status == 0 ? fs_allocate(target->prompts.units + 1, 1, "the prompts of a request", err) : NULL;
    status = fs_runner_agree(t->task->runner, t->mine != NULL ? 0 : -1, err);
    memset(record, 0, FS_ROME_TERMS * sizeof *record);
    if (status == 0 && target->prompts.vectors > 0) {
        for (size_t u = 0; u < target->prompts.units; u++) {
            t->mine[u] = u % t->task->runner->ranks == t->task->runner->rank;
        }
        status = search(t, err) == 0 ? change(t, err) : -1;
        record[FS_ROME_BEFORE] = target->before;
        record[FS_ROME_AFTER] = target->after;
        record[FS_ROME_GROWTH] = fs_target_growth(target);
        record[FS_ROME_ITERATIONS] = (double)target->iteration;
        record[FS_ROME_PLACE] = target->prompts.by_subject ? 2 : 1;
    }
    fs_target_release(target);
    free(t->mine);
    t->mine = NULL;
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}

/* ---- the training ---- */

static int prepare(struct trainer *t, struct fs_error *err)
{
    const struct fs_pair_list *list = t->task->pairs;
    if (fs_target_check(t->task, t->options->target.request, err) != 0) {
        return -1;
    }
    t->pair = fs_allocate(list->count, sizeof *t->pair, "the edited pairs", err);
    t->bench = fs_allocate(t->task->runner->threads, sizeof *t->bench, "workspaces", err);
    for (size_t i = 0; t->pair != NULL && i < list->count; i++) {
        if (list->item[i].skip == FS_KEPT && (t->task->held_out == NULL || !t->task->held_out[i])) {
            t->pair[t->pairs++] = i;
        }
    }
    if (t->pair == NULL || t->bench == NULL) {
        return -1;
    }
    return t->pairs == t->state->base.steps
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "the state to go on from has %zu pairs, this job %zu; remove it to begin anew",
                              t->state->base.steps, t->pairs);
}

static int find_factor(struct trainer *t, struct fs_error *err)
{
    if (fs_covariance_find(t->task, t->task->layer, &t->covariance, err) != 0) {
        return -1;
    }
    bool root = fs_runner_is_root(t->task->runner) && !t->task->runner->probes;
    return fs_runner_agree(t->task->runner, root ? fs_covariance_factorise(&t->covariance, NULL, err) : 0, err);
}

static int check_requests(const struct fs_rome_state *state, struct fs_error *err)
{
    for (size_t i = 0; i < state->base.steps; i++) {
        if (state->record[i * FS_ROME_TERMS + FS_ROME_PLACE] > 0) {
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "none of the %zu edited pairs can be scored: they are too long, their completions have no "
                        "token, or all are held out; take other pairs",
                        state->base.steps);
}

static int train(struct trainer *t, fs_training_save *save, void *context, struct fs_error *err)
{
    struct fs_training_state *base = &t->state->base;
    while (base->step < base->steps) {
        if (run_pair(t, err) != 0) {
            return -1;
        }
        base->step++;
        if (fs_training_step_done(t->task->runner, save, context, base, err) != 0) {
            return -1;
        }
    }
    return check_requests(t->state, err);
}

static void release(struct trainer *t)
{
    for (size_t i = 0; t->bench != NULL && i < t->task->runner->threads; i++) {
        fs_target_bench_release(&t->bench[i]);
    }
    fs_covariance_release(&t->covariance);
    free(t->bench);
    free(t->pair);
}

int fs_rome_train(const struct fs_method_task *task, fs_training_save *save, void *context, struct fs_rome_state *state,
                  struct fs_error *err)
{
    struct trainer t = {.task = task, .spec = fs_model_spec(task->model), .options = task->settings, .state = state};
    int status = fs_runner_agree(task->runner, prepare(&t, err), err);
    if (status == 0 && state->base.step < state->base.steps) {
        status = find_factor(&t, err);
    }
    if (status == 0) {
        status = train(&t, save, context, err);
    }
    release(&t);
    return status;
}

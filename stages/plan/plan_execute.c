/* The one executor of plans: one unit after the other through the engine, by the unedited and the stamped model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/plan/plan.h"

/* What one thread computes with. Made when the thread gets its first unit. */
struct bench {
    struct fs_workspace *workspace;
    fs_real *h;                  /* (T,d) T: tokens of the largest unit */
    fs_real *x, *base;           /* (T,d) with a stamp */
    fs_real *logprob;            /* [most reads of a unit] */
    int32_t *top1;               /* [most rows of a unit] */
    struct fs_read_value *value; /* [most reads of a unit] */
    double *mean;                /* (B,d) of the largest unit, where states are asked for */
    double *state;               /* [most states of a unit][2][d] */
};

struct execution {
    const struct fs_plan *plan;
    const struct fs_model *model;
    const struct fs_stamp *stamp;
    struct bench *bench; /* [threads] */
    size_t most_tokens, most_reads, most_rows, most_sequences, most_states;
};

static size_t result_bytes(const void *context, size_t unit)
{
    const struct execution *execution = context;
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    return u.reads.first[u.reads.rows] * sizeof(struct fs_read_value) +
           u.states * 2 * fs_model_spec(execution->model)->hidden * sizeof(double);
}

static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct execution *execution = context;
    const struct fs_spec *spec = fs_model_spec(execution->model);
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    double tokens = (double)u.batch.tokens, layer = fs_flops_layer(spec, tokens, fs_batch_squares(&u.batch));
    double head = fs_flops_head(spec, (double)u.reads.rows);
    *cost =
        (struct fs_cost){(double)spec->layers * layer + head, (double)u.batch.sequences, tokens, (double)u.reads.rows};
    if (execution->stamp != NULL) {
        cost->flops += (double)(spec->layers - execution->stamp->layer - 1) * layer + head +
                       fs_flops_stamp(spec, execution->stamp->width, tokens);
    }
}

static int make_bench(const struct execution *execution, struct bench *bench, struct fs_error *err)
{
    size_t numbers;
    if (bench->workspace != NULL) {
        return 0;
    }
    if (fs_multiply(execution->most_tokens, fs_model_spec(execution->model)->hidden, &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "hidden states");
    }
    bench->h = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
    bench->logprob = fs_allocate(execution->most_reads, sizeof(fs_real), "log probabilities", err);
    bench->top1 = fs_allocate(execution->most_rows, sizeof(int32_t), "log probabilities", err);
    bench->value = fs_allocate(execution->most_reads, sizeof *bench->value, "log probabilities", err);
    if (bench->h == NULL || bench->logprob == NULL || bench->top1 == NULL || bench->value == NULL) {
        return -1;
    }
    if (execution->most_states > 0) {
        size_t hidden = fs_model_spec(execution->model)->hidden;
        bench->mean = fs_allocate(execution->most_sequences, hidden * sizeof(double), "states of texts", err);
        bench->state = fs_allocate(execution->most_states, 2 * hidden * sizeof(double), "states of texts", err);
        if (bench->mean == NULL || bench->state == NULL) {
            return -1;
        }
    }
    if (execution->stamp != NULL) {
        bench->x = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
        bench->base = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
        if (bench->x == NULL || bench->base == NULL) {
            return -1;
        }
    }
    return fs_workspace_create(execution->model, &bench->workspace, err);
}

/* The mean states that are asked for, of one model, in the order of the unit's sequences. */
static int read_states(const struct execution *execution, struct bench *bench, const struct fs_plan_unit *unit,
                       size_t model, struct fs_error *err)
{
    size_t hidden = fs_model_spec(execution->model)->hidden, next = 0;
    if (unit->states == 0) {
        return 0;
    }
    if (fs_read_mean_states(execution->model, bench->workspace, &unit->batch, bench->h, bench->mean, err) != 0) {
        return -1;
    }
    for (size_t s = 0; s < unit->batch.sequences; s++) {
        if (fs_plan_state_of(execution->plan, unit->pass_index[s]) != SIZE_MAX) {
            memcpy(bench->state + (2 * next + model) * hidden, bench->mean + s * hidden, hidden * sizeof(double));
            next++;
        }
    }
    return 0;
}

/* From the top hidden state of one model to the values of all reads and states of the unit. */
static int read_values(const struct execution *execution, struct bench *bench, const struct fs_plan_unit *unit,
                       size_t model, struct fs_error *err)
{
    const struct fs_reads *reads = &unit->reads;
    if (fs_read_logprobs(execution->model, bench->workspace, bench->h, reads, bench->logprob, bench->top1, err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < reads->rows; row++) {
        for (size_t i = reads->first[row]; i < reads->first[row + 1]; i++) {
            bench->value[i].logprob[model] = (double)bench->logprob[i];
            bench->value[i].top1[model] = bench->top1[row];
        }
    }
    return read_states(execution, bench, unit, model, err);
}

static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct execution *execution = context;
    const struct fs_model *model = execution->model;
    const struct fs_stamp *stamp = execution->stamp;
    size_t layers = fs_model_spec(model)->layers, hidden = fs_model_spec(model)->hidden;
    struct bench *bench = &execution->bench[thread];
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    size_t reads = u.reads.first[u.reads.rows];

    if (make_bench(execution, bench, err) != 0 || fs_batch_check(model, &u.batch, err) != 0 ||
        fs_embed(model, bench->workspace, &u.batch, NULL, bench->h, err) != 0) {
        return -1;
    }
    if (stamp == NULL) {
        if (fs_run_layers(model, bench->workspace, &u.batch, 0, layers, NULL, bench->h, err) != 0 ||
            read_values(execution, bench, &u, 0, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < reads; i++) {
            bench->value[i].logprob[1] = NAN;
            bench->value[i].top1[1] = -1;
        }
        for (size_t i = 0; i < u.states * hidden; i++) {
            bench->state[(2 * (i / hidden) + 1) * hidden + i % hidden] = NAN;
        }
    } else {
        if (fs_run_layers(model, bench->workspace, &u.batch, 0, stamp->layer, NULL, bench->h, err) != 0 ||
            fs_run_to_ffn(model, bench->workspace, &u.batch, stamp->layer, bench->h, bench->x, bench->base, err) != 0) {
            return -1;
        }
        /* One after the other in batches of the same shape, so that a stamp cannot change the bits of the unedited
         * model. */
        for (size_t which = 0; which < 2; which++) {
            if (fs_join_ffn(model, bench->workspace, u.batch.tokens, stamp->layer, which == 0 ? NULL : stamp, bench->x,
                            bench->base, bench->h, err) != 0 ||
                fs_run_layers(model, bench->workspace, &u.batch, stamp->layer + 1, layers, NULL, bench->h, err) != 0 ||
                read_values(execution, bench, &u, which, err) != 0) {
                return -1;
            }
        }
    }
    memcpy(result, bench->value, reads * sizeof *bench->value); /* a result may stand unaligned */
    if (u.states > 0) {
        memcpy((unsigned char *)result + reads * sizeof *bench->value, bench->state,
               u.states * 2 * hidden * sizeof *bench->state);
    }
    return 0;
}

static int prepare(struct execution *execution, size_t threads, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(execution->model);
    const struct fs_stamp *stamp = execution->stamp;
    if (stamp != NULL && (stamp->hidden != spec->hidden || stamp->layer >= spec->layers)) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "stamp: layer %zu, hidden size %zu; the model has %zu layers of hidden size %zu; use the stamp "
            "with the model it was trained for",
            stamp->layer, stamp->hidden, spec->layers, spec->hidden);
    }
    for (size_t unit = 0; unit < fs_plan_units(execution->plan); unit++) {
        struct fs_plan_unit u;
        fs_plan_get_unit(execution->plan, unit, &u);
        size_t reads = u.reads.first[u.reads.rows];
        execution->most_tokens = u.batch.tokens > execution->most_tokens ? u.batch.tokens : execution->most_tokens;
        execution->most_reads = reads > execution->most_reads ? reads : execution->most_reads;
        execution->most_rows = u.reads.rows > execution->most_rows ? u.reads.rows : execution->most_rows;
        if (u.states > 0) {
            execution->most_states = u.states > execution->most_states ? u.states : execution->most_states;
            execution->most_sequences =
                u.batch.sequences > execution->most_sequences ? u.batch.sequences : execution->most_sequences;
        }
    }
    execution->bench = fs_allocate(threads, sizeof *execution->bench, "workspaces", err);
    return execution->bench != NULL ? 0 : -1;
}

int fs_plan_execute(const struct fs_plan *plan, const struct fs_model *model, const struct fs_stamp *stamp,
                    struct fs_runner *runner, const char *checkpoint, struct fs_read_value *values, double *states,
                    struct fs_error *err)
{
    struct execution execution = {.plan = plan, .model = model, .stamp = stamp};
    const struct fs_work work = {"scores", fs_plan_units(plan), &execution, result_bytes, run_unit, unit_cost};
    unsigned char *results = NULL;
    size_t state_bytes = 2 * fs_model_spec(model)->hidden * sizeof *states;
    size_t bytes = fs_plan_reads(plan) * sizeof *values + fs_plan_states(plan) * state_bytes;
    int status = prepare(&execution, runner->threads, err);
    if (status == 0 && fs_runner_is_root(runner)) {
        results = fs_allocate(bytes, 1, "scores", err);
        status = results != NULL ? 0 : -1;
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = fs_runner_map(runner, &work, checkpoint, results, err);
    }
    if (status == 0 && results != NULL) {
        const unsigned char *next = results;
        for (size_t unit = 0; unit < work.units; unit++) {
            struct fs_plan_unit u;
            fs_plan_get_unit(plan, unit, &u);
            for (size_t i = 0; i < u.reads.first[u.reads.rows]; i++, next += sizeof *values) {
                memcpy(&values[u.read_index[i]], next, sizeof *values);
            }
            for (size_t s = 0; u.states > 0 && s < u.batch.sequences; s++) {
                size_t state = fs_plan_state_of(plan, u.pass_index[s]);
                if (state != SIZE_MAX) {
                    memcpy((unsigned char *)states + state * state_bytes, next, state_bytes);
                    next += state_bytes;
                }
            }
        }
    }
    for (size_t thread = 0; execution.bench != NULL && thread < runner->threads; thread++) {
        struct bench *bench = &execution.bench[thread];
        fs_workspace_destroy(bench->workspace);
        free(bench->h);
        free(bench->x);
        free(bench->base);
        free(bench->logprob);
        free(bench->top1);
        free(bench->value);
        free(bench->mean);
        free(bench->state);
    }
    free(execution.bench);
    free(results);
    return status;
}

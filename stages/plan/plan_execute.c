/* The one executor of plans: one unit after the other through the engine, by the unedited and the stamped model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/plan/plan.h"

/* What one thread computes with. Made when the thread gets its first unit. */
struct scratch {
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
    struct scratch *scratch; /* [threads] */
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
    double tokens = (double)u.batch.tokens, squares = fs_batch_squares(&u.batch);
    double head = fs_flops_head(spec, (double)u.reads.rows);
    *cost = (struct fs_cost){fs_flops_layers(spec, 0, spec->layers, tokens, squares) + head, (double)u.batch.sequences,
                             tokens, (double)u.reads.rows};
    if (execution->stamp != NULL) {
        cost->flops += fs_flops_layers(spec, execution->stamp->layer + 1, spec->layers, tokens, squares) + head +
                       fs_flops_stamp(spec, execution->stamp->width, tokens);
    }
}

static int make_scratch(const struct execution *execution, struct scratch *scratch, struct fs_error *err)
{
    size_t numbers;
    if (scratch->workspace != NULL) {
        return 0;
    }
    if (fs_multiply(execution->most_tokens, fs_model_spec(execution->model)->hidden, &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "hidden states");
    }
    scratch->h = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
    scratch->logprob = fs_allocate(execution->most_reads, sizeof(fs_real), "log probabilities", err);
    scratch->top1 = fs_allocate(execution->most_rows, sizeof(int32_t), "log probabilities", err);
    scratch->value = fs_allocate(execution->most_reads, sizeof *scratch->value, "log probabilities", err);
    if (scratch->h == NULL || scratch->logprob == NULL || scratch->top1 == NULL || scratch->value == NULL) {
        return -1;
    }
    if (execution->most_states > 0) {
        size_t hidden = fs_model_spec(execution->model)->hidden;
        scratch->mean = fs_allocate(execution->most_sequences, hidden * sizeof(double), "states of texts", err);
        scratch->state = fs_allocate(execution->most_states, 2 * hidden * sizeof(double), "states of texts", err);
        if (scratch->mean == NULL || scratch->state == NULL) {
            return -1;
        }
    }
    if (execution->stamp != NULL) {
        scratch->x = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
        scratch->base = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
        if (scratch->x == NULL || scratch->base == NULL) {
            return -1;
        }
    }
    return fs_workspace_create(execution->model, &scratch->workspace, err);
}

/* The mean states that are asked for, of one model, in the order of the unit's sequences. */
static int read_states(const struct execution *execution, struct scratch *scratch, const struct fs_plan_unit *unit,
                       size_t model, struct fs_error *err)
{
    size_t hidden = fs_model_spec(execution->model)->hidden, next = 0;
    if (unit->states == 0) {
        return 0;
    }
    if (fs_read_mean_states(execution->model, scratch->workspace, &unit->batch, scratch->h, scratch->mean, err) != 0) {
        return -1;
    }
    for (size_t s = 0; s < unit->batch.sequences; s++) {
        if (fs_plan_state_of(execution->plan, unit->pass_index[s]) != SIZE_MAX) {
            memcpy(scratch->state + (2 * next + model) * hidden, scratch->mean + s * hidden, hidden * sizeof(double));
            next++;
        }
    }
    return 0;
}

/* From the top hidden state of one model to the values of all reads and states of the unit. */
static int read_values(const struct execution *execution, struct scratch *scratch, const struct fs_plan_unit *unit,
                       size_t model, struct fs_error *err)
{
    const struct fs_reads *reads = &unit->reads;
    if (fs_read_logprobs(execution->model, scratch->workspace, scratch->h, reads, scratch->logprob, scratch->top1,
                         err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < reads->rows; row++) {
        for (size_t i = reads->first[row]; i < reads->first[row + 1]; i++) {
            scratch->value[i].logprob[model] = (double)scratch->logprob[i];
            scratch->value[i].top1[model] = scratch->top1[row];
        }
    }
    return read_states(execution, scratch, unit, model, err);
}

static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct execution *execution = context;
    const struct fs_model *model = execution->model;
    const struct fs_stamp *stamp = execution->stamp;
    size_t layers = fs_model_spec(model)->layers, hidden = fs_model_spec(model)->hidden;
    struct scratch *scratch = &execution->scratch[thread];
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    size_t reads = u.reads.first[u.reads.rows];

    if (make_scratch(execution, scratch, err) != 0 || fs_batch_check(model, &u.batch, err) != 0 ||
        fs_embed(model, scratch->workspace, &u.batch, NULL, scratch->h, err) != 0) {
        return -1;
    }
    if (stamp == NULL) {
        if (fs_run_layers(model, scratch->workspace, &u.batch, 0, layers, NULL, scratch->h, err) != 0 ||
            read_values(execution, scratch, &u, 0, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < reads; i++) {
            scratch->value[i].logprob[1] = NAN;
            scratch->value[i].top1[1] = -1;
        }
        for (size_t i = 0; i < u.states * hidden; i++) {
            scratch->state[(2 * (i / hidden) + 1) * hidden + i % hidden] = NAN;
        }
    } else {
        if (fs_run_layers(model, scratch->workspace, &u.batch, 0, stamp->layer, NULL, scratch->h, err) != 0 ||
            fs_run_to_ffn(model, scratch->workspace, &u.batch, stamp->layer, scratch->h, scratch->x, scratch->base,
                          err) != 0) {
            return -1;
        }
        /* One after the other in batches of the same shape, so that a stamp cannot change the bits of the unedited
         * model. */
        for (size_t which = 0; which < 2; which++) {
            if (fs_join_ffn(model, scratch->workspace, u.batch.tokens, stamp->layer, which == 0 ? NULL : stamp,
                            scratch->x, scratch->base, scratch->h, err) != 0 ||
                fs_run_layers(model, scratch->workspace, &u.batch, stamp->layer + 1, layers, NULL, scratch->h, err) !=
                    0 ||
                read_values(execution, scratch, &u, which, err) != 0) {
                return -1;
            }
        }
    }
    memcpy(result, scratch->value, reads * sizeof *scratch->value); /* a result may stand unaligned */
    if (u.states > 0) {
        memcpy((unsigned char *)result + reads * sizeof *scratch->value, scratch->state,
               u.states * 2 * hidden * sizeof *scratch->state);
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
    execution->scratch = fs_allocate(threads, sizeof *execution->scratch, "workspaces", err);
    return execution->scratch != NULL ? 0 : -1;
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
    for (size_t thread = 0; execution.scratch != NULL && thread < runner->threads; thread++) {
        struct scratch *scratch = &execution.scratch[thread];
        fs_workspace_destroy(scratch->workspace);
        free(scratch->h);
        free(scratch->x);
        free(scratch->base);
        free(scratch->logprob);
        free(scratch->top1);
        free(scratch->value);
        free(scratch->mean);
        free(scratch->state);
    }
    free(execution.scratch);
    free(results);
    return status;
}

/* The one executor of plans: one unit after the other through the engine, by the unedited model and by every edit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/plan/plan.h"
#include "stages/plan/plan_choices.h"

/* What one thread computes with. Made when the thread gets its first unit. */
struct scratch {
    struct fs_workspace *
        *workspace;    /* [1 + edits]: of the unedited model, then of those that are other models; else NULL */
    fs_real *h;        /* (T,d) T: tokens of the largest unit, d: the widest model's hidden size */
    fs_real *x, *base; /* (T,d) where there are edits; base as model/engine.h has it */
    fs_real *logprob;  /* [most tokens that a unit reads] */
    size_t *first;     /* [most rows of a unit + 1] */
    int32_t *token;    /* [most tokens that a unit reads] */
    int32_t *top1;     /* [most rows of a unit] */
    double *mean;      /* (B,d) of the largest unit, where states are asked for */
    /* Where there are decoding rules: */
    fs_real *prefixed;     /* (T,d) top states of prefixed texts */
    fs_real *distribution; /* (2 R + 1,V) of R rows of a text, of as many behind the prefix, of one as a rule has it */
};

struct execution {
    const struct fs_plan *plan;
    const struct fs_model *model;
    const struct fs_edit *edit; /* [edits] */
    size_t edits;
    size_t *order;           /* [edits] those that act on the model itself, by first layer; then the other models */
    size_t sharing;          /* how many act on the model itself */
    size_t hidden;           /* the widest model's */
    struct scratch *scratch; /* [threads] */
    size_t most_tokens, most_read, most_rows, most_sequences, most_states;
    size_t rules;         /* how many edits are decoding rules */
    size_t most_prefixed; /* tokens of a batch of prefixed texts */
    size_t rows;          /* R of scratch.distribution */
};

static bool is_rule(const struct fs_edit *edit)
{
    return edit->kind->distribution != NULL;
}

/* A unit's result: its reads' values, then its states, column by column. */
struct unit_result {
    struct fs_read_value *read; /* [columns][reads] */
    double *state;              /* [columns][states][hidden] */
    size_t reads, states;
};

static size_t reads_of(const struct fs_plan_unit *unit)
{
    return unit->reads.first[unit->reads.rows];
}

static size_t result_bytes(const void *context, size_t unit)
{
    const struct execution *execution = context;
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    return (1 + execution->edits) *
           (reads_of(&u) * sizeof(struct fs_read_value) + u.states * execution->hidden * sizeof(double));
}

/* Of all layers from `first` on. */
static double layers_flops(const struct fs_model *model, size_t first, const struct fs_plan_unit *unit)
{
    const struct fs_spec *spec = fs_model_spec(model);
    return fs_flops_layers(spec, first, spec->layers, (double)unit->batch.tokens, fs_batch_squares(&unit->batch));
}

/* What the rules of an execution cost: prefixed texts, and both heads at their rows. */
static double rules_flops(const struct execution *execution, size_t unit, double *most_tokens)
{
    const struct fs_spec *spec = fs_model_spec(execution->model);
    double flops = 0;
    for (size_t i = 0; execution->rules > 0 && i < fs_plan_prefixed_batches(execution->plan, unit); i++) {
        struct fs_plan_prefixed prefixed;
        fs_plan_get_prefixed(execution->plan, unit, i, &prefixed);
        double tokens = (double)prefixed.batch.tokens;
        flops += fs_flops_layers(spec, 0, spec->layers, tokens, fs_batch_squares(&prefixed.batch)) +
                 2 * fs_flops_head(spec, (double)prefixed.rows);
        *most_tokens = tokens > *most_tokens ? tokens : *most_tokens;
    }
    return flops;
}

static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct execution *execution = context;
    const struct fs_spec *spec = fs_model_spec(execution->model);
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    double tokens = (double)u.batch.tokens, rows = (double)u.reads.rows;
    *cost = (struct fs_cost){.flops = layers_flops(execution->model, 0, &u) + fs_flops_head(spec, rows),
                             .passes = (double)u.batch.sequences,
                             .tokens = tokens,
                             .rows = rows};
    cost->flops += rules_flops(execution, unit, &cost->tokens);
    for (size_t e = 0; e < execution->edits; e++) {
        const struct fs_edit *edit = &execution->edit[e];
        const struct fs_model *own = edit->model != NULL ? edit->model : execution->model;
        if (is_rule(edit)) {
            continue;
        }
        cost->flops += layers_flops(own, edit->model != NULL ? 0 : edit->first_layer + 1, &u) +
                       fs_flops_head(fs_model_spec(own), rows) +
                       (edit->kind->flops != NULL
                            ? edit->kind->flops(edit, edit->kind->last_state != NULL && u.states == 0 ? rows : tokens)
                            : 0);
    }
}

static int make_scratch(const struct execution *execution, struct scratch *scratch, struct fs_error *err)
{
    size_t numbers;
    if (scratch->workspace != NULL) {
        return 0;
    }
    if (fs_multiply(execution->most_tokens, execution->hidden, &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "hidden states");
    }
    scratch->workspace = fs_allocate(1 + execution->edits, sizeof(struct fs_workspace *), "workspaces", err);
    scratch->h = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
    scratch->logprob = fs_allocate(execution->most_read, sizeof(fs_real), "log probabilities", err);
    scratch->token = fs_allocate(execution->most_read, sizeof *scratch->token, "log probabilities", err);
    scratch->first = fs_allocate(execution->most_rows + 1, sizeof *scratch->first, "log probabilities", err);
    scratch->top1 = fs_allocate(execution->most_rows, sizeof(int32_t), "log probabilities", err);
    bool made = scratch->workspace != NULL && scratch->h != NULL && scratch->logprob != NULL &&
                scratch->token != NULL && scratch->first != NULL && scratch->top1 != NULL;
    if (made && execution->most_states > 0) {
        scratch->mean =
            fs_allocate(execution->most_sequences, execution->hidden * sizeof(double), "states of texts", err);
        made = scratch->mean != NULL;
    }
    if (made && execution->sharing > 0) {
        scratch->x = fs_allocate_aligned(numbers, sizeof(fs_real), "hidden states", err);
        scratch->base = fs_allocate_aligned(fs_base_matrices(fs_model_spec(execution->model)) * numbers,
                                            sizeof(fs_real), "hidden states", err);
        made = scratch->x != NULL && scratch->base != NULL;
    }
    if (made && execution->rules > 0) {
        const struct fs_spec *spec = fs_model_spec(execution->model);
        size_t states;
        if (fs_multiply(execution->most_prefixed, spec->hidden, &states) != 0) {
            return fs_error_memory(err, SIZE_MAX, "hidden states");
        }
        scratch->prefixed = fs_allocate_aligned(states, sizeof(fs_real), "hidden states", err);
        scratch->distribution =
            fs_allocate_aligned((2 * execution->rows + 1) * spec->vocabulary, sizeof(fs_real), "distributions", err);
        made = scratch->prefixed != NULL && scratch->distribution != NULL;
    }
    if (!made || fs_workspace_create(execution->model, &scratch->workspace[0], err) != 0) {
        return -1;
    }
    for (size_t e = 0; e < execution->edits; e++) {
        const struct fs_model *other = execution->edit[e].model;
        if (other != NULL && fs_workspace_create(other, &scratch->workspace[1 + e], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static void release_scratch(const struct execution *execution, struct scratch *scratch)
{
    for (size_t i = 0; scratch->workspace != NULL && i <= execution->edits; i++) {
        fs_workspace_destroy(scratch->workspace[i]);
    }
    free(scratch->workspace);
    free(scratch->h);
    free(scratch->x);
    free(scratch->base);
    free(scratch->logprob);
    free(scratch->token);
    free(scratch->first);
    free(scratch->top1);
    free(scratch->mean);
    free(scratch->prefixed);
    free(scratch->distribution);
}

/* One unit as one thread computes it. */
struct computation {
    const struct execution *execution;
    struct scratch *scratch;
    struct fs_plan_unit unit;
    struct fs_reads reads; /* the unit's, with the tokens of their choices behind the tokens of each row */
    struct unit_result result;
};

/* The mean states that are asked for, in the order of the unit's sequences. */
static int read_states(struct computation *c, const struct fs_pass *pass, size_t column, struct fs_error *err)
{
    size_t own = fs_spec_state_width(fs_model_spec(pass->model)), hidden = c->execution->hidden;
    double *state = c->result.state + column * c->result.states * hidden;
    if (c->result.states == 0) {
        return 0;
    }
    if (fs_read_mean_states(pass, c->scratch->h, c->scratch->mean, err) != 0) {
        return -1;
    }
    for (size_t s = 0; s < c->unit.batch.sequences; s++) {
        if (fs_plan_state_of(c->execution->plan, c->unit.pass_index[s]) != SIZE_MAX) {
            memcpy(state, c->scratch->mean + s * own, own * sizeof(double));
            memset(state + own, 0, (hidden - own) * sizeof(double));
            state += hidden;
        }
    }
    return 0;
}

/* From the top hidden state to the values of all reads and states of the unit, through the pass's edit. */
static int read_values(struct computation *c, const struct fs_pass *pass, size_t column, struct fs_error *err)
{
    const struct scratch *scratch = c->scratch;
    const size_t *first = c->unit.reads.first;
    struct fs_read_value *value = c->result.read + column * c->result.reads;
    c->reads.edit = pass->edit;
    if (fs_read_logprobs(pass->model, pass->workspace, scratch->h, &c->reads, scratch->logprob, scratch->top1, err) !=
        0) {
        return -1;
    }
    for (size_t row = 0; row < c->reads.rows; row++) {
        const fs_real *logprob = scratch->logprob + scratch->first[row],
                      *chosen = logprob + first[row + 1] - first[row];
        for (size_t i = first[row]; i < first[row + 1]; i++) {
            size_t count;
            const int32_t *token = fs_plan_read_choice(c->execution->plan, c->unit.read_index[i], &count);
            value[i] =
                (struct fs_read_value){.logprob = (double)*logprob++,
                                       .top1 = count > 0 ? token[fs_largest(chosen, count)] : scratch->top1[row]};
            chosen += count;
        }
    }
    return read_states(c, pass, column, err);
}

/* From the FFN of `layer`, of which x and base are there, to the values of a column. */
static int finish(struct computation *c, size_t layer, const struct fs_edit *edit, size_t column, struct fs_error *err)
{
    const struct fs_model *model = c->execution->model;
    struct scratch *scratch = c->scratch;
    const struct fs_pass pass = {model, scratch->workspace[0], &c->unit.batch, edit};
    return fs_join_ffn(&pass, layer, scratch->x, scratch->base, scratch->h, err) == 0 &&
                   fs_run_layers(&pass, layer + 1, fs_model_spec(model)->layers, scratch->h, err) == 0
               ? read_values(c, &pass, column, err)
               : -1;
}

/* What every rule makes of rows `begin` to `begin + count` of a batch of prefixed texts, whose distributions are there. */
static void apply_rules(struct computation *c, const struct fs_plan_prefixed *prefixed, size_t begin, size_t count)
{
    const struct execution *execution = c->execution;
    size_t V = fs_model_spec(execution->model)->vocabulary;
    fs_real *out = c->scratch->distribution + 2 * execution->rows * V;
    for (size_t e = 0; e < execution->edits; e++) {
        const struct fs_edit *edit = &execution->edit[e];
        for (size_t r = 0; is_rule(edit) && r < count; r++) {
            const fs_real *plain = c->scratch->distribution + r * V, *other = plain + execution->rows * V;
            edit->kind->distribution(edit, V, plain, other, out);
            int32_t top1 = fs_largest(out, V);
            for (size_t i = prefixed->first[begin + r]; i < prefixed->first[begin + r + 1]; i++) {
                size_t read = prefixed->read[i];
                c->result.read[(1 + e) * c->result.reads + read] = (struct fs_read_value){
                    .logprob = (double)out[c->unit.reads.token[read]],
                    .top1 = fs_choices_best(execution->plan, c->unit.read_index[read], out, top1)};
            }
        }
    }
}

/* The columns of decoding rules, from the unedited model's top states: the prefixed texts batch by batch. */
static int run_rules(struct computation *c, size_t unit, struct fs_error *err)
{
    const struct execution *execution = c->execution;
    const struct fs_model *model = execution->model;
    struct scratch *scratch = c->scratch;
    struct fs_workspace *workspace = scratch->workspace[0];
    size_t V = fs_model_spec(model)->vocabulary, layers = fs_model_spec(model)->layers;
    for (size_t i = 0; i < fs_plan_prefixed_batches(execution->plan, unit); i++) {
        struct fs_plan_prefixed prefixed;
        fs_plan_get_prefixed(execution->plan, unit, i, &prefixed);
        const struct fs_pass pass = {model, workspace, &prefixed.batch, NULL};
        if (fs_batch_check(model, &prefixed.batch, err) != 0 ||
            fs_embed(model, workspace, &prefixed.batch, NULL, scratch->prefixed, err) != 0 ||
            fs_run_layers(&pass, 0, layers, scratch->prefixed, err) != 0) {
            return -1;
        }
        for (size_t begin = 0, count; begin < prefixed.rows; begin += count) {
            count = prefixed.rows - begin < execution->rows ? prefixed.rows - begin : execution->rows;
            if (fs_read_distributions(model, workspace, scratch->h, count, prefixed.plain + begin,
                                      scratch->distribution, err) != 0 ||
                fs_read_distributions(model, workspace, scratch->prefixed, count, prefixed.row + begin,
                                      scratch->distribution + execution->rows * V, err) != 0) {
                return -1;
            }
            apply_rules(c, &prefixed, begin, count);
        }
    }
    for (size_t e = 0; e < execution->edits; e++) {
        size_t numbers = c->result.states * execution->hidden;
        double *state = c->result.state + (1 + e) * numbers;
        for (size_t k = 0; is_rule(&execution->edit[e]) && k < numbers; k++) {
            state[k] = NAN;
        }
    }
    return 0;
}

/* The unedited model and the edits that act on it, which part from it one first layer after the other. */
static int run_sharing(struct computation *c, size_t unit, struct fs_error *err)
{
    const struct execution *execution = c->execution;
    const struct fs_model *model = execution->model;
    struct scratch *scratch = c->scratch;
    struct fs_workspace *workspace = scratch->workspace[0];
    const struct fs_batch *batch = &c->unit.batch;
    const struct fs_pass pass = {model, workspace, batch, NULL};
    size_t from = 0, layers = fs_model_spec(model)->layers;
    if (fs_batch_check(model, batch, err) != 0 || fs_embed(model, workspace, batch, NULL, scratch->h, err) != 0) {
        return -1;
    }
    size_t i = 0;
    while (i < execution->sharing && execution->edit[execution->order[i]].first_layer < layers) {
        size_t layer = execution->edit[execution->order[i]].first_layer;
        if (fs_run_layers(&pass, from, layer, scratch->h, err) != 0 ||
            fs_run_to_ffn(&pass, layer, scratch->h, scratch->x, scratch->base, err) != 0) {
            return -1;
        }
        for (; i < execution->sharing && execution->edit[execution->order[i]].first_layer == layer; i++) {
            size_t e = execution->order[i];
            if (finish(c, layer, &execution->edit[e], 1 + e, err) != 0) {
                return -1;
            }
        }
        if (fs_join_ffn(&pass, layer, scratch->x, scratch->base, scratch->h, err) != 0) {
            return -1;
        }
        from = layer + 1;
    }
    if (fs_run_layers(&pass, from, layers, scratch->h, err) != 0 || read_values(c, &pass, 0, err) != 0) {
        return -1;
    }
    for (; i < execution->sharing; i++) { /* they change the last state alone */
        size_t e = execution->order[i];
        const struct fs_pass edited = {model, workspace, batch, &execution->edit[e]};
        if (!is_rule(&execution->edit[e]) && read_values(c, &edited, 1 + e, err) != 0) {
            return -1;
        }
    }
    return execution->rules > 0 ? run_rules(c, unit, err) : 0;
}

static int run_other(struct computation *c, size_t e, struct fs_error *err)
{
    const struct fs_model *model = c->execution->edit[e].model;
    struct fs_workspace *workspace = c->scratch->workspace[1 + e];
    const struct fs_batch *batch = &c->unit.batch;
    const struct fs_pass pass = {model, workspace, batch, NULL};
    return fs_batch_check(model, batch, err) == 0 && fs_embed(model, workspace, batch, NULL, c->scratch->h, err) == 0 &&
                   fs_run_layers(&pass, 0, fs_model_spec(model)->layers, c->scratch->h, err) == 0
               ? read_values(c, &pass, 1 + e, err)
               : -1;
}

static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct execution *execution = context;
    struct computation c = {.execution = execution, .scratch = &execution->scratch[thread]};
    size_t columns = 1 + execution->edits;
    fs_plan_get_unit(execution->plan, unit, &c.unit);
    c.result.reads = reads_of(&c.unit);
    c.result.states = c.unit.states;
    c.result.read = fs_allocate(columns * c.result.reads, sizeof *c.result.read, "log probabilities", err);
    c.result.state = fs_allocate(columns * c.result.states, execution->hidden * sizeof(double), "states of texts", err);
    int status = c.result.read != NULL && c.result.state != NULL ? make_scratch(execution, c.scratch, err) : -1;
    if (status == 0) {
        fs_choices_add(execution->plan, &c.unit, c.scratch->first, c.scratch->token, &c.reads);
        status = run_sharing(&c, unit, err);
    }
    for (size_t i = execution->sharing; status == 0 && i < execution->edits; i++) {
        status = run_other(&c, execution->order[i], err);
    }
    if (status == 0) { /* a result may stand unaligned */
        size_t bytes = columns * c.result.reads * sizeof *c.result.read;
        memcpy(result, c.result.read, bytes);
        memcpy((unsigned char *)result + bytes, c.result.state,
               columns * c.result.states * execution->hidden * sizeof(double));
    }
    free(c.result.read);
    free(c.result.state);
    return status;
}

/* Edits of the model itself by first layer, the earlier of equal ones first; then the other models. */
static void sort_edits(struct execution *execution)
{
    size_t layers = fs_model_spec(execution->model)->layers, count = 0;
    for (size_t layer = 0; layer <= layers; layer++) {
        for (size_t e = 0; e < execution->edits; e++) {
            if (execution->edit[e].model == NULL && execution->edit[e].first_layer == layer) {
                execution->order[count++] = e;
            }
        }
    }
    execution->sharing = count;
    for (size_t e = 0; e < execution->edits; e++) {
        if (execution->edit[e].model != NULL) {
            execution->order[count++] = e;
        }
    }
}

/* Numbers of a hidden state or of what fs_read_mean_states makes of it, the most. */
static size_t widest(const struct fs_spec *spec)
{
    size_t state = fs_spec_state_width(spec);
    return state > spec->hidden ? state : spec->hidden;
}

static int prepare(struct execution *execution, size_t threads, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(execution->model);
    execution->hidden = widest(spec);
    execution->order = fs_allocate(execution->edits, sizeof *execution->order, "edits", err);
    execution->scratch = fs_allocate(threads, sizeof *execution->scratch, "workspaces", err);
    if (execution->order == NULL || execution->scratch == NULL) {
        return -1;
    }
    for (size_t e = 0; e < execution->edits; e++) {
        const struct fs_edit *edit = &execution->edit[e];
        if (edit->kind->check(edit, spec, err) != 0) {
            return -1;
        }
        size_t most = spec->layers - (edit->kind->last_state != NULL || is_rule(edit) ? 0 : 1);
        if (edit->model == NULL && edit->first_layer > most) { /* what no kind's check should let through */
            return fs_error_set(err, FS_EXIT_SOFTWARE, "an edit of kind %s begins at layer %zu of %zu",
                                edit->kind->name, edit->first_layer, spec->layers);
        }
        size_t hidden = edit->model != NULL ? widest(fs_model_spec(edit->model)) : 0;
        execution->hidden = hidden > execution->hidden ? hidden : execution->hidden;
        execution->rules += is_rule(edit) ? 1 : 0;
    }
    sort_edits(execution);
    if (execution->rules > 0 && fs_plan_reads(execution->plan) > 0 && !fs_plan_has_prefixes(execution->plan)) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "a decoding rule, and a plan without prefixes");
    }
    execution->rows = fs_rule_rows(spec);
    for (size_t unit = 0; unit < fs_plan_units(execution->plan); unit++) {
        struct fs_plan_unit u;
        fs_plan_get_unit(execution->plan, unit, &u);
        size_t read = fs_choices_count(execution->plan, &u);
        execution->most_tokens = u.batch.tokens > execution->most_tokens ? u.batch.tokens : execution->most_tokens;
        execution->most_read = read > execution->most_read ? read : execution->most_read;
        execution->most_rows = u.reads.rows > execution->most_rows ? u.reads.rows : execution->most_rows;
        for (size_t i = 0; i < fs_plan_prefixed_batches(execution->plan, unit); i++) {
            struct fs_plan_prefixed prefixed;
            fs_plan_get_prefixed(execution->plan, unit, i, &prefixed);
            size_t tokens = prefixed.batch.tokens;
            execution->most_prefixed = tokens > execution->most_prefixed ? tokens : execution->most_prefixed;
        }
        if (u.states > 0) {
            execution->most_states = u.states > execution->most_states ? u.states : execution->most_states;
            execution->most_sequences =
                u.batch.sequences > execution->most_sequences ? u.batch.sequences : execution->most_sequences;
        }
    }
    return 0;
}

/* Root: room for what all units give. */
static int create_values(const struct execution *execution, struct fs_plan_values *values, struct fs_error *err)
{
    size_t columns = 1 + execution->edits, reads = fs_plan_reads(execution->plan),
           states = fs_plan_states(execution->plan);
    *values = (struct fs_plan_values){
        .plan = execution->plan, .columns = columns, .reads = reads, .states = states, .hidden = execution->hidden};
    values->read = fs_allocate(reads, columns * sizeof *values->read, "scores", err);
    values->state = fs_allocate(states, columns * execution->hidden * sizeof(double), "states of texts", err);
    return values->read != NULL && values->state != NULL ? 0 : -1;
}

void fs_plan_values_release(struct fs_plan_values *values)
{
    free(values->read);
    free(values->state);
    *values = (struct fs_plan_values){0};
}

/* Puts a unit's result, at `next`, in its places; returns what follows it. */
static const unsigned char *place_unit(const struct execution *execution, size_t unit, const unsigned char *next,
                                       struct fs_plan_values *values)
{
    struct fs_plan_unit u;
    fs_plan_get_unit(execution->plan, unit, &u);
    size_t state_bytes = values->hidden * sizeof(double);
    for (size_t column = 0; column < values->columns; column++) {
        for (size_t i = 0; i < reads_of(&u); i++, next += sizeof *values->read) {
            memcpy(&values->read[column * values->reads + u.read_index[i]], next, sizeof *values->read);
        }
    }
    for (size_t column = 0; u.states > 0 && column < values->columns; column++) {
        for (size_t s = 0; s < u.batch.sequences; s++) {
            size_t state = fs_plan_state_of(execution->plan, u.pass_index[s]);
            if (state != SIZE_MAX) {
                memcpy(values->state + (column * values->states + state) * values->hidden, next, state_bytes);
                next += state_bytes;
            }
        }
    }
    return next;
}

int fs_plan_execute(const struct fs_plan *plan, const struct fs_model *model, const struct fs_edit_list *edits,
                    struct fs_runner *runner, const char *checkpoint, struct fs_plan_values *values,
                    struct fs_error *err)
{
    struct execution execution = {.plan = plan, .model = model, .edit = edits->edit, .edits = edits->count};
    const struct fs_work work = {.name = "scores",
                                 .units = fs_plan_units(plan),
                                 .context = &execution,
                                 .result_bytes = result_bytes,
                                 .run = run_unit,
                                 .cost = unit_cost,
                                 .held = fs_plan_bytes(plan)};
    unsigned char *results = NULL;
    *values = (struct fs_plan_values){0};
    int status = prepare(&execution, runner->threads, err);
    if (status == 0 && fs_runner_is_root(runner)) {
        size_t bytes = 0;
        for (size_t unit = 0; unit < work.units; unit++) {
            bytes += result_bytes(&execution, unit);
        }
        results = fs_allocate(bytes, 1, "scores", err);
        status = results != NULL ? create_values(&execution, values, err) : -1;
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = fs_runner_map(runner, &work, checkpoint, results, err);
    }
    if (status == 0 && results != NULL) {
        const unsigned char *next = results;
        for (size_t unit = 0; unit < work.units; unit++) {
            next = place_unit(&execution, unit, next, values);
        }
    }
    for (size_t thread = 0; execution.scratch != NULL && thread < runner->threads; thread++) {
        release_scratch(&execution, &execution.scratch[thread]);
    }
    free(execution.order);
    free(execution.scratch);
    free(results);
    return status;
}

#include "stages/methods/stamp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "model/numbers/random.h"
#include "stages/methods/stamp_unit.h"

#define PI 3.14159265358979323846
#define LEAST_WIDTH 1e-9 /* of tanh(D / tau), where nothing is biased to begin with */

/* The stream of the seed that shuffles; stream 0 is the stamp's own (stamp_net.c). */
#define SHUFFLE_STREAM UINT64_C(1)

/* What one thread computes with; made when it gets its first unit of a batch. */
struct scratch {
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    fs_real *h, *dh;  /* (T,d) */
    fs_real *logprob; /* (R,V) log probabilities, then gradients of logits */
};

struct trainer {
    const struct fs_model *model;
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    const struct fs_pair_list *list;
    const struct fs_stamp_options *options;
    struct fs_stamp_state *state;
    struct fs_runner *runner;
    size_t *pair; /* [pairs] the edited pairs in the order of training */
    size_t pairs;
    size_t parameters;
    struct fs_stamp_units units; /* of the batch */
    unsigned char *mine;         /* [units] which of them this rank has filled */
    fs_real *total;              /* [parameters + units x 2 x values] */
    double *value;               /* [values] the batch's terms, then the categories' SS */
    double gap;                  /* mean |D| of the batch before training */
    double width;                /* tau of L_b */
    struct scratch *scratch;     /* [threads] */
};

/* What a unit reports beside its gradient: the terms, and its share of each category's SS. */
static size_t values_of(const struct trainer *trainer)
{
    return FS_VALUE_COUNT + trainer->units.categories;
}

static void release_bench(struct scratch *scratch)
{
    fs_workspace_destroy(scratch->workspace);
    fs_tape_destroy(scratch->tape);
    free(scratch->h);
    free(scratch->dh);
    free(scratch->logprob);
    *scratch = (struct scratch){0};
}

static int prepare_scratch(const struct trainer *trainer, struct scratch *scratch, struct fs_error *err)
{
    if (scratch->tape != NULL) {
        return 0;
    }
    const struct fs_stamp_units *units = &trainer->units;
    size_t row_bytes = trainer->spec->hidden * sizeof(fs_real),
           logit_bytes = trainer->spec->vocabulary * sizeof(fs_real);
    scratch->h = fs_allocate_aligned(units->most_tokens, row_bytes, "hidden states", err);
    scratch->dh = fs_allocate_aligned(units->most_tokens, row_bytes, "gradients of hidden states", err);
    scratch->logprob = fs_allocate_aligned(units->most_rows, logit_bytes, "logits", err);
    return scratch->h != NULL && scratch->dh != NULL && scratch->logprob != NULL &&
                   fs_workspace_create(trainer->model, &scratch->workspace, err) == 0 &&
                   fs_tape_create(trainer->model, &scratch->tape, err) == 0
               ? 0
               : -1;
}

static int fill_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *trainer = context;
    (void)result;
    if (prepare_scratch(trainer, &trainer->scratch[thread], err) != 0) {
        return -1;
    }
    return fs_stamp_unit_fill(trainer->model, trainer->scratch[thread].workspace, trainer->options,
                              &trainer->units.unit[unit], err);
}

static void fill_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *trainer = context;
    const struct fs_stamp_unit *u = &trainer->units.unit[unit];
    struct fs_plan_unit view;
    fs_plan_get_unit(u->plan, 0, &view);
    const struct fs_spec *spec = trainer->spec;
    double tokens = (double)view.batch.tokens;
    double layers = fs_flops_layers(spec, 0, spec->layers, tokens, fs_batch_squares(&view.batch));
    *cost = (struct fs_cost){layers + fs_flops_head(spec, (double)u->loss.rows), (double)view.batch.sequences, tokens,
                             (double)u->loss.rows};
}

static void step_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *trainer = context;
    const struct fs_stamp_unit *u = &trainer->units.unit[unit];
    const struct fs_spec *spec = trainer->spec;
    size_t width = trainer->options->width;
    double tokens = (double)u->batch.tokens, squares = fs_batch_squares(&u->batch);
    size_t first = trainer->options->layer + 1;
    *cost = (struct fs_cost){0, (double)u->batch.sequences, tokens, (double)u->loss.rows};
    cost->flops = fs_flops_layers(spec, first, spec->layers, tokens, squares) +
                  fs_flops_layers_backward(spec, first, spec->layers, tokens, squares) +
                  2 * fs_flops_head(spec, (double)u->loss.rows) + fs_flops_stamp(spec->hidden, width, tokens) +
                  fs_flops_stamp_backward(spec->hidden, width, tokens);
}

/* Two numbers a value, itself and the remainder: float32 carries 48 bits so. Every unit has a place of its own. */
static void put_values(const struct trainer *trainer, size_t unit, const double *value, fs_real *vector)
{
    fs_real *place = vector + unit * 2 * values_of(trainer);
    memset(vector, 0, trainer->units.count * 2 * values_of(trainer) * sizeof *vector);
    for (size_t i = 0; i < values_of(trainer); i++) {
        place[2 * i] = (fs_real)value[i];
        place[2 * i + 1] = (fs_real)(value[i] - (double)place[2 * i]);
    }
}

/* trainer->value: the sums over units, in unit order, from what fs_runner_sum has brought together. */
static void get_values(struct trainer *trainer, const fs_real *vector)
{
    size_t values = values_of(trainer);
    memset(trainer->value, 0, values * sizeof *trainer->value);
    for (size_t i = 0; i < trainer->units.count * 2 * values; i++) {
        trainer->value[i % (2 * values) / 2] += (double)vector[i];
    }
}

/* The unit's gradient, and its values behind it. */
static int differentiate_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *trainer = context;
    struct scratch *scratch = &trainer->scratch[thread];
    const struct fs_stamp_unit *u = &trainer->units.unit[unit];
    fs_real *gradient = result;
    memset(gradient, 0, trainer->parameters * sizeof *gradient);
    const struct fs_edit edit = fs_stamp_edit(&trainer->state->stamp);
    double *value = fs_allocate(values_of(trainer), sizeof *value, "the values of a training unit", err);
    if (value == NULL || prepare_scratch(trainer, scratch, err) != 0) {
        free(value);
        return -1;
    }
    /* the scratch has its workspace only now */
    const struct fs_pass pass = {trainer->model, scratch->workspace, &u->batch, &edit};
    int status = -1;
    if (fs_upper_forward(&pass, scratch->tape, u->x, u->base, scratch->h, err) == 0 &&
        fs_tape_read(scratch->tape, scratch->h, u->loss.rows, u->row, scratch->logprob, err) == 0 &&
        fs_loss_evaluate(&u->loss, trainer->options, trainer->width, scratch->logprob, value, value + FS_VALUE_COUNT,
                         err) == 0 &&
        fs_tape_read_backward(scratch->tape, scratch->logprob, scratch->dh, err) == 0 &&
        fs_upper_backward(scratch->tape, scratch->dh, gradient, NULL, err) == 0) {
        put_values(trainer, unit, value, gradient + trainer->parameters);
        status = 0;
    }
    free(value);
    return status;
}

/* The unit's parts of the mean gap before training and of the mean square of x, as its first two values. */
static int measure_unedited(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *trainer = context;
    const struct fs_stamp_unit *u = &trainer->units.unit[unit];
    const struct fs_loss_unit *loss = &u->loss;
    size_t tokens = 0, hidden = trainer->spec->hidden;
    (void)thread;
    for (size_t i = 0; i < trainer->units.count; i++) {
        tokens += trainer->units.unit[i].batch.tokens;
    }
    double *value = fs_allocate(values_of(trainer), sizeof *value, "the values of a training unit", err);
    if (value == NULL) {
        return -1;
    }
    for (size_t p = 0; p < loss->pairs; p++) {
        value[0] += loss->pair_weight * fabs(loss->pair[p].reference[0] - loss->pair[p].reference[1]);
    }
    for (size_t i = 0; i < u->batch.tokens * hidden; i++) {
        value[1] += (double)u->x[i] * (double)u->x[i];
    }
    value[1] /= (double)tokens * (double)hidden;
    put_values(trainer, unit, value, result);
    free(value);
    return 0;
}

/* Kingma and Ba, arXiv 1412.6980, algorithm 1; epsilon outside the root, as PyTorch has it. */
static void adam(const struct fs_stamp_options *options, struct fs_stamp_state *state, const fs_real *gradient,
                 size_t count)
{
    double t = (double)(state->step + 1), learning_rate = options->learning_rate;
    if (options->schedule == FS_RATE_COSINE) { /* from the full rate towards 0 over a batch's iterations */
        learning_rate *=
            0.5 * (1 + cos(PI * (double)(state->step % options->iterations) / (double)options->iterations));
    }
    const fs_real beta1 = (fs_real)options->adam_beta1, beta2 = (fs_real)options->adam_beta2;
    const fs_real rate = (fs_real)(learning_rate / (1 - pow(options->adam_beta1, t)));
    const fs_real scale = (fs_real)(1 / sqrt(1 - pow(options->adam_beta2, t)));
    const fs_real epsilon = (fs_real)options->adam_epsilon;
    fs_real *parameter = state->stamp.parameters, *first = state->moment1, *second = state->moment2;
    for (size_t i = 0; i < count; i++) {
        fs_real g = gradient[i];
        first[i] = beta1 * first[i] + (1 - beta1) * g;
        second[i] = beta2 * second[i] + (1 - beta2) * g * g;
        parameter[i] -= rate * first[i] / ((fs_real)sqrt(second[i]) * scale + epsilon);
    }
}

static bool all_finite(const fs_real *x, size_t count)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        finite = finite && isfinite(x[i]);
    }
    return finite;
}

/* The losses of this step into the history; -1 where they are not finite. */
static int record(struct trainer *trainer, struct fs_error *err)
{
    struct fs_stamp_state *state = trainer->state;
    const struct fs_stamp_options *o = trainer->options;
    const double *value = trainer->value, *score = value + FS_VALUE_COUNT;
    double *loss = state->loss + 4 * state->step, *extra = state->extra + FS_STAMP_EXTRA * state->step;
    loss[0] = value[FS_TERM_EDIT] + o->alpha * value[FS_TERM_CONTEXT] + o->beta * value[FS_TERM_GENERIC] +
              o->level_weight * value[FS_TERM_LEVEL] + o->balance_weight * value[FS_TERM_BALANCE];
    loss[1] = value[FS_TERM_EDIT];
    loss[2] = value[FS_TERM_CONTEXT];
    loss[3] = value[FS_TERM_GENERIC];
    extra[0] = value[FS_TERM_LEVEL];
    extra[1] = value[FS_TERM_BALANCE];
    extra[2] = 0;
    for (size_t c = 0; c < trainer->units.categories; c++) {
        extra[2] = fmax(extra[2], fabs(score[c] - 50));
    }
    extra[3] = value[FS_MEAN_GAP];
    if (isfinite(loss[0]) && all_finite(trainer->total, trainer->parameters)) {
        return 0;
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "stamp: iteration %zu: the loss is %g (L_e %g, L_s1 %g, L_s2 %g, L_m %g, L_b %g) or its gradient is not "
        "finite; lower learning_rate (now %g), or the weights of the terms",
        state->step + 1, loss[0], loss[1], loss[2], loss[3], extra[0], extra[1], o->learning_rate);
}

/*
 * How good the parameters before `step` are, as keys of falling rank, less is better: whether the mean gap is still
 * above an eighth of what it was; the distance of SS from 50 in tenths of a point, where up to 1 point is as good as
 * none; L.
 */
static void rank_step(const struct trainer *trainer, size_t step, double key[3])
{
    const double *extra = trainer->state->extra + FS_STAMP_EXTRA * step;
    key[0] = extra[3] > trainer->gap / 8;
    key[1] = round(10 * fmax(0, extra[2] - 1));
    key[2] = trainer->state->loss[4 * step];
}

/* The parameters before this step are kept where they are the best of the last quarter of the batch so far. */
static void remember_best(const struct trainer *trainer)
{
    const struct fs_stamp_options *options = trainer->options;
    struct fs_stamp_state *state = trainer->state;
    size_t number = state->step % options->iterations;
    if (!options->keep_best || number < options->iterations - (options->iterations + 3) / 4) {
        return;
    }
    if (state->best_step != SIZE_MAX) {
        double now[3], best[3];
        rank_step(trainer, state->step, now);
        rank_step(trainer, state->best_step, best);
        size_t k = 0;
        while (k < 2 && now[k] == best[k]) {
            k++;
        }
        if (now[k] >= best[k]) {
            return;
        }
    }
    state->best_step = state->step;
    memcpy(state->best, state->stamp.parameters, trainer->parameters * sizeof *state->best);
}

/* tau of L_b shrinks with the gaps, so that it sees which way small ones point; the gaps are those of the step before.
 */
static double balance_width(const struct trainer *trainer)
{
    const struct fs_stamp_state *state = trainer->state;
    double gap = trainer->gap;
    if (state->step % trainer->options->iterations > 0) {
        gap = fmin(gap, state->extra[FS_STAMP_EXTRA * (state->step - 1) + 3]);
    }
    return fmax(fmin(trainer->options->balance_width * trainer->gap, gap / 2), LEAST_WIDTH);
}

/* One Adam step on the batch; the same arithmetic on every rank. */
static int iterate(struct trainer *trainer, struct fs_error *err)
{
    struct fs_stamp_state *state = trainer->state;
    struct fs_work work = {"stamp", trainer->units.count, trainer, NULL, differentiate_unit, step_cost};
    size_t length = trainer->parameters + trainer->units.count * 2 * values_of(trainer);
    trainer->width = balance_width(trainer);
    if (fs_runner_sum(trainer->runner, &work, trainer->mine, length, trainer->total, err) != 0) {
        return -1;
    }
    get_values(trainer, trainer->total + trainer->parameters);
    if (record(trainer, err) != 0) {
        return -1;
    }
    remember_best(trainer);
    adam(trainer->options, state, trainer->total, trainer->parameters);
    state->step++;
    if (state->step % trainer->options->iterations == 0 && state->best_step != SIZE_MAX) {
        memcpy(state->stamp.parameters, state->best, trainer->parameters * sizeof *state->best);
        state->best_step = SIZE_MAX;
    }
    return 0;
}

static void end_batch(struct trainer *trainer)
{
    for (size_t t = 0; trainer->scratch != NULL && t < trainer->runner->threads; t++) {
        release_bench(&trainer->scratch[t]);
    }
    fs_stamp_units_release(&trainer->units);
    free(trainer->mine);
    free(trainer->total);
    free(trainer->value);
    trainer->mine = NULL;
    trainer->total = NULL;
    trainer->value = NULL;
}

static int compile_batch(struct trainer *trainer, size_t batch, struct fs_error *err)
{
    size_t size = trainer->options->batch == 0 ? trainer->pairs : trainer->options->batch;
    size_t first = batch * size, count = trainer->pairs - first < size ? trainer->pairs - first : size;
    const struct fs_stamp_batch pairs = {trainer->list, trainer->pair + first, count};
    struct fs_stamp_units *units = &trainer->units;
    if (fs_stamp_units_compile(trainer->spec, trainer->tokenizer, &pairs, trainer->options, units, err) != 0) {
        return -1;
    }
    if (units->pairs == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "stamp: none of the %zu pairs of batch %zu can be scored by %s: they are too long or their "
                            "objects have no token; take larger batches or other pairs",
                            count, batch + 1, fs_scoring_name(trainer->options->scoring));
    }
    size_t length = trainer->parameters + units->count * 2 * values_of(trainer);
    trainer->mine = fs_allocate(units->count, 1, "the training units", err);
    trainer->total = fs_allocate_aligned(length, sizeof *trainer->total, "the gradient", err);
    trainer->value = fs_allocate(values_of(trainer), sizeof *trainer->value, "the loss", err);
    return trainer->mine != NULL && trainer->total != NULL && trainer->value != NULL ? 0 : -1;
}

static void start_key_bias(const struct trainer *trainer, double root_mean_square)
{
    struct fs_stamp *stamp = &trainer->state->stamp;
    fs_real *bias = stamp->parameters + fs_stamp_offset_key_bias(stamp);
    for (size_t c = 0; c < stamp->width; c++) {
        bias[c] = (fs_real)(trainer->options->key_bias * root_mean_square);
    }
}

static int begin_batch(struct trainer *trainer, size_t batch, struct fs_error *err)
{
    if (fs_runner_agree(trainer->runner, compile_batch(trainer, batch, err), err) != 0) {
        return -1;
    }
    struct fs_work fill = {"stamp: unedited model", trainer->units.count, trainer, NULL, fill_unit, fill_cost};
    struct fs_work gap = {"stamp: unedited gap", trainer->units.count, trainer, NULL, measure_unedited, NULL};
    struct fs_work step = {"stamp", trainer->units.count, trainer, NULL, differentiate_unit, step_cost};
    if (fs_runner_claim(trainer->runner, &fill, &step, trainer->mine, err) != 0 ||
        fs_runner_sum(trainer->runner, &gap, trainer->mine, trainer->units.count * 2 * values_of(trainer),
                      trainer->total, err) != 0) {
        return -1;
    }
    get_values(trainer, trainer->total);
    trainer->gap = trainer->value[0];
    if (trainer->state->step == 0) {
        start_key_bias(trainer, sqrt(trainer->value[1]));
    }
    return 0;
}

static int train(struct trainer *trainer, int (*save)(void *, const struct fs_stamp_state *, bool, struct fs_error *),
                 void *save_context, struct fs_error *err)
{
    struct fs_stamp_state *state = trainer->state;
    const struct fs_stamp_options *options = trainer->options;
    bool running = false; /* a batch is */
    while (state->step < state->steps) {
        if (!running && begin_batch(trainer, state->step / options->iterations, err) != 0) {
            return -1;
        }
        running = true;
        if (iterate(trainer, err) != 0) {
            return -1;
        }
        if (state->step % options->iterations == 0) {
            end_batch(trainer);
            running = false;
        }
        bool stop = state->step < state->steps && fs_runner_stop_requested(trainer->runner);
        if (save != NULL && save(save_context, state, stop, err) != 0) {
            return -1;
        }
        if (stop) {
            return fs_error_set(err, FS_EXIT_INTERRUPTED,
                                "stamp: stopped after iteration %zu of %zu; run the same command "
                                "again to go on",
                                state->step, state->steps);
        }
    }
    return 0;
}

static bool same_term(const struct fs_pair *a, const struct fs_pair *b)
{
    return strcmp(a->target, b->target) == 0 && strcmp(a->category, b->category) == 0;
}

/*
 * The edited pairs: target terms in a seeded random order (Fisher and Yates), the pairs of a term side by side as they
 * stand in the file.
 */
static int order_pairs(struct trainer *trainer, const bool *held_out, struct fs_error *err)
{
    const struct fs_pair *item = trainer->list->item;
    size_t n = 0, terms = 0;
    size_t *term = fs_allocate(trainer->list->count, sizeof *term, "the order of training", err); /* its first pair */
    size_t *edited = fs_allocate(trainer->list->count, sizeof *edited, "the order of training", err);
    trainer->pair = fs_allocate(trainer->list->count, sizeof *trainer->pair, "the order of training", err);
    int status = term != NULL && edited != NULL && trainer->pair != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < trainer->list->count; i++) {
        if ((held_out != NULL && held_out[i]) || item[i].skip != FS_KEPT) {
            continue;
        }
        edited[n++] = i;
        size_t known = 0;
        while (known < terms && !same_term(&item[term[known]], &item[i])) {
            known++;
        }
        if (known == terms) {
            term[terms++] = i;
        }
    }
    struct fs_random random = fs_random_start(trainer->options->seed, SHUFFLE_STREAM);
    for (size_t i = terms; status == 0 && i > 1; i--) {
        size_t other = fs_random_below(&random, i), moved = term[i - 1];
        term[i - 1] = term[other];
        term[other] = moved;
    }
    for (size_t t = 0; status == 0 && t < terms; t++) {
        for (size_t i = 0; i < n; i++) {
            if (same_term(&item[term[t]], &item[edited[i]])) {
                trainer->pair[trainer->pairs++] = edited[i];
            }
        }
    }
    free(term);
    free(edited);
    return status;
}

static int check(const struct trainer *trainer, struct fs_error *err)
{
    const struct fs_stamp_options *o = trainer->options;
    const struct fs_stamp *stamp = &trainer->state->stamp;
    if (o->scoring != FS_TARGET_PROB && o->scoring != FS_TARGET_LOGPROB && o->scoring != FS_SENTENCE_MEAN &&
        o->scoring != FS_OBJECT_MEAN) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "stamp: scoring %s cannot be trained on; expected target.prob or target.logprob (masked), "
                            "sentence.mean or object.mean (causal)",
                            fs_scoring_name(o->scoring));
    }
    if (o->layer >= trainer->spec->layers) {
        return fs_error_set(err, FS_EXIT_CONFIG, "stamp: layer %zu, but the model has layers 0 to %zu", o->layer,
                            trainer->spec->layers - 1);
    }
    if (!(o->level_weight >= 0) || !(o->balance_weight >= 0) || (o->balance_weight > 0 && !(o->balance_width > 0))) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "stamp: level_weight %g, balance_weight %g, balance_width %g; expected weights from 0 and a width above 0",
            o->level_weight, o->balance_weight, o->balance_width);
    }
    if (!isfinite(o->key_bias)) {
        return fs_error_set(err, FS_EXIT_CONFIG, "stamp: key_bias %g; expected a finite number", o->key_bias);
    }
    if (!(o->learning_rate > 0) || !(o->alpha >= 0) || !(o->beta >= 0) || !(o->adam_epsilon > 0) ||
        !(o->adam_beta1 >= 0 && o->adam_beta1 < 1) || !(o->adam_beta2 >= 0 && o->adam_beta2 < 1) ||
        o->iterations == 0) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "stamp: learning_rate %g, alpha %g, beta %g, adam %g %g %g, iterations %zu; expected a rate, an "
            "epsilon and iterations above 0, alpha and beta from 0, Adam's betas from 0 to below 1",
            o->learning_rate, o->alpha, o->beta, o->adam_beta1, o->adam_beta2, o->adam_epsilon, o->iterations);
    }
    if (trainer->pairs == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "stamp: no pair is left to be edited; hold out fewer");
    }
    if (stamp->layer != o->layer || stamp->width != o->width || stamp->hidden != trainer->spec->hidden ||
        trainer->state->steps != fs_stamp_steps(o, trainer->pairs)) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "stamp: the state to go on from has layer %zu, width %zu, hidden size %zu, %zu iterations; this job "
            "has %zu, %zu, %zu, %zu; remove it to begin anew",
            stamp->layer, stamp->width, stamp->hidden, trainer->state->steps, o->layer, o->width, trainer->spec->hidden,
            fs_stamp_steps(o, trainer->pairs));
    }
    return 0;
}

int fs_stamp_train(const struct fs_stamp_task *task, struct fs_stamp_state *state, struct fs_error *err)
{
    struct fs_runner *runner = task->runner;
    struct trainer trainer = {
        .model = task->model,
        .spec = fs_model_spec(task->model),
        .tokenizer = task->tokenizer,
        .list = task->pairs,
        .options = task->options,
        .state = state,
        .runner = runner,
        .parameters = fs_stamp_parameters(state->stamp.hidden, state->stamp.width),
    };
    int status = order_pairs(&trainer, task->held_out, err);
    if (status == 0) {
        status = check(&trainer, err);
    }
    trainer.scratch = fs_allocate(runner->threads, sizeof *trainer.scratch, "workspaces", err);
    status = fs_runner_agree(runner, trainer.scratch != NULL ? status : -1, err);
    if (status == 0) {
        status = train(&trainer, task->save, task->save_context, err);
    }
    end_batch(&trainer);
    free(trainer.scratch);
    free(trainer.pair);
    return status;
}

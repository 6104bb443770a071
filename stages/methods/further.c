#include "stages/methods/further.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/all_weights.h"
#include "model/flops.h"
#include "model/gradients.h"
#include "model/numbers/kernels.h"
#include "model/numbers/random.h"
#include "model/steps/workspace.h"
#include "model/trainable.h"
#include "stages/methods/adam.h"
#include "stages/methods/corpus.h"
#include "stages/methods/training_step.h"
#include "stages/methods/word_lookup.h"
#include "stages/plan/plan.h"

#define MASKED_SHARE 0.15
/* Draws of different use have streams of their own: the seed of a use is the job's, mixed with one of these. */
#define USE_ORDER 0x6f72646572000000u
#define USE_MASKS 0x6d61736b73000000u
#define USE_WORDS 0x776f726473000000u
#define USE_DROPS 0x64726f7073000000u

/* What one thread computes with; made when it gets its first unit. */
struct bench {
    struct fs_workspace *workspace;
    struct fs_gradients *gradients;
    int32_t *token;   /* [tokens of a unit] as the model sees them */
    size_t *row;      /* [tokens of a unit] that are read */
    int32_t *target;  /* [tokens of a unit] what is to be there */
    fs_real *logprob; /* (R,V) log probabilities, then gradients of logits */
    size_t rows;      /* there is room for in logprob */
};

struct trainer {
    const struct fs_further_form *form;
    const struct fs_method_task *task;
    const struct fs_spec *spec;
    const struct fs_further_options *options;
    struct fs_further_state *state;
    struct fs_special_tokens special;
    size_t words; /* random tokens are below it */
    struct fs_word_swap *swap;
    size_t swaps;
    struct fs_corpus corpus;
    size_t *order, round; /* [corpus.blocks] of the blocks in the round `round`, from 1; 0: none yet */
    size_t *block;        /* [batch] the blocks of the step */
    size_t together;      /* blocks of a unit */
    size_t *start;        /* [together + 1] of a unit's sequences */
    double hidden_dropout, attention_dropout;
    size_t units, targets; /* targets: tokens that the step's loss is over */
    unsigned char *mine;   /* [units] */
    struct bench *bench;   /* [threads] */
    fs_real *total;        /* [share] of the gradient; on the last rank the loss behind it */
};

int fs_further_state_create(const struct fs_further_form *form, const struct fs_method_task *task,
                            struct fs_further_state *state, struct fs_error *err)
{
    const struct fs_further_options *options = task->settings;
    const struct fs_spec *spec = fs_model_spec(task->model);
    *state = (struct fs_further_state){.base = {0, options->steps}};
    if (spec->kind == FS_MASKED && fs_tokenizer_special(task->tokenizer)->mask < 0) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: the model's tokenizer has no mask token, which a masked model is "
                            "trained with; take another model",
                            form->name);
    }
    if (options->own_dropout && (isnan(spec->hidden_dropout) || isnan(spec->attention_dropout))) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s.dropout: what config.json says of dropout is no share from 0 to "
                            "below 1; set the key to false, or mend the file",
                            form->name);
    }
    state->edit = (struct fs_edit){
        .kind = &fs_edit_all_weights, .first_layer = spec->layers, .count = fs_trainable_numbers(spec)};
    state->loss = fs_allocate(options->steps, sizeof *state->loss, "the history of losses", err);
    return state->loss != NULL ? fs_further_state_begin(task, state, err) : -1;
}

int fs_further_state_begin(const struct fs_method_task *task, struct fs_further_state *state, struct fs_error *err)
{
    state->share = fs_runner_share(state->edit.count, task->runner->rank, task->runner->ranks);
    state->delta = fs_allocate(state->share.count, sizeof *state->delta, "the change of all weights", err);
    state->moment1 = fs_allocate(state->share.count, sizeof *state->moment1, "Adam's moments", err);
    state->moment2 = fs_allocate(state->share.count, sizeof *state->moment2, "Adam's moments", err);
    return state->delta != NULL && state->moment1 != NULL && state->moment2 != NULL
               ? fs_trainable_copy(task->model, &state->edit.model, err)
               : -1;
}

void fs_further_state_apply(const struct fs_method_task *task, struct fs_further_state *state)
{
    fs_trainable_set(state->edit.model, state->share.first, state->share.count, state->delta);
    fs_runner_gather(task->runner, fs_trainable_weights(state->edit.model), state->edit.count);
}

void fs_further_state_release(struct fs_further_state *state)
{
    fs_edit_release(&state->edit);
    free(state->delta);
    free(state->moment1);
    free(state->moment2);
    free(state->loss);
    *state = (struct fs_further_state){0};
}

/* ---- what a step takes ---- */

/* A round's order of the blocks. */
static void shuffle(struct trainer *t, size_t round)
{
    struct fs_random random = fs_random_start(t->task->seed ^ USE_ORDER, round);
    for (size_t i = 0; i < t->corpus.blocks; i++) {
        size_t at = fs_random_below(&random, i + 1);
        t->order[i] = t->order[at];
        t->order[at] = i;
    }
    t->round = round + 1;
}

static bool is_special(const struct fs_special_tokens *special, int32_t token)
{
    return token == special->cls || token == special->sep || token == special->mask || token == special->pad ||
           token == special->unknown || token == special->begin_of_text || token == special->end_of_text;
}

/* The token at a position of the step's block `place`, as the model sees it; `*chosen`: whether it is to be predicted. */
static int32_t mask(const struct trainer *t, size_t place, size_t position, bool *chosen)
{
    int32_t token = t->corpus.token[t->block[place] * t->corpus.block + position];
    uint64_t number = (uint64_t)t->state->base.step * t->options->batch + place;
    struct fs_random random = fs_random_start(t->task->seed ^ USE_MASKS, number * t->corpus.block + position);
    *chosen = !is_special(&t->special, token) && fs_random_uniform(&random) < MASKED_SHARE;
    if (!*chosen) {
        return token;
    }
    double what = fs_random_uniform(&random);
    return what < 0.8 ? t->special.mask : what < 0.9 ? (int32_t)fs_random_below(&random, t->words) : token;
}

/* The blocks of the step, and how many tokens its loss is over. */
static void begin_step(struct trainer *t)
{
    size_t length = t->corpus.block, batch = t->options->batch;
    for (size_t i = 0; i < batch; i++) {
        size_t number = t->state->base.step * batch + i, round = number / t->corpus.blocks;
        if (t->round != round + 1) {
            shuffle(t, round);
        }
        t->block[i] = t->order[number % t->corpus.blocks];
    }
    t->targets = t->spec->kind == FS_CAUSAL ? batch * (length - 1) : 0;
    for (size_t i = 0; t->spec->kind == FS_MASKED && i < batch * length; i++) {
        bool chosen;
        mask(t, i / length, i % length, &chosen);
        t->targets += chosen ? 1 : 0;
    }
}

/* ---- units ---- */

static size_t blocks_of(const struct trainer *t, size_t unit)
{
    size_t left = t->options->batch - unit * t->together;
    return left < t->together ? left : t->together;
}

static struct fs_batch batch_of(const struct trainer *t, size_t unit, const int32_t *token)
{
    size_t blocks = blocks_of(t, unit);
    return (struct fs_batch){blocks, blocks * t->corpus.block, token, t->start, NULL, NULL};
}

static struct bench *bench_of(struct trainer *t, size_t thread, struct fs_error *err)
{
    struct bench *bench = &t->bench[thread];
    size_t most = t->together * t->corpus.block;
    if (bench->gradients != NULL) {
        return bench;
    }
    bench->token = fs_allocate(most, sizeof *bench->token, "a training unit", err);
    bench->row = fs_allocate(most, sizeof *bench->row, "a training unit", err);
    bench->target = fs_allocate(most, sizeof *bench->target, "a training unit", err);
    return bench->token != NULL && bench->row != NULL && bench->target != NULL &&
                   fs_workspace_create(t->state->edit.model, &bench->workspace, err) == 0 &&
                   fs_gradients_create(t->state->edit.model, &bench->gradients, err) == 0
               ? bench
               : NULL;
}

/* Its tokens, rows and targets; how many there are. */
static size_t fill_unit(const struct trainer *t, size_t unit, struct bench *bench)
{
    size_t length = t->corpus.block, rows = 0;
    for (size_t b = 0; b < blocks_of(t, unit); b++) {
        size_t place = unit * t->together + b;
        const int32_t *token = t->corpus.token + t->block[place] * length;
        for (size_t i = 0; i < length; i++) {
            bool chosen = i + 1 < length;
            bool masked = t->spec->kind == FS_MASKED;
            bench->token[b * length + i] = masked ? mask(t, place, i, &chosen) : token[i];
            if (chosen) {
                bench->row[rows] = b * length + i;
                bench->target[rows++] = token[masked ? i : i + 1];
            }
        }
    }
    return rows;
}

/* Turns log probabilities into the gradient of the step's loss, and returns the unit's part of it. */
static double loss_of(const struct trainer *t, struct bench *bench, size_t rows)
{
    size_t V = t->spec->vocabulary;
    fs_real weight = (fs_real)(1.0 / (double)t->targets);
    double loss = 0;
    for (size_t r = 0; r < rows; r++) {
        fs_real *row = bench->logprob + r * V;
        loss -= (double)row[bench->target[r]];
        fs_distribution_gradient(row, NULL, V, weight, 0);
        row[bench->target[r]] -= weight;
    }
    return loss / (double)t->targets;
}

static bool drops(const struct trainer *t)
{
    return t->hidden_dropout > 0 || t->attention_dropout > 0;
}

/* What is dropped of a unit of the step. */
static struct fs_dropout dropout_of(const struct trainer *t, size_t unit)
{
    uint64_t number = (uint64_t)t->state->base.step * t->units + unit;
    struct fs_random random = fs_random_start(t->task->seed ^ USE_DROPS, number);
    return (struct fs_dropout){t->hidden_dropout, t->attention_dropout, fs_random_next(&random)};
}

static int differentiate_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct trainer *t = context;
    struct bench *bench = bench_of(t, thread, err);
    size_t count = t->state->edit.count;
    fs_real *gradient = result;
    if (bench == NULL) {
        return -1;
    }
    memset(gradient, 0, (count + 1) * sizeof *gradient);
    const struct fs_batch batch = batch_of(t, unit, bench->token);
    const struct fs_pass pass = {t->state->edit.model, bench->workspace, &batch, NULL};
    const struct fs_weight_sink sink = fs_trainable_sink(t->state->edit.model, gradient);
    const struct fs_dropout dropout = dropout_of(t, unit);
    size_t rows = fill_unit(t, unit, bench);
    if (rows == 0) {
        return 0;
    }
    if (rows > bench->rows) {
        free(bench->logprob);
        bench->logprob = fs_allocate_aligned(rows, t->spec->vocabulary * sizeof *bench->logprob, "logits", err);
        bench->rows = bench->logprob != NULL ? rows : 0;
    }
    fs_workspace_forget(bench->workspace); /* the weights are those of the step */
    fs_workspace_drop(bench->workspace, drops(t) ? &dropout : NULL);
    if (bench->logprob == NULL ||
        fs_gradients_forward(bench->gradients, &pass, NULL, rows, bench->row, bench->logprob, err) != 0) {
        return -1;
    }
    gradient[count] = (fs_real)loss_of(t, bench, rows);
    return fs_gradients_weights(bench->gradients, bench->logprob, &sink, err);
}

/* Forward, forward again layer by layer, backward, and the weights' products, as many as forward. */
static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trainer *t = context;
    const struct fs_batch batch = batch_of(t, unit, NULL);
    const struct fs_pass pass = {t->state->edit.model, NULL, &batch, NULL};
    double tokens = (double)batch.tokens, squares = fs_batch_squares(&batch);
    double rows = t->spec->kind == FS_CAUSAL ? tokens : ceil(MASKED_SHARE * tokens);
    size_t layers = t->spec->layers;
    *cost = (struct fs_cost){.flops = 2 * fs_flops_layers(t->spec, 0, layers, tokens, squares) +
                                      fs_flops_layers_backward(t->spec, 0, layers, tokens, squares) +
                                      fs_flops_layers(t->spec, 0, layers, tokens, 0) + 3 * fs_flops_head(t->spec, rows),
                             .passes = (double)batch.sequences,
                             .tokens = tokens,
                             .rows = rows,
                             .waits = (double)sizeof(fs_real) * ((double)fs_gradients_numbers(&pass, (size_t)rows) +
                                                                 rows * (double)t->spec->vocabulary +
                                                                 tokens * (double)t->spec->hidden)}; /* dropped */
}

/* The ranks share units out by their costs; a unit has nothing that it keeps. */
static int keep_nothing(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context;
    (void)thread;
    (void)unit;
    (void)result;
    (void)err;
    return 0;
}

/* ---- the training ---- */

static int make_swaps(struct trainer *t, struct fs_error *err)
{
    const struct fs_method_task *task = t->task;
    const char **category;
    size_t count;
    if (!t->form->exchanges) {
        return 0;
    }
    int status = fs_list_categories(task, &category, &count, err);
    t->swap = status == 0 ? fs_allocate(count, sizeof *t->swap, "attribute words", err) : NULL;
    for (size_t i = 0; t->swap != NULL && status == 0 && i < count; i++) {
        t->swaps++;
        status = fs_word_swap_make(task->words, category[i], t->options->letters, (task->seed ^ USE_WORDS) + i,
                                   &t->swap[i], err);
    }
    free(category);
    return t->swap != NULL ? status : -1;
}

static int prepare(struct trainer *t, struct fs_error *err)
{
    const struct fs_method_task *task = t->task;
    size_t batch = t->options->batch, block = t->options->block, steps = t->options->steps, most;
    block = block < t->spec->max_positions ? block : t->spec->max_positions;
    most = fs_multiply(steps, batch, &most) == 0 && fs_multiply(most, block, &most) == 0 ? most : SIZE_MAX;
    if (make_swaps(t, err) != 0) {
        return -1;
    }
    const struct fs_corpus_form form = {.tokenizer = task->tokenizer,
                                        .kind = t->spec->kind,
                                        .swap = t->swap,
                                        .swaps = t->swaps,
                                        .block = block,
                                        .most = most};
    if (fs_corpus_read(task->text, &form, &t->corpus, err) != 0) {
        return -1;
    }
    t->state->text = (struct fs_further_text){t->corpus.lines, t->corpus.exchanged, t->corpus.tokens, t->corpus.block};
    t->hidden_dropout = t->options->own_dropout ? t->spec->hidden_dropout : t->options->hidden_dropout;
    t->attention_dropout = t->options->own_dropout ? t->spec->attention_dropout : t->options->attention_dropout;
    t->special = *fs_tokenizer_special(task->tokenizer);
    t->words = fs_tokenizer_size(task->tokenizer) < t->spec->vocabulary ? fs_tokenizer_size(task->tokenizer)
                                                                        : t->spec->vocabulary;
    t->together = FS_UNIT_TOKENS / t->corpus.block;
    t->together = t->together == 0 ? 1 : t->together < batch ? t->together : batch;
    t->units = (batch - 1) / t->together + 1;
    t->order = fs_allocate(t->corpus.blocks, sizeof *t->order, "the order of blocks", err);
    t->block = fs_allocate(batch, sizeof *t->block, "the blocks of a step", err);
    t->start = fs_allocate(t->together + 1, sizeof *t->start, "the blocks of a unit", err);
    t->mine = fs_allocate(t->units, 1, "the training units", err);
    t->bench = fs_allocate(task->runner->threads, sizeof *t->bench, "workspaces", err);
    t->total = fs_allocate_aligned(t->state->share.count + 1, sizeof *t->total, "the gradient", err);
    for (size_t i = 0; t->start != NULL && i <= t->together; i++) {
        t->start[i] = i * t->corpus.block;
    }
    return t->order != NULL && t->block != NULL && t->start != NULL && t->mine != NULL && t->bench != NULL &&
                   t->total != NULL
               ? 0
               : -1;
}

/* Sets total: this rank's share of the gradient of the step's loss. */
static int sum(struct trainer *t, struct fs_error *err)
{
    struct fs_work work = {
        .name = t->form->name, .units = t->units, .context = t, .run = differentiate_unit, .cost = unit_cost};
    begin_step(t);
    return fs_runner_sum_shared(t->task->runner, &work, t->mine, t->state->edit.count, 1, t->total, err);
}

/* Of the whole gradient. */
struct whole {
    double square; /* of its norm */
    double loss;
};

/* In the order of the numbers, as one rank would. */
static void add_share(void *context, void *value)
{
    const struct trainer *t = context;
    struct whole *whole = value;
    size_t count = t->state->share.count;
    double square = whole->square;
    for (size_t i = 0; i < count; i++) {
        square += (double)t->total[i] * (double)t->total[i];
    }
    whole->square = square;
    if (t->task->runner->rank == t->task->runner->ranks - 1) {
        whole->loss = (double)t->total[count];
    }
}

/* Clips the gradient, and takes the step. */
static int update(struct trainer *t, struct fs_error *err)
{
    struct fs_further_state *state = t->state;
    const struct fs_adam_parameters at = {state->delta, state->moment1, state->moment2, state->share.count};
    double left = 1 - (double)state->base.step / (double)state->base.steps;
    const struct fs_adam adam = {t->options->learning_rate * left, 0.9, 0.999, 1e-8};
    struct whole whole = {0};
    if (fs_runner_fold(t->task->runner, &whole, sizeof whole, add_share, t, err) != 0) {
        return -1;
    }
    double norm = sqrt(whole.square);
    state->loss[state->base.step] = whole.loss;
    if (!isfinite(norm) || !isfinite(whole.loss)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: step %zu: the loss is %g, the norm of its gradient %g, expected numbers; lower "
                            "%s.learning_rate (now %g)",
                            t->form->name, state->base.step + 1, whole.loss, norm, t->form->name,
                            t->options->learning_rate);
    }
    if (t->options->clip > 0 && norm > t->options->clip) {
        fs_kernel_scale(t->total, at.count, (fs_real)(t->options->clip / (norm + 1e-6)));
    }
    fs_adam_step(&adam, state->base.step + 1, t->total, &at);
    fs_further_state_apply(t->task, state);
    return 0;
}

static int train(struct trainer *t, fs_training_save *save, void *context, struct fs_error *err)
{
    struct fs_training_state *base = &t->state->base;
    const struct fs_work work = {.name = "units", .units = t->units, .context = t, .run = keep_nothing};
    const struct fs_work sums = {.name = t->form->name, .units = t->units, .context = t, .cost = unit_cost};
    if (fs_runner_claim(t->task->runner, &work, &sums, t->mine, err) != 0) {
        return -1;
    }
    while (base->step < base->steps) {
        if (sum(t, err) != 0 || update(t, err) != 0) {
            return -1;
        }
        base->step++;
        t->state->seen += t->options->batch * t->corpus.block;
        if (fs_training_step_done(t->task->runner, save, context, base, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static void release(struct trainer *t)
{
    for (size_t i = 0; t->bench != NULL && i < t->task->runner->threads; i++) {
        struct bench *bench = &t->bench[i];
        fs_gradients_destroy(bench->gradients);
        fs_workspace_destroy(bench->workspace);
        free(bench->token);
        free(bench->row);
        free(bench->target);
        free(bench->logprob);
    }
    for (size_t i = 0; i < t->swaps; i++) {
        fs_word_swap_release(&t->swap[i]);
    }
    fs_corpus_release(&t->corpus);
    free(t->swap);
    free(t->order);
    free(t->block);
    free(t->start);
    free(t->mine);
    free(t->bench);
    free(t->total);
}

int fs_further_train(const struct fs_further_form *form, const struct fs_method_task *task, fs_training_save *save,
                     void *context, struct fs_further_state *state, struct fs_error *err)
{
    struct trainer t = {
        .form = form, .task = task, .spec = fs_model_spec(task->model), .options = task->settings, .state = state};
    int status = fs_runner_agree(task->runner, prepare(&t, err), err);
    if (status == 0) {
        status = train(&t, save, context, err);
    }
    release(&t);
    return status;
}

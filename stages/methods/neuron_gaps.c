#include "stages/methods/neuron_gaps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/backward.h"
#include "model/flops.h"
#include "stages/plan/plan.h"

/* A statement's first token: where it is read, and what it is. */
struct question {
    size_t pass, position;
    int32_t token;
};

struct pair {
    struct question side[2]; /* k1, k2 */
};

struct search {
    const struct fs_method_task *task;
    const struct fs_neuron_options *options;
    const struct fs_spec *spec;
    struct fs_plan *plan; /* holds the passes; never sealed */
    struct pair *pair;    /* [pairs] */
    size_t pairs;
    struct bench *bench; /* [threads] */
    size_t most_tokens;  /* of a batch */
};

/* What a thread works in. */
struct bench {
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    fs_real *h, *x, *base, *top, *dh; /* (T,d); base as model/engine.h has it */
    fs_real *logprob;                 /* (copies,V) */
    fs_real *key, *dkey, *written;    /* (F), (F), (d) */
    fs_real *sum;                     /* (d) */
    float *gap;                       /* [neurons] */
    int32_t *token;                   /* [T] */
    size_t *start, *parent, *depth, *row;
};

size_t fs_neurons_of(const struct fs_spec *spec)
{
    size_t neurons = 0;
    for (size_t layer = 0; layer < spec->layers; layer++) {
        neurons += spec->layer[layer].ffn;
    }
    return neurons;
}

/* ---- the edit that scales what W_out reads in a row of each copy, and sees the gradient there ---- */

struct probe {
    struct fs_edit edit; /* first */
    const struct fs_model *model;
    struct bench *bench;
    const size_t *row;          /* [copies] */
    size_t copies, step, steps; /* copy c has the factor (step + c) / steps */
};

static int fits(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    return edit->first_layer < spec->layers ? 0 : fs_error_set(err, FS_EXIT_SOFTWARE, "a probe of no layer");
}

static void scale_key(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h)
{
    const struct probe *probe = (const struct probe *)edit;
    const struct fs_spec *spec = fs_model_spec(probe->model);
    size_t d = spec->hidden, F = spec->layer[run->layer].ffn;
    fs_real *written = probe->bench->written;
    for (size_t c = 0; c < probe->copies; c++) {
        const fs_real *key = run->key + probe->row[c] * F;
        fs_real factor = (fs_real)((double)(probe->step + c) / (double)probe->steps - 1);
        memcpy(probe->bench->key, key, F * sizeof *key); /* all copies have the same */
        fs_ffn_write(probe->model, run->layer, 1, key, written);
        for (size_t k = 0; k < d; k++) {
            h[probe->row[c] * d + k] += factor * written[k];
        }
    }
}

static void take_gradient(const struct fs_edit *edit, const struct fs_edit_run *run, const fs_real *dy, fs_real *dinner,
                          fs_real *gradient, fs_real *dx)
{
    const struct probe *probe = (const struct probe *)edit;
    size_t d = fs_model_spec(probe->model)->hidden;
    (void)run, (void)dinner, (void)gradient, (void)dx;
    for (size_t c = 0; c < probe->copies; c++) {
        for (size_t k = 0; k < d; k++) {
            probe->bench->sum[k] += dy[probe->row[c] * d + k];
        }
    }
}

static const struct fs_edit_kind probe_kind = {
    .name = "probe", .reads_keys = true, .check = fits, .ffn_output = scale_key, .ffn_output_backward = take_gradient};

/* ---- a pair ---- */

/* Tokens that are run: of a causal model what stands behind the position changes nothing at it. */
static size_t length_of(const struct search *s, const struct question *q)
{
    return s->spec->kind == FS_CAUSAL && s->spec->first_position == 0 ? q->position + 1
                                                                      : fs_plan_pass_length(s->plan, q->pass);
}

/* Whether copies of a text share all but the row that is read. */
static bool shares(const struct search *s, size_t length)
{
    return length <= fs_spec_shared_length(s->spec);
}

static size_t copies_of(const struct search *s, size_t length)
{
    size_t most = shares(s, length) ? s->options->steps : FS_UNIT_TOKENS / length;
    most = most > 0 ? most : 1;
    return most < s->options->steps ? most : s->options->steps;
}

static size_t tokens_of(const struct search *s, size_t length, size_t copies)
{
    return shares(s, length) ? length + copies - 1 : length * copies;
}

/* `copies` of the question's text as a batch; bench->row: the row that is read in each. */
static struct fs_batch make_batch(const struct search *s, struct bench *b, const struct question *q, size_t copies)
{
    const int32_t *id = fs_plan_pass_ids(s->plan, q->pass);
    size_t length = length_of(s, q), tokens = 0;
    bool shared = shares(s, length);
    b->start[0] = 0;
    for (size_t c = 0; c < copies; c++) {
        size_t depth = shared && c > 0 ? length - 1 : 0;
        b->parent[c] = 0;
        b->depth[c] = depth;
        b->row[c] = tokens + q->position - depth;
        memcpy(b->token + tokens, id + depth, (length - depth) * sizeof *id);
        tokens += length - depth;
        b->start[c + 1] = tokens;
    }
    return (struct fs_batch){copies, tokens, b->token, b->start, shared ? b->parent : NULL, shared ? b->depth : NULL};
}

/* logprob (copies,V) to the gradient of sum over copies and tokens of sign P(token) by the logits. */
static void differentiate(fs_real *logprob, size_t copies, size_t vocabulary, const int32_t *token, const double *sign,
                          size_t tokens)
{
    for (size_t c = 0; c < copies; c++) {
        fs_real *row = logprob + c * vocabulary;
        double p[2], all = 0;
        for (size_t k = 0; k < tokens; k++) {
            p[k] = sign[k] * exp((double)row[token[k]]);
            all += p[k];
        }
        for (size_t v = 0; v < vocabulary; v++) {
            row[v] = (fs_real)(-all * exp((double)row[v]));
        }
        for (size_t k = 0; k < tokens; k++) {
            row[token[k]] += (fs_real)p[k];
        }
    }
}

/* Tokens whose probabilities are differentiated in one text, each with its sign. */
struct answers {
    size_t count;
    int32_t token[2];
    double sign[2];
};

/* Adds to bench->sum (d) the gradients at the FFN of `layer`, of which x and base are there, by all copies of a batch. */
static int run_layer(const struct search *s, struct bench *b, struct probe *probe, const struct fs_batch *batch,
                     const struct answers *answers, struct fs_error *err)
{
    const struct fs_pass pass = {s->task->model, b->workspace, batch, &probe->edit};
    fs_real unused;
    if (fs_upper_forward(&pass, b->tape, b->x, b->base, b->top, err) != 0 ||
        fs_tape_read(b->tape, b->top, probe->copies, b->row, b->logprob, err) != 0) {
        return -1;
    }
    differentiate(b->logprob, probe->copies, s->spec->vocabulary, answers->token, answers->sign, answers->count);
    return fs_tape_read_backward(b->tape, b->logprob, b->dh, err) == 0
               ? fs_upper_backward(b->tape, b->dh, &unused, NULL, err)
               : -1;
}

/* Adds the attributions of one text's answers to bench->gap. */
static int run_text(const struct search *s, struct bench *b, const struct question *q, const struct answers *answers,
                    struct fs_error *err)
{
    size_t d = s->spec->hidden, most = copies_of(s, length_of(s, q)), steps = s->options->steps;
    for (size_t step = 0, copies; step < steps; step += copies) {
        copies = steps - step < most ? steps - step : most;
        const struct fs_batch batch = make_batch(s, b, q, copies);
        const struct fs_pass pass = {s->task->model, b->workspace, &batch, NULL};
        float *gap = b->gap;
        if (fs_batch_check(s->task->model, &batch, err) != 0 ||
            fs_embed(s->task->model, b->workspace, &batch, NULL, b->h, err) != 0) {
            return -1;
        }
        for (size_t layer = 0; layer < s->spec->layers; layer++) {
            size_t F = s->spec->layer[layer].ffn;
            struct probe probe = {.edit = {.kind = &probe_kind, .first_layer = layer},
                                  .model = s->task->model,
                                  .bench = b,
                                  .row = b->row,
                                  .copies = copies,
                                  .step = step,
                                  .steps = steps};
            memset(b->sum, 0, d * sizeof *b->sum);
            if (fs_run_to_ffn(&pass, layer, b->h, b->x, b->base, err) != 0 ||
                run_layer(s, b, &probe, &batch, answers, err) != 0 ||
                fs_join_ffn(&pass, layer, b->x, b->base, b->h, err) != 0) {
                return -1;
            }
            fs_ffn_write_backward(s->task->model, layer, 1, b->sum, b->dkey);
            for (size_t j = 0; j < F; j++) {
                gap[j] += (float)((double)b->key[j] * (double)b->dkey[j] / (double)steps);
            }
            gap += F;
        }
    }
    return 0;
}

/* ---- units: a pair each ---- */

static size_t most_ffn(const struct fs_spec *spec)
{
    size_t most = 0;
    for (size_t layer = 0; layer < spec->layers; layer++) {
        most = spec->layer[layer].ffn > most ? spec->layer[layer].ffn : most;
    }
    return most;
}

static struct bench *bench_of(const struct search *s, size_t thread, struct fs_error *err)
{
    struct bench *b = &s->bench[thread];
    size_t T = s->most_tokens, row = s->spec->hidden * sizeof(fs_real), F = most_ffn(s->spec), m = s->options->steps;
    if (b->tape != NULL) {
        return b;
    }
    b->h = fs_allocate_aligned(T, row, "hidden states", err);
    b->x = fs_allocate_aligned(T, row, "hidden states", err);
    b->base = fs_allocate_aligned(fs_base_matrices(s->spec) * T, row, "hidden states", err);
    b->top = fs_allocate_aligned(T, row, "hidden states", err);
    b->dh = fs_allocate_aligned(T, row, "gradients of hidden states", err);
    b->logprob = fs_allocate_aligned(m, s->spec->vocabulary * sizeof(fs_real), "logits", err);
    b->key = fs_allocate_aligned(F, sizeof(fs_real), "keys", err);
    b->dkey = fs_allocate_aligned(F, sizeof(fs_real), "keys", err);
    b->written = fs_allocate_aligned(1, row, "keys", err);
    b->sum = fs_allocate_aligned(1, row, "gradients", err);
    b->gap = fs_allocate(fs_neurons_of(s->spec), sizeof *b->gap, "neurons", err);
    b->token = fs_allocate(T, sizeof *b->token, "token ids", err);
    b->start = fs_allocate(m + 1, sizeof *b->start, "a batch", err);
    b->parent = fs_allocate(m, sizeof *b->parent, "a batch", err);
    b->depth = fs_allocate(m, sizeof *b->depth, "a batch", err);
    b->row = fs_allocate(m, sizeof *b->row, "a batch", err);
    bool made = b->h != NULL && b->x != NULL && b->base != NULL && b->top != NULL && b->dh != NULL &&
                b->logprob != NULL && b->key != NULL && b->dkey != NULL && b->written != NULL && b->sum != NULL &&
                b->gap != NULL && b->token != NULL && b->start != NULL && b->parent != NULL && b->depth != NULL &&
                b->row != NULL;
    return made && fs_workspace_create(s->task->model, &b->workspace, err) == 0 &&
                   fs_tape_create(s->task->model, &b->tape, err) == 0
               ? b
               : NULL;
}

static void release_bench(struct bench *b)
{
    fs_tape_destroy(b->tape);
    fs_workspace_destroy(b->workspace);
    free(b->h);
    free(b->x);
    free(b->base);
    free(b->top);
    free(b->dh);
    free(b->logprob);
    free(b->key);
    free(b->dkey);
    free(b->written);
    free(b->sum);
    free(b->gap);
    free(b->token);
    free(b->start);
    free(b->parent);
    free(b->depth);
    free(b->row);
}

static bool is_one_text(const struct pair *pair)
{
    return pair->side[0].pass == pair->side[1].pass && pair->side[0].position == pair->side[1].position;
}

/* A bit a neuron. */
static size_t result_bytes(const void *context, size_t unit)
{
    const struct search *s = context;
    (void)unit;
    return (fs_neurons_of(s->spec) + 7) / 8;
}

static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct search *s = context;
    const struct pair *pair = &s->pair[unit];
    struct bench *b = bench_of(s, thread, err);
    size_t neurons = fs_neurons_of(s->spec);
    if (b == NULL) {
        return -1;
    }
    memset(b->gap, 0, neurons * sizeof *b->gap);
    const struct question *side = pair->side;
    const struct answers both = {2, {side[0].token, side[1].token}, {1, -1}};
    const struct answers alone[2] = {{1, {side[0].token}, {1}}, {1, {side[1].token}, {-1}}};
    int status = is_one_text(pair)                               ? run_text(s, b, &side[0], &both, err)
                 : run_text(s, b, &side[0], &alone[0], err) == 0 ? run_text(s, b, &side[1], &alone[1], err)
                                                                 : -1;
    float most = 0;
    for (size_t j = 0; status == 0 && j < neurons; j++) {
        most = b->gap[j] > most ? b->gap[j] : most;
    }
    unsigned char *bits = result;
    memset(bits, 0, result_bytes(s, unit));
    for (size_t j = 0; status == 0 && most > 0 && j < neurons; j++) {
        if ((double)b->gap[j] >= s->options->share * (double)most) {
            bits[j / 8] = (unsigned char)(bits[j / 8] | 1u << j % 8);
        }
    }
    return status;
}

/* Of all layers, and from each one on: forward and backward, and the heads'. */
static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct search *s = context;
    const struct pair *pair = &s->pair[unit];
    *cost = (struct fs_cost){0};
    for (size_t k = 0; k < (is_one_text(pair) ? 1 : 2); k++) {
        size_t length = length_of(s, &pair->side[k]), copies = copies_of(s, length), L = s->spec->layers;
        double batches = ceil((double)s->options->steps / (double)copies), n = (double)length;
        double tokens = (double)tokens_of(s, length, copies), squares = shares(s, length) ? n * n : tokens * n;
        double flops = fs_flops_layers(s->spec, 0, L, tokens, squares);
        for (size_t layer = 0; layer < L; layer++) {
            flops += fs_flops_layers(s->spec, layer + 1, L, tokens, squares) +
                     fs_flops_layers_backward(s->spec, layer + 1, L, tokens, squares) +
                     2 * fs_flops_head(s->spec, (double)copies);
        }
        cost->flops += batches * flops;
        cost->passes += batches * (double)copies;
        cost->tokens = fmax(cost->tokens, tokens);
        cost->rows = fmax(cost->rows, (double)copies);
    }
}

/* ---- the pairs ---- */

/* The first read of a statement; `found` false where it cannot be scored. */
static int ask(const struct search *s, const struct fs_prompt_style *style, const struct fs_statement_text *text,
               struct question *question, bool *found, struct fs_error *err)
{
    struct fs_statement statement = {0};
    enum fs_scoring scoring = style->kind == FS_MASKED ? FS_TARGET_PROB : FS_OBJECT_MEAN;
    if (fs_statement_compile(s->plan, s->task->tokenizer, style, scoring, text, &statement, err) != 0) {
        return -1;
    }
    *found = *found && statement.count > 0;
    if (statement.count > 0) {
        question->token = fs_plan_read_token(s->plan, statement.read[0]);
        fs_plan_read_place(s->plan, statement.read[0], &question->pass, &question->position);
    }
    fs_statement_release(&statement);
    return 0;
}

/* Causal texts of one prompt are one, whatever stands behind it. */
static void join_texts(const struct search *s, struct pair *pair)
{
    struct question *a = &pair->side[0], *b = &pair->side[1];
    if (s->spec->kind == FS_CAUSAL && a->position == b->position &&
        memcmp(fs_plan_pass_ids(s->plan, a->pass), fs_plan_pass_ids(s->plan, b->pass),
               (a->position + 1) * sizeof(int32_t)) == 0) {
        b->pass = a->pass;
    }
}

static int compile(struct search *s, struct fs_error *err)
{
    const struct fs_pair_list *list = s->task->pairs;
    struct fs_prompt_style style;
    s->pair = fs_allocate(list->count, sizeof *s->pair, "the edited pairs", err);
    if (s->pair == NULL || fs_prompt_style_of(s->spec, s->task->tokenizer, &style, err) != 0 ||
        fs_plan_create(&s->plan, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct pair *pair = &s->pair[s->pairs];
        bool found = true;
        if (list->item[i].skip != FS_KEPT || (s->task->held_out != NULL && s->task->held_out[i])) {
            continue;
        }
        for (size_t k = 0; k < 2; k++) {
            if (ask(s, &style, &list->item[i].statement[k], &pair->side[k], &found, err) != 0) {
                return fs_error_prepend(err, "pair %s", list->item[i].id);
            }
        }
        if (found) {
            join_texts(s, pair);
            found = !is_one_text(pair) || pair->side[0].token != pair->side[1].token;
        }
        for (size_t k = 0; found && k < 2; k++) {
            size_t length = length_of(s, &pair->side[k]), tokens = tokens_of(s, length, copies_of(s, length));
            s->most_tokens = tokens > s->most_tokens ? tokens : s->most_tokens;
        }
        s->pairs += found ? 1 : 0;
    }
    s->bench = fs_allocate(s->task->runner->threads, sizeof *s->bench, "workspaces", err);
    if (s->bench != NULL && s->pairs == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "none of the edited pairs has statements whose first tokens differ and that the model "
                            "takes; take other pairs");
    }
    return s->bench != NULL ? 0 : -1;
}

static int search(struct search *s, const char *checkpoint, size_t **count, struct fs_error *err)
{
    struct fs_runner *runner = s->task->runner;
    const struct fs_work work = {.name = "bias neurons",
                                 .units = s->pairs,
                                 .context = s,
                                 .result_bytes = result_bytes,
                                 .run = run_unit,
                                 .cost = unit_cost};
    size_t neurons = fs_neurons_of(s->spec), bytes = result_bytes(s, 0);
    unsigned char *results = NULL;
    int status = 0;
    if (fs_runner_is_root(runner)) {
        results = fs_allocate(s->pairs, bytes, "neurons of pairs", err);
        *count = fs_allocate(neurons, sizeof **count, "neurons of pairs", err);
        status = results != NULL && *count != NULL ? 0 : -1;
    }
    status = fs_runner_agree(runner, status, err) == 0 ? fs_runner_map(runner, &work, checkpoint, results, err) : -1;
    for (size_t unit = 0; status == 0 && results != NULL && unit < s->pairs; unit++) {
        const unsigned char *bits = results + unit * bytes;
        for (size_t j = 0; j < neurons; j++) {
            (*count)[j] += bits[j / 8] >> j % 8 & 1u;
        }
    }
    free(results);
    return status;
}

int fs_neuron_counts(const struct fs_method_task *task, const struct fs_neuron_options *options, const char *checkpoint,
                     size_t **count, size_t *pairs, struct fs_error *err)
{
    struct search s = {.task = task, .options = options, .spec = fs_model_spec(task->model)};
    *count = NULL;
    int status = fs_runner_agree(task->runner, compile(&s, err), err);
    status = status == 0 ? search(&s, checkpoint, count, err) : -1;
    *pairs = s.pairs;
    if (status != 0) {
        free(*count);
        *count = NULL;
    }
    for (size_t thread = 0; s.bench != NULL && thread < task->runner->threads; thread++) {
        release_bench(&s.bench[thread]);
    }
    free(s.bench);
    free(s.pair);
    fs_plan_destroy(s.plan);
    return status;
}

/* One unit of attribution patching: both runs of its items forward, one backward pass, and the products with differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/kernels.h"
#include "stages/trace/trace_attribution_map.h"

/* A corrupted run beside the biased one. */
struct pair {
    size_t piece;             /* of the map */
    size_t biased, corrupted; /* sequences */
    size_t at;                /* where the piece's numbers begin */
    double total;             /* log P[o] - log P*[o] */
};

struct unit_run {
    const struct fs_attribution_map *map;
    const struct fs_attribution_unit *unit;
    struct fs_batch batch;
    int32_t *token;
    size_t *start, *parent, *depth; /* [runs + 1], [runs] */
    size_t runs, pairs;             /* runs: sequences */
    struct pair *pair;              /* [pairs] */
    size_t *row;                    /* [runs] read in each sequence */
    int32_t *object;                /* [runs] */
    fs_real *noise;                 /* (tokens,E); NULL: no noised item */
    fs_real *logprob;               /* (runs,V), then its gradient */
    double *numbers, *neuron;
};

static void release(struct unit_run *run)
{
    free(run->token);
    free(run->start);
    free(run->parent);
    free(run->depth);
    free(run->pair);
    free(run->row);
    free(run->object);
    free(run->noise);
    free(run->logprob);
}

static const struct fs_trace_item *item_of(const struct unit_run *run, size_t piece)
{
    return &run->map->trace->item[run->map->piece[piece].item];
}

/* Appends a run of `item` that has its first `depth` tokens from sequence `parent`. */
static void add_run(struct unit_run *run, const struct fs_trace_item *item, const int32_t *token, size_t parent,
                    size_t depth)
{
    size_t s = run->runs++, own = item->length - depth;
    memcpy(run->token + run->start[s], token + depth, own * sizeof *token);
    run->start[s + 1] = run->start[s] + own;
    run->parent[s] = parent;
    run->depth[s] = depth;
    run->object[s] = item->object;
    run->batch.sequences = run->runs;
    run->batch.tokens = run->start[s + 1];
    if (depth > 0) {
        run->batch.parent = run->parent;
        run->batch.depth = run->depth;
    }
}

static void add_piece(struct unit_run *run, size_t index, size_t at)
{
    const struct fs_attribution_piece *piece = &run->map->piece[index];
    const struct fs_trace_item *item = item_of(run, index);
    size_t biased = run->runs, depth = item->length <= run->map->trace->shared ? item->differs : 0;
    add_run(run, item, item->biased, 0, 0);
    for (size_t sample = piece->first; sample < piece->last; sample++) {
        run->pair[run->pairs++] = (struct pair){.piece = index, .biased = biased, .corrupted = run->runs, .at = at};
        add_run(run, item, item->counterfactual, biased, depth);
    }
}

static int create(struct unit_run *run, struct fs_error *err)
{
    const struct trace *trace = run->map->trace;
    size_t tokens = 0, runs = 0, at = 0;
    for (size_t p = run->unit->first; p < run->unit->last; p++) {
        const struct fs_attribution_piece *piece = &run->map->piece[p];
        tokens += fs_attribution_tokens(trace, piece);
        runs += 1 + piece->last - piece->first;
    }
    run->token = fs_allocate(tokens, sizeof *run->token, "an attribution unit", err);
    run->start = fs_allocate(runs + 1, sizeof *run->start, "an attribution unit", err);
    run->parent = fs_allocate(runs, sizeof *run->parent, "an attribution unit", err);
    run->depth = fs_allocate(runs, sizeof *run->depth, "an attribution unit", err);
    run->pair = fs_allocate(runs, sizeof *run->pair, "an attribution unit", err);
    run->row = fs_allocate(runs, sizeof *run->row, "an attribution unit", err);
    run->object = fs_allocate(runs, sizeof *run->object, "an attribution unit", err);
    run->logprob = fs_allocate_aligned(runs, trace->spec->vocabulary * sizeof *run->logprob,
                                       "the distributions of an attribution unit", err);
    if (run->token == NULL || run->start == NULL || run->parent == NULL || run->depth == NULL || run->pair == NULL ||
        run->row == NULL || run->object == NULL || run->logprob == NULL) {
        return -1;
    }
    run->batch = (struct fs_batch){.token = run->token, .start = run->start};
    for (size_t p = run->unit->first; p < run->unit->last; p++) {
        add_piece(run, p, at);
        at += fs_attribution_numbers(run->map, &run->map->piece[p]);
    }
    for (size_t i = 0; i < run->pairs; i++) {
        const struct pair *pair = &run->pair[i];
        size_t read = item_of(run, pair->piece)->read;
        run->row[pair->biased] = fs_batch_row(&run->batch, pair->biased, read);
        run->row[pair->corrupted] = fs_batch_row(&run->batch, pair->corrupted, read);
    }
    return 0;
}

static int add_noise(struct unit_run *run, struct fs_error *err)
{
    const struct trace *trace = run->map->trace;
    size_t E = fs_spec_embedding(trace->spec);
    for (size_t i = 0; i < run->pairs; i++) {
        const struct pair *pair = &run->pair[i];
        const struct fs_attribution_piece *piece = &run->map->piece[pair->piece];
        const struct fs_trace_item *item = item_of(run, pair->piece);
        if (!item->noised) {
            continue;
        }
        if (run->noise == NULL) {
            run->noise =
                fs_allocate(run->batch.tokens, E * sizeof *run->noise, "the noise of an attribution unit", err);
            if (run->noise == NULL) {
                return -1;
            }
        }
        size_t row = fs_batch_row(&run->batch, pair->corrupted, item->subject_begin);
        fs_trace_noise(trace, piece->item, piece->first + pair->corrupted - pair->biased - 1, run->noise + row * E);
    }
    return 0;
}

/* Notes the log probabilities, and turns the distributions into the gradients of each run's own. */
static void begin_backward(struct unit_run *run)
{
    size_t V = run->map->trace->spec->vocabulary;
    for (size_t i = 0; i < run->pairs; i++) {
        struct pair *pair = &run->pair[i];
        double *numbers = run->numbers + pair->at;
        double biased = (double)run->logprob[pair->biased * V + (size_t)run->object[pair->biased]];
        double corrupted = (double)run->logprob[pair->corrupted * V + (size_t)run->object[pair->corrupted]];
        pair->total = biased - corrupted;
        numbers[FS_ATTRIBUTION_BIASED] = biased;
        numbers[FS_ATTRIBUTION_CORRUPTED] += corrupted;
        numbers[FS_ATTRIBUTION_TOTAL] += fabs(pair->total);
    }
    for (size_t s = 0; s < run->runs; s++) {
        fs_distribution_gradient(run->logprob + s * V, NULL, V, -1, 0);
        run->logprob[s * V + (size_t)run->object[s]] += 1;
    }
}

/* The rows of a pair at one position. */
struct rows {
    const fs_real *biased, *corrupted;                   /* values */
    const fs_real *biased_gradient, *corrupted_gradient; /* of log P[o]; of log P*[o] */
};

static void add_effects(const struct rows *rows, size_t width, double *restore, double *remove)
{
    double restored = 0, removed = 0;
    for (size_t i = 0; i < width; i++) {
        double difference = (double)rows->biased[i] - (double)rows->corrupted[i];
        restored += (double)rows->corrupted_gradient[i] * difference;
        removed += (double)rows->biased_gradient[i] * difference;
    }
    *restore += restored;
    *remove += removed;
}

static void add_neurons(const struct rows *rows, size_t width, double weight, double *neuron)
{
    for (size_t i = 0; i < width; i++) {
        double difference = (double)rows->biased[i] - (double)rows->corrupted[i];
        double gradient = (double)rows->corrupted_gradient[i] + (double)rows->biased_gradient[i];
        neuron[i] += weight / 2 * gradient * difference;
    }
}

/* Where the neurons of a part are summed; NULL: they are not, or the part is no neurons'. */
static double *neurons_of(const struct unit_run *run, const struct fs_component_view *view)
{
    const struct fs_layer_spec *layer = &run->map->trace->spec->layer[view->layer];
    bool biases = layer->experts > 0 && view->part == layer->experts;
    if (run->map->neurons == 0 || view->component != FS_COMPONENT_FFN || biases) {
        return NULL;
    }
    return run->neuron + run->map->neuron_first[view->layer] + view->part * layer->ffn;
}

static void visit(void *context, const struct fs_component_view *view)
{
    struct unit_run *run = context;
    double *neuron = neurons_of(run, view);
    size_t L = run->map->trace->spec->layers;
    for (size_t i = 0; i < run->pairs; i++) {
        const struct pair *pair = &run->pair[i];
        size_t length = item_of(run, pair->piece)->length,
               samples = fs_trace_samples(run->map->trace, run->map->piece[pair->piece].item);
        double *restore =
            run->numbers + pair->at + FS_ATTRIBUTION_EFFECTS + (view->component * L + view->layer) * length;
        double *remove = restore + FS_ATTRIBUTION_COMPONENTS * L * length;
        double weight = (pair->total > 0 ? 1.0 : pair->total < 0 ? -1.0 : 0.0) / (double)samples;
        for (size_t position = 0; position < length; position++) {
            size_t one = fs_batch_row(&run->batch, pair->biased, position) * view->width;
            size_t other = fs_batch_row(&run->batch, pair->corrupted, position) * view->width;
            const struct rows rows = {view->value + one, view->value + other, view->gradient + one,
                                      view->gradient + other};
            if (one == other) { /* both runs' own: no difference */
                continue;
            }
            add_effects(&rows, view->width, &restore[position], &remove[position]);
            if (neuron != NULL) {
                add_neurons(&rows, view->width, weight, neuron);
            }
        }
    }
}

int fs_attribution_unit_run(const struct fs_attribution_map *map, size_t thread, const struct fs_attribution_unit *unit,
                            double *numbers, double *neuron, struct fs_error *err)
{
    struct unit_run run = {.map = map, .unit = unit, .numbers = numbers, .neuron = neuron};
    memset(numbers, 0, unit->numbers * sizeof *numbers);
    memset(neuron, 0, map->neurons * sizeof *neuron);
    int status = create(&run, err) == 0 ? add_noise(&run, err) : -1;
    if (status == 0) {
        const struct fs_pass pass = {map->trace->model, map->trace->workspace[thread], &run.batch, NULL};
        struct fs_gradients *gradients = map->gradients[thread];
        status = fs_gradients_forward(gradients, &pass, run.noise, run.runs, run.row, run.logprob, err);
        if (status == 0) {
            begin_backward(&run);
            status = fs_gradients_backward(gradients, run.logprob, visit, &run, err);
        }
    }
    release(&run);
    return status;
}

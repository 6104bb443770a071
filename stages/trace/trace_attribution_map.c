/* Attribution patching: the units, and what comes of them; see trace_attribution.h. */
#include "stages/trace/trace_attribution_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"

enum { DIRECTIONS = FS_ATTRIBUTION_DIRECTIONS, COMPONENTS = FS_ATTRIBUTION_COMPONENTS };
_Static_assert((int)COMPONENTS == (int)FS_COMPONENTS, "every component of a layer is attributed to");

/* ---- units ---- */

/* Of a corrupted run: its rows, the tokens of its path. */
static size_t corrupted_tokens(const struct trace *trace, const struct fs_trace_item *item)
{
    return item->length <= trace->shared ? item->length - item->differs : item->length;
}

size_t fs_attribution_tokens(const struct trace *trace, const struct fs_attribution_piece *piece)
{
    const struct fs_trace_item *item = &trace->item[piece->item];
    return item->length + (piece->last - piece->first) * corrupted_tokens(trace, item);
}

size_t fs_attribution_numbers(const struct fs_attribution_map *map, const struct fs_attribution_piece *piece)
{
    return FS_ATTRIBUTION_EFFECTS +
           DIRECTIONS * COMPONENTS * map->trace->spec->layers * map->trace->item[piece->item].length;
}

static size_t most_neurons(const struct fs_spec *spec, size_t layer)
{
    size_t experts = spec->layer[layer].experts;
    return spec->layer[layer].ffn * (experts > 0 ? experts : 1);
}

/* Both runs forward twice and backward once, their heads, and the gradient of each neuron. */
static double flops_of(const struct fs_spec *spec, double tokens, double squares, double rows)
{
    double flops = 2 * fs_flops_layers(spec, 0, spec->layers, tokens, squares) +
                   fs_flops_layers_backward(spec, 0, spec->layers, tokens, squares) + 2 * fs_flops_head(spec, rows);
    for (size_t l = 0; l < spec->layers; l++) {
        flops += 2 * tokens * (double)spec->hidden * (double)most_neurons(spec, l);
    }
    return flops;
}

static struct fs_cost cost_of(const struct trace *trace, const struct fs_attribution_piece *piece)
{
    const struct fs_trace_item *item = &trace->item[piece->item];
    double samples = (double)(piece->last - piece->first), length = (double)item->length;
    double own = (double)corrupted_tokens(trace, item), tokens = length + samples * own;
    return (struct fs_cost){.flops = flops_of(trace->spec, tokens, tokens * length, 1 + samples),
                            .passes = 1 + samples,
                            .tokens = tokens,
                            .rows = 1 + samples};
}

static void add_cost(struct fs_cost *sum, const struct fs_cost *cost, double sign)
{
    sum->flops += sign * cost->flops;
    sum->passes += sign * cost->passes;
    sum->tokens += sign * cost->tokens;
    sum->rows += sign * cost->rows;
}

/* The most of a unit of several samples. */
struct limit {
    double tokens, rows;
};

static struct limit limit_of(const struct trace *trace)
{
    struct fs_cost all = {0};
    for (size_t i = 0; i < trace->items; i++) {
        const struct fs_attribution_piece whole = {i, 0, fs_trace_samples(trace, i)};
        const struct fs_cost cost = cost_of(trace, &whole);
        add_cost(&all, &cost, 1);
    }
    size_t rows = FS_HEAD_NUMBERS / trace->spec->vocabulary;
    return (struct limit){(double)fs_unit_tokens(all.tokens, all.flops / all.tokens), (double)rows};
}

static int begin_unit(struct fs_attribution_map *map, struct fs_error *err)
{
    if (fs_grow(&map->unit, &map->unit_room, map->units + 1, sizeof *map->unit, "the units of a trace", err) != 0) {
        return -1;
    }
    map->unit[map->units++] = (struct fs_attribution_unit){.first = map->pieces, .last = map->pieces};
    return 0;
}

static int add_sample(struct fs_attribution_map *map, const struct limit *limit, size_t item, size_t sample,
                      struct fs_error *err)
{
    struct fs_attribution_unit *unit = &map->unit[map->units - 1];
    struct fs_attribution_piece piece = {item, sample, sample + 1};
    bool goes_on = unit->last > unit->first && map->piece[unit->last - 1].item == item;
    struct fs_cost before = {0};
    if (goes_on) {
        before = cost_of(map->trace, &map->piece[unit->last - 1]);
        piece.first = map->piece[unit->last - 1].first;
    }
    struct fs_cost cost = cost_of(map->trace, &piece), sum = unit->cost;
    add_cost(&sum, &before, -1);
    add_cost(&sum, &cost, 1);
    if (unit->last > unit->first && (sum.tokens > limit->tokens || sum.rows > limit->rows)) {
        return begin_unit(map, err) == 0 ? add_sample(map, limit, item, sample, err) : -1;
    }
    if (fs_grow(&map->piece, &map->piece_room, map->pieces + 1, sizeof *map->piece, "the units of a trace", err) != 0) {
        return -1;
    }
    unit->cost = sum;
    map->pieces += goes_on ? 0 : 1;
    map->piece[map->pieces - 1] = piece;
    unit->last = map->pieces;
    return 0;
}

static size_t unit_bytes(const void *context, size_t unit)
{
    const struct fs_attribution_map *map = context;
    return map->unit[unit].numbers * sizeof(double) + fs_attribution_floats(map) * sizeof(float);
}

static int count_neurons(struct fs_attribution_map *map, struct fs_error *err)
{
    const struct fs_spec *spec = map->trace->spec;
    map->neuron_first = fs_allocate(spec->layers + 1, sizeof *map->neuron_first, "the units of a trace", err);
    for (size_t l = 0; map->neuron_first != NULL && l < spec->layers; l++) {
        map->neuron_first[l + 1] = map->neuron_first[l] + most_neurons(spec, l);
        map->neurons = map->trace->options->neurons > 0 ? map->neuron_first[l + 1] : 0;
    }
    return map->neuron_first != NULL ? 0 : -1;
}

int fs_attribution_map_cut(struct fs_attribution_map *map, struct fs_error *err)
{
    const struct limit limit = limit_of(map->trace);
    int status = count_neurons(map, err) == 0 ? begin_unit(map, err) : -1;
    for (size_t i = 0; status == 0 && i < map->trace->items; i++) {
        for (size_t sample = 0; status == 0 && sample < fs_trace_samples(map->trace, i); sample++) {
            status = add_sample(map, &limit, i, sample, err);
        }
    }
    size_t place = 0;
    for (size_t u = 0; status == 0 && u < map->units; u++) {
        map->unit[u].place = place;
        for (size_t p = map->unit[u].first; p < map->unit[u].last; p++) {
            map->unit[u].numbers += fs_attribution_numbers(map, &map->piece[p]);
        }
        place += unit_bytes(map, u);
    }
    return status;
}

void fs_attribution_map_release(struct fs_attribution_map *map)
{
    for (size_t t = 0; map->gradients != NULL && t < map->trace->threads; t++) {
        fs_gradients_destroy(map->gradients[t]);
    }
    free(map->gradients);
    free(map->piece);
    free(map->unit);
    free(map->neuron_first);
    free(map->results);
    *map = (struct fs_attribution_map){0};
}

/* ---- the runner's side ---- */

static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    *cost = ((const struct fs_attribution_map *)context)->unit[unit].cost;
}

static int run_unit(void *context, size_t thread, size_t index, void *result, struct fs_error *err)
{
    const struct fs_attribution_map *map = context;
    const struct fs_attribution_unit *unit = &map->unit[index];
    double *numbers = fs_allocate(unit->numbers, sizeof *numbers, "the results of an attribution unit", err);
    double *neuron = fs_allocate(map->neurons + 1, sizeof *neuron, "the results of an attribution unit", err);
    float *rounded =
        fs_allocate(fs_attribution_floats(map) + 1, sizeof *rounded, "the results of an attribution unit", err);
    int status = numbers != NULL && neuron != NULL && rounded != NULL
                     ? fs_attribution_unit_run(map, thread, unit, numbers, neuron, err)
                     : -1;
    if (status == 0) {
        for (size_t i = 0; i < map->neurons; i++) {
            rounded[i] = (float)neuron[i];
        }
        unsigned char *out = result;
        memcpy(out, numbers, unit->numbers * sizeof *numbers);
        memcpy(out + unit->numbers * sizeof *numbers, rounded, fs_attribution_floats(map) * sizeof *rounded);
    }
    free(numbers);
    free(neuron);
    free(rounded);
    return status;
}

static int prepare(struct fs_attribution_map *map, bool root, struct fs_error *err)
{
    const struct trace *trace = map->trace;
    if (fs_attribution_map_cut(map, err) != 0) {
        return -1;
    }
    map->gradients = fs_allocate(trace->threads, sizeof(struct fs_gradients *), "the memory of a backward pass", err);
    for (size_t t = 0; map->gradients != NULL && t < trace->threads; t++) {
        if (fs_gradients_create(trace->model, &map->gradients[t], err) != 0) {
            return -1;
        }
    }
    if (map->gradients != NULL && root) {
        const struct fs_attribution_unit *last = &map->unit[map->units - 1];
        map->results = fs_allocate(1, last->place + unit_bytes(map, map->units - 1), "the results of a trace", err);
    }
    return map->gradients != NULL && (!root || map->results != NULL) ? 0 : -1;
}

/* ---- what comes of them ---- */

static int allocate(const struct fs_attribution_map *map, const struct fs_trace_result *result,
                    struct fs_trace_attribution *out, struct fs_error *err)
{
    const struct trace *trace = map->trace;
    size_t n = trace->items, L = trace->spec->layers, cells = DIRECTIONS * COMPONENTS * L, least = SIZE_MAX;
    for (unsigned m = 0; m < FS_TRACE_MEASURES; m++) {
        const struct fs_trace_measure *measure = &fs_trace_measures[m];
        if (measure->width == FS_TRACE_ONE && measure->severed == FS_TRACE_RESIDUAL) {
            out->estimate.measure[out->estimate.measures++] = (enum fs_trace_measure_id)m;
        }
    }
    out->first = fs_allocate(n + 1, sizeof *out->first, "trace results", err);
    if (out->first == NULL || fs_trace_shares_allocate(result, &out->estimate, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        out->first[i + 1] = out->first[i] + trace->item[i].length;
    }
    for (size_t l = 0; l < L; l++) {
        size_t width = map->neuron_first[l + 1] - map->neuron_first[l];
        least = width < least ? width : least;
    }
    out->positions = out->first[n];
    out->neurons = trace->options->neurons < least ? trace->options->neurons : least;
    out->position_effect = fs_allocate(cells, out->positions * sizeof *out->position_effect, "trace results", err);
    out->neuron = fs_allocate(L, (out->neurons + 1) * sizeof *out->neuron, "trace results", err);
    out->neuron_share = fs_allocate(L, (out->neurons + 1) * sizeof *out->neuron_share, "trace results", err);
    return out->position_effect != NULL && out->neuron != NULL && out->neuron_share != NULL ? 0 : -1;
}

static void fold_piece(const struct fs_attribution_map *map, const struct fs_attribution_piece *piece,
                       const double *numbers, struct fs_trace_attribution *out)
{
    size_t i = piece->item, length = map->trace->item[i].length,
           cells = DIRECTIONS * COMPONENTS * map->trace->spec->layers;
    double samples = (double)fs_trace_samples(map->trace, i);
    double last = piece->last == fs_trace_samples(map->trace, i) ? numbers[FS_ATTRIBUTION_BIASED] : 0;
    out->estimate.total_effect[i] += last - numbers[FS_ATTRIBUTION_CORRUPTED] / samples;
    for (size_t number = 0; number < cells * length; number++) {
        size_t cell = number / length, position = number % length;
        out->position_effect[cell * out->positions + out->first[i] + position] +=
            numbers[FS_ATTRIBUTION_EFFECTS + number] / samples;
    }
}

static bool is_in(const struct trace *trace, const struct fs_trace_item *item, enum fs_trace_span span, size_t position)
{
    bool whole = trace->options->positions == FS_TRACE_ALL_SUBJECT_TOKENS;
    size_t begin = whole ? item->subject_begin : item->subject_end - 1;
    return span == FS_SPAN_ALL || (span == FS_SPAN_READ && position == item->read) ||
           (span == FS_SPAN_SUBJECT && position >= begin && position < item->subject_end);
}

/* The shares of an item: effects of positions add up. */
static void fold_item(const struct trace *trace, size_t i, struct fs_trace_attribution *out)
{
    const struct fs_trace_item *item = &trace->item[i];
    struct fs_trace_shares *estimate = &out->estimate;
    double total = estimate->total_effect[i];
    bool counts = fs_trace_counts(trace->options, total);
    size_t L = trace->spec->layers;
    for (size_t cell = 0; cell < estimate->measures * L; cell++) {
        const struct fs_trace_measure *measure = &fs_trace_measures[estimate->measure[cell / L]];
        size_t from = ((size_t)measure->direction * COMPONENTS + (size_t)measure->kind) * L + cell % L;
        const double *effect = out->position_effect + from * out->positions + out->first[i];
        double sum = 0;
        for (size_t position = 0; position < item->length; position++) {
            sum += is_in(trace, item, measure->span, position) ? effect[position] : 0;
        }
        estimate->share[(cell / L * trace->items + i) * L + cell % L] = counts ? sum / total : NAN;
    }
}

/* The k largest of a layer, the smaller number first on ties. */
static void choose_neurons(const double *sum, size_t count, double total, size_t k, struct fs_trace_attribution *out,
                           size_t layer)
{
    size_t *neuron = out->neuron + layer * k, chosen = 0;
    double *share = out->neuron_share + layer * k;
    for (size_t i = 0; i < count; i++) {
        double own = total > 0 ? sum[i] / total : 0;
        if (chosen == k && (k == 0 || !(own > share[k - 1]))) {
            continue;
        }
        size_t at = chosen < k ? chosen++ : k - 1;
        while (at > 0 && own > share[at - 1]) {
            share[at] = share[at - 1];
            neuron[at] = neuron[at - 1];
            at--;
        }
        share[at] = own;
        neuron[at] = i;
    }
}

static int fold_neurons(const struct fs_attribution_map *map, double total, struct fs_trace_attribution *out,
                        struct fs_error *err)
{
    double *sum = fs_allocate(map->neurons + 1, sizeof *sum, "the effects of neurons", err);
    if (sum == NULL) {
        return -1;
    }
    for (size_t u = 0; u < map->units; u++) {
        const unsigned char *floats = map->results + map->unit[u].place + map->unit[u].numbers * sizeof(double);
        for (size_t i = 0; i < map->neurons; i++) {
            sum[i] += (double)((const float *)(const void *)floats)[i];
        }
    }
    for (size_t l = 0; l < map->trace->spec->layers; l++) {
        size_t first = map->neuron_first[l];
        choose_neurons(sum + first, map->neuron_first[l + 1] - first, total, out->neurons, out, l);
    }
    free(sum);
    return 0;
}

static int fold(const struct fs_attribution_map *map, const struct fs_pair_list *pairs, struct fs_trace_result *result,
                struct fs_error *err)
{
    struct fs_trace_attribution *out = &result->attribution;
    double total = 0;
    if (allocate(map, result, out, err) != 0) {
        return -1;
    }
    for (size_t u = 0; u < map->units; u++) {
        const double *numbers = (const double *)(const void *)(map->results + map->unit[u].place);
        for (size_t p = map->unit[u].first; p < map->unit[u].last; p++) {
            const struct fs_attribution_piece *piece = &map->piece[p];
            fold_piece(map, piece, numbers, out);
            total += numbers[FS_ATTRIBUTION_TOTAL] / (double)fs_trace_samples(map->trace, piece->item);
            numbers += fs_attribution_numbers(map, piece);
        }
    }
    for (size_t i = 0; i < map->trace->items; i++) {
        fold_item(map->trace, i, out);
    }
    if (out->neurons > 0 && fold_neurons(map, total, out, err) != 0) {
        return -1;
    }
    return fs_trace_shares_medians(map->trace->options, pairs, result, &out->estimate, err);
}

int fs_trace_attribution_run(struct trace *trace, const struct fs_pair_list *pairs, struct fs_runner *runner,
                             struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_attribution_map map = {.trace = trace};
    bool root = fs_runner_is_root(runner);
    int status = fs_runner_agree(runner, prepare(&map, root, err), err);
    if (status == 0) {
        const struct fs_work work = {.name = FS_ATTRIBUTION_WORK,
                                     .units = map.units,
                                     .context = &map,
                                     .result_bytes = unit_bytes,
                                     .run = run_unit,
                                     .cost = unit_cost};
        status = fs_runner_map(runner, &work, trace->options->attribution_checkpoint, map.results, err);
    }
    if (status == 0) {
        status = fs_runner_agree(runner, root ? fold(&map, pairs, result, err) : 0, err);
    }
    fs_attribution_map_release(&map);
    return status;
}

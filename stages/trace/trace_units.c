/* The restorations of a map, and how they are cut into units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/trace/trace_layout.h"
#include "stages/trace/trace_wave.h"

/*
 * Limits of a unit of several blocks, beside FS_UNIT_TOKENS: a RANKS-th part of the work that is left, so that the last
 * ones are small and so many ranks end together; but FS_UNIT_FLOPS, for less is not worth handing out. And of any unit:
 * a SHARES-th part of what each of so many ranks has to do, or about a second of one core.
 */
#define RANKS 64.0
#define SHARES 50.0
#define SECOND_FLOPS 8e10

/* Work that a piece's copies may be at least: so many times that of the runs that every piece computes again. */
#define LEAST_SHARE 2

size_t fs_trace_restorations(const struct fs_trace_map *map, size_t item)
{
    size_t layers = map->trace->spec->layers, positions = map->heat_map ? map->trace->item[item].length : 0;
    if (map->measures > 0) {
        return map->measures * layers;
    }
    return (map->kinds - map->from) * layers + map->kinds * layers * positions;
}

/* ROME's window: range(max(0, l - w // 2), min(L, l + (w + 1) // 2)). */
static void set_layers(const struct fs_trace_map *map, size_t layer, size_t window, struct fs_trace_restoration *out)
{
    size_t half = window / 2, layers = map->trace->spec->layers;
    out->first = layer + 1;
    out->last = layer + 1;
    if (out->kind != FS_TRACE_RESIDUAL) {
        out->first = layer > half ? layer - half : 0;
        out->last = layer + (window + 1) / 2 < layers ? layer + (window + 1) / 2 : layers;
    }
}

static void set_positions(const struct fs_trace_map *map, size_t item, enum fs_trace_span span,
                          struct fs_trace_restoration *out)
{
    const struct fs_trace_item *traced = &map->trace->item[item];
    bool all = map->trace->options->positions == FS_TRACE_ALL_SUBJECT_TOKENS;
    switch (span) {
    case FS_SPAN_SUBJECT:
        out->begin = all ? traced->subject_begin : traced->subject_end - 1;
        out->end = traced->subject_end;
        break;
    case FS_SPAN_READ:
        out->begin = traced->read;
        out->end = traced->read + 1;
        break;
    case FS_SPAN_ALL:
        out->begin = 0;
        out->end = traced->length;
        break;
    }
}

struct fs_trace_restoration fs_trace_restoration_at(const struct fs_trace_map *map, size_t item, size_t number)
{
    const struct fs_trace_item *traced = &map->trace->item[item];
    size_t layers = map->trace->spec->layers, subject = (map->kinds - map->from) * layers;
    size_t window = map->trace->options->window;
    struct fs_trace_restoration out = {0};
    if (map->measures > 0) {
        const struct fs_trace_measure *measure = &fs_trace_measures[map->measure[number / layers]];
        out.kind = measure->kind;
        out.removed = measure->direction == FS_TRACE_REMOVE;
        out.severed = measure->severed;
        set_positions(map, item, measure->span, &out);
        set_layers(map, number % layers, measure->width == FS_TRACE_WINDOW ? window : 1, &out);
        return out;
    }
    if (number < subject) {
        out.kind = map->kind[map->from + number / layers];
        set_positions(map, item, FS_SPAN_SUBJECT, &out);
        set_layers(map, number % layers, window, &out);
        return out;
    }
    number -= subject;
    out.kind = map->kind[number / (layers * traced->length)];
    out.begin = number % traced->length;
    out.end = out.begin + 1;
    set_layers(map, number / traced->length % layers, window, &out);
    return out;
}

static size_t common_divisor(size_t a, size_t b)
{
    while (b != 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What one corrupted run's restorations come to, with the runs that they need. */
struct size {
    double flops, base_flops;
    size_t base, copies; /* rows of the biased and the corrupted run; of the copies */
};

static int measure(struct fs_trace_layout *layout, size_t item, struct size *size, struct fs_error *err)
{
    const struct fs_trace_block whole = {item, 0, 0, 1};
    fs_trace_layout_clear(layout);
    if (fs_trace_layout_add(layout, &whole, err) != 0) {
        return -1;
    }
    *size = (struct size){.flops = layout->flops};
    for (size_t r = 0; r < layout->runs && layout->run[r].turn == 0; r++) {
        size->base += layout->run[r].length - layout->run[r].depth;
        size->base_flops += layout->run[r].flops;
    }
    size->copies = layout->tokens - size->base;
    return 0;
}

/*
 * Pieces of each corrupted run's restorations. They take turns, so that each piece has its part of all layers; and,
 * without a divisor in common with the positions, of these.
 */
static size_t count_pieces(const struct fs_trace_map *map, size_t item, const struct size *size, double most)
{
    size_t positions = map->heat_map ? map->trace->item[item].length : 1;
    size_t room = size->base < FS_UNIT_TOKENS ? FS_UNIT_TOKENS - size->base : 0;
    room = room < LEAST_SHARE * size->base ? LEAST_SHARE * size->base : room;
    double flops = fmax(most - size->base_flops, LEAST_SHARE * size->base_flops);
    double pieces = fmax((double)size->copies / (double)room, (size->flops - size->base_flops) / flops);
    size_t restorations = fs_trace_restorations(map, item),
           count = (size_t)fmin(fmax(ceil(pieces), 1), (double)restorations);
    while (count > 1 && count < restorations && common_divisor(count, positions) > 1) {
        count++;
    }
    return count;
}

/* [items]; and the most FLOPs of a unit. */
static struct size *measure_items(const struct fs_trace_map *map, struct fs_trace_layout *layout, double *most,
                                  struct fs_error *err)
{
    const struct trace *trace = map->trace;
    double all = 0;
    struct size *size = fs_allocate(trace->items, sizeof *size, "the units of a trace", err);
    for (size_t i = 0; size != NULL && i < trace->items; i++) {
        if (measure(layout, i, &size[i], err) != 0) {
            free(size);
            return NULL;
        }
        all += size[i].flops * (double)fs_trace_samples(trace, i);
    }
    *most = fmax(all / (RANKS * SHARES), SECOND_FLOPS);
    return size;
}

/* The biased texts of two items, token by token; then the items' order. */
static int compare_items(const void *a, const void *b, void *context)
{
    const struct trace *trace = context;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    const struct fs_trace_item *one = &trace->item[i], *other = &trace->item[j];
    for (size_t t = 0; t < one->length && t < other->length; t++) {
        if (one->biased[t] != other->biased[t]) {
            return one->biased[t] < other->biased[t] ? -1 : 1;
        }
    }
    if (one->length != other->length) {
        return one->length < other->length ? -1 : 1;
    }
    return i < j ? -1 : 1;
}

static int order_blocks(struct fs_trace_map *map, struct fs_error *err)
{
    const struct trace *trace = map->trace;
    size_t *order = fs_allocate(trace->items, sizeof *order, "the units of a trace", err);
    map->block = fs_allocate(map->first[trace->items], sizeof *map->block, "the units of a trace", err);
    if (order == NULL || map->block == NULL) {
        free(order);
        return -1;
    }
    for (size_t i = 0; i < trace->items; i++) {
        order[i] = i;
    }
    qsort_r(order, trace->items, sizeof *order, compare_items, (void *)trace);
    for (size_t i = 0; i < trace->items; i++) {
        size_t item = order[i], samples = fs_trace_samples(trace, item), pieces = map->pieces[item];
        for (size_t b = 0; b < samples * pieces; b++) {
            map->block[map->blocks++] = (struct fs_trace_block){item, b / pieces, b % pieces, pieces};
        }
    }
    free(order);
    return 0;
}

static void end_unit(struct fs_trace_map *map, const struct fs_trace_layout *layout, size_t end)
{
    struct fs_trace_unit *unit = &map->unit[map->units++];
    unit->last = end;
    unit->cost = (struct fs_cost){.flops = layout->flops + fs_flops_head(map->trace->spec, (double)layout->reads),
                                  .passes = (double)layout->runs,
                                  .tokens = (double)layout->tokens,
                                  .rows = (double)layout->reads};
    map->unit[map->units].first = end;
}

static int compare_units(const void *a, const void *b)
{
    const struct fs_trace_unit *one = a, *other = b;
    if (one->cost.flops != other->cost.flops) {
        return one->cost.flops > other->cost.flops ? -1 : 1;
    }
    return one->first < other->first ? -1 : 1;
}

/* size [items] of the items, `most` FLOPs of a unit. */
static int fill_units(struct fs_trace_map *map, const struct size *size, double most, struct fs_trace_layout *layout,
                      struct fs_error *err)
{
    double left = 0, limit = 0;
    map->unit = fs_allocate(map->blocks + 1, sizeof *map->unit, "the units of a trace", err);
    if (map->unit == NULL) {
        return -1;
    }
    for (size_t b = 0; b < map->blocks; b++) {
        left += size[map->block[b].item].flops / (double)map->block[b].pieces;
    }
    fs_trace_layout_clear(layout);
    for (size_t b = 0; b < map->blocks; b++) {
        struct fs_trace_layout before = *layout;
        if (fs_trace_layout_add(layout, &map->block[b], err) != 0) {
            return -1;
        }
        if (before.blocks > 0 && (layout->tokens > FS_UNIT_TOKENS || layout->flops > limit)) {
            end_unit(map, &before, b);
            fs_trace_layout_clear(layout);
            before.blocks = 0;
            if (fs_trace_layout_add(layout, &map->block[b], err) != 0) {
                return -1;
            }
        }
        if (before.blocks == 0) {
            limit = fmin(most, fmax(left / RANKS, FS_UNIT_FLOPS));
        }
        left -= size[map->block[b].item].flops / (double)map->block[b].pieces;
    }
    end_unit(map, layout, map->blocks);
    qsort(map->unit, map->units, sizeof *map->unit, compare_units);
    return 0;
}

static size_t block_numbers(const struct fs_trace_map *map, const struct fs_trace_block *block)
{
    size_t restorations = fs_trace_restorations(map, block->item);
    return 2 + (restorations - block->piece + block->pieces - 1) / block->pieces;
}

int fs_trace_map_cut(struct fs_trace_map *map, struct fs_error *err)
{
    const struct trace *trace = map->trace;
    struct fs_trace_layout layout = {.map = map};
    double most = 0;
    struct size *size = measure_items(map, &layout, &most, err);
    map->pieces = fs_allocate(trace->items, sizeof *map->pieces, "the units of a trace", err);
    map->first = fs_allocate(trace->items + 1, sizeof *map->first, "the units of a trace", err);
    int status = size != NULL && map->pieces != NULL && map->first != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < trace->items; i++) {
        map->pieces[i] = count_pieces(map, i, &size[i], most);
        map->first[i + 1] = map->first[i] + map->pieces[i] * fs_trace_samples(trace, i);
    }
    if (status == 0) {
        map->place = fs_allocate(map->first[trace->items], sizeof *map->place, "the units of a trace", err);
        status = map->place != NULL && order_blocks(map, err) == 0 ? fill_units(map, size, most, &layout, err) : -1;
    }
    fs_trace_layout_release(&layout);
    free(size);
    size_t at = 0;
    for (size_t u = 0; status == 0 && u < map->units; u++) {
        for (size_t b = map->unit[u].first; b < map->unit[u].last; b++) {
            const struct fs_trace_block *block = &map->block[b];
            map->place[map->first[block->item] + block->sample * block->pieces + block->piece] = at;
            at += block_numbers(map, block);
        }
    }
    return status;
}

void fs_trace_map_release(struct fs_trace_map *map)
{
    free(map->pieces);
    free(map->first);
    free(map->place);
    free(map->block);
    free(map->unit);
    free(map->numbers);
    *map = (struct fs_trace_map){0};
}

/* ---- the runner's side ---- */

static size_t unit_bytes(const void *context, size_t unit)
{
    const struct fs_trace_map *map = context;
    size_t numbers = 0;
    for (size_t b = map->unit[unit].first; b < map->unit[unit].last; b++) {
        numbers += block_numbers(map, &map->block[b]);
    }
    return numbers * sizeof(double);
}

static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    *cost = ((const struct fs_trace_map *)context)->unit[unit].cost;
}

static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct fs_trace_map *map = context;
    struct fs_trace_layout layout = {.map = map};
    double *numbers = fs_allocate(1, unit_bytes(map, unit), "the results of a trace unit", err);
    int status = numbers != NULL ? 0 : -1;
    for (size_t b = map->unit[unit].first; status == 0 && b < map->unit[unit].last; b++) {
        status = fs_trace_layout_add(&layout, &map->block[b], err);
    }
    if (status == 0) {
        status = fs_trace_wave_run(&layout, map->trace->workspace[thread], numbers, err);
    }
    if (status == 0) {
        memcpy(result, numbers, unit_bytes(map, unit));
    }
    fs_trace_layout_release(&layout);
    free(numbers);
    return status;
}

int fs_trace_map_run(struct fs_trace_map *map, struct fs_runner *runner, const char *checkpoint, struct fs_error *err)
{
    int status = 0;
    if (fs_runner_is_root(runner)) {
        size_t bytes = 0;
        for (size_t u = 0; u < map->units; u++) {
            bytes += unit_bytes(map, u);
        }
        map->numbers = fs_allocate(1, bytes, "the results of a trace", err);
        status = map->numbers != NULL ? 0 : -1;
    }
    if (fs_runner_agree(runner, status, err) != 0) {
        return -1;
    }
    const struct fs_work work = {.name = map->name,
                                 .units = map->units,
                                 .context = map,
                                 .result_bytes = unit_bytes,
                                 .run = run_unit,
                                 .cost = unit_cost};
    return fs_runner_map(runner, &work, checkpoint, (unsigned char *)map->numbers, err);
}

/* ---- what came of it ---- */

/* The numbers of the block that has restoration `number` of a sample. */
static const double *numbers_of(const struct fs_trace_map *map, size_t item, size_t sample, size_t number)
{
    size_t pieces = map->pieces[item];
    return map->numbers + map->place[map->first[item] + sample * pieces + number % pieces];
}

double fs_trace_biased(const struct fs_trace_map *map, size_t item)
{
    return exp(numbers_of(map, item, 0, 0)[0]);
}

double fs_trace_log_biased(const struct fs_trace_map *map, size_t item)
{
    return numbers_of(map, item, 0, 0)[0];
}

double fs_trace_counterfactual(const struct fs_trace_map *map, size_t item)
{
    size_t samples = fs_trace_samples(map->trace, item);
    double sum = 0;
    for (size_t sample = 0; sample < samples; sample++) {
        sum += exp(numbers_of(map, item, sample, 0)[1]);
    }
    return sum / (double)samples;
}

double fs_trace_log_counterfactual(const struct fs_trace_map *map, size_t item)
{
    size_t samples = fs_trace_samples(map->trace, item);
    double sum = 0;
    for (size_t sample = 0; sample < samples; sample++) {
        sum += numbers_of(map, item, sample, 0)[1];
    }
    return sum / (double)samples;
}

double fs_trace_effect(const struct fs_trace_map *map, size_t item, size_t number)
{
    size_t samples = fs_trace_samples(map->trace, item);
    double corrupted = 0, restored = 0;
    for (size_t sample = 0; sample < samples; sample++) {
        const double *numbers = numbers_of(map, item, sample, number);
        corrupted += exp(numbers[1]);
        restored += exp(numbers[2 + number / map->pieces[item]]);
    }
    return restored / (double)samples - corrupted / (double)samples;
}

double fs_trace_log_effect(const struct fs_trace_map *map, size_t item, size_t number)
{
    const struct fs_trace_restoration restoration = fs_trace_restoration_at(map, item, number);
    size_t samples = fs_trace_samples(map->trace, item);
    double sum = 0;
    for (size_t sample = 0; sample < samples; sample++) {
        const double *numbers = numbers_of(map, item, sample, number);
        sum += numbers[2 + number / map->pieces[item]] - numbers[restoration.removed ? 0 : 1];
    }
    return sum / (double)samples;
}

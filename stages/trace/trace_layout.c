#include "stages/trace/trace_layout.h"

#include <stdlib.h>

#include "model/flops.h"

/* Tokens that two texts of at least `most` tokens begin with. */
static size_t common(const int32_t *a, const int32_t *b, size_t most)
{
    size_t n = 0;
    while (n < most && a[n] == b[n]) {
        n++;
    }
    return n;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Its index to `index`: that of the run that it continues, where it has no rows of its own. */
static int add_run(struct fs_trace_layout *layout, const struct fs_trace_run *run, size_t *index, struct fs_error *err)
{
    const struct fs_spec *spec = layout->map->trace->spec;
    size_t own = run->length - run->depth, first = run->turn > 0 ? run->turn - 1 : 0;
    *index = run->parent;
    if (own == 0) {
        return 0;
    }
    if (fs_grow(&layout->run, &layout->run_room, layout->runs + 1, sizeof *layout->run, "a trace unit", err) != 0) {
        return -1;
    }
    *index = layout->runs;
    double flops = fs_flops_layers(spec, first, spec->layers, (double)own, (double)own * (double)run->length);
    layout->run[layout->runs] = *run;
    layout->run[layout->runs++].flops = flops;
    layout->tokens += own;
    layout->flops += flops;
    layout->shares = layout->shares || run->depth > 0;
    return 0;
}

static int add_read(struct fs_trace_layout *layout, size_t run, size_t *index, struct fs_error *err)
{
    if (fs_grow(&layout->read, &layout->read_room, layout->reads + 1, sizeof *layout->read, "a trace unit", err) != 0) {
        return -1;
    }
    *index = layout->reads;
    layout->read[layout->reads++] = (struct fs_trace_read){run, layout->blocks - 1};
    return 0;
}

static int add_value(struct fs_trace_layout *layout, size_t read, struct fs_error *err)
{
    if (fs_grow(&layout->value, &layout->value_room, layout->values + 1, sizeof *layout->value, "a trace unit", err) !=
        0) {
        return -1;
    }
    layout->value[layout->values++] = read;
    return 0;
}

/* What a block's runs are made of. */
struct source {
    const struct fs_trace_item *item;
    bool shares;                        /* its runs may continue others */
    bool asked;                         /* for P[o] */
    const struct fs_trace_item *before; /* the item before, NULL: none to share with */
    struct fs_trace_place *place;       /* the block's own */
};

static int add_biased(struct fs_trace_layout *layout, const struct source *source, struct fs_error *err)
{
    const struct fs_trace_item *item = source->item;
    struct fs_trace_place *place = source->place;
    bool whole = !source->shares || source->asked || layout->map->heat_map || layout->map->whole;
    struct fs_trace_run run = {
        .length = whole ? item->length : item->subject_end, .block = layout->blocks - 1, .token = item->biased};
    if (source->before != NULL) {
        run.parent = place[-1].biased;
        run.depth = common(item->biased, source->before->biased, least(place[-1].known, run.length));
    }
    place->known = run.length;
    return add_run(layout, &run, &place->biased, err);
}

static int add_corrupted(struct fs_trace_layout *layout, const struct source *source, struct fs_error *err)
{
    const struct fs_trace_item *item = source->item, *before = source->before;
    struct fs_trace_place *place = source->place;
    struct fs_trace_run run = {.parent = place->biased,
                               .depth = source->shares ? item->differs : 0,
                               .length = item->length,
                               .block = layout->blocks - 1,
                               .token = item->counterfactual};
    if (before != NULL && !item->noised && !before->noised) {
        size_t depth = common(item->counterfactual, before->counterfactual, least(item->length, before->length));
        if (depth > run.depth) {
            run.parent = place[-1].corrupted;
            run.depth = depth;
        }
    }
    return add_run(layout, &run, &place->corrupted, err);
}

/* The run that a restoration ends in. */
static int add_copy(struct fs_trace_layout *layout, const struct source *source, size_t number, size_t *index,
                    struct fs_error *err)
{
    const struct fs_trace_item *item = source->item;
    const struct fs_trace_place *place = source->place;
    const struct fs_trace_restoration restoration = fs_trace_restoration_at(layout->map, place->block.item, number);
    size_t layers = layout->map->trace->spec->layers;
    size_t copied = restoration.removed ? place->biased : place->corrupted;
    size_t other = restoration.removed ? place->corrupted : place->biased;
    bool residual = restoration.kind == FS_TRACE_RESIDUAL;
    bool read = item->read >= restoration.begin && item->read < restoration.end;
    *index = copied;
    if (residual && restoration.first == layers) { /* the state is read as it is */
        *index = read ? other : copied;
        return 0;
    }
    if ((!residual && restoration.first + 1 == layers && !read) ||
        (source->shares && restoration.end <= item->differs)) { /* nothing reads it, or nothing changes */
        return 0;
    }
    struct fs_trace_run run = {.parent = copied,
                               .depth = source->shares ? most_of(restoration.begin, item->differs) : 0,
                               .length = item->length,
                               .block = layout->blocks - 1,
                               .turn = restoration.first + 1,
                               .restoration = restoration,
                               .token = restoration.removed ? item->biased : item->counterfactual};
    if (source->shares && residual && restoration.severed == FS_TRACE_RESIDUAL && restoration.begin <= item->differs) {
        run.parent = other;
        run.depth = restoration.end;
    }
    return add_run(layout, &run, index, err);
}

/* The read of `run` for the block; `biased` and `corrupted` are those of the block's own runs, SIZE_MAX: none yet. */
static int read_of(struct fs_trace_layout *layout, size_t run, size_t *biased, size_t corrupted, size_t *read,
                   struct fs_error *err)
{
    const struct fs_trace_place *place = &layout->block[layout->blocks - 1];
    if (run == place->corrupted) {
        *read = corrupted;
        return 0;
    }
    if (run != place->biased) {
        return add_read(layout, run, read, err);
    }
    if (*biased == SIZE_MAX && add_read(layout, run, biased, err) != 0) {
        return -1;
    }
    *read = *biased;
    return 0;
}

static int add_values(struct fs_trace_layout *layout, const struct source *source, struct fs_error *err)
{
    const struct fs_trace_place *place = source->place;
    size_t biased = SIZE_MAX, corrupted, run, read;
    if ((source->asked && add_read(layout, place->biased, &biased, err) != 0) || add_value(layout, biased, err) != 0 ||
        add_read(layout, place->corrupted, &corrupted, err) != 0 || add_value(layout, corrupted, err) != 0) {
        return -1;
    }
    size_t restorations = fs_trace_restorations(layout->map, place->block.item);
    for (size_t number = place->block.piece; number < restorations; number += place->block.pieces) {
        if (add_copy(layout, source, number, &run, err) != 0 ||
            read_of(layout, run, &biased, corrupted, &read, err) != 0 || add_value(layout, read, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_trace_layout_add(struct fs_trace_layout *layout, const struct fs_trace_block *block, struct fs_error *err)
{
    const struct trace *trace = layout->map->trace;
    if (fs_grow(&layout->block, &layout->block_room, layout->blocks + 1, sizeof *layout->block, "a trace unit", err) !=
        0) {
        return -1;
    }
    struct fs_trace_place *place = &layout->block[layout->blocks++];
    *place = (struct fs_trace_place){.block = *block};
    struct source source = {.item = &trace->item[block->item],
                            .asked = layout->map->removes ||
                                     (layout->map->biased && block->sample == 0 && block->piece == 0),
                            .place = place};
    source.shares = source.item->length <= trace->shared;
    bool again = layout->blocks > 1 && place[-1].block.item == block->item;
    if (again) {
        place->biased = place[-1].biased;
        place->known = place[-1].known;
    } else {
        if (layout->blocks > 1 && source.shares && trace->item[place[-1].block.item].length <= trace->shared) {
            source.before = &trace->item[place[-1].block.item];
        }
        if (add_biased(layout, &source, err) != 0) {
            return -1;
        }
    }
    bool same = again && place[-1].block.sample == block->sample;
    place->corrupted = same ? place[-1].corrupted : 0;
    if (!same && add_corrupted(layout, &source, err) != 0) {
        return -1;
    }
    return add_values(layout, &source, err);
}

void fs_trace_layout_clear(struct fs_trace_layout *layout)
{
    layout->runs = layout->blocks = layout->reads = layout->values = layout->tokens = 0;
    layout->flops = 0;
    layout->shares = false;
}

void fs_trace_layout_release(struct fs_trace_layout *layout)
{
    free(layout->run);
    free(layout->block);
    free(layout->read);
    free(layout->value);
    *layout = (struct fs_trace_layout){0};
}

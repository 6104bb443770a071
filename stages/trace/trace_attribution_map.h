/* The units of attribution patching, and what runs one. Private to the stage. */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_ATTRIBUTION_MAP_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_ATTRIBUTION_MAP_H

#include "model/gradients.h"
#include "stages/trace/trace_parts.h"

/* Some samples of an item, with its biased run. */
struct fs_attribution_piece {
    size_t item, first, last; /* corrupted runs first .. last - 1 */
};

/*
 * A unit's result is, piece by piece: log P[o]; the sum over its samples of log P*[o]; of |log P[o] - log P*[o]|; of the
 * effects [directions][components][layers][length of the item]. Behind them the sum over all of the neurons'
 * effects, with the sign of log P[o] - log P*[o], divided by the item's samples: float [neurons of all layers], and one more
 * where that makes them even.
 */
enum { FS_ATTRIBUTION_BIASED, FS_ATTRIBUTION_CORRUPTED, FS_ATTRIBUTION_TOTAL, FS_ATTRIBUTION_EFFECTS };

struct fs_attribution_unit {
    size_t first, last; /* pieces */
    size_t numbers;     /* of its pieces */
    size_t place;       /* bytes of the results of the units before */
    struct fs_cost cost;
};

struct fs_attribution_map {
    const struct trace *trace;
    struct fs_gradients **gradients; /* [threads] */
    size_t pieces, units, piece_room, unit_room;
    struct fs_attribution_piece *piece; /* [pieces] in the order of items and samples */
    struct fs_attribution_unit *unit;   /* [units] */
    size_t neurons;                     /* of all layers; 0: not asked for */
    size_t *neuron_first;               /* [layers + 1] neurons of the layers before */
    unsigned char *results;             /* on the root: of all units */
};

size_t fs_attribution_numbers(const struct fs_attribution_map *map, const struct fs_attribution_piece *piece);
/* The room of a unit's neurons: even. */
static inline size_t fs_attribution_floats(const struct fs_attribution_map *map)
{
    return map->neurons + map->neurons % 2;
}

/* A piece's part of its unit: the biased run, whole, and the corrupted ones, whole or behind what both begin with. */
size_t fs_attribution_tokens(const struct trace *trace, const struct fs_attribution_piece *piece);

/* Cuts the map into units: `trace` is set, the rest is zero. The caller releases, also on failure. */
int fs_attribution_map_cut(struct fs_attribution_map *map, struct fs_error *err);
void fs_attribution_map_release(struct fs_attribution_map *map); /* takes a zeroed struct */

/* Computes a unit: numbers [unit->numbers], and neuron [map->neurons]. Local. */
int fs_attribution_unit_run(const struct fs_attribution_map *map, size_t thread, const struct fs_attribution_unit *unit,
                            double *numbers, double *neuron, struct fs_error *err);

#endif

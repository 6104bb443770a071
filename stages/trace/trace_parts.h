/* What the sources of the stage share. Private to it. */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_PARTS_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_PARTS_H

#include "stages/metrics/clusters.h"
#include "stages/plan/plan.h"
#include "stages/trace/trace.h"
#include "stages/trace/trace_item.h"

/* Noise takes a stream of the seed for each (pair, sample). */
#define FS_TRACE_MOST_SAMPLES ((size_t)1 << 20)

struct trace {
    const struct fs_model *model;
    const struct fs_spec *spec;
    const struct fs_trace_options *options;
    struct fs_workspace **workspace; /* [threads] */
    size_t threads;
    size_t items;
    struct fs_trace_item *item; /* [items] traced ones */
    size_t *pair;               /* [items] index into the pairs */
    size_t shared;              /* tokens of the longest run that may share its beginning; 0: none does */
    double noise;               /* standard deviation of the noise */
    size_t skipped[FS_SKIP_COUNT];
};

/* Corrupted runs of an item: 1, or the samples of noise. */
size_t fs_trace_samples(const struct trace *trace, size_t item);
/* row (subject tokens, E): the noise of one sample of an item; the item is noised. */
void fs_trace_noise(const struct trace *trace, size_t item, size_t sample, fs_real *row);

/*
 * What is set in one copy of a run: the rows of tokens begin .. end - 1, of the residual stream before layer `first`,
 * which may be one behind the last, or of what a sublayer adds to it in the layers first .. last - 1. Restored: a copy of
 * the corrupted run, set to values of the biased one; removed: the other way round. What a severed sublayer adds to these
 * rows from layer `first` on is that of the run that is copied.
 */
struct fs_trace_restoration {
    enum fs_trace_kind kind;
    size_t first, last;
    size_t begin, end;
    bool removed;
    enum fs_trace_kind severed; /* the residual stream: nothing is */
};

/* Of one corrupted run the restorations piece, piece + pieces, piece + 2 pieces ... of its item. */
struct fs_trace_block {
    size_t item, sample;
    size_t piece, pieces;
};

struct fs_trace_unit {
    size_t first, last; /* blocks first .. last - 1 of the map's order */
    struct fs_cost cost;
};

/*
 * One map of the stage. The restorations of an item are those of each measure, layer by layer; or, where the map has no
 * measures, in this order: those at the subject, kind by kind from kind `from` on, layer by layer; and, with a heat map,
 * those of each kind, layer and position.
 *
 * A unit's result is, block by block: log P[o] where anything is removed, or where it is asked for and the block is
 * its item's first, otherwise 0; log P*[o]; and that of each restoration.
 */
struct fs_trace_map {
    const struct trace *trace;
    const char *name;
    size_t measures;
    enum fs_trace_measure_id measure[FS_TRACE_MEASURES];
    bool whole;   /* biased runs are needed to their end */
    bool removes; /* log P[o] is needed in every block */
    size_t kinds, from;
    enum fs_trace_kind kind[FS_TRACE_KINDS];
    bool heat_map, biased; /* biased: P[o] is asked for */
    size_t *pieces;        /* [items] that each corrupted run's restorations are cut into */
    size_t *first;         /* [items + 1] blocks of the items before */
    size_t *place; /* [first[items]] where in `numbers` a block's begin; blocks of an item by sample and piece */
    size_t blocks, units;
    struct fs_trace_block *block; /* [blocks] in the order of the units */
    struct fs_trace_unit *unit;   /* [units] the most costly first, so that none comes late */
    double *numbers;              /* on the root: the results of all units */
};

size_t fs_trace_restorations(const struct fs_trace_map *map, size_t item);
struct fs_trace_restoration fs_trace_restoration_at(const struct fs_trace_map *map, size_t item, size_t number);

/* Cuts the map into units: `trace` to `biased` are set, the rest is zero. The caller releases, also on failure. */
int fs_trace_map_cut(struct fs_trace_map *map, struct fs_error *err);
/* Runs all units. Collective. */
int fs_trace_map_run(struct fs_trace_map *map, struct fs_runner *runner, const char *checkpoint, struct fs_error *err);
void fs_trace_map_release(struct fs_trace_map *map); /* takes a zeroed struct */

/* Of a map that has run, on the root: P[o]; the mean of P*[o] over an item's samples; the mean effect of a restoration,
 * exactly 0 where nothing can come of it. */
double fs_trace_biased(const struct fs_trace_map *map, size_t item);
double fs_trace_counterfactual(const struct fs_trace_map *map, size_t item);
double fs_trace_effect(const struct fs_trace_map *map, size_t item, size_t number);
/* The same in logarithms: log P[o]; the mean of log P*[o]; the mean change by a restoration, of the run that it copies. */
double fs_trace_log_biased(const struct fs_trace_map *map, size_t item);
double fs_trace_log_counterfactual(const struct fs_trace_map *map, size_t item);
double fs_trace_log_effect(const struct fs_trace_map *map, size_t item, size_t number);

/* The items of a category. */
struct fs_trace_group {
    size_t category; /* of the result; 0: all items */
    size_t *member;  /* [n] items, ascending; room for all of the result */
    size_t n;
    struct fs_clusters terms; /* of the members, by place in `member` */
};
/* Fills the members of group->category; result->item and category are set. */
void fs_trace_gather(const struct fs_trace_result *result, const struct fs_pair_list *pairs,
                     struct fs_trace_group *group);
/* Fills the terms of the members, in the place of those that are there. The caller releases them, also on failure. */
int fs_trace_gather_terms(const struct fs_trace_result *result, const struct fs_pair_list *pairs,
                          struct fs_trace_group *group, struct fs_error *err);

/* Where a mean effect and its 95 % bootstrap interval go. */
struct fs_trace_mean {
    double *aie, *low, *high; /* [layers] */
};
/* The mean over a group's items of effect [items][layers]; the interval resamples target terms, as metrics.h has it.
 * scratch: [layers x resamples]. */
void fs_trace_average(const struct fs_trace_options *options, const struct fs_trace_group *group, const double *effect,
                      size_t layers, double *scratch, struct fs_trace_mean mean);

/* Which measures a trace takes, the one that names l* among them; the map's measures are these, the residual stream
 * restored at the subject first, which is the effect that result->indirect_effect is of. */
void fs_trace_choose_measures(const struct fs_trace_options *options, struct fs_trace_map *map);
/* Whether measures count an item of this total effect, or leave it out. */
bool fs_trace_counts(const struct fs_trace_options *options, double total);
/* Room for out->measures measures of the result's items. The result is released with it, also on failure. */
int fs_trace_shares_allocate(const struct fs_trace_result *result, struct fs_trace_shares *out, struct fs_error *err);
/* From out->total_effect and ->share to the rest. */
int fs_trace_shares_medians(const struct fs_trace_options *options, const struct fs_pair_list *pairs,
                            const struct fs_trace_result *result, struct fs_trace_shares *out, struct fs_error *err);
/* Fills result->shares, of a map that has run, and the decisive layer. Local (root). */
int fs_trace_shares_fold(const struct fs_trace_map *map, const struct fs_pair_list *pairs,
                         struct fs_trace_result *result, struct fs_error *err);

/* Fills result->sublayers on the root. Collective. */
int fs_trace_sublayers_run(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_pair_list *pairs,
                           struct fs_runner *runner, struct fs_trace_result *result, struct fs_error *err);

/* Fills result->attribution on the root. Collective. */
int fs_trace_attribution_run(struct trace *trace, const struct fs_pair_list *pairs, struct fs_runner *runner,
                             struct fs_trace_result *result, struct fs_error *err);

#endif

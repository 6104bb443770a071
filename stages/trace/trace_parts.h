/* What trace.c and trace_sublayers.c share. Private to the stage. */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_PARTS_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_PARTS_H

#include "stages/plan/plan.h"
#include "stages/trace/trace.h"
#include "stages/trace/trace_item.h"

/* Tokens of a unit at the top layer, all copies counted; an item that needs more is a unit of its own. */
#define FS_WAVE_TOKENS (4 * FS_UNIT_TOKENS)

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
    size_t units;
    size_t *first; /* [units + 1] items of each unit */
    double noise;  /* standard deviation of the noise */
    size_t skipped[FS_SKIP_COUNT];
};

/* Corrupted runs of an item: 1, or the samples of noise. */
size_t fs_trace_samples(const struct trace *trace, size_t item);
/* row (subject tokens, E): the noise of one sample of an item; the item is noised. */
void fs_trace_noise(const struct trace *trace, size_t item, size_t sample, fs_real *row);
/* The items of a category. */
struct fs_trace_group {
    size_t category; /* of the result; 0: all items */
    size_t *member;  /* [n] items, ascending; room for all of the result */
    size_t n;
};
/* Fills the members of group->category; result->item and category are set. */
void fs_trace_gather(const struct fs_trace_result *result, const struct fs_pair_list *pairs,
                     struct fs_trace_group *group);

/* Where a mean effect and its 95 % bootstrap interval go. */
struct fs_trace_mean {
    double *aie, *low, *high; /* [layers] */
};
/* The mean over a group's items of effect [items][layers]. scratch: [layers x resamples]. */
void fs_trace_average(const struct fs_trace_options *options, const struct fs_trace_group *group, const double *effect,
                      size_t layers, double *scratch, struct fs_trace_mean mean);

/* Fills result->sublayers on the root. Collective. */
int fs_trace_sublayers_run(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_pair_list *pairs,
                           struct fs_runner *runner, struct fs_trace_result *result, struct fs_error *err);

#endif

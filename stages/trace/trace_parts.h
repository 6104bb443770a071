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
/* row (subject tokens, d): the noise of one sample of an item; the item is noised. */
void fs_trace_noise(const struct trace *trace, size_t item, size_t sample, fs_real *row);
/*
 * Mean effect [layers] of the items member[n] and its 95 % bootstrap interval; effect [items][layers]. scratch: [layers
 * x resamples].
 */
void fs_trace_average(const struct fs_trace_options *options, size_t category, const double *effect, size_t layers,
                      const size_t *member, size_t n, double *scratch, double *aie, double *low, double *high);

/* Fills result->sublayers on the root. Collective. */
int fs_trace_sublayers_run(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_pair_list *pairs,
                           struct fs_runner *runner, struct fs_trace_result *result, struct fs_error *err);

#endif

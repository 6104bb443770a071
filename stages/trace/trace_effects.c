/* Mean effects and their intervals, and the noise of corrupted runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/metrics/quantile.h"
#include "stages/trace/trace.h"
#include "stages/trace/trace_parts.h"

/* Streams of the seed: the bootstrap takes one for each category. */
#define BOOTSTRAP_STREAM (UINT64_C(1) << 63)

void fs_trace_gather(const struct fs_trace_result *result, const struct fs_pair_list *pairs,
                     struct fs_trace_group *group)
{
    const char *name = result->category[group->category];
    group->n = 0;
    for (size_t i = 0; i < result->items; i++) {
        if (group->category == 0 || strcmp(pairs->item[result->item[i]].category, name) == 0) {
            group->member[group->n++] = i;
        }
    }
}

void fs_trace_average(const struct fs_trace_options *options, const struct fs_trace_group *group, const double *effect,
                      size_t layers, double *scratch, struct fs_trace_mean mean)
{
    const size_t resamples = options->bootstrap, n = group->n, *member = group->member;
    memset(mean.aie, 0, layers * sizeof *mean.aie);
    for (size_t i = 0; i < n; i++) {
        for (size_t layer = 0; layer < layers; layer++) {
            mean.aie[layer] += effect[member[i] * layers + layer] / (double)n;
        }
    }
    struct fs_random random = fs_random_start(options->seed, BOOTSTRAP_STREAM + group->category);
    memset(scratch, 0, layers * resamples * sizeof *scratch);
    for (size_t r = 0; r < resamples; r++) {
        for (size_t i = 0; i < n; i++) {
            const double *drawn = effect + member[fs_random_below(&random, n)] * layers;
            for (size_t layer = 0; layer < layers; layer++) {
                scratch[layer * resamples + r] += drawn[layer] / (double)n;
            }
        }
    }
    for (size_t layer = 0; layer < layers; layer++) {
        fs_quantile_interval(scratch + layer * resamples, resamples, FS_QUANTILE_LINEAR, &mean.low[layer],
                             &mean.high[layer]);
    }
}

void fs_trace_noise(const struct trace *trace, size_t item, size_t sample, fs_real *row)
{
    const struct fs_trace_item *traced = &trace->item[item];
    size_t numbers = (traced->subject_end - traced->subject_begin) * fs_spec_embedding(trace->spec);
    struct fs_random random = fs_random_start(trace->options->seed, trace->pair[item] * FS_TRACE_MOST_SAMPLES + sample);
    for (size_t c = 0; c < numbers; c++) {
        row[c] = (fs_real)(trace->noise * fs_random_normal(&random));
    }
}

size_t fs_trace_samples(const struct trace *trace, size_t item)
{
    return trace->item[item].noised ? trace->options->noise_samples : 1;
}

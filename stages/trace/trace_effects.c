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

void fs_trace_average(const struct fs_trace_options *options, size_t category, const double *effect, size_t layers,
                      const size_t *member, size_t n, double *scratch, double *aie, double *low, double *high)
{
    size_t resamples = options->bootstrap;
    memset(aie, 0, layers * sizeof *aie);
    for (size_t i = 0; i < n; i++) {
        for (size_t layer = 0; layer < layers; layer++) {
            aie[layer] += effect[member[i] * layers + layer] / (double)n;
        }
    }
    struct fs_random random = fs_random_start(options->seed, BOOTSTRAP_STREAM + category);
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
        fs_quantile_interval(scratch + layer * resamples, resamples, FS_QUANTILE_LINEAR, &low[layer], &high[layer]);
    }
}

void fs_trace_noise(const struct trace *trace, size_t item, size_t sample, fs_real *row)
{
    const struct fs_trace_item *traced = &trace->item[item];
    size_t numbers = (traced->subject_end - traced->subject_begin) * trace->spec->hidden;
    struct fs_random random = fs_random_start(trace->options->seed, trace->pair[item] * FS_TRACE_MOST_SAMPLES + sample);
    for (size_t c = 0; c < numbers; c++) {
        row[c] = (fs_real)(trace->noise * fs_random_normal(&random));
    }
}

size_t fs_trace_samples(const struct trace *trace, size_t item)
{
    return trace->item[item].noised ? trace->options->noise_samples : 1;
}

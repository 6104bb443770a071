/* Mean effects and their intervals, and the noise of corrupted runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/metrics/labels.h"
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

int fs_trace_gather_terms(const struct fs_trace_result *result, const struct fs_pair_list *pairs,
                          struct fs_trace_group *group, struct fs_error *err)
{
    const char **target = fs_allocate(group->n, sizeof *target, "target terms", err);
    struct fs_labels labels = {0};
    for (size_t i = 0; target != NULL && i < group->n; i++) {
        target[i] = pairs->item[result->item[group->member[i]]].target;
    }
    fs_clusters_release(&group->terms);
    int status = target != NULL && fs_labels_create(target, group->n, &labels, err) == 0
                     ? fs_clusters_create(group->n, labels.of, &group->terms, err)
                     : -1;
    fs_labels_release(&labels);
    free(target);
    return status;
}

/* Adds the effects of the members of a term, and their number to *items. */
static void add_term(const struct fs_trace_group *group, size_t term, const double *effect, size_t layers,
                     size_t resamples, double *sum, size_t *items)
{
    for (size_t i = group->terms.first[term]; i < group->terms.first[term + 1]; i++) {
        const double *drawn = effect + group->member[group->terms.item[i]] * layers;
        for (size_t layer = 0; layer < layers; layer++) {
            sum[layer * resamples] += drawn[layer];
        }
        ++*items;
    }
}

void fs_trace_average(const struct fs_trace_options *options, const struct fs_trace_group *group, const double *effect,
                      size_t layers, double *scratch, struct fs_trace_mean mean)
{
    const size_t n = group->n, terms = group->terms.count, *member = group->member;
    const size_t resamples = terms > 1 ? options->bootstrap : 0;
    memset(mean.aie, 0, layers * sizeof *mean.aie);
    for (size_t i = 0; i < n; i++) {
        for (size_t layer = 0; layer < layers; layer++) {
            mean.aie[layer] += effect[member[i] * layers + layer] / (double)n;
        }
    }
    struct fs_random random = fs_random_start(options->seed, BOOTSTRAP_STREAM + group->category);
    memset(scratch, 0, layers * resamples * sizeof *scratch);
    for (size_t r = 0; r < resamples; r++) {
        size_t items = 0;
        for (size_t term = 0; term < terms; term++) {
            add_term(group, fs_random_below(&random, terms), effect, layers, resamples, scratch + r, &items);
        }
        for (size_t layer = 0; layer < layers; layer++) {
            scratch[layer * resamples + r] /= (double)items;
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

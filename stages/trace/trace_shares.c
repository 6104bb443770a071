/* Shares of the total effect by measure, their medians, and the layer that they name; see trace_measure.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/metrics/quantile.h"
#include "stages/trace/trace_parts.h"

/* Streams of the seed: one for each category; the trace's means and its noise take others. */
#define SHARES_STREAM (UINT64_C(3) << 62)

#define MEASURE_ROW(id, name, kind, span, direction, width, severed, meaning)                                          \
    [FS_MEASURE_##id] = {                                                                                              \
        name, FS_TRACE_##kind, FS_SPAN_##span, FS_TRACE_##direction, FS_TRACE_##width, FS_TRACE_##severed, meaning},
const struct fs_trace_measure fs_trace_measures[FS_TRACE_MEASURES] = {FS_TRACE_MEASURE_ROWS(MEASURE_ROW)};

#define CHOICE(id, name, ...) "|" name
const char fs_trace_select_choices[] = "aie|last|two_thirds" FS_TRACE_MEASURE_ROWS(CHOICE);

void fs_trace_choose_measures(const struct fs_trace_options *options, struct fs_trace_map *map)
{
    for (unsigned m = 0; m < FS_TRACE_MEASURES; m++) {
        const struct fs_trace_measure *measure = &fs_trace_measures[m];
        bool first = m == FS_MEASURE_RESIDUAL_SUBJECT_RESTORE;
        if (first || options->measure[m] || options->select == FS_SELECT_MEASURE + m) {
            map->measure[map->measures++] = (enum fs_trace_measure_id)m;
            map->removes = map->removes || measure->direction == FS_TRACE_REMOVE;
            map->whole = map->whole || map->removes || measure->span != FS_SPAN_SUBJECT;
        }
    }
}

void fs_trace_shares_release(struct fs_trace_shares *shares)
{
    free(shares->total_effect);
    free(shares->share);
    free(shares->median);
    free(shares->low);
    free(shares->high);
    free(shares->decisive);
    free(shares->counted);
    *shares = (struct fs_trace_shares){0};
}

int fs_trace_shares_allocate(const struct fs_trace_result *result, struct fs_trace_shares *out, struct fs_error *err)
{
    size_t m = out->measures, n = result->items, c = result->categories, L = result->layers;
    out->total_effect = fs_allocate(n, sizeof *out->total_effect, "trace results", err);
    out->share = fs_allocate(m * n, L * sizeof *out->share, "trace results", err);
    out->median = fs_allocate(m * c, L * sizeof *out->median, "trace results", err);
    out->low = fs_allocate(m * c, L * sizeof *out->low, "trace results", err);
    out->high = fs_allocate(m * c, L * sizeof *out->high, "trace results", err);
    out->decisive = fs_allocate(m * c, sizeof *out->decisive, "trace results", err);
    out->counted = fs_allocate(c, sizeof *out->counted, "trace results", err);
    return out->total_effect != NULL && out->share != NULL && out->median != NULL && out->low != NULL &&
                   out->high != NULL && out->decisive != NULL && out->counted != NULL
               ? 0
               : -1;
}

bool fs_trace_counts(const struct fs_trace_options *options, double total)
{
    return total != 0 && fabs(total) >= options->least_effect;
}

static void fill_shares(const struct fs_trace_map *map, struct fs_trace_result *result)
{
    struct fs_trace_shares *out = &result->shares;
    size_t n = result->items, L = result->layers;
    for (size_t i = 0; i < n; i++) {
        double total = fs_trace_log_biased(map, i) - fs_trace_log_counterfactual(map, i);
        bool counts = fs_trace_counts(map->trace->options, total);
        out->total_effect[i] = total;
        for (size_t number = 0; number < map->measures * L; number++) {
            const struct fs_trace_measure *measure = &fs_trace_measures[map->measure[number / L]];
            double effect = counts ? fs_trace_log_effect(map, i, number) : NAN;
            bool removed = measure->direction == FS_TRACE_REMOVE;
            out->share[(number / L * n + i) * L + number % L] = (removed ? -effect : effect) / total;
        }
    }
}

size_t fs_trace_shares_layer(const double *median, const double *share, const size_t *member, size_t count,
                             size_t layers)
{
    size_t best = SIZE_MAX;
    for (size_t layer = 0; layer < layers; layer++) {
        size_t changed = 0;
        for (size_t i = 0; i < count; i++) {
            changed += share[member[i] * layers + layer] != 0;
        }
        bool acts = changed > 0 && changed >= count - changed;
        if (acts && (best == SIZE_MAX || median[layer] > median[best])) {
            best = layer;
        }
    }
    return best == SIZE_MAX ? 0 : best;
}

/* ---- medians and their bootstrap ---- */

/* The counted items of a category, and which target term each is of. */
struct sample {
    const struct fs_trace_result *result;
    const struct fs_pair_list *pairs;
    const double *total; /* [items] */
    size_t count;
    size_t *member;  /* [count] items */
    size_t terms;    /* target terms */
    size_t *term;    /* [count] */
    size_t *size;    /* [terms] members of it */
    size_t *drawn;   /* [terms] how often a resample has the term */
    size_t all;      /* members of a resample, each as often as its term is drawn */
    size_t *order;   /* [count] of members by the share at a layer */
    double *medians; /* [layers x resamples] */
};

static void sample_release(struct sample *sample)
{
    free(sample->member);
    free(sample->term);
    free(sample->size);
    free(sample->drawn);
    free(sample->order);
    free(sample->medians);
}

static int sample_create(const struct fs_trace_result *result, const struct fs_pair_list *pairs, size_t resamples,
                         struct sample *sample, struct fs_error *err)
{
    size_t n = result->items;
    sample->result = result;
    sample->pairs = pairs;
    sample->member = fs_allocate(n, sizeof *sample->member, "a category's items", err);
    sample->term = fs_allocate(n, sizeof *sample->term, "a category's items", err);
    sample->size = fs_allocate(n, sizeof *sample->size, "a category's items", err);
    sample->drawn = fs_allocate(n, sizeof *sample->drawn, "a category's items", err);
    sample->order = fs_allocate(n, sizeof *sample->order, "a category's items", err);
    sample->medians = fs_allocate(result->layers, resamples * sizeof *sample->medians, "bootstrap medians", err);
    return sample->member != NULL && sample->term != NULL && sample->size != NULL && sample->drawn != NULL &&
                   sample->order != NULL && sample->medians != NULL
               ? 0
               : -1;
}

static const char *term_of(const struct sample *sample, size_t member)
{
    return sample->pairs->item[sample->result->item[sample->member[member]]].target;
}

static int compare_terms(const void *a, const void *b, void *context)
{
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int by_name = strcmp(term_of(context, i), term_of(context, j));
    return by_name != 0 ? by_name : (i > j) - (i < j);
}

/* The counted ones of group->member; terms are numbered by name. */
static void sample_fill(struct sample *sample, const struct fs_trace_group *group,
                        const struct fs_trace_options *options)
{
    sample->count = sample->terms = 0;
    for (size_t i = 0; i < group->n; i++) {
        if (fs_trace_counts(options, sample->total[group->member[i]])) {
            sample->member[sample->count++] = group->member[i];
        }
    }
    for (size_t i = 0; i < sample->count; i++) {
        sample->order[i] = i;
    }
    qsort_r(sample->order, sample->count, sizeof *sample->order, compare_terms, sample);
    for (size_t i = 0; i < sample->count; i++) {
        bool same = i > 0 && strcmp(term_of(sample, sample->order[i]), term_of(sample, sample->order[i - 1])) == 0;
        if (!same) {
            sample->size[sample->terms++] = 0;
        }
        sample->size[sample->terms - 1]++;
        sample->term[sample->order[i]] = sample->terms - 1;
    }
}

/* What the members are sorted by. */
struct column {
    const double *share; /* [n][L], at the layer */
    const size_t *member;
    size_t layers;
};

static double share_at(const struct column *column, size_t member)
{
    return column->share[column->member[member] * column->layers];
}

static int compare_shares(const void *a, const void *b, void *context)
{
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    double one = share_at(context, i), other = share_at(context, j);
    return one != other ? (one > other) - (one < other) : (i > j) - (i < j);
}

/* The median of the members in their order, each drawn as often as its term is; the mean of the middle two of an even
 * number. */
static double median_of(const struct sample *sample, const struct column *column)
{
    size_t passed = 0;
    double low = NAN;
    for (size_t i = 0; i < sample->count; i++) {
        double share = share_at(column, sample->order[i]);
        passed += sample->drawn[sample->term[sample->order[i]]];
        low = isnan(low) && 2 * passed >= sample->all ? share : low;
        if (2 * passed > sample->all) {
            return low / 2 + share / 2;
        }
    }
    return low;
}

static void draw(struct sample *sample, size_t term)
{
    sample->drawn[term]++;
    sample->all += sample->size[term];
}

static void draw_none(struct sample *sample)
{
    memset(sample->drawn, 0, sample->terms * sizeof *sample->drawn);
    sample->all = 0;
}

/* One layer of one measure: its median, and the medians of so many resamples to `medians`. */
static double fold_layer(struct sample *sample, const struct column *column, struct fs_random random, size_t resamples,
                         double *medians)
{
    for (size_t i = 0; i < sample->count; i++) {
        sample->order[i] = i;
    }
    qsort_r(sample->order, sample->count, sizeof *sample->order, compare_shares, (void *)column);
    for (size_t r = 0; r < resamples; r++) {
        draw_none(sample);
        for (size_t t = 0; t < sample->terms; t++) {
            draw(sample, fs_random_below(&random, sample->terms));
        }
        medians[r] = median_of(sample, column);
    }
    draw_none(sample);
    for (size_t t = 0; t < sample->terms; t++) {
        draw(sample, t);
    }
    return median_of(sample, column);
}

static void fold_category(struct sample *sample, size_t category, const struct fs_trace_options *options,
                          struct fs_trace_shares *out)
{
    const struct fs_trace_result *result = sample->result;
    size_t n = result->items, L = result->layers;
    size_t resamples = sample->terms > 1 ? options->bootstrap : 0;
    out->counted[category] = sample->count;
    for (size_t m = 0; m < out->measures; m++) {
        size_t at = (m * result->categories + category) * L;
        const double *share = out->share + m * n * L;
        for (size_t layer = 0; layer < L; layer++) {
            const struct column column = {share + layer, sample->member, L};
            out->median[at + layer] = out->low[at + layer] = out->high[at + layer] = NAN;
            if (sample->count > 0) {
                const struct fs_random random = fs_random_start(options->seed, SHARES_STREAM + category);
                out->median[at + layer] = fold_layer(sample, &column, random, resamples, sample->medians);
                fs_quantile_interval(sample->medians, resamples, FS_QUANTILE_LINEAR, &out->low[at + layer],
                                     &out->high[at + layer]);
            }
        }
        out->decisive[m * result->categories + category] =
            fs_trace_shares_layer(out->median + at, share, sample->member, sample->count, L);
    }
}

/* The last layer, or two thirds up. */
static size_t fixed_layer(enum fs_trace_select select, size_t layers)
{
    return select == FS_SELECT_LAST ? layers - 1 : 2 * layers / 3;
}

/* l* over all items. */
static int choose_layer(const struct fs_trace_options *options, struct fs_trace_result *result, struct fs_error *err)
{
    const struct fs_trace_shares *shares = &result->shares;
    size_t L = result->layers;
    if (options->select == FS_SELECT_AIE) {
        result->decisive_layer = fs_trace_decisive(result->aie, result->indirect_effect, result->items, L);
        return 0;
    }
    if (options->select < FS_SELECT_MEASURE) {
        result->decisive_layer = fixed_layer((enum fs_trace_select)options->select, L);
        return 0;
    }
    size_t measure = options->select - FS_SELECT_MEASURE, m = 0;
    if (shares->counted[0] == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "trace: none of %zu pairs has a total effect of %g nats or more, which %s needs to name a "
                            "layer; lower trace.least_effect, or choose another trace.select",
                            result->items, options->least_effect, fs_trace_measures[measure].name);
    }
    while ((size_t)shares->measure[m] != measure) {
        m++;
    }
    result->decisive_layer = shares->decisive[m * result->categories];
    return 0;
}

int fs_trace_shares_medians(const struct fs_trace_options *options, const struct fs_pair_list *pairs,
                            const struct fs_trace_result *result, struct fs_trace_shares *out, struct fs_error *err)
{
    struct sample sample = {.total = out->total_effect};
    struct fs_trace_group group = {.member = fs_allocate(result->items, sizeof(size_t), "a category's items", err)};
    int status = group.member != NULL ? sample_create(result, pairs, options->bootstrap, &sample, err) : -1;
    for (size_t c = 0; status == 0 && c < result->categories; c++) {
        group.category = c;
        fs_trace_gather(result, pairs, &group);
        sample_fill(&sample, &group, options);
        fold_category(&sample, c, options, out);
    }
    sample_release(&sample);
    free(group.member);
    return status;
}

int fs_trace_shares_fold(const struct fs_trace_map *map, const struct fs_pair_list *pairs,
                         struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_shares *out = &result->shares;
    out->measures = map->measures;
    memcpy(out->measure, map->measure, sizeof out->measure);
    if (fs_trace_shares_allocate(result, out, err) != 0) {
        return -1;
    }
    fill_shares(map, result);
    return fs_trace_shares_medians(map->trace->options, pairs, result, out, err) == 0
               ? choose_layer(map->trace->options, result, err)
               : -1;
}

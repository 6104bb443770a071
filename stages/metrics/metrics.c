#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "model/numbers/random.h"
#include "stages/metrics/clusters.h"
#include "stages/metrics/quantile.h"

static void set_interval(double *value, size_t count, struct fs_metric *metric)
{
    fs_quantile_interval(value, count, FS_QUANTILE_LINEAR, &metric->low, &metric->high);
}

/* Values that a metric is the mean of, without those that are left out, and the clusters of their items. */
struct kept {
    double *value;   /* [n] */
    size_t *cluster; /* [n]; NULL: each item is its own */
    size_t n, ties;
};

/* Room for n values; released with release_kept, also on failure. */
static int begin_kept(size_t n, const struct fs_bootstrap *bootstrap, struct kept *kept, struct fs_error *err)
{
    *kept = (struct kept){.value = fs_allocate(n, sizeof *kept->value, "a metric", err)};
    if (bootstrap->cluster != NULL) {
        kept->cluster = fs_allocate(n, sizeof *kept->cluster, "a metric", err);
    }
    return kept->value != NULL && (bootstrap->cluster == NULL || kept->cluster != NULL) ? 0 : -1;
}

static void keep(struct kept *kept, const struct fs_bootstrap *bootstrap, size_t item, double value)
{
    if (kept->cluster != NULL) {
        kept->cluster[kept->n] = bootstrap->cluster[item];
    }
    kept->value[kept->n++] = value;
}

static void release_kept(struct kept *kept)
{
    free(kept->value);
    free(kept->cluster);
}

/* Sum and number of a cluster's values. */
struct sum {
    double value, items;
};

/* The mean over the clusters that each resample draws, times `scale`. */
static int mean_interval(const struct fs_clusters *clusters, const double *value, double scale,
                         const struct fs_bootstrap *bootstrap, struct fs_metric *metric, struct fs_error *err)
{
    struct sum *sum = fs_allocate(clusters->count, sizeof *sum, "a bootstrap", err);
    double *mean = fs_allocate(bootstrap->resamples, sizeof *mean, "a bootstrap", err);
    int status = sum != NULL && mean != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < clusters->count; c++) {
        for (size_t i = clusters->first[c]; i < clusters->first[c + 1]; i++) {
            sum[c].value += value[clusters->item[i]];
            sum[c].items += 1.0;
        }
    }
    for (size_t resample = 0; status == 0 && resample < bootstrap->resamples; resample++) {
        struct fs_random random = fs_random_start(bootstrap->seed, resample);
        struct sum drawn = {0.0, 0.0};
        for (size_t c = 0; c < clusters->count; c++) {
            const struct sum *one = &sum[fs_random_below(&random, clusters->count)];
            drawn.value += one->value;
            drawn.items += one->items;
        }
        mean[resample] = scale * drawn.value / drawn.items;
    }
    if (status == 0) {
        set_interval(mean, bootstrap->resamples, metric);
    }
    free(sum);
    free(mean);
    return status;
}

/* The mean of the values, times `scale`, and its interval. */
static int mean_metric(const struct kept *kept, double scale, const struct fs_bootstrap *bootstrap,
                       struct fs_metric *metric, struct fs_error *err)
{
    *metric = (struct fs_metric){NAN, NAN, NAN, kept->n, kept->ties};
    if (kept->n == 0) {
        return 0;
    }
    double sum = 0.0;
    for (size_t i = 0; i < kept->n; i++) {
        sum += kept->value[i];
    }
    metric->value = scale * sum / (double)kept->n;
    struct fs_clusters clusters;
    int status = fs_clusters_create(kept->n, kept->cluster, &clusters, err);
    if (status == 0 && bootstrap->resamples > 0 && clusters.count > 1) {
        status = mean_interval(&clusters, kept->value, scale, bootstrap, metric, err);
    }
    fs_clusters_release(&clusters);
    return status;
}

/* One item, or the sum of several of one term. */
struct tally {
    size_t items;
    size_t stereotyped; /* stereo > anti */
    size_t related;     /* candidates above their unrelated one, of 2 an item */
};

enum { SS_MACRO, SS_MICRO, LMS_MACRO, LMS_MICRO, ICAT_MACRO, ICAT_MICRO, STEREOSET_VALUES = FS_STEREOSET_VALUES };

static double icat(double ss, double lms)
{
    return lms * fmin(ss, 100.0 - ss) / 50.0;
}

static void add_to_tally(struct tally *sum, const struct tally *more)
{
    sum->items += more->items;
    sum->stereotyped += more->stereotyped;
    sum->related += more->related;
}

struct scored_terms {
    size_t n, terms;    /* items without NaN; terms that have any */
    struct tally *term; /* [terms] */
    size_t ss_ties, lms_ties;
};

static double below_anti(const struct fs_stereoset_columns *column, size_t i)
{
    return column->unrelated_counterpart != NULL ? column->unrelated_counterpart[i] : column->unrelated[i];
}

static bool is_complete(const struct fs_stereoset_columns *column, size_t i)
{
    return !isnan(column->stereo[i]) && !isnan(column->anti[i]) &&
           (column->unrelated == NULL || (!isnan(column->unrelated[i]) && !isnan(below_anti(column, i))));
}

static void add_item(const struct fs_stereoset_columns *column, size_t i, struct tally *term,
                     struct scored_terms *scored)
{
    double stereo = column->stereo[i], anti = column->anti[i];
    struct tally item = {1, stereo > anti ? 1 : 0, 0};
    if (column->unrelated != NULL) {
        double unrelated = column->unrelated[i], lower = below_anti(column, i);
        item.related = (stereo > unrelated ? 1U : 0U) + (anti > lower ? 1U : 0U);
        scored->lms_ties += stereo == unrelated || anti == lower ? 1 : 0;
    }
    scored->ss_ties += stereo == anti ? 1 : 0;
    scored->n++;
    add_to_tally(term, &item);
}

/* The terms of the items that are complete, in `other` (NULL: none) too. The caller frees scored->term. */
static int collect_terms(size_t n, const struct fs_stereoset_columns *column, const struct fs_stereoset_columns *other,
                         const size_t *term, struct scored_terms *scored, struct fs_error *err)
{
    size_t numbers = 0;
    *scored = (struct scored_terms){0};
    for (size_t i = 0; i < n; i++) {
        numbers = term[i] >= numbers ? term[i] + 1 : numbers;
    }
    scored->term = fs_allocate(numbers, sizeof *scored->term, "StereoSet metrics", err);
    if (scored->term == NULL) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_complete(column, i) && (other == NULL || is_complete(other, i))) {
            add_item(column, i, &scored->term[term[i]], scored);
        }
    }
    for (size_t t = 0; t < numbers; t++) {
        if (scored->term[t].items > 0) {
            scored->term[scored->terms++] = scored->term[t];
        }
    }
    return 0;
}

/* The six values over as many terms as there are, drawn by resample `resample`; NULL: over each term once. */
static void fold_terms(const struct scored_terms *scored, const struct fs_bootstrap *bootstrap, size_t resample,
                       double value[STEREOSET_VALUES])
{
    struct fs_random random = {0};
    struct tally all = {0};
    double ss = 0.0, lms = 0.0, terms = (double)scored->terms;
    if (bootstrap != NULL) {
        random = fs_random_start(bootstrap->seed, resample);
    }
    for (size_t t = 0; t < scored->terms; t++) {
        const struct tally *term = &scored->term[bootstrap != NULL ? fs_random_below(&random, scored->terms) : t];
        double items = (double)term->items;
        ss += 100.0 * (double)term->stereotyped / items;
        lms += 100.0 * (double)term->related / (2.0 * items);
        add_to_tally(&all, term);
    }
    value[SS_MACRO] = ss / terms;
    value[LMS_MACRO] = lms / terms;
    value[SS_MICRO] = 100.0 * (double)all.stereotyped / (double)all.items;
    value[LMS_MICRO] = 100.0 * (double)all.related / (2.0 * (double)all.items);
    value[ICAT_MACRO] = icat(value[SS_MACRO], value[LMS_MACRO]);
    value[ICAT_MICRO] = icat(value[SS_MICRO], value[LMS_MICRO]);
}

/* What `value` is more than `other`, or its distance to the ideal more than that of `other`. */
static double difference_of(double value, double other, const double *ideal)
{
    return ideal != NULL ? fabs(value - *ideal) - fabs(other - *ideal) : value - other;
}

/* The six values, or where there is a model `before`, which has the same terms, what they are more than its own. `ideal`:
 * of SS, as struct fs_bootstrap has it. */
static void fold_models(const struct scored_terms *scored, const struct scored_terms *before,
                        const struct fs_bootstrap *bootstrap, size_t resample, const double *ideal,
                        double value[STEREOSET_VALUES])
{
    fold_terms(scored, bootstrap, resample, value);
    if (before != NULL) {
        double other[STEREOSET_VALUES];
        fold_terms(before, bootstrap, resample, other);
        for (size_t k = 0; k < STEREOSET_VALUES; k++) {
            value[k] = difference_of(value[k], other[k], k <= SS_MICRO ? ideal : NULL);
        }
    }
}

/* Sets the values of metric[k] that are known, and their intervals. */
static int measure_terms(const struct scored_terms *scored, const struct scored_terms *before, bool with_unrelated,
                         const struct fs_bootstrap *bootstrap, struct fs_metric *const metric[STEREOSET_VALUES],
                         struct fs_error *err)
{
    const size_t resamples = scored->terms > 1 ? bootstrap->resamples : 0;
    const size_t known = scored->n == 0 ? 0 : with_unrelated ? STEREOSET_VALUES : SS_MICRO + 1;
    double value[STEREOSET_VALUES];
    double *drawn = fs_allocate(resamples, STEREOSET_VALUES * sizeof *drawn, "a bootstrap", err);
    if (drawn == NULL) {
        return -1;
    }
    fold_models(scored, before, NULL, 0, bootstrap->ideal, value);
    for (size_t k = 0; k < known; k++) {
        metric[k]->value = value[k];
    }
    for (size_t resample = 0; resample < resamples; resample++) {
        fold_models(scored, before, bootstrap, resample, bootstrap->ideal, value);
        for (size_t k = 0; k < known; k++) {
            drawn[k * resamples + resample] = value[k];
        }
    }
    for (size_t k = 0; resamples > 0 && k < known; k++) {
        set_interval(drawn + k * resamples, resamples, metric[k]);
    }
    free(drawn);
    return 0;
}

int fs_metrics_stereoset(size_t n, const struct fs_stereoset_columns *column, const size_t *term,
                         const struct fs_bootstrap *bootstrap, struct fs_stereoset_metrics *metrics,
                         struct fs_error *err)
{
    struct fs_metric *const metric[STEREOSET_VALUES] = {
        [SS_MACRO] = &metrics->ss_macro,   [SS_MICRO] = &metrics->ss_micro,     [LMS_MACRO] = &metrics->lms_macro,
        [LMS_MICRO] = &metrics->lms_micro, [ICAT_MACRO] = &metrics->icat_macro, [ICAT_MICRO] = &metrics->icat_micro,
    };
    const bool with_unrelated = column->unrelated != NULL;
    struct scored_terms scored;
    int status = collect_terms(n, column, NULL, term, &scored, err);
    if (status == 0) {
        metrics->terms = scored.terms;
        for (size_t k = 0; k < STEREOSET_VALUES; k++) {
            bool is_lms = k == LMS_MACRO || k == LMS_MICRO;
            *metric[k] = (struct fs_metric){NAN, NAN, NAN, k <= SS_MICRO || with_unrelated ? scored.n : 0,
                                            is_lms ? scored.lms_ties : scored.ss_ties};
        }
        status = measure_terms(&scored, NULL, with_unrelated, bootstrap, metric, err);
    }
    free(scored.term);
    return status;
}

int fs_metrics_stereoset_difference(size_t n, const struct fs_stereoset_columns column[2], const size_t *term,
                                    const struct fs_bootstrap *bootstrap,
                                    struct fs_metric difference[FS_STEREOSET_VALUES], struct fs_error *err)
{
    struct scored_terms scored[2] = {{0}, {0}};
    struct fs_metric *metric[STEREOSET_VALUES];
    int status = 0;
    for (size_t model = 0; status == 0 && model < 2; model++) {
        status = collect_terms(n, &column[model], &column[1 - model], term, &scored[model], err);
    }
    for (size_t k = 0; k < STEREOSET_VALUES; k++) {
        difference[k] = (struct fs_metric){NAN, NAN, NAN, scored[0].n, 0};
        metric[k] = &difference[k];
    }
    if (status == 0) {
        status = measure_terms(&scored[1], &scored[0], column[0].unrelated != NULL, bootstrap, metric, err);
    }
    free(scored[0].term);
    free(scored[1].term);
    return status;
}

int fs_metrics_crows(size_t n, const double *more, const double *less, const bool *antistereo,
                     const struct fs_bootstrap *bootstrap, struct fs_crows_metrics *metrics, struct fs_error *err)
{
    struct fs_metric *const metric[] = {&metrics->all, &metrics->stereo, &metrics->antistereo};
    enum { ALL, STEREO, ANTISTEREO, DIRECTIONS };
    struct kept kept;
    int status = begin_kept(n, bootstrap, &kept, err);
    for (size_t which = ALL; status == 0 && which < DIRECTIONS; which++) {
        kept.n = kept.ties = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(more[i]) || isnan(less[i]) || (which != ALL && antistereo[i] != (which == ANTISTEREO))) {
                continue;
            }
            bool tie = more[i] == less[i];
            kept.ties += tie ? 1 : 0;
            if (which == ALL || !tie) {
                keep(&kept, bootstrap, i, more[i] > less[i] ? 1.0 : 0.0);
            }
        }
        status = mean_metric(&kept, 100.0, bootstrap, metric[which], err);
    }
    release_kept(&kept);
    return status;
}

int fs_metrics_share(size_t n, const double *a, const double *b, const struct fs_bootstrap *bootstrap,
                     struct fs_metric *metric, struct fs_error *err)
{
    struct kept kept;
    int status = begin_kept(n, bootstrap, &kept, err);
    for (size_t i = 0; status == 0 && i < n; i++) {
        if (!isnan(a[i]) && !isnan(b[i])) {
            kept.ties += a[i] == b[i] ? 1 : 0;
            keep(&kept, bootstrap, i, a[i] > b[i] ? 1.0 : 0.0);
        }
    }
    status = status == 0 ? mean_metric(&kept, 100.0, bootstrap, metric, err) : -1;
    release_kept(&kept);
    return status;
}

int fs_metrics_gap(size_t n, const double *log_a, const double *log_b, const struct fs_bootstrap *bootstrap,
                   struct fs_metric *metric, struct fs_error *err)
{
    struct kept kept;
    int status = begin_kept(n, bootstrap, &kept, err);
    for (size_t i = 0; status == 0 && i < n; i++) {
        if (!isnan(log_a[i]) && !isnan(log_b[i])) {
            kept.ties += log_a[i] == log_b[i] ? 1 : 0;
            keep(&kept, bootstrap, i, fabs(log_a[i] - log_b[i]));
        }
    }
    status = status == 0 ? mean_metric(&kept, 1.0, bootstrap, metric, err) : -1;
    release_kept(&kept);
    return status;
}

int fs_metrics_flags(size_t n, const bool *flag, const struct fs_bootstrap *bootstrap, struct fs_metric *metric,
                     struct fs_error *err)
{
    struct kept kept;
    int status = begin_kept(n, bootstrap, &kept, err);
    for (size_t i = 0; status == 0 && i < n; i++) {
        keep(&kept, bootstrap, i, flag[i] ? 1.0 : 0.0);
    }
    status = status == 0 ? mean_metric(&kept, 100.0, bootstrap, metric, err) : -1;
    release_kept(&kept);
    return status;
}

int fs_metrics_mean(size_t n, const double *value, double scale, const struct fs_bootstrap *bootstrap,
                    struct fs_metric *metric, struct fs_error *err)
{
    struct kept kept;
    int status = begin_kept(n, bootstrap, &kept, err);
    for (size_t i = 0; status == 0 && i < n; i++) {
        if (!isnan(value[i])) {
            keep(&kept, bootstrap, i, value[i]);
        }
    }
    status = status == 0 ? mean_metric(&kept, scale, bootstrap, metric, err) : -1;
    release_kept(&kept);
    return status;
}

/* `scale` times the ratio, of clusters drawn by `random`, as many as there are, or with NULL of each once: sum [clusters][4], over and
 * under of both models. */
static double ratio_of(const struct fs_clusters *clusters, const double (*sum)[4], double scale, const double *ideal,
                       struct fs_random *random)
{
    double all[4] = {0};
    for (size_t c = 0; c < clusters->count; c++) {
        const double *one = sum[random != NULL ? fs_random_below(random, clusters->count) : c];
        for (size_t k = 0; k < 4; k++) {
            all[k] += one[k];
        }
    }
    double own = all[1] > 0 ? all[0] / all[1] : 0.0, other = all[3] > 0 ? all[2] / all[3] : 0.0;
    return ideal != NULL ? difference_of(scale * own, scale * other, ideal) : scale * (own - other);
}

static int ratio_interval(const struct fs_clusters *clusters, const double (*sum)[4], double scale,
                          const struct fs_bootstrap *bootstrap, struct fs_metric *metric, struct fs_error *err)
{
    double *drawn = fs_allocate(bootstrap->resamples, sizeof *drawn, "a bootstrap", err);
    if (drawn == NULL) {
        return -1;
    }
    for (size_t resample = 0; resample < bootstrap->resamples; resample++) {
        struct fs_random random = fs_random_start(bootstrap->seed, resample);
        drawn[resample] = ratio_of(clusters, sum, scale, bootstrap->ideal, &random);
    }
    set_interval(drawn, bootstrap->resamples, metric);
    free(drawn);
    return 0;
}

int fs_metrics_ratio(size_t n, const struct fs_ratio *ratio, const struct fs_ratio *less, double scale,
                     const struct fs_bootstrap *bootstrap, struct fs_metric *metric, struct fs_error *err)
{
    struct fs_clusters clusters;
    int status = fs_clusters_create(n, bootstrap->cluster, &clusters, err);
    double(*sum)[4] = status == 0 ? fs_allocate(clusters.count, sizeof *sum, "a metric", err) : NULL;
    *metric = (struct fs_metric){NAN, NAN, NAN, n, 0};
    status = sum != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < clusters.count; c++) {
        for (size_t i = clusters.first[c]; i < clusters.first[c + 1]; i++) {
            size_t item = clusters.item[i];
            sum[c][0] += ratio->over[item];
            sum[c][1] += ratio->under[item];
            sum[c][2] += less != NULL ? less->over[item] : 0.0;
            sum[c][3] += less != NULL ? less->under[item] : 0.0;
        }
    }
    if (status == 0 && n > 0) {
        metric->value = ratio_of(&clusters, (const double(*)[4])sum, scale, bootstrap->ideal, NULL);
        if (bootstrap->resamples > 0 && clusters.count > 1) {
            status = ratio_interval(&clusters, (const double(*)[4])sum, scale, bootstrap, metric, err);
        }
    }
    free(sum);
    fs_clusters_release(&clusters);
    return status;
}

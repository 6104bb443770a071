#include "stages/metrics/paired.h"

#include <math.h>
#include <stdlib.h>

struct fs_paired fs_paired_none(void)
{
    return (struct fs_paired){NAN, NAN, NAN, NAN, -1, -1};
}

double fs_mcnemar(size_t gained, size_t lost)
{
    double n = (double)gained + (double)lost, tail = 0.0;
    size_t fewer = gained < lost ? gained : lost;
    for (size_t k = fewer + 1; k-- > 0;) { /* the terms fall from k = fewer on: stop where they add nothing */
        double term = exp(lgamma(n + 1.0) - lgamma((double)k + 1.0) - lgamma(n - (double)k + 1.0) - n * M_LN2);
        tail += term;
        if (term <= tail * 1e-17) {
            break;
        }
    }
    return fmin(1.0, 2.0 * tail);
}

/* Of the distances of both means to bootstrap->ideal. */
static int distance_of_means(const struct fs_paired_values *values, const struct fs_bootstrap *bootstrap,
                             struct fs_metric *metric, struct fs_error *err)
{
    double *kept = fs_allocate(values->n, 3 * sizeof *kept, "a paired test", err); /* before, after, one */
    size_t *cluster = fs_allocate(values->n, sizeof *cluster, "a paired test", err), n = 0;
    if (kept == NULL || cluster == NULL) {
        free(kept);
        free(cluster);
        return -1;
    }
    double *after = kept + values->n, *one = after + values->n;
    for (size_t i = 0; i < values->n; i++) {
        if (!isnan(values->before[i]) && !isnan(values->after[i])) {
            kept[n] = values->before[i];
            after[n] = values->after[i];
            one[n] = 1.0;
            cluster[n++] = bootstrap->cluster != NULL ? bootstrap->cluster[i] : i;
        }
    }
    const struct fs_bootstrap of_kept = {bootstrap->resamples, bootstrap->seed, cluster, bootstrap->ideal};
    int status = fs_metrics_ratio(n, &(struct fs_ratio){after, one}, &(struct fs_ratio){kept, one}, values->scale,
                                  &of_kept, metric, err);
    free(kept);
    free(cluster);
    return status;
}

int fs_paired_mean(const struct fs_paired_values *values, const struct fs_bootstrap *bootstrap,
                   struct fs_paired *paired, struct fs_error *err)
{
    *paired = fs_paired_none();
    double *change = fs_allocate(values->n, sizeof *change, "a paired test", err);
    if (change == NULL) {
        return -1;
    }
    size_t gained = 0, lost = 0;
    for (size_t i = 0; i < values->n; i++) {
        change[i] = values->after[i] - values->before[i];
        gained += change[i] > 0.0;
        lost += change[i] < 0.0;
    }
    struct fs_metric metric;
    int status = bootstrap->ideal != NULL ? distance_of_means(values, bootstrap, &metric, err)
                                          : fs_metrics_mean(values->n, change, values->scale, bootstrap, &metric, err);
    if (status == 0 && metric.n > 0) {
        paired->difference = metric.value;
        paired->low = metric.low;
        paired->high = metric.high;
        if (values->share) {
            paired->p_value = fs_mcnemar(gained, lost);
            paired->gained = (int64_t)gained;
            paired->lost = (int64_t)lost;
        }
    }
    free(change);
    return status;
}

int fs_paired_share(size_t n, const double *const a[2], const double *const b[2], bool without_ties,
                    const struct fs_bootstrap *bootstrap, struct fs_paired *paired, struct fs_error *err)
{
    double *yes = fs_allocate(n, 2 * sizeof *yes, "a paired test", err);
    if (yes == NULL) {
        return -1;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        size_t model = i / n, item = i % n;
        double more = a[model][item], less = b[model][item];
        bool left_out = isnan(more) || isnan(less) || (without_ties && more == less);
        yes[i] = left_out ? NAN : (more > less ? 1.0 : 0.0);
    }
    const struct fs_paired_values values = {n, yes, yes + n, 100.0, true};
    int status = fs_paired_mean(&values, bootstrap, paired, err);
    free(yes);
    return status;
}

int fs_paired_ratio(size_t n, const double *const over[2], const double *const under[2], double scale,
                    const struct fs_bootstrap *bootstrap, struct fs_paired *paired, struct fs_error *err)
{
    const struct fs_ratio before = {over[0], under[0]}, after = {over[1], under[1]};
    struct fs_metric difference;
    *paired = fs_paired_none();
    if (fs_metrics_ratio(n, &after, &before, scale, bootstrap, &difference, err) != 0) {
        return -1;
    }
    paired->difference = difference.value;
    paired->low = difference.low;
    paired->high = difference.high;
    return 0;
}

/*
 * Paired tests: one model against another over the same items, such as an edited one against the unedited one. Local.
 *
 * The interval is the 95 % percentile bootstrap of the difference, clusters resampled from the streams of metrics.h: the
 * difference of two metrics lies in each resample where the metrics themselves do. The p-value is McNemar's exact
 * two-sided test: of the items whose answer changed, as many in one direction, or more unevenly, by a fair coin (McNemar
 * 1947; exact form: Fay 2010). It is by item, as if no two were alike. With an ideal (struct fs_bootstrap) difference and
 * interval are of the distances to it; the p-value stays that of the answers.
 */
#ifndef FAIRSTAMP_STAGES_METRICS_PAIRED_H
#define FAIRSTAMP_STAGES_METRICS_PAIRED_H

#include "stages/metrics/metrics.h"

struct fs_paired {
    double difference, low, high; /* after less before, in the metric's unit; NaN: not known */
    double p_value;               /* NaN where the metric is no share of yes-or-no items */
    int64_t gained, lost;         /* items that turned from no to yes, from yes to no; -1 where not a share */
};

struct fs_paired fs_paired_none(void);

/* min(1, 2 x P[Binomial(gained + lost, 1/2) <= min(gained, lost)]); 1 where nothing changed. */
double fs_mcnemar(size_t gained, size_t lost);

/* What n items have under the unedited and under the stamped model. */
struct fs_paired_values {
    size_t n;
    const double *before, *after; /* [n] */
    double scale;                 /* from the values to the metric's unit */
    bool share;                   /* the values are 0 or 1 */
};
/* Mean of scale x (after - before); a pair with a NaN is left out. */
int fs_paired_mean(const struct fs_paired_values *values, const struct fs_bootstrap *bootstrap,
                   struct fs_paired *paired, struct fs_error *err);
/* Of 100 x share(a > b): columns [2 models][n]. Without ties: pairs with a == b in either model are left out. */
int fs_paired_share(size_t n, const double *const a[2], const double *const b[2], bool without_ties,
                    const struct fs_bootstrap *bootstrap, struct fs_paired *paired, struct fs_error *err);
/* Of fs_metrics_ratio: columns [2 models][n]; no share, so without a p-value. */
int fs_paired_ratio(size_t n, const double *const over[2], const double *const under[2], double scale,
                    const struct fs_bootstrap *bootstrap, struct fs_paired *paired, struct fs_error *err);

#endif

/* The 95 % percentile interval of a bootstrap's resamples. Local. */
#ifndef FAIRSTAMP_STAGES_METRICS_QUANTILE_H
#define FAIRSTAMP_STAGES_METRICS_QUANTILE_H

#include <stddef.h>

/* Which value a quantile between two sorted values is; numpy.quantile's names. */
enum fs_quantile {
    FS_QUANTILE_LINEAR, /* in proportion between both */
    FS_QUANTILE_OUTER   /* `lower` for the interval's lower end, `higher` for its upper: never a narrower interval */
};

/* The quantiles 0.025 and 0.975 of value[count], which is sorted here; NaN where it is empty. */
void fs_quantile_interval(double *value, size_t count, enum fs_quantile rule, double *low, double *high);

#endif

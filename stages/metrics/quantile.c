#include "stages/metrics/quantile.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static double linear(const double *sorted, size_t count, double place)
{
    size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

void fs_quantile_interval(double *value, size_t count, enum fs_quantile rule, double *low, double *high)
{
    *low = *high = NAN;
    if (count == 0) {
        return;
    }
    qsort(value, count, sizeof *value, compare);
    double first = 0.025 * (double)(count - 1), last = 0.975 * (double)(count - 1);
    if (rule == FS_QUANTILE_LINEAR) {
        *low = linear(value, count, first);
        *high = linear(value, count, last);
    } else {
        *low = value[(size_t)first];
        *high = value[(size_t)ceil(last)];
    }
}

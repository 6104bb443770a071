#include "stages/metrics/permutation.h"

#include <math.h>
#include <stdbool.h>

/* Sum of the values at the first `n` of the indices, in their order. */
static double sum_of(const double *value, const size_t *index, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += value[index[i]];
    }
    return sum;
}

/* The next combination of `n` of 0 .. m-1 in lexicographic order; false behind the last. */
static bool next_combination(size_t *index, size_t n, size_t m)
{
    for (size_t i = n; i-- > 0;) {
        if (index[i] < m - n + i) {
            index[i]++;
            for (size_t j = i + 1; j < n; j++) {
                index[j] = index[j - 1] + 1;
            }
            return true;
        }
    }
    return false;
}

double fs_permutation_p(const double *value, size_t x, size_t y, size_t most, struct fs_random *random, size_t *index)
{
    double partitions = 1.0, reached = 0.0, total = 0.0;
    for (size_t i = 1; i <= x; i++) {
        partitions = partitions * (double)(y + i) / (double)i;
    }
    for (size_t i = 0; i < x + y; i++) {
        index[i] = i;
    }
    double given = sum_of(value, index, x);
    if (round(partitions) <= (double)most) {
        do {
            reached += sum_of(value, index, x) >= given ? 1.0 : 0.0;
            total += 1.0;
        } while (next_combination(index, x, x + y));
        return reached / total;
    }
    for (size_t sample = 1; sample < most; sample++) {
        for (size_t i = 0; i < x; i++) {
            size_t other = i + fs_random_below(random, x + y - i), kept = index[i];
            index[i] = index[other];
            index[other] = kept;
        }
        reached += sum_of(value, index, x) >= given ? 1.0 : 0.0;
    }
    return (reached + 1.0) / (double)most;
}

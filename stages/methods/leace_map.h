/*
 * LEACE in closed form (Belrose et al. 2023, arXiv 2306.03819): the affine map of least change behind which no linear
 * classifier finds the classes. Of n features x (d) in k classes, z their one-hot vectors,
 *
 *     mu = mean of x       S_xz = sum (x - mu) (z - mean z)^T / (n - 1)       S = sum (x - mu) (x - mu)^T / n
 *     S <- a S + (1 - a) (t / d) 1,   t = trace S, f = |S|^2, s = t^2 / d, a = 1 - (t^2 s / n + e) / (f s - s^2 + e), in [0, 1]
 *     W = S^(-1/2), U: left singular vectors of W S_xz with singular values above 0.01
 *     x <- x - W^-1 U U^T W (x - mu)
 *
 * The shrinkage is Ledoit and Wolf's linear one as the published library has it; a is kept in [0, 1], where that leaves
 * few features a matrix that is none of a variance. The library's guard against a growing trace is not needed: with W of
 * the same S, trace(P S P^T) = trace S - |W^-1 U|^2. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_LEACE_MAP_H
#define FAIRSTAMP_STAGES_METHODS_LEACE_MAP_H

#include <stddef.h>

#include "io/error.h"

/* Sums over features, in their order. */
struct fs_leace_sums {
    size_t hidden, classes; /* d, k */
    double *square;         /* (d,d) of x x^T, the lower half */
    double *sum;            /* (k,d) of x, by class */
    double *count;          /* [k] */
};

/*
 * centre (d) = mu, left and right (k - 1,d) = rows of W^-1 U and W U, zeros behind the last. `*correlation`: the largest
 * singular value of W S_xz. FS_EXIT_DATA where there are fewer than two features, or one is no number.
 */
int fs_leace_map(const struct fs_leace_sums *sums, double *centre, double *left, double *right, double *correlation,
                 struct fs_error *err);

#endif

/*
 * Linear algebra of small matrices in float64, by BLAS and LAPACK of OpenBLAS in the calling thread: the methods that
 * have a closed form. Matrices are (rows,columns) without gaps. All are local, and give the same bits for the same
 * numbers on processors that OpenBLAS has the same kernels for.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_DENSE_H
#define FAIRSTAMP_MODEL_NUMBERS_DENSE_H

#include <stddef.h>

#include "io/error.h"

/* OpenBLAS computes in the calling thread from here on; call it before threads that use what follows. */
void fs_dense_one_thread(void);

/* Of vectors of d numbers: a.b, and y += factor x. */
double fs_dense_dot(size_t d, const double *a, const double *b);
void fs_dense_add_scaled(size_t d, double factor, const double *x, double *y);

/* x (d) <- s^-1 x of the symmetric, positive definite s (d,d), of which the lower half is read and nothing is left.
 * FS_EXIT_DATA where s is not positive definite to rounding. */
int fs_dense_solve(size_t d, double *s, double *x, struct fs_error *err);

/* s (d,d) += x^T x of x (n,d): its lower half and diagonal. */
void fs_dense_add_square(size_t n, size_t d, const double *x, double *s);

/*
 * The `count` largest eigenvalues of the symmetric s (d,d), of which the lower half is read and nothing is left: value
 * [count] falling, vector (count,d) orthonormal rows, each with its largest component (the first of equal ones) above 0.
 * FS_EXIT_DATA where LAPACK finds none, as of numbers that are not finite.
 */
int fs_dense_eigenvectors(size_t d, size_t count, double *s, double *value, double *vector, struct fs_error *err);

/* Row `row` (d), less its part in `count` orthonormal rows of `basis` (count,d), twice, and scaled to length 1. Returns its
 * length before that scaling as a share of the length that it came with; 0 leaves a row of zeros. */
double fs_dense_orthonormalise(size_t d, size_t count, const double *basis, double *row);

#endif

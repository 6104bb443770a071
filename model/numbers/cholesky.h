/*
 * Systems of a symmetric positive definite matrix in float64, by LAPACK of OpenBLAS in the calling thread. Matrices are
 * (rows,columns) without gaps. Local; the same bits for the same numbers under the same kernels.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_CHOLESKY_H
#define FAIRSTAMP_MODEL_NUMBERS_CHOLESKY_H

#include <stddef.h>

#include "io/error.h"

/*
 * The factor L of s (d,d) = L L^T, in the place of its lower half and diagonal, which alone are read and written.
 * `pivot`: the smallest diagonal element of L, squared; NULL: not wanted. FS_EXIT_DATA where s is not positive definite.
 */
int fs_cholesky_factorise(size_t d, double *s, double *pivot, struct fs_error *err);

/* Rows of b (n,d) become the solutions of s x = row, by the factor of s. */
void fs_cholesky_solve(size_t d, const double *factor, size_t n, double *b);

#endif

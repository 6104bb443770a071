/* A check of a library's matrix products against plain sums. Local. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_BLAS_CHECK_H
#define FAIRSTAMP_PIPELINE_RANKS_BLAS_CHECK_H

#include <cblas.h>

/* cblas_sgemm, or what stands in for it. */
typedef void fs_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transpose_a, enum CBLAS_TRANSPOSE transpose_b,
                      blasint m, blasint n, blasint k, float alpha, const float *a, blasint stride_a, const float *b,
                      blasint stride_b, float beta, float *c, blasint stride_c);

/*
 * Multiplies matrices of odd and of large sizes, each as it is and transposed, onto a matrix or without one, and compares
 * with sums in float64 within the error that k + 2 float32 operations can have. NULL where all are right; otherwise what is
 * wrong: "wrong products", "writes beside its matrix", "an illegal instruction", "a crash", "no memory". Milliseconds. Not
 * where other threads run: it handles signals meanwhile.
 */
const char *fs_blas_check(fs_sgemm *product);

#endif

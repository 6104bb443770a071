#include "model/numbers/cholesky.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>

#include "model/numbers/dense.h"

/* LAPACK as Fortran calls it: OpenBLAS has it, and its headers do not declare it. Behind the arguments, the lengths of texts. */
void dpotrf_(const char *half, const blasint *n, double *a, const blasint *stride, blasint *info, size_t half_length);
void dpotrs_(const char *half, const blasint *n, const blasint *columns, const double *a, const blasint *stride,
             double *b, const blasint *b_stride, blasint *info, size_t half_length);

/* Rows of the lower half are columns of the upper one: there s = U^T U with U = L^T. */
int fs_cholesky_factorise(size_t d, double *s, double *pivot, struct fs_error *err)
{
    blasint n = (blasint)d, info = 0;
    bool finite = d <= INT_MAX / 64;
    for (size_t row = 0; finite && row < d; row++) {
        for (size_t i = 0; finite && i <= row; i++) {
            finite = isfinite(s[row * d + i]);
        }
    }
    fs_dense_one_thread();
    if (finite) {
        dpotrf_("U", &n, s, &n, &info, 1);
    }
    if (!finite || info != 0) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "a matrix of %zu rows is not positive definite: found %s, expected numbers above 0; are there "
            "enough data of it?",
            d, finite ? "a pivot that is not above 0" : "numbers that are not finite");
    }
    double smallest = INFINITY;
    for (size_t i = 0; i < d; i++) {
        smallest = fmin(smallest, s[i * d + i] * s[i * d + i]);
    }
    if (pivot != NULL) {
        *pivot = smallest;
    }
    return 0;
}

void fs_cholesky_solve(size_t d, const double *factor, size_t n, double *b)
{
    blasint rows = (blasint)d, columns = (blasint)n, info = 0;
    if (d == 0 || n == 0) {
        return;
    }
    fs_dense_one_thread();
    dpotrs_("U", &rows, &columns, factor, &rows, b, &rows, &info, 1);
}

#include "model/numbers/dense.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK as Fortran calls it: OpenBLAS has it, and its headers do not declare it. Behind the arguments, the lengths of texts. */
void dsyevr_(const char *job, const char *range, const char *half, const blasint *n, double *a, const blasint *stride,
             const double *low, const double *high, const blasint *first, const blasint *last, const double *tolerance,
             blasint *found, double *value, double *vector, const blasint *vector_stride, blasint *support,
             double *work, const blasint *work_size, blasint *numbers, const blasint *numbers_size, blasint *info,
             size_t job_length, size_t range_length, size_t half_length);
void dposv_(const char *half, const blasint *n, const blasint *columns, double *a, const blasint *stride, double *b,
            const blasint *b_stride, blasint *info, size_t half_length);

/* The call is not for many threads at once: it is made where it changes something. */
void fs_dense_one_thread(void)
{
    if (openblas_get_num_threads() != 1) {
        openblas_set_num_threads(1);
    }
}

double fs_dense_dot(size_t d, const double *a, const double *b)
{
    return cblas_ddot((blasint)d, a, 1, b, 1);
}

void fs_dense_add_scaled(size_t d, double factor, const double *x, double *y)
{
    cblas_daxpy((blasint)d, factor, x, 1, y, 1);
}

int fs_dense_solve(size_t d, double *s, double *x, struct fs_error *err)
{
    blasint n = (blasint)d, columns = 1, info = 0;
    if (d > INT_MAX / 64) {
        return fs_error_set(err, FS_EXIT_DATA, "found %zu equations, expected at most %d", d, INT_MAX / 64);
    }
    fs_dense_one_thread();
    dposv_("U", &n, &columns, s, &n, x, &n, &info, 1); /* rows of the lower half are columns of the upper one */
    return info == 0
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "a matrix of %zu rows is not positive definite: pivot %lld; are the states numbers?", d,
                              (long long)info);
}

void fs_dense_add_square(size_t n, size_t d, const double *x, double *s)
{
    fs_dense_one_thread();
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)d, (blasint)n, 1, x, (blasint)d, 1, s, (blasint)d);
}

/* So that the sign, which is free, is the same wherever it is computed. */
static void fix_sign(size_t d, double *row)
{
    size_t largest = 0;
    for (size_t i = 1; i < d; i++) {
        largest = fabs(row[i]) > fabs(row[largest]) ? i : largest;
    }
    if (row[largest] < 0) {
        cblas_dscal((blasint)d, -1, row, 1);
    }
}

static int no_eigenvectors(size_t d, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "a matrix of %zu rows has no eigenvectors that can be found; are the states numbers?", d);
}

/* Memory of dsyevr. */
struct eigen {
    double *value, *vector, *work;
    blasint *support, *numbers;
    blasint work_size, numbers_size;
};

static void release_eigen(struct eigen *eigen)
{
    free(eigen->value);
    free(eigen->vector);
    free(eigen->work);
    free(eigen->support);
    free(eigen->numbers);
}

/* With sizes of -1 it asks for them, into the first numbers of work and numbers. Returns LAPACK's answer. */
static blasint syevr(size_t d, size_t count, double *s, struct eigen *eigen, blasint *found)
{
    blasint n = (blasint)d, first = (blasint)(d - count + 1), last = n, info = 0;
    const double none = 0;
    /* rows of the lower half are columns of the upper one */
    dsyevr_("V", "I", "U", &n, s, &n, &none, &none, &first, &last, &none, found, eigen->value, eigen->vector, &n,
            eigen->support, eigen->work, &eigen->work_size, eigen->numbers, &eigen->numbers_size, &info, 1, 1, 1);
    return info;
}

static int reserve_eigen(size_t d, size_t count, double *s, struct eigen *eigen, struct fs_error *err)
{
    double work = 0;
    blasint numbers = 0, found;
    eigen->value = fs_allocate(d, sizeof *eigen->value, "eigenvalues", err);
    eigen->vector = fs_allocate(count * d, sizeof *eigen->vector, "eigenvectors", err);
    eigen->support = fs_allocate(2 * d, sizeof *eigen->support, "eigenvectors", err);
    if (eigen->value == NULL || eigen->vector == NULL || eigen->support == NULL) {
        return -1;
    }
    eigen->work = &work;
    eigen->numbers = &numbers;
    eigen->work_size = eigen->numbers_size = -1;
    blasint info = syevr(d, count, s, eigen, &found);
    eigen->work = NULL;
    eigen->numbers = NULL;
    if (info != 0) {
        return no_eigenvectors(d, err);
    }
    eigen->work_size = (blasint)work;
    eigen->numbers_size = numbers;
    eigen->work = fs_allocate((size_t)eigen->work_size, sizeof *eigen->work, "eigenvectors", err);
    eigen->numbers = fs_allocate((size_t)eigen->numbers_size, sizeof *eigen->numbers, "eigenvectors", err);
    return eigen->work != NULL && eigen->numbers != NULL ? 0 : -1;
}

/* LAPACK may end the process over a NaN. */
static int check_finite(size_t d, const double *s, struct fs_error *err)
{
    for (size_t row = 0; row < d; row++) {
        for (size_t i = 0; i <= row; i++) {
            if (!isfinite(s[row * d + i])) {
                return no_eigenvectors(d, err);
            }
        }
    }
    return 0;
}

int fs_dense_eigenvectors(size_t d, size_t count, double *s, double *value, double *vector, struct fs_error *err)
{
    struct eigen eigen = {0};
    blasint found = 0;
    if (count == 0 || count > d || d > INT_MAX / 64) {
        return fs_error_set(err, FS_EXIT_DATA, "found %zu eigenvectors of %zu rows to be computed, expected 1 to %zu",
                            count, d, d);
    }
    fs_dense_one_thread();
    int status = check_finite(d, s, err) == 0 ? reserve_eigen(d, count, s, &eigen, err) : -1;
    if (status == 0 && (syevr(d, count, s, &eigen, &found) != 0 || (size_t)found != count)) {
        status = no_eigenvectors(d, err);
    }
    for (size_t k = 0; status == 0 && k < count; k++) { /* LAPACK's rise */
        value[k] = eigen.value[count - 1 - k];
        memcpy(vector + k * d, eigen.vector + (count - 1 - k) * d, d * sizeof *vector);
        fix_sign(d, vector + k * d);
    }
    release_eigen(&eigen);
    return status;
}

double fs_dense_orthonormalise(size_t d, size_t count, const double *basis, double *row)
{
    double before = cblas_dnrm2((blasint)d, row, 1);
    for (size_t round = 0; round < 2; round++) {
        for (size_t k = 0; k < count; k++) {
            double part = cblas_ddot((blasint)d, basis + k * d, 1, row, 1);
            cblas_daxpy((blasint)d, -part, basis + k * d, 1, row, 1);
        }
    }
    double after = cblas_dnrm2((blasint)d, row, 1);
    if (!(after > 0)) {
        memset(row, 0, d * sizeof *row);
        return 0;
    }
    cblas_dscal((blasint)d, 1 / after, row, 1);
    return after / before;
}

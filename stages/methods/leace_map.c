#include "stages/methods/leace_map.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/dense.h"

#define LEAST_SINGULAR 0.01 /* the published library's svd_tol */

/* Matrices of the computation. */
struct leace {
    size_t d, k;
    double n;
    double *covariance; /* (d,d), then nothing */
    double *value;      /* [d] its eigenvalues */
    double *vector;     /* (d,d) rows: its eigenvectors */
    double *cross;      /* (k,d) rows of S_xz^T, then of V^T S_xz scaled by L^(-1/2) */
    double *gram;       /* (k,k) */
    double *gram_value, *gram_vector;
};

static void release(struct leace *leace)
{
    free(leace->covariance);
    free(leace->value);
    free(leace->vector);
    free(leace->cross);
    free(leace->gram);
    free(leace->gram_value);
    free(leace->gram_vector);
}

static int reserve(struct leace *leace, struct fs_error *err)
{
    size_t d = leace->d, k = leace->k;
    leace->covariance = fs_allocate(d * d, sizeof(double), "a covariance", err);
    leace->value = fs_allocate(d, sizeof(double), "a covariance", err);
    leace->vector = fs_allocate(d * d, sizeof(double), "a covariance", err);
    leace->cross = fs_allocate(k * d, sizeof(double), "a covariance", err);
    leace->gram = fs_allocate(k * k, sizeof(double), "a covariance", err);
    leace->gram_value = fs_allocate(k, sizeof(double), "a covariance", err);
    leace->gram_vector = fs_allocate(k * k, sizeof(double), "a covariance", err);
    return leace->covariance != NULL && leace->value != NULL && leace->vector != NULL && leace->cross != NULL &&
                   leace->gram != NULL && leace->gram_value != NULL && leace->gram_vector != NULL
               ? 0
               : -1;
}

/* mu, S before its shrinkage, and S_xz. */
static void add_moments(const struct fs_leace_sums *sums, struct leace *leace, double *centre)
{
    size_t d = leace->d;
    for (size_t c = 0; c < leace->k; c++) {
        for (size_t i = 0; i < d; i++) {
            centre[i] += sums->sum[c * d + i] / leace->n;
        }
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            leace->covariance[i * d + j] = sums->square[i * d + j] / leace->n - centre[i] * centre[j];
        }
    }
    for (size_t c = 0; c < leace->k; c++) {
        for (size_t i = 0; i < d; i++) {
            leace->cross[c * d + i] = (sums->sum[c * d + i] - sums->count[c] * centre[i]) / (leace->n - 1);
        }
    }
}

static void shrink(struct leace *leace)
{
    size_t d = leace->d;
    double trace = 0, square = 0;
    for (size_t i = 0; i < d; i++) {
        trace += leace->covariance[i * d + i];
        for (size_t j = 0; j <= i; j++) {
            double number = leace->covariance[i * d + j];
            square += (i == j ? 1 : 2) * number * number;
        }
    }
    double s = trace * trace / (double)d;
    double alpha = 1 - (trace * trace * s / leace->n + DBL_EPSILON) / (square * s - s * s + DBL_EPSILON);
    alpha = alpha > 0 ? fmin(alpha, 1) : 0;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            leace->covariance[i * d + j] *= alpha;
        }
        leace->covariance[i * d + i] += (1 - alpha) * trace / (double)d;
    }
}

/* Row c of `cross` in the basis of the eigenvectors, of W S_xz. */
static void whiten(struct leace *leace, double *row)
{
    size_t d = leace->d;
    double least = leace->value[0] * (double)d * DBL_EPSILON;
    for (size_t c = 0; c < leace->k; c++) {
        for (size_t i = 0; i < d; i++) {
            double product = 0;
            for (size_t j = 0; j < d; j++) {
                product += leace->vector[i * d + j] * leace->cross[c * d + j];
            }
            row[i] = leace->value[i] > least ? product / sqrt(leace->value[i]) : 0;
        }
        memcpy(leace->cross + c * d, row, d * sizeof *row);
    }
}

/* A singular vector u, in the basis of the eigenvectors: left = V L^(1/2) u, right = V L^(-1/2) u. */
static void add_row(const struct leace *leace, const double *u, double *left, double *right)
{
    size_t d = leace->d;
    double least = leace->value[0] * (double)d * DBL_EPSILON;
    for (size_t i = 0; i < d; i++) {
        if (leace->value[i] > least) {
            double root = sqrt(leace->value[i]);
            for (size_t j = 0; j < d; j++) {
                left[j] += root * u[i] * leace->vector[i * d + j];
                right[j] += u[i] / root * leace->vector[i * d + j];
            }
        }
    }
}

/* From the whitened cross-covariance A^T (k,d): A A^T's eigenvectors by those of A^T A, of which there are few. */
static int add_rows(struct leace *leace, double *row, double *left, double *right, double *correlation,
                    struct fs_error *err)
{
    size_t d = leace->d, k = leace->k;
    for (size_t a = 0; a < k; a++) {
        for (size_t b = 0; b <= a; b++) {
            double product = 0;
            for (size_t i = 0; i < d; i++) {
                product += leace->cross[a * d + i] * leace->cross[b * d + i];
            }
            leace->gram[a * k + b] = product;
        }
    }
    if (fs_dense_eigenvectors(k, k, leace->gram, leace->gram_value, leace->gram_vector, err) != 0) {
        return -1;
    }
    *correlation = sqrt(fmax(0, leace->gram_value[0]));
    for (size_t m = 0; m + 1 < k && m < d; m++) {
        double singular = sqrt(fmax(0, leace->gram_value[m]));
        if (singular <= LEAST_SINGULAR) {
            break;
        }
        for (size_t i = 0; i < d; i++) {
            row[i] = 0;
            for (size_t c = 0; c < k; c++) {
                row[i] += leace->gram_vector[m * k + c] * leace->cross[c * d + i] / singular;
            }
        }
        add_row(leace, row, left + m * d, right + m * d);
    }
    return 0;
}

int fs_leace_map(const struct fs_leace_sums *sums, double *centre, double *left, double *right, double *correlation,
                 struct fs_error *err)
{
    struct leace leace = {.d = sums->hidden, .k = sums->classes};
    size_t d = leace.d, rows = (leace.k - 1) * d;
    memset(centre, 0, d * sizeof *centre);
    memset(left, 0, rows * sizeof *left);
    memset(right, 0, rows * sizeof *right);
    for (size_t c = 0; c < leace.k; c++) {
        leace.n += sums->count[c];
    }
    if (leace.n < 2) {
        return fs_error_set(err, FS_EXIT_DATA, "found %.0f labelled texts, expected at least 2", leace.n);
    }
    double *row = fs_allocate(d, sizeof *row, "a covariance", err);
    int status = row != NULL ? reserve(&leace, err) : -1;
    if (status == 0) {
        add_moments(sums, &leace, centre);
        shrink(&leace);
        status = fs_dense_eigenvectors(d, d, leace.covariance, leace.value, leace.vector, err);
    }
    if (status == 0) {
        whiten(&leace, row);
        status = add_rows(&leace, row, left, right, correlation, err);
    }
    release(&leace);
    free(row);
    return status;
}

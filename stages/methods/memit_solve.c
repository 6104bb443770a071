#include <cblas.h>
#include <stdlib.h>

#include "model/numbers/cholesky.h"
#include "model/numbers/dense.h"
#include "stages/methods/memit.h"

/* key (n,F) becomes (K^T P K + L2 I)^-1 (P K)^T; the inverse of n numbers takes the place of one of F. */
static int solve_projected(const struct fs_memit_options *options, size_t F, double *c, size_t n, double *key,
                           struct fs_error *err)
{
    double *value = fs_allocate(F, sizeof *value, "eigenvalues", err);
    double *vector = fs_allocate(F * F, sizeof *vector, "eigenvectors", err);
    double *part = fs_allocate(n * F, sizeof *part, "keys", err),
           *small = fs_allocate(n * n, sizeof *small, "keys", err);
    double *columns = fs_allocate(n * F, sizeof *columns, "keys", err);
    bool room = value != NULL && vector != NULL && part != NULL && small != NULL && columns != NULL;
    int status = room ? fs_dense_eigenvectors(F, F, c, value, vector, err) : -1;
    size_t kept = 0;
    while (status == 0 && kept < F && value[kept] >= options->threshold) {
        kept++;
    }
    if (status == 0 && kept > 0) { /* key -= (key V^T) V */
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)n, (blasint)kept, (blasint)F, 1, key, (blasint)F,
                    vector, (blasint)F, 0, part, (blasint)kept);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)n, (blasint)F, (blasint)kept, -1, part,
                    (blasint)kept, vector, (blasint)F, 1, key, (blasint)F);
    }
    if (status == 0) {
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (blasint)n, (blasint)F, 1, key, (blasint)F, 0, small,
                    (blasint)n);
        for (size_t i = 0; i < n; i++) {
            small[i * n + i] += options->ridge;
        }
        status = fs_cholesky_factorise(n, small, NULL, err);
    }
    if (status == 0) {
        for (size_t i = 0; i < n * F; i++) {
            columns[i] = key[i % n * F + i / n];
        }
        fs_cholesky_solve(n, small, F, columns);
        for (size_t i = 0; i < n * F; i++) {
            key[i % n * F + i / n] = columns[i];
        }
    }
    free(value);
    free(vector);
    free(part);
    free(small);
    free(columns);
    return status;
}

int fs_memit_solve(const struct fs_memit_options *options, size_t F, double *c, size_t n, double *key,
                   struct fs_error *err)
{
    if (options->ridge > 0) {
        return solve_projected(options, F, c, n, key, err);
    }
    for (size_t row = 0; row < F; row++) {
        for (size_t i = 0; i <= row; i++) {
            c[row * F + i] *= options->update_weight;
        }
    }
    fs_dense_add_square(n, F, key, c);
    if (fs_cholesky_factorise(F, c, NULL, err) != 0) {
        return -1;
    }
    fs_cholesky_solve(F, c, n, key);
    return 0;
}

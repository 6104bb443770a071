/*
 * What computes the engine's matrix products. A backend is one row and one file; a line in backends.c makes it known.
 * A model holds the one that it was bound to. Every product runs in the calling thread; products of the same shapes on
 * the same numbers give the same bits, whatever runs beside them. All local.
 */
#ifndef FAIRSTAMP_MODEL_BACKENDS_BACKEND_H
#define FAIRSTAMP_MODEL_BACKENDS_BACKEND_H

#include "model/backends/matrix.h"

enum fs_transpose { FS_TRANSPOSE_NONE = 0, FS_TRANSPOSE_A = 1, FS_TRANSPOSE_B = 2, FS_TRANSPOSE_BOTH = 3 };

/* alpha op(A) op(B), op(M) = M or M^T; op(A) (m,k), op(B) (k,n). A is of the engine's own type. */
struct fs_term {
    enum fs_transpose transpose;
    fs_real alpha;
    struct fs_matrix a, b;
};

struct fs_backend {
    const char *name;
    void (*begin)(void); /* before the first product of a process; any number of times */
    /* By the type of B: C (m,n) = term + beta C, `stride` numbers from a row of C to the next; beta 0: C need not be set
     * before. NULL: the backend does not multiply by this type. */
    void (*product[FS_MATRIX_TYPES])(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride);
};

extern const struct fs_backend *const fs_backends[]; /* the first is the default */
extern const size_t fs_backend_count;

/* NULL where there is no such backend; `name` NULL: the default. */
const struct fs_backend *fs_backend_find(const char *name);

/* C (m,n) = term + beta C. Every matrix product of the engine goes through here. */
static inline void fs_product(const struct fs_backend *backend, struct fs_term term, fs_real beta, fs_real *c,
                              size_t stride)
{
    backend->product[term.b.type](&term, beta, c, stride);
}

#endif

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

/* C (m,n) = term + beta C, `stride` numbers from a row of C to the next; beta 0: C need not be set before. */
typedef void fs_product_function(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride);

/* BF16: in products by weights of BF16 the inputs are rounded to BF16 too, sums are float32; all others are float32. AUTO is
 * float32 on every machine, so that archives of several agree. */
enum fs_compute_type { FS_COMPUTE_AUTO, FS_COMPUTE_F32, FS_COMPUTE_BF16 };

/* Keys compute.type and compute.backend. Zeroed: both auto. */
struct fs_compute {
    enum fs_compute_type type;
    const char *backend;
};

struct fs_backend {
    const char *name;
    enum fs_compute_type type;
    const struct fs_backend *bf16; /* the same in FS_COMPUTE_BF16; NULL: it has none */
    const char *(*unusable)(
        void);           /* why not on this machine, or in this build; NULL, or a function that returns it: usable */
    void (*begin)(void); /* before the first product of a process; any number of times */
    const char *(*version)(void); /* of the library, and what it was built or chosen for; static */
    /* By the type of B. NULL: the backend does not multiply by this type. */
    fs_product_function *product[FS_MATRIX_TYPES];
};

extern const struct fs_backend *const fs_backends[]; /* the first is the default */
extern const size_t fs_backend_count;
extern const char fs_backend_choices[]; /* "auto|...": a name, or the first that has the type */

/* NULL where there is no such backend; `name` NULL: the default. */
const struct fs_backend *fs_backend_find(const char *name);
/* The backend of this name, or the first where it is "auto" or NULL, that computes in the type; NULL: none. Whether this
 * machine can use it is not asked. */
const struct fs_backend *fs_backend_choose(const struct fs_compute *compute);
/* Why it cannot be used here, NULL where it can. */
const char *fs_backend_unusable(const struct fs_backend *backend);
const char *fs_compute_type_name(enum fs_compute_type type); /* "f32" or "bf16" */

/* Every matrix product of the engine goes through here. */
static inline void fs_product(const struct fs_backend *backend, struct fs_term term, fs_real beta, fs_real *c,
                              size_t stride)
{
    backend->product[term.b.type](&term, beta, c, stride);
}

#endif

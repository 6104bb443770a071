/* Matrix products by OpenBLAS, on the processor. */
#include <cblas.h>

#include "model/backends/panels.h"

/* Threads and ranks take whole batches, so that a product's bits do not depend on their number. */
static void begin(void)
{
    openblas_set_num_threads(1);
}

static void product(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride)
{
    bool transpose_a = (term->transpose & FS_TRANSPOSE_A) != 0, transpose_b = (term->transpose & FS_TRANSPOSE_B) != 0;
    const struct fs_matrix *a = &term->a, *b = &term->b;
    size_t m = transpose_a ? a->columns : a->rows, k = transpose_a ? a->rows : a->columns;
    size_t n = transpose_b ? b->rows : b->columns;
#ifdef FS_DOUBLE
    cblas_dgemm(
#else
    cblas_sgemm(
#endif
        CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (blasint)m,
        (blasint)n, (blasint)k, term->alpha, a->data, (blasint)a->stride, b->data, (blasint)b->stride, beta, c,
        (blasint)stride);
}

static void widened(const struct fs_term *term, fs_real beta, fs_real *c, size_t stride)
{
    fs_product_by_panels(product, term, beta, c, stride);
}

static const char *version(void)
{
    return openblas_get_config();
}

extern const struct fs_backend fs_backend_openblas;
const struct fs_backend fs_backend_openblas = {
    .name = "openblas",
    .type = FS_COMPUTE_F32,
    .begin = begin,
    .version = version,
    .product = {[FS_MATRIX_REAL] = product, [FS_MATRIX_F16] = widened, [FS_MATRIX_BF16] = widened},
};

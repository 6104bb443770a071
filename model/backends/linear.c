#include "model/backends/linear.h"

#include <string.h>

#include "model/numbers/kernels.h"

struct fs_linear fs_linear_of(const fs_real *weight, const fs_real *bias, size_t inputs, size_t outputs,
                              bool inputs_first)
{
    size_t rows = inputs_first ? inputs : outputs, columns = inputs_first ? outputs : inputs;
    return (struct fs_linear){fs_matrix_of(weight, rows, columns, columns), bias, inputs, outputs, inputs_first};
}

static void multiply_add(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows,
                         const fs_real *x, fs_real beta, fs_real *y, size_t ldy)
{
    struct fs_term term = {linear->inputs_first ? FS_TRANSPOSE_NONE : FS_TRANSPOSE_B, 1,
                           fs_matrix_of(x, rows, linear->inputs, linear->inputs), linear->weight};
    fs_product(backend, term, beta, y, ldy);
}

/* The bias is laid down first and the product added: the BLAS would clear y otherwise, so the bias costs nothing. */
void fs_linear(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows, const fs_real *x,
               fs_real *y, size_t ldy)
{
    if (linear->bias != NULL) {
        fs_kernel_fill_rows(y, ldy, rows, linear->outputs, linear->bias);
    }
    multiply_add(backend, linear, rows, x, linear->bias != NULL ? 1 : 0, y, ldy);
}

void fs_linear_residual(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows, const fs_real *x,
                        const fs_real *residual, fs_real *y)
{
    if (linear->bias != NULL) {
        fs_kernel_add_bias(residual, linear->bias, y, rows, linear->outputs);
    } else if (residual != y) {
        memcpy(y, residual, rows * linear->outputs * sizeof *y);
    }
    multiply_add(backend, linear, rows, x, 1, y, linear->outputs);
}

void fs_linear_backward(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows,
                        const fs_real *dy, size_t ldy, fs_real beta, fs_real *dx)
{
    struct fs_term term = {linear->inputs_first ? FS_TRANSPOSE_B : FS_TRANSPOSE_NONE, 1,
                           fs_matrix_of(dy, rows, linear->outputs, ldy), linear->weight};
    fs_product(backend, term, beta, dx, linear->inputs);
}

void fs_linear_weight_gradient(const struct fs_backend *backend, const struct fs_linear *linear,
                               const struct fs_linear_rows *rows, const struct fs_weight_sink *sink)
{
    const struct fs_matrix x = fs_matrix_of(rows->x, rows->rows, linear->inputs, linear->inputs);
    const struct fs_matrix dy = fs_matrix_of(rows->dy, rows->rows, linear->outputs, rows->ldy);
    const struct fs_term term = {FS_TRANSPOSE_A, rows->factor, linear->inputs_first ? x : dy,
                                 linear->inputs_first ? dy : x};
    fs_product(backend, term, 1, fs_gradient_of(sink, linear->weight.data), linear->weight.stride);
    fs_real *bias = linear->bias != NULL ? fs_gradient_of(sink, linear->bias) : NULL;
    for (size_t r = 0; bias != NULL && r < rows->rows; r++) {
        fs_kernel_add_scaled(bias, rows->dy + r * rows->ldy, linear->outputs, rows->factor);
    }
}

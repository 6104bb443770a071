/* Linear maps of rows, on a backend. Local. */
#ifndef FAIRSTAMP_MODEL_BACKENDS_LINEAR_H
#define FAIRSTAMP_MODEL_BACKENDS_LINEAR_H

#include <stdbool.h>

#include "model/backends/backend.h"

struct fs_linear {
    struct fs_matrix weight; /* (outputs, inputs), or (inputs, outputs) where inputs_first; data NULL: there is none */
    const fs_real *bias;     /* (outputs), or NULL */
    size_t inputs, outputs;
    bool inputs_first;
};

/* `weight` without space between rows. */
struct fs_linear fs_linear_of(const fs_real *weight, const fs_real *bias, size_t inputs, size_t outputs,
                              bool inputs_first);

/* y (rows,outputs; ldy) = x (rows,inputs) W + bias */
void fs_linear(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows, const fs_real *x,
               fs_real *y, size_t ldy);
/* y (rows,outputs) = residual + x W + bias; `residual` may be y */
void fs_linear_residual(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows, const fs_real *x,
                        const fs_real *residual, fs_real *y);
/* dx (rows,inputs) = dy (rows,outputs; ldy) W^T + beta dx */
void fs_linear_backward(const struct fs_backend *backend, const struct fs_linear *linear, size_t rows,
                        const fs_real *dy, size_t ldy, fs_real beta, fs_real *dx);

/* Where gradients of weights go: all weights lie in one block from `number` on, and `gradient` has its layout. */
struct fs_weight_sink {
    const fs_real *number;
    fs_real *gradient;
};

/* The place of the gradient of what `weight`, in the block, points to. */
static inline fs_real *fs_gradient_of(const struct fs_weight_sink *sink, const void *weight)
{
    return sink->gradient + ((const fs_real *)weight - sink->number);
}

/* Rows that went through a linear map, and `factor` times the gradient of what came out. */
struct fs_linear_rows {
    size_t rows;
    const fs_real *x;  /* (rows,inputs) */
    const fs_real *dy; /* (rows,outputs; ldy) */
    size_t ldy;
    fs_real factor;
};
/* gradient of W += factor x^T dy, of the bias += factor times the sum of dy's rows */
void fs_linear_weight_gradient(const struct fs_backend *backend, const struct fs_linear *linear,
                               const struct fs_linear_rows *rows, const struct fs_weight_sink *sink);

#endif

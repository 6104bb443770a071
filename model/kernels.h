/*
 * The arithmetic of the engine: the one matrix product, and the fused loops around it. Private to model/; local.
 * Matrices are row-major; `ld` is the distance of rows. In float32 the loops are compiled for several processors and
 * chosen at load time (target_clones); exp is a polynomial, right to about 1 unit in the last place.
 */
#ifndef FAIRSTAMP_MODEL_KERNELS_H
#define FAIRSTAMP_MODEL_KERNELS_H

#include "model/weights.h"

/* C (m,n) = alpha op(A) op(B) + beta C. Every matrix product of the engine goes through here. */
void fs_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, fs_real alpha, const fs_real *a,
             size_t lda, const fs_real *b, size_t ldb, fs_real beta, fs_real *c, size_t ldc);

/* y (rows,outputs; ldy) = x (rows,inputs) W + bias */
void fs_linear(const struct fs_linear *linear, size_t rows, const fs_real *x, fs_real *y, size_t ldy);
/* y (rows,outputs) = residual + x W + bias; `residual` may be y */
void fs_linear_residual(const struct fs_linear *linear, size_t rows, const fs_real *x, const fs_real *residual,
                        fs_real *y);
/* dx (rows,inputs) = dy (rows,outputs; ldy) W^T + beta dx */
void fs_linear_backward(const struct fs_linear *linear, size_t rows, const fs_real *dy, size_t ldy, fs_real beta,
                        fs_real *dx);

bool fs_kernel_finite(const fs_real *x, size_t count);
/* each row of y (rows,columns; ldy) = bias, or zero where it is NULL */
void fs_kernel_fill_rows(fs_real *y, size_t ldy, size_t rows, size_t columns, const fs_real *bias);
/* y += x; y (columns) += the sum of the rows of x */
void fs_kernel_add(fs_real *y, const fs_real *x, size_t count);
void fs_kernel_add_rows(fs_real *y, const fs_real *x, size_t rows, size_t columns);

/* out (rows,d) = the norm of in (rows,d); may be the same matrix. */
void fs_kernel_norm(enum fs_norm_kind kind, double epsilon, const struct fs_norm *norm, const fs_real *in, fs_real *out,
                    size_t rows, size_t d);
/* din (rows,d) = gradient of `in` given `dout`, plus what din holds where `add`; dout may be din where not `add`. */
void fs_kernel_norm_backward(enum fs_norm_kind kind, double epsilon, const struct fs_norm *norm, const fs_real *in,
                             const fs_real *dout, fs_real *din, bool add, size_t rows, size_t d);

/* out = act(in), or act(in) * times where `times` is not NULL; all may be the same. */
void fs_kernel_activation(enum fs_activation activation, const fs_real *in, const fs_real *times, fs_real *out,
                          size_t count);
/* din = dout * act'(in); with `times` (gated FFN) also dtimes = dout * act(in) and din = dout * times * act'(in). */
void fs_kernel_activation_backward(enum fs_activation activation, const fs_real *in, const fs_real *times,
                                   const fs_real *dout, fs_real *din, fs_real *dtimes, size_t count);
/* gradient = 0 where the ReLU's output is 0 */
void fs_kernel_relu_backward(const fs_real *out, fs_real *gradient, size_t count);

/* In place on `count` (n,n) matrices one behind the other; causal: row i over its first i + 1 columns, 0 in the rest.
 */
void fs_kernel_softmax(fs_real *scores, size_t count, size_t n, bool causal);
/* dweights (count matrices) becomes dscores, given the softmax's output. */
void fs_kernel_softmax_backward(const fs_real *weights, fs_real *dweights, size_t count, size_t n);

/*
 * Rotary positions: in each of `heads` heads of a row x, the pairs (i, i + half) are turned by the angles whose cosines
 * and sines are given (half); `sign` -1 turns back.
 */
void fs_kernel_rotate(fs_real *x, size_t heads, size_t half, const fs_real *cosine, const fs_real *sine, fs_real sign);

fs_real fs_kernel_max(const fs_real *x, size_t count);
double fs_kernel_sum_exp(const fs_real *x, size_t count, fs_real shift); /* sum of exp(x - shift) */
void fs_kernel_subtract(fs_real *x, size_t count, double shift);

#endif

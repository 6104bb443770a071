/*
 * The loops of the engine's arithmetic, beside its matrix products (backends/). Local. Matrices are row-major; `ld` is
 * the distance of rows. In float32 the loops are compiled for several processors and chosen at load time
 * (target_clones); exp is a polynomial, right to about 1 unit in the last place.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_KERNELS_H
#define FAIRSTAMP_MODEL_NUMBERS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/numbers/kinds.h"
#include "model/numbers/real.h"

/* Zeroed it is no norm: it lets rows and gradients through as they are. */
struct fs_norm {
    enum fs_norm_kind kind;
    double epsilon;
    const fs_real *gain; /* (d); NULL: 1 */
    const fs_real *bias; /* (d); NULL: 0, as always without gain and for RMSNorm */
};

bool fs_kernel_finite(const fs_real *x, size_t count);
/* each row of y (rows,columns; ldy) = bias, or zero where it is NULL */
void fs_kernel_fill_rows(fs_real *y, size_t ldy, size_t rows, size_t columns, const fs_real *bias);
/* each row of out (rows,columns) = that of `in` + bias (columns); may be the same matrix */
void fs_kernel_add_bias(const fs_real *in, const fs_real *bias, fs_real *out, size_t rows, size_t columns);
/* y += x; y (columns) += the sum of the rows of x */
void fs_kernel_add(fs_real *y, const fs_real *x, size_t count);
void fs_kernel_add_rows(fs_real *y, const fs_real *x, size_t rows, size_t columns);
/* sum = a + b; may be one of them */
void fs_kernel_add_to(const fs_real *a, const fs_real *b, fs_real *sum, size_t count);
/* y += factor x */
void fs_kernel_add_scaled(fs_real *y, const fs_real *x, size_t count, fs_real factor);
/* x *= factor */
void fs_kernel_scale(fs_real *x, size_t count, fs_real factor);
/* Soft caps: x = cap tanh(x / cap). Backward: din = dout (1 - (out / cap)^2) from the capped numbers; all may be the
 * same. */
void fs_kernel_cap(fs_real *x, size_t count, fs_real cap);
void fs_kernel_cap_backward(const fs_real *out, const fs_real *dout, fs_real *din, size_t count, fs_real cap);

/* out (rows,d) = the norm of in (rows,d); may be the same matrix. */
void fs_kernel_norm(const struct fs_norm *norm, const fs_real *in, fs_real *out, size_t rows, size_t d);
/* din (rows,d) = gradient of `in` given `dout`, plus what din holds where `add`; dout may be din where not `add`. */
void fs_kernel_norm_backward(const struct fs_norm *norm, const fs_real *in, const fs_real *dout, fs_real *din, bool add,
                             size_t rows, size_t d);

/* dgain (d) += the sum over rows of dout times what the gain multiplies; dbias (d), NULL where there is none, += that of
 * dout. No work where the norm has no gain. */
void fs_kernel_norm_weight_gradient(const struct fs_norm *norm, const fs_real *in, const fs_real *dout, size_t rows,
                                    size_t d, fs_real *dgain, fs_real *dbias);

/* out = act(in), or act(in) * times where `times` is not NULL; all may be the same. */
void fs_kernel_activation(enum fs_activation activation, const fs_real *in, const fs_real *times, fs_real *out,
                          size_t count);
/* din = dout * act'(in); with `times` (gated FFN) also dtimes = dout * act(in) and din = dout * times * act'(in). */
void fs_kernel_activation_backward(enum fs_activation activation, const fs_real *in, const fs_real *times,
                                   const fs_real *dout, fs_real *din, fs_real *dtimes, size_t count);
/* gradient = 0 where the ReLU's output is 0 */
void fs_kernel_relu_backward(const fs_real *out, fs_real *gradient, size_t count);

/*
 * In place on `count` (n,m) matrices one after the other, m >= n; row i belongs to column p = m - n + i. It is over its
 * columns less than `window` away from p (0: all), and no later than p where causal; 0 in the rest.
 */
struct fs_softmax {
    size_t count, n, m;
    bool causal;
    size_t window;
};
void fs_kernel_softmax(const struct fs_softmax *softmax, fs_real *scores);
/* dweights (rows,m) becomes dscores, given the softmax's output. */
void fs_kernel_softmax_backward(const fs_real *weights, fs_real *dweights, size_t rows, size_t m);

/* Cut off at -bound and bound; gradient = 0 where `in` was outside. */
void fs_kernel_clip(fs_real *x, size_t count, fs_real bound);
void fs_kernel_clip_backward(const fs_real *in, fs_real *gradient, size_t count, fs_real bound);

/*
 * Rotary positions: in each of `heads` heads of `size` numbers of a row x, the pairs (i, i + half) are turned by the angles
 * whose cosines and sines are given (half); `sign` -1 turns back. _neighbours: the pairs (2 i, 2 i + 1).
 */
void fs_kernel_rotate(fs_real *x, size_t heads, size_t size, size_t half, const fs_real *cosine, const fs_real *sine,
                      fs_real sign);
void fs_kernel_rotate_neighbours(fs_real *x, size_t heads, size_t size, size_t half, const fs_real *cosine,
                                 const fs_real *sine, fs_real sign);

fs_real fs_kernel_max(const fs_real *x, size_t count);
double fs_kernel_sum_exp(const fs_real *x, size_t count, fs_real shift); /* sum of exp(x - shift) */
void fs_kernel_subtract(fs_real *x, size_t count, double shift);
/* out = log_p + max(least, -decay max(0, q - p)), of logarithms in `log_p` and `log_q` */
void fs_kernel_decay(const fs_real *log_p, const fs_real *log_q, fs_real decay, fs_real least, fs_real *out,
                     size_t count);

/*
 * From one row of log probabilities to a gradient of its logits, in place: row [V], log p' in, a p' - b p out.
 * Read-outs give a and spikes of their own, KL(P || P') gives a = b = its weight. Returns sum p log p'. `p` NULL: b p
 * is left out, and 0 returned.
 */
double fs_distribution_gradient(fs_real *row, const fs_real *p, size_t vocabulary, fs_real a, fs_real b);

#endif

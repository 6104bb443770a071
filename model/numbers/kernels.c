#include "model/numbers/kernels.h"

#include <math.h>
#include <string.h>

#include "model/numbers/elementary.h"

INLINE fs_real sigmoid(fs_real x)
{
    return (fs_real)1 / ((fs_real)1 + exponential(-x));
}

/* ---- rows ---- */

CLONES bool fs_kernel_finite(const fs_real *x, size_t count)
{
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < count; i++) {
        bad |= !(FABS(x[i]) <= REAL_MAX);
    }
    return bad == 0;
}

void fs_kernel_fill_rows(fs_real *y, size_t ldy, size_t rows, size_t columns, const fs_real *bias)
{
    for (size_t r = 0; r < rows; r++) {
        if (bias == NULL) {
            memset(y + r * ldy, 0, columns * sizeof *y);
        } else {
            memcpy(y + r * ldy, bias, columns * sizeof *y);
        }
    }
}

CLONES void fs_kernel_add_bias(const fs_real *in, const fs_real *bias, fs_real *out, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t j = 0; j < columns; j++) {
            out[r * columns + j] = in[r * columns + j] + bias[j];
        }
    }
}

CLONES void fs_kernel_add(fs_real *y, const fs_real *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        y[i] += x[i];
    }
}

CLONES void fs_kernel_add_rows(fs_real *y, const fs_real *x, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t j = 0; j < columns; j++) {
            y[j] += x[r * columns + j];
        }
    }
}

CLONES void fs_kernel_add_to(const fs_real *a, const fs_real *b, fs_real *sum, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        sum[i] = a[i] + b[i];
    }
}

CLONES void fs_kernel_add_scaled(fs_real *y, const fs_real *x, size_t count, fs_real factor)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        y[i] += factor * x[i];
    }
}

/* ---- activations ---- */

#define SQRT_HALF ((fs_real)0.70710678118654752)
#define TANH_SLOPE ((fs_real)1.5957691216057308) /* 2 sqrt(2 / pi) */
#define TANH_CUBIC ((fs_real)0.044715)
#define NORMAL_DENSITY ((fs_real)0.39894228040143268) /* 1 / sqrt(2 pi) */

INLINE fs_real gelu_erf(fs_real x)
{
    return (fs_real)0.5 * x * ((fs_real)1 + error_function(x * SQRT_HALF));
}

/* 0.5 x (1 + tanh u) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
INLINE fs_real gelu_tanh(fs_real x)
{
    return x * sigmoid(TANH_SLOPE * (x + TANH_CUBIC * x * x * x));
}

INLINE fs_real silu(fs_real x)
{
    return x * sigmoid(x);
}

INLINE fs_real relu(fs_real x)
{
    return x > 0 ? x : 0;
}

INLINE fs_real gelu_erf_slope(fs_real x)
{
    return (fs_real)0.5 * ((fs_real)1 + error_function(x * SQRT_HALF)) +
           x * NORMAL_DENSITY * exponential((fs_real)-0.5 * x * x);
}

INLINE fs_real gelu_tanh_slope(fs_real x)
{
    fs_real s = sigmoid(TANH_SLOPE * (x + TANH_CUBIC * x * x * x));
    return s + x * s * ((fs_real)1 - s) * TANH_SLOPE * ((fs_real)1 + (fs_real)3 * TANH_CUBIC * x * x);
}

INLINE fs_real silu_slope(fs_real x)
{
    fs_real s = sigmoid(x);
    return s + x * s * ((fs_real)1 - s);
}

INLINE fs_real relu_slope(fs_real x)
{
    return x > 0 ? 1 : 0;
}

#define ACTIVATION_LOOPS(function)                                                                                     \
    if (times == NULL) {                                                                                               \
        _Pragma("omp simd") for (size_t i = 0; i < count; i++)                                                         \
        {                                                                                                              \
            out[i] = function(in[i]);                                                                                  \
        }                                                                                                              \
    } else {                                                                                                           \
        _Pragma("omp simd") for (size_t i = 0; i < count; i++)                                                         \
        {                                                                                                              \
            out[i] = function(in[i]) * times[i];                                                                       \
        }                                                                                                              \
    }

CLONES void fs_kernel_activation(enum fs_activation activation, const fs_real *in, const fs_real *times, fs_real *out,
                                 size_t count)
{
    switch (activation) {
    case FS_GELU_ERF:
        ACTIVATION_LOOPS(gelu_erf)
        break;
    case FS_GELU_TANH:
        ACTIVATION_LOOPS(gelu_tanh)
        break;
    case FS_SILU:
        ACTIVATION_LOOPS(silu)
        break;
    default:
        ACTIVATION_LOOPS(relu)
        break;
    }
}

#define SLOPE_LOOPS(function)                                                                                          \
    if (times == NULL) {                                                                                               \
        _Pragma("omp simd") for (size_t i = 0; i < count; i++)                                                         \
        {                                                                                                              \
            din[i] = dout[i] * function##_slope(in[i]);                                                                \
        }                                                                                                              \
    } else {                                                                                                           \
        _Pragma("omp simd") for (size_t i = 0; i < count; i++)                                                         \
        {                                                                                                              \
            fs_real gradient = dout[i];                                                                                \
            dtimes[i] = gradient * function(in[i]);                                                                    \
            din[i] = gradient * times[i] * function##_slope(in[i]);                                                    \
        }                                                                                                              \
    }

CLONES void fs_kernel_activation_backward(enum fs_activation activation, const fs_real *in, const fs_real *times,
                                          const fs_real *dout, fs_real *din, fs_real *dtimes, size_t count)
{
    switch (activation) {
    case FS_GELU_ERF:
        SLOPE_LOOPS(gelu_erf)
        break;
    case FS_GELU_TANH:
        SLOPE_LOOPS(gelu_tanh)
        break;
    case FS_SILU:
        SLOPE_LOOPS(silu)
        break;
    default:
        SLOPE_LOOPS(relu)
        break;
    }
}

CLONES void fs_kernel_relu_backward(const fs_real *out, fs_real *gradient, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        gradient[i] = out[i] > 0 ? gradient[i] : 0;
    }
}

/* ---- softmax ---- */

CLONES fs_real fs_kernel_max(const fs_real *x, size_t count)
{
    fs_real best = -REAL_MAX;
#pragma omp simd reduction(max : best)
    for (size_t i = 0; i < count; i++) {
        best = x[i] > best ? x[i] : best;
    }
    return best;
}

/* Float sums of short stretches, added up in double. */
CLONES double fs_kernel_sum_exp(const fs_real *x, size_t count, fs_real shift)
{
    double total = 0.0;
    for (size_t start = 0; start < count; start += 256) {
        size_t length = count - start < 256 ? count - start : 256;
        const fs_real *part = x + start;
        fs_real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < length; i++) {
            sum += exponential(part[i] - shift);
        }
        total += (double)sum;
    }
    return total;
}

CLONES double fs_distribution_gradient(fs_real *row, const fs_real *p, size_t vocabulary, fs_real a, fs_real b)
{
    double cross = 0.0;
    if (p == NULL) {
#pragma omp simd
        for (size_t v = 0; v < vocabulary; v++) {
            row[v] = a * exponential(row[v]);
        }
        return cross;
    }
#pragma omp simd reduction(+ : cross)
    for (size_t v = 0; v < vocabulary; v++) {
        cross += (double)p[v] * (double)row[v];
        row[v] = a * exponential(row[v]) - b * p[v];
    }
    return cross;
}

CLONES void fs_kernel_subtract(fs_real *x, size_t count, double shift)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        x[i] = (fs_real)((double)x[i] - shift);
    }
}

CLONES void fs_kernel_decay(const fs_real *log_p, const fs_real *log_q, fs_real decay, fs_real least, fs_real *out,
                            size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        fs_real more = exponential(log_q[i]) - exponential(log_p[i]);
        fs_real factor = more > 0 ? -decay * more : 0;
        out[i] = log_p[i] + (factor > least ? factor : least);
    }
}

/* Rows are short (a sentence), so the exponentials run over whole blocks of rows at a time. */
CLONES void fs_kernel_softmax(const struct fs_softmax *softmax, fs_real *scores)
{
    size_t n = softmax->n, m = softmax->m, window = softmax->window, rows = softmax->count * n;
    const size_t block = m < 2048 ? 2048 / m : 1; /* rows, to stay in the first-level cache */
    for (size_t first = 0; first < rows; first += block) {
        size_t end = rows - first < block ? rows : first + block;
        fs_real *x = scores + first * m;
        for (size_t r = first; r < end; r++, x += m) {
            size_t i = m - n + r % n, begin = window != 0 && i >= window ? i + 1 - window : 0;
            size_t limit = softmax->causal ? i + 1 : window != 0 && window < m - i ? i + window : m;
            fs_real best = x[begin];
            for (size_t j = begin + 1; j < limit; j++) {
                best = x[j] > best ? x[j] : best;
            }
            for (size_t j = begin; j < limit; j++) {
                x[j] -= best;
            }
            for (size_t j = 0; j < begin; j++) {
                x[j] = -10000; /* its exponential is exactly 0 */
            }
            for (size_t j = limit; j < m; j++) {
                x[j] = -10000;
            }
        }
        x = scores + first * m;
#pragma omp simd
        for (size_t i = 0; i < (end - first) * m; i++) {
            x[i] = exponential(x[i]);
        }
        for (size_t r = first; r < end; r++, x += m) {
            fs_real sum = 0;
#pragma omp simd reduction(+ : sum)
            for (size_t j = 0; j < m; j++) {
                sum += x[j];
            }
            fs_real scale = (fs_real)1 / sum;
#pragma omp simd
            for (size_t j = 0; j < m; j++) {
                x[j] *= scale;
            }
        }
    }
}

CLONES void fs_kernel_softmax_backward(const fs_real *weights, fs_real *dweights, size_t rows, size_t m)
{
    for (size_t r = 0; r < rows; r++, weights += m, dweights += m) {
        fs_real dot = 0;
#pragma omp simd reduction(+ : dot)
        for (size_t j = 0; j < m; j++) {
            dot += weights[j] * dweights[j];
        }
#pragma omp simd
        for (size_t j = 0; j < m; j++) {
            dweights[j] = weights[j] * (dweights[j] - dot);
        }
    }
}

/* ---- rotary positions ---- */

CLONES void fs_kernel_rotate(fs_real *x, size_t heads, size_t size, size_t half, const fs_real *cosine,
                             const fs_real *sine, fs_real sign)
{
    for (size_t h = 0; h < heads; h++, x += size) {
#pragma omp simd
        for (size_t i = 0; i < half; i++) {
            fs_real a = x[i], b = x[i + half], s = sign * sine[i];
            x[i] = a * cosine[i] - b * s;
            x[i + half] = b * cosine[i] + a * s;
        }
    }
}

CLONES void fs_kernel_rotate_neighbours(fs_real *x, size_t heads, size_t size, size_t half, const fs_real *cosine,
                                        const fs_real *sine, fs_real sign)
{
    for (size_t h = 0; h < heads; h++, x += size) {
#pragma omp simd
        for (size_t i = 0; i < half; i++) {
            fs_real a = x[2 * i], b = x[2 * i + 1], s = sign * sine[i];
            x[2 * i] = a * cosine[i] - b * s;
            x[2 * i + 1] = b * cosine[i] + a * s;
        }
    }
}

/* The norms of kernels.h. */
#include <math.h>
#include <string.h>

#include "model/numbers/elementary.h"
#include "model/numbers/kernels.h"

/* Two passes, so that a large mean costs no digits. RMSNorm: mean 0. */
INLINE void statistics(enum fs_norm_kind kind, double epsilon, const fs_real *in, size_t d, fs_real *mean,
                       fs_real *scale)
{
    fs_real center = 0;
    if (kind == FS_LAYER_NORM) {
        fs_real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < d; j++) {
            sum += in[j];
        }
        center = sum / (fs_real)d;
    }
    fs_real square = 0;
#pragma omp simd reduction(+ : square)
    for (size_t j = 0; j < d; j++) {
        square += (in[j] - center) * (in[j] - center);
    }
    *mean = center;
    *scale = (fs_real)(1.0 / sqrt((double)square / (double)d + epsilon));
}

#define ROW_LOOP(expression)                                                                                           \
    _Pragma("omp simd") for (size_t j = 0; j < d; j++)                                                                 \
    {                                                                                                                  \
        out[j] = expression;                                                                                           \
    }

CLONES void fs_kernel_norm(const struct fs_norm *norm, const fs_real *in, fs_real *out, size_t rows, size_t d)
{
    enum fs_norm_kind kind = norm->kind;
    double epsilon = norm->epsilon;
    const fs_real *gain = norm->gain, *bias = norm->bias;
    if (kind == FS_NO_NORM) {
        memmove(out, in, rows * d * sizeof *out);
        return;
    }
    for (size_t r = 0; r < rows; r++, in += d, out += d) {
        fs_real mean, scale;
        statistics(kind, epsilon, in, d, &mean, &scale);
        if (gain == NULL) {
            ROW_LOOP((in[j] - mean) * scale)
        } else if (bias != NULL) {
            ROW_LOOP((in[j] - mean) * scale * gain[j] + bias[j])
        } else if (kind == FS_LAYER_NORM) {
            ROW_LOOP((in[j] - mean) * scale * gain[j])
        } else if (kind == FS_RMS_NORM_PLUS_ONE) {
            ROW_LOOP(in[j] * scale * ((fs_real)1 + gain[j]))
        } else {
            ROW_LOOP(in[j] * scale * gain[j])
        }
    }
}

/* What a norm multiplies by at j. */
#define WEIGHT_ONE ((fs_real)1)
#define WEIGHT_GAIN gain[j]
#define WEIGHT_PLUS_ONE ((fs_real)1 + gain[j])

#define BACKWARD_LOOPS(weight)                                                                                         \
    _Pragma("omp simd reduction(+ : sum, dot)") for (size_t j = 0; j < d; j++)                                         \
    {                                                                                                                  \
        fs_real g = dout[j] * (weight);                                                                                \
        sum += g;                                                                                                      \
        dot += g * (in[j] - mean) * scale;                                                                             \
    }                                                                                                                  \
    sum = kind == FS_LAYER_NORM ? sum / (fs_real)d : 0;                                                                \
    dot /= (fs_real)d;                                                                                                 \
    _Pragma("omp simd") for (size_t j = 0; j < d; j++)                                                                 \
    {                                                                                                                  \
        fs_real old = add ? din[j] : 0;                                                                                \
        din[j] = old + scale * (dout[j] * (weight)-sum - (in[j] - mean) * scale * dot);                                \
    }

INLINE void pass_gradient(const fs_real *dout, fs_real *din, bool add, size_t count)
{
    if (!add) {
        memmove(din, dout, count * sizeof *din);
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        din[i] += dout[i];
    }
}

/*
 * With n = (in - mean) scale and g = dout gain:  din = scale (g - mean(g) - n mean(g n)), mean(g) = 0 for RMSNorm.
 */
CLONES void fs_kernel_norm_backward(const struct fs_norm *norm, const fs_real *in, const fs_real *dout, fs_real *din,
                                    bool add, size_t rows, size_t d)
{
    enum fs_norm_kind kind = norm->kind;
    double epsilon = norm->epsilon;
    const fs_real *gain = norm->gain;
    if (kind == FS_NO_NORM) {
        pass_gradient(dout, din, add, rows * d);
        return;
    }
    for (size_t r = 0; r < rows; r++, in += d, dout += d, din += d) {
        fs_real mean, scale, sum = 0, dot = 0;
        statistics(kind, epsilon, in, d, &mean, &scale);
        if (gain == NULL) {
            BACKWARD_LOOPS(WEIGHT_ONE)
        } else if (kind == FS_RMS_NORM_PLUS_ONE) {
            BACKWARD_LOOPS(WEIGHT_PLUS_ONE)
        } else {
            BACKWARD_LOOPS(WEIGHT_GAIN)
        }
    }
}

CLONES void fs_kernel_norm_weight_gradient(const struct fs_norm *norm, const fs_real *in, const fs_real *dout,
                                           size_t rows, size_t d, fs_real *dgain, fs_real *dbias)
{
    enum fs_norm_kind kind = norm->kind;
    for (size_t r = 0; kind != FS_NO_NORM && norm->gain != NULL && r < rows; r++, in += d, dout += d) {
        fs_real mean, scale;
        statistics(kind, norm->epsilon, in, d, &mean, &scale);
#pragma omp simd
        for (size_t j = 0; j < d; j++) {
            dgain[j] += dout[j] * (in[j] - mean) * scale;
        }
        if (dbias != NULL) {
            fs_kernel_add(dbias, dout, d);
        }
    }
}

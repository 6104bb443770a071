/* The soft caps of kernels.h. */
#include "model/numbers/elementary.h"
#include "model/numbers/kernels.h"

CLONES void fs_kernel_scale(fs_real *x, size_t count, fs_real factor)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        x[i] *= factor;
    }
}

CLONES void fs_kernel_cap(fs_real *x, size_t count, fs_real cap)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        x[i] = cap * hyperbolic_tangent(x[i] / cap);
    }
}

CLONES void fs_kernel_cap_backward(const fs_real *out, const fs_real *dout, fs_real *din, size_t count, fs_real cap)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        fs_real t = out[i] / cap;
        din[i] = dout[i] * ((fs_real)1 - t * t);
    }
}

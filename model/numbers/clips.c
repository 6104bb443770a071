/* The clip of kernels.h. */
#include "model/numbers/elementary.h"
#include "model/numbers/kernels.h"

CLONES void fs_kernel_clip(fs_real *x, size_t count, fs_real bound)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        fs_real low = x[i] < -bound ? -bound : x[i];
        x[i] = low > bound ? bound : low;
    }
}

CLONES void fs_kernel_clip_backward(const fs_real *in, fs_real *gradient, size_t count, fs_real bound)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        bool inside = in[i] >= -bound && in[i] <= bound;
        gradient[i] = inside ? gradient[i] : 0;
    }
}

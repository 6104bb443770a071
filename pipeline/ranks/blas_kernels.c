#include "pipeline/ranks/blas_kernels.h"

#include <stddef.h>
#include <strings.h>

/* The kernels of OpenBLAS that use AVX-512. */
static bool are_wide(const char *kernels)
{
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (strcasecmp(kernels, wide[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool fs_kernels_are_slow(const char *kernels)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && !are_wide(kernels);
#else
    (void)kernels;
    return false;
#endif
}

/* OpenBLAS's choice of kernels. Local. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_BLAS_KERNELS_H
#define FAIRSTAMP_PIPELINE_RANKS_BLAS_KERNELS_H

#include <stdbool.h>

/* Whether the processor has AVX-512 and `kernels` (openblas_get_corename) do not use it: about half the speed. */
bool fs_kernels_are_slow(const char *kernels);

#endif

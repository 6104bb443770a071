/*
 * OpenBLAS's kernels, and the choice of better ones where it does not know the processor: it then takes its oldest, several
 * times slower. It reads OPENBLAS_CORETYPE when it is loaded, so another type is a new start of the same program. Local.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_BLAS_KERNELS_H
#define FAIRSTAMP_PIPELINE_RANKS_BLAS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

/* What kernels need of a processor, as compilers name it; registers that the system does not save do not count. */
#define FS_KERNEL_FEATURES(ROW)                                                                                        \
    ROW(AVX, "avx")                                                                                                    \
    ROW(AVX2, "avx2")                                                                                                  \
    ROW(FMA, "fma")                                                                                                    \
    ROW(FMA4, "fma4")                                                                                                  \
    ROW(F, "avx512f")                                                                                                  \
    ROW(CD, "avx512cd")                                                                                                \
    ROW(BW, "avx512bw")                                                                                                \
    ROW(DQ, "avx512dq")                                                                                                \
    ROW(VL, "avx512vl")                                                                                                \
    ROW(BF16, "avx512bf16")

#define FS_KERNEL_FEATURE_INDEX(name, text) FS_KERNEL_FEATURE_##name,
enum fs_kernel_feature { FS_KERNEL_FEATURES(FS_KERNEL_FEATURE_INDEX) FS_KERNEL_FEATURE_COUNT };
#undef FS_KERNEL_FEATURE_INDEX
#define FS_NEEDS(feature) (1U << FS_KERNEL_FEATURE_##feature)

/*
 * The types of x86-64, best first: name as OpenBLAS spells it, float32 operations of one instruction, needed features. A type
 * that is not here is newer than this table, or of other processors: it is left as OpenBLAS takes it.
 */
#define FS_NEEDS_AVX512 (FS_NEEDS(F) | FS_NEEDS(CD) | FS_NEEDS(BW) | FS_NEEDS(DQ) | FS_NEEDS(VL))
#define FS_KERNEL_TYPES(ROW)                                                                                           \
    ROW(Cooperlake, 32, FS_NEEDS_AVX512 | FS_NEEDS(BF16))                                                              \
    ROW(SkylakeX, 32, FS_NEEDS_AVX512)                                                                                 \
    ROW(Haswell, 16, FS_NEEDS(AVX2) | FS_NEEDS(FMA))                                                                   \
    ROW(Zen, 16, FS_NEEDS(AVX2) | FS_NEEDS(FMA))                                                                       \
    ROW(Excavator, 16, FS_NEEDS(AVX2) | FS_NEEDS(FMA) | FS_NEEDS(FMA4))                                                \
    ROW(Steamroller, 16, FS_NEEDS(AVX) | FS_NEEDS(FMA) | FS_NEEDS(FMA4))                                               \
    ROW(Piledriver, 16, FS_NEEDS(AVX) | FS_NEEDS(FMA) | FS_NEEDS(FMA4))                                                \
    ROW(Bulldozer, 16, FS_NEEDS(AVX) | FS_NEEDS(FMA4))                                                                 \
    ROW(Sandybridge, 8, FS_NEEDS(AVX))                                                                                 \
    ROW(Nehalem, 4, 0)                                                                                                 \
    ROW(Dunnington, 4, 0)                                                                                              \
    ROW(Penryn, 4, 0)                                                                                                  \
    ROW(Core2, 4, 0)                                                                                                   \
    ROW(Barcelona, 4, 0)                                                                                               \
    ROW(Bobcat, 4, 0)                                                                                                  \
    ROW(Opteron_SSE3, 4, 0)                                                                                            \
    ROW(Opteron, 4, 0)                                                                                                 \
    ROW(Atom, 4, 0)                                                                                                    \
    ROW(Nano, 4, 0)                                                                                                    \
    ROW(Prescott, 4, 0)

/* The FS_NEEDS of this processor; 0 on other architectures. */
unsigned fs_kernel_features(void);

/*
 * The first type of more operations an instruction than `own` has that runs with `features` and is not in `passed_over`
 * [count]; NULL where there is none.
 */
const char *fs_kernel_better(const char *own, unsigned features, const char *const *passed_over, size_t count);

/*
 * First thing in the program, before MPI: where OpenBLAS's own choice is not the best type that this processor runs, and
 * OPENBLAS_CORETYPE is not set, starts the program again (same process, same arguments) with the best one whose products are
 * right (blas_check.h). Then takes the variables that it has set for that out of the environment: what this program starts
 * chooses for its own node. -1: products are wrong, and OpenBLAS's own choice cannot be gone back to.
 */
int fs_kernels_choose(char **argv, struct fs_error *err);

/* Where the kernels in use come from, after fs_kernels_choose. */
struct fs_kernels {
    char name[32];    /* in use: openblas_get_corename */
    char own[32];     /* which OpenBLAS takes by itself; "" where `forced` */
    char forced[32];  /* the user's OPENBLAS_CORETYPE, "" where it is not set */
    char better[32];  /* a faster type that this processor runs; "" where there is none */
    char passed[160]; /* types that were tried and passed over, with the reason */
};
const struct fs_kernels *fs_kernels(void);

/* Whether a `forced` type is in use: OpenBLAS passes over names that it does not know, and types that it cannot run. */
bool fs_kernels_obey(const struct fs_kernels *kernels);

/* "OpenBLAS's own choice", "forced by OPENBLAS_CORETYPE=Zen", "in place of Prescott, ...": a part of a sentence. */
#define FS_KERNELS_WHY_SIZE 320
void fs_kernels_why(const struct fs_kernels *kernels, char text[FS_KERNELS_WHY_SIZE]);

#endif

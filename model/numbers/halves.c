#include "model/numbers/halves.h"

#include <string.h>

#include "model/numbers/elementary.h"

#if defined(__x86_64__) && !defined(FS_DOUBLE)
#define HAS_F16C
#include <immintrin.h>
#endif

INLINE float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* With both exponents biased, that of a float32 is larger by 112, and by as much again where it says infinite or no number;
 * a subnormal is its fraction times 2^-24. */
CLONES static void widen_f16(const uint16_t *in, fs_real *out, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)(in[i] & 0x7fff) << 13, sign = (uint32_t)(in[i] & 0x8000) << 16;
        uint32_t normal = size + (112u << 23) + (size >= (31u << 23) ? 112u << 23 : 0u);
        uint32_t subnormal = bits_of((float)(int32_t)(in[i] & 0x3ff) * 0x1p-24f);
        out[i] = float_of((size < (1u << 23) ? subnormal : normal) | sign);
    }
}

#ifdef HAS_F16C
/* The processor's own conversion, as exact: eight at a time. Returns how many. */
__attribute__((target("avx,f16c"))) static size_t widen_eights(const uint16_t *in, float *out, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves;
        memcpy(&halves, in + i, sizeof halves);
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(halves));
    }
    return i;
}
#endif

void fs_widen_f16(const uint16_t *in, fs_real *out, size_t count)
{
    size_t done = 0;
#ifdef HAS_F16C
    if (__builtin_cpu_supports("avx2")) { /* each that has AVX2 has it; not every compiler can ask for F16C */
        done = widen_eights(in, out, count);
    }
#endif
    widen_f16(in + done, out + done, count - done);
}

CLONES void fs_widen_bf16(const uint16_t *in, fs_real *out, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        out[i] = float_of((uint32_t)in[i] << 16);
    }
}

CLONES void fs_round_bf16(const float *in, uint16_t *out, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bits_of(in[i]);
        out[i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    }
}

/* Infinite and no number: all bits of the exponent are set. */
CLONES static bool no_full_exponent(const uint16_t *x, size_t count, uint16_t exponent)
{
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < count; i++) {
        bad |= (x[i] & exponent) == exponent;
    }
    return bad == 0;
}

bool fs_f16_finite(const uint16_t *x, size_t count)
{
    return no_full_exponent(x, count, 0x7c00);
}

bool fs_bf16_finite(const uint16_t *x, size_t count)
{
    return no_full_exponent(x, count, 0x7f80);
}

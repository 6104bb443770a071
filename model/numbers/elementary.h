/*
 * The elementary functions of the engine's loops, inline so that the loops vectorise, and how such a loop is compiled for
 * several processors. Local. Private to model/numbers/.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_ELEMENTARY_H
#define FAIRSTAMP_MODEL_NUMBERS_ELEMENTARY_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/numbers/real.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(FS_DOUBLE) &&                          \
    !defined(FAIRSTAMP_SANITIZE)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

#ifdef FS_DOUBLE

#define REAL_MAX DBL_MAX
#define FABS fabs

INLINE fs_real exponential(fs_real x)
{
    return exp(x);
}

INLINE fs_real error_function(fs_real x)
{
    return erf(x);
}

#else

#define REAL_MAX FLT_MAX
#define FABS fabsf

INLINE float power_of_two(int32_t exponent)
{
    uint32_t bits = (uint32_t)(exponent + 127) << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/*
 * exp x = 2^n exp r, |r| <= ln 2 / 2, exp r by its Taylor polynomial of degree 7 (remainder 5e-9). 2^n comes in two
 * factors, so that results below the normal range are right and exp(-1e4) is exactly 0.
 */
INLINE float exponential(float x)
{
    x = x < -110.0f ? -110.0f : x;
    x = x > 89.0f ? 89.0f : x;
    const float round = 0x1.8p23f; /* adding it rounds to an integer, which is then in the low bits */
    float shifted = x * 1.44269504f + round;
    int32_t n;
    memcpy(&n, &shifted, sizeof n);
    n -= 0x4b400000;
    float whole = shifted - round;
    float r = x - whole * 0x1.62e4p-1f; /* ln 2 in two parts, the first short enough for an exact product */
    r = r - whole * 0x1.7f7d1cp-20f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t half = n >> 1;
    return p * power_of_two(half) * power_of_two(n - half);
}

/* erf x = x P(x^2) / Q(x^2) on |x| <= 4, a minimax fit of our own (relative error 2.5e-8 before rounding). */
INLINE float error_function(float x)
{
    x = x < -4.0f ? -4.0f : x;
    x = x > 4.0f ? 4.0f : x;
    float u = x * x;
    float p = 1.986783672691672e-06f;
    p = p * u + 0.00028456683503463864f;
    p = p * u + 0.003883367171511054f;
    p = p * u + 0.05310181528329849f;
    p = p * u + 0.19354555010795593f;
    p = p * u + 1.1283791065216064f;
    float q = 3.742023545783013e-05f;
    q = q * u + 0.0011855775956064463f;
    q = q * u + 0.01520729623734951f;
    q = q * u + 0.11535020917654037f;
    q = q * u + 0.5048578381538391f;
    q = q * u + 1.0f;
    return x * p / q;
}

#endif

INLINE fs_real hyperbolic_tangent(fs_real x)
{
#ifdef FS_DOUBLE
    return tanh(x);
#else
    /* x + x^3 P(x^2) below 0.6, a minimax fit of our own (relative error 3e-9 before rounding); 1 - 2 / (e^2x + 1) loses
     * digits there. */
    float u = x * x, size = fabsf(x);
    float p = -0.005895119510172026f;
    p = p * u + 0.020795941264017827f;
    p = p * u - 0.05378382212013127f;
    p = p * u + 0.13331924041760326f;
    p = p * u - 0.3333329799941966f;
    float near = x + x * u * p, far = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
    return size < 0.6f ? near : copysignf(far, x);
#endif
}

#endif

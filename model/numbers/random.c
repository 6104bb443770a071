#include "model/numbers/random.h"

#include <math.h>

#define STEP 0x9e3779b97f4a7c15u

struct fs_random fs_random_start(uint64_t seed, uint64_t stream)
{
    struct fs_random random = {seed};
    uint64_t mixed = fs_random_next(&random);
    random.state = mixed ^ (stream * 0xd1342543de82ef95u);
    random.state = fs_random_next(&random);
    return random;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t fs_random_next(struct fs_random *random)
{
    return mix(random->state += STEP);
}

void fs_random_drop(struct fs_random random, size_t first, double share, fs_real *x, size_t count)
{
    const uint64_t limit = (uint64_t)ceil(share * 0x1p53);
    const fs_real scale = (fs_real)(1.0 / (1.0 - share));
    for (size_t i = 0; i < count; i++) {
        uint64_t draw = mix(random.state + (uint64_t)(first + i + 1) * STEP) >> 11;
        x[i] = draw < limit ? 0 : x[i] * scale;
    }
}

double fs_random_uniform(struct fs_random *random)
{
    return (double)(fs_random_next(random) >> 11) * 0x1p-53;
}

size_t fs_random_below(struct fs_random *random, size_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t draw;
    do {
        draw = fs_random_next(random);
    } while (draw >= limit);
    return (size_t)(draw % bound);
}

/* ln x for x > 0, to about 1e-15: the C library's last bit differs between versions and processors, this does not. */
static double logarithm(double x)
{
    int exponent;
    double m = frexp(x, &exponent); /* [0.5, 1) */
    if (m < 0.70710678118654752) {
        m *= 2.0;
        exponent--;
    }
    double s = (m - 1.0) / (m + 1.0); /* ln m = 2 artanh s, |s| < 0.172 */
    double square = s * s, series = 0.0;
    for (int k = 19; k >= 1; k -= 2) {
        series = series * square + 1.0 / k;
    }
    return exponent * 0.69314718055994531 + 2.0 * s * series;
}

double fs_random_normal(struct fs_random *random)
{
    double u, v, square;
    do {
        u = 2.0 * fs_random_uniform(random) - 1.0;
        v = 2.0 * fs_random_uniform(random) - 1.0;
        square = u * u + v * v;
    } while (square >= 1.0 || square == 0.0);
    return u * sqrt(-2.0 * logarithm(square) / square);
}

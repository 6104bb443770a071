#include "model/numbers/random.h"

#include <math.h>

struct fs_random fs_random_start(uint64_t seed, uint64_t stream)
{
    struct fs_random random = {seed};
    uint64_t mixed = fs_random_next(&random);
    random.state = mixed ^ (stream * 0xd1342543de82ef95u);
    random.state = fs_random_next(&random);
    return random;
}

uint64_t fs_random_next(struct fs_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
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

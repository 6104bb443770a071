/*
 * Random numbers by counter: number k of stream `seed` depends on (seed, k) alone, so draws need no state, have no order and
 * are the same on every machine. SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
 */
#ifndef FAIRSTAMP_STAGES_RANDOM_H
#define FAIRSTAMP_STAGES_RANDOM_H

#include <stdint.h>

static inline uint64_t fs_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* The seed is mixed first: neighbouring seeds give unrelated streams. */
static inline uint64_t fs_random_bits(uint64_t seed, uint64_t counter)
{
    return fs_mix64(fs_mix64(seed) + (counter + 1) * UINT64_C(0x9E3779B97F4A7C15));
}

#endif

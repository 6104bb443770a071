/*
 * Random numbers whose bits depend on the seed alone, on every machine and with every C library: SplitMix64 (Steele,
 * Lea, Flood 2014) and Marsaglia's polar method with a logarithm of our own. Not for cryptography. Local.
 */
#ifndef FAIRSTAMP_MODEL_NUMBERS_RANDOM_H
#define FAIRSTAMP_MODEL_NUMBERS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "model/numbers/real.h"

struct fs_random {
    uint64_t state;
};

/* Different streams of one seed are independent: one for each thing that is drawn (an item, a sample, a use). */
struct fs_random fs_random_start(uint64_t seed, uint64_t stream);

uint64_t fs_random_next(struct fs_random *random);
/* x[i] *= 0 where draw number first + i of the stream, as fs_random_uniform has it, is below `share`, else 1 / (1 - share). */
void fs_random_drop(struct fs_random random, size_t first, double share, fs_real *x, size_t count);
double fs_random_uniform(struct fs_random *random);             /* in [0, 1), 53 bits */
size_t fs_random_below(struct fs_random *random, size_t bound); /* in [0, bound), without bias; bound > 0 */
double fs_random_normal(struct fs_random *random);              /* N(0, 1) */

#endif

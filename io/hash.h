/* Hashes of numbers, for tables and seeded orders: the same on every machine, not for cryptography. */
#ifndef FAIRSTAMP_IO_HASH_H
#define FAIRSTAMP_IO_HASH_H

#include <stdint.h>

/* `hash` with one more number in it; the finalizer is SplitMix64's (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t fs_hash_add(uint64_t hash, uint64_t number)
{
    uint64_t x = hash + UINT64_C(0x9E3779B97F4A7C15) + number;
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

#endif

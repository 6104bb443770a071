/* Edited against held-out items: split by target term, seeded, within each category. Local. */
#ifndef FAIRSTAMP_STAGES_METRICS_SPLIT_H
#define FAIRSTAMP_STAGES_METRICS_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/benchmarks/benchmark.h"

/*
 * held_out[pairs->count]: true for the pairs whose target term is held out. In each category the terms are ordered by a
 * seeded hash of (category, term), and the first ceil(fraction x terms), but never all, are held out; a fraction of 0
 * holds out none. The order of the items in the file does not matter. Pairs that cannot be used have no part in it:
 * they are held out where their term is.
 */
int fs_split_by_target(const struct fs_pair_list *pairs, double fraction, uint64_t seed, bool *held_out,
                       struct fs_error *err);

#endif

/* Packed batches: sequences of any length one after the other, no padding. */
#ifndef FAIRSTAMP_MODEL_STEPS_BATCH_H
#define FAIRSTAMP_MODEL_STEPS_BATCH_H

#include <stddef.h>
#include <stdint.h>

struct fs_batch {
    size_t sequences;     /* B */
    size_t tokens;        /* T = start[B] */
    const int32_t *token; /* [T] */
    const size_t *start;  /* [B + 1], ascending; positions count anew in each sequence */
};

/* Tokens of the longest sequence. */
static inline size_t fs_batch_longest(const struct fs_batch *batch)
{
    size_t longest = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = batch->start[s + 1] - batch->start[s];
        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Rows of a batch that take the place of others: row to[i] becomes row from[i]. */
struct fs_row_copies {
    size_t count;
    const size_t *from, *to; /* [count] */
};

#endif

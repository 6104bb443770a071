/*
 * Packed batches: sequences of any length one after the other, no padding.
 *
 * In a causal model a sequence may continue another one: what both begin with is computed once. The sequences of a batch
 * are then a forest of token paths, each with the rows that are its own. A row attends to its path; all else is by row.
 */
#ifndef FAIRSTAMP_MODEL_STEPS_BATCH_H
#define FAIRSTAMP_MODEL_STEPS_BATCH_H

#include <stddef.h>
#include <stdint.h>

struct fs_batch {
    size_t sequences;     /* B */
    size_t tokens;        /* T = start[B] */
    const int32_t *token; /* [T] */
    const size_t *start;  /* [B + 1], ascending: each sequence's own rows */
    /* Both NULL: every sequence stands by itself, and begins at position 0. Otherwise [B]: the first depth[s] tokens of
     * sequence s are those of sequence parent[s] < s, with the rows that they have there; its own rows are behind them.
     * depth[s] at most the length of parent[s]; 0: s stands by itself, whatever parent[s] is. */
    const size_t *parent, *depth;
};

/* Position of the first of the sequence's own rows. */
static inline size_t fs_batch_depth(const struct fs_batch *batch, size_t sequence)
{
    return batch->depth != NULL ? batch->depth[sequence] : 0;
}

/* Tokens of the whole sequence: those of others that it begins with, and its own. */
static inline size_t fs_batch_length(const struct fs_batch *batch, size_t sequence)
{
    return fs_batch_depth(batch, sequence) + batch->start[sequence + 1] - batch->start[sequence];
}

/* Where the token at `position` of a sequence stands in the batch. */
static inline size_t fs_batch_row(const struct fs_batch *batch, size_t sequence, size_t position)
{
    while (position < fs_batch_depth(batch, sequence)) {
        sequence = batch->parent[sequence];
    }
    return batch->start[sequence] + position - fs_batch_depth(batch, sequence);
}

/* Tokens of the longest sequence. */
static inline size_t fs_batch_longest(const struct fs_batch *batch)
{
    size_t longest = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = fs_batch_length(batch, s);
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

/*
 * The runs of a unit: which sequences, what each begins with, where it joins, what is read. Private to the stage; local.
 *
 * In a causal model a run holds only the rows that no other one has:
 *
 *     biased       continues the biased run of the item before in the unit, as far as their tokens are the same
 *     corrupted    continues the biased run before the first token with another embedding; or, where that is more and
 *                  neither is noised, the corrupted run of the item before
 *     restored     continues the corrupted run before the first row that is set; or, where all rows that differ are set
 *                  to those of the biased run, and nothing is severed, that one behind them
 *     removed      the same with the two runs in each other's place
 *
 * A run without rows of its own is the one that it continues; a restoration that nothing reads is its corrupted run.
 * Else, in a masked model and in runs that are longer than the model shares, each run is whole.
 */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_LAYOUT_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_LAYOUT_H

#include "stages/trace/trace_parts.h"

struct fs_trace_run {
    size_t parent, depth;                    /* run `parent` has the first `depth` tokens; 0: none has */
    size_t length;                           /* tokens, those of others too */
    size_t block;                            /* of the layout */
    double flops;                            /* of its own rows, from where it joins */
    size_t turn;                             /* 0: from the embeddings on; otherwise it joins before layer turn - 1 */
    struct fs_trace_restoration restoration; /* where it joins */
    const int32_t *token;                    /* [length] */
};

struct fs_trace_place {
    struct fs_trace_block block;
    size_t biased, corrupted; /* runs */
    size_t known;             /* tokens of the biased run that are there */
};

struct fs_trace_read {
    size_t run, block; /* at the position, and of the token, that the block's item reads */
};

struct fs_trace_layout {
    const struct fs_trace_map *map;
    size_t runs, blocks, reads, values;
    size_t tokens;                /* own rows of all runs */
    double flops;                 /* of the layers */
    bool shares;                  /* any run continues another one */
    struct fs_trace_run *run;     /* [runs] parents first */
    struct fs_trace_place *block; /* [blocks] */
    struct fs_trace_read *read;   /* [reads] */
    size_t *value;                /* [values] the read of each number of the unit's result; SIZE_MAX: none, it is 0 */
    size_t run_room, block_room, read_room, value_room;
};

/* Adds a block behind those that are there, of the same item or a later one. */
int fs_trace_layout_add(struct fs_trace_layout *layout, const struct fs_trace_block *block, struct fs_error *err);
/* Takes all blocks away. */
void fs_trace_layout_clear(struct fs_trace_layout *layout);
void fs_trace_layout_release(struct fs_trace_layout *layout); /* takes a zeroed struct */

#endif

/*
 * How the pairs and generic prompts of a batch are cut into training units that cost alike: from the batch, the model's
 * shape and the options alone. Local.
 *
 * Pairs stay in their order, a unit has adjacent ones, up to the share that pairs have of the whole cost; prompts, in
 * theirs, fill up what is left of it. A unit's cost is what a step takes, FLOPs of its computed tokens and of the rows that
 * are read: a beginning that several passes of a unit share counts once. No unit costs more than the cap, but for single
 * pairs that do, none has more than FS_UNIT_TOKENS tokens, and few units cost much less:
 *
 *     cap    as small as makes FS_STAMP_UNITS units, on which 64, 128 and 256 threads are evenly busy; but at least
 *            FS_UNIT_FLOPS (stages/plan/plan.h) and FS_STAMP_TOKENS tokens, of a large model, where they take
 *            FS_STAMP_FLOPS, FS_STAMP_FEW_TOKENS; and at most FS_UNIT_TOKENS. Where stamp.unit_tokens is set: what so many
 *            tokens cost, however many units that makes
 *
 * A product reads and packs a layer's weights anew for each unit. Measured on SmolLM2 of 135 M weights from layer 20 up,
 * AVX-512, CPU seconds of a step with units of 20, 32, 64, 128, 256 tokens: 15.9, 10.1, 6.0, 4.3, 3.7. Hence the least
 * of 128; smaller ones pay where there are more threads than units, as a model that takes seconds a unit has. Below 64
 * there is little to win: a unit of 20 tokens takes 0.09 s, one of 64 no more than 0.11 s.
 *
 * Fewer than FS_STAMP_UNITS are a multiple of 64, or below that of a quarter of the next power of two, so that they share
 * out evenly.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_PACK_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_PACK_H

#include "io/error.h"
#include "stages/plan/plan.h"

#define FS_STAMP_UNITS 256
#define FS_STAMP_TOKENS 128.0
#define FS_STAMP_FEW_TOKENS 64.0
#define FS_STAMP_FLOPS 1e11 /* a second of a core, about */

/* What is packed; all owned by the caller. */
struct fs_stamp_items {
    const struct fs_plan *plan; /* that all reads are of; need not be sealed */
    size_t pairs, prompts;
    const size_t *first; /* [pairs + prompts + 1] of `read`; pairs come first */
    const size_t *read;  /* reads of the plan */
};

struct fs_stamp_prices {
    size_t shared_length; /* passes of at most so many tokens compute what they begin with once a unit */
    size_t read_length;   /* and read it once; 0: none does */
    double token, row;    /* FLOPs of a step */
    size_t unit_rows;     /* of a unit, the most */
    size_t unit_tokens;   /* stamp.unit_tokens; where it is more than FS_UNIT_TOKENS, a unit may have so many */
};

/* Unit u has the pairs and prompts from the ends of unit u - 1 to its own. */
struct fs_stamp_packing {
    size_t units;
    size_t *pair_end, *prompt_end; /* [units] */
    size_t *same;                  /* [reads of the plan] the first read that the same row answers */
};

/* The caller releases, also on failure. */
int fs_stamp_pack(const struct fs_stamp_items *items, const struct fs_stamp_prices *prices,
                  struct fs_stamp_packing *packing, struct fs_error *err);
void fs_stamp_packing_release(struct fs_stamp_packing *packing); /* takes a zeroed struct */

#endif

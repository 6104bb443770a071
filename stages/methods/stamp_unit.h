/*
 * A training unit of the stamp: some edited pairs and generic prompts, and what of them never changes while the stamp
 * trains. Local.
 *
 * Composition: the batch's pairs in the order given, its generic prompts spread evenly between them. Pairs of one
 * target term that stand side by side stay in one unit (L_b needs them together): a unit ends with a term, once it has
 * half of FS_UNIT_TOKENS tokens, and within a term only at 4 x FS_UNIT_TOKENS tokens or UNIT_NUMBERS logits. It depends
 * on the data and the options alone.
 *
 * A row that several texts share is read once: equal texts are one pass, and in a causal model equal beginnings have
 * equal rows. Where the stamp sits in the top layer no attention follows it, and only the rows that are read are kept
 * and run.
 *
 * Rows whose distribution shall stay (L_s1), of each pair: every row that is read, or the first: where the first token
 * of the fill is read, in causal models the first token in which the two statements differ.
 *
 * A filled unit keeps x and base of its tokens (in the top layer of its rows), and the distribution of each row that
 * stays: pipeline/estimate/memory.h.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_UNIT_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_UNIT_H

#include "stages/methods/stamp_loss.h"
#include "stages/plan/plan.h"

struct fs_stamp_unit {
    struct fs_plan *plan;  /* sealed as one unit */
    struct fs_batch batch; /* what runs from the stamp up */
    size_t *start;         /* behind batch.start where that is not the plan's */
    size_t *row;           /* [loss.rows] rows of `batch` that are read */
    size_t *source;        /* [loss.rows] the same as rows of the plan's batch */
    fs_real *x,
        *base; /* (batch.tokens,d) FFN input, and base (model/engine.h), at the stamp's layer; NULL until filled */
    struct fs_loss_unit loss; /* probability is NULL until filled */
};

struct fs_stamp_units {
    size_t count;
    struct fs_stamp_unit *unit;
    size_t pairs, prompts;    /* of the batch that are trained on */
    size_t terms, categories; /* distinct target terms (of a category), and categories */
    size_t groups;
    size_t most_tokens, most_rows; /* of a unit */
};

/* The pairs that are trained on together, in their order; all owned by the caller. */
struct fs_stamp_batch {
    const struct fs_pair_list *list;
    const size_t *pair; /* [count] indices into the list */
    size_t count;
};

/* Compiles the units of a batch. The caller releases, also on failure. */
int fs_stamp_units_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                           const struct fs_stamp_batch *batch, const struct fs_stamp_options *options,
                           struct fs_stamp_units *units, struct fs_error *err);
/* Runs the unedited model: sets x, base and the distributions that shall stay. */
int fs_stamp_unit_fill(const struct fs_model *model, struct fs_workspace *workspace,
                       const struct fs_stamp_options *options, struct fs_stamp_unit *unit, struct fs_error *err);
void fs_stamp_units_release(struct fs_stamp_units *units); /* takes a zeroed struct */

#endif

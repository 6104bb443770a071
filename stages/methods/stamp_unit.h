/*
 * A training unit of the stamp: some edited pairs and generic prompts, and what of them never changes while the stamp
 * trains. Local.
 *
 * Composition: stamp_pack.h. It depends on the data and the options alone. A target term whose pairs stand in several
 * units is cut: L_b needs them together (stamp_loss.h).
 *
 * A row that several texts share is read once: equal texts are one pass, and in a causal model equal beginnings have
 * equal rows. Where the stamp sits in the top layer no attention follows it, and only the rows that are read are kept
 * and run.
 *
 * Rows whose distribution shall stay (L_s1), of each pair: every row that is read, or the first: where the first token
 * of the fill is read, in causal models the first token in which the two statements differ.
 *
 * Units of plain text (stamp_text.h) have no pairs and no prompts: their batch is the rows that are counted.
 *
 * A filled unit keeps x and base of its tokens (in the top layer of its rows), and the distribution of each row that
 * stays: pipeline/estimate/memory.h.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_UNIT_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_UNIT_H

#include "stages/methods/stamp_frames.h"
#include "stages/methods/stamp_loss.h"
#include "stages/plan/plan.h"

struct fs_stamp_unit {
    struct fs_plan *plan;  /* sealed as one unit */
    struct fs_batch batch; /* what runs from the stamp up */
    size_t *start;         /* behind batch.start where that is not the plan's */
    size_t *row;           /* [loss.rows] rows of `batch` that are read */
    size_t *source;        /* [loss.rows] the same as rows of the plan's batch; of a unit of text [batch.tokens] */
    fs_real *x,
        *base; /* (batch.tokens,d) FFN input, and base (model/engine.h), at the stamp's layer; NULL until filled */
    struct fs_loss_unit loss; /* probability is NULL until filled */
    bool of_text;
    double token_weight; /* of a unit of text: 1 / N */
    fs_real *share;      /* [batch.tokens] of a unit of text: 1 / (N ||FFN(x)||^2); NULL until filled */
    double square;       /* sum of the squares of x; set by those who fill it */
    bool stays;          /* filled from step to step; likewise */
};

struct fs_stamp_units {
    size_t count;
    struct fs_stamp_unit *unit; /* [count] those of text last */
    size_t text_tokens;         /* N */
    size_t pairs, prompts;      /* of the batch that are trained on */
    size_t terms, categories;   /* distinct target terms (of a category), and categories */
    struct fs_loss_cuts cuts;
    size_t most_tokens, most_rows; /* of a unit */
    size_t most_text;              /* tokens of a unit of text */
};

struct fs_stamp_range {
    size_t begin, end;
};

/* Compiles the units of a batch. The caller releases, also on failure. */
int fs_stamp_units_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                           const struct fs_stamp_batch *batch, const struct fs_stamp_options *options,
                           struct fs_stamp_units *units, struct fs_error *err);
/* Runs the unedited model: sets x, base and the distributions that shall stay. */
int fs_stamp_unit_fill(const struct fs_model *model, struct fs_workspace *workspace,
                       const struct fs_stamp_options *options, struct fs_stamp_unit *unit, struct fs_error *err);
/* Frees what filling it has set, but for references and entropies. */
void fs_stamp_unit_empty(struct fs_stamp_unit *unit);
void fs_stamp_units_release(struct fs_stamp_units *units); /* takes a zeroed struct */

#endif

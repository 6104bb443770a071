/*
 * The plan: what a suite's items need from a model, as passes and reads.
 *
 *     pass   a distinct token sequence; equal ones are merged
 *     read   (pass, position, token): log p of the token at the position; equal ones are merged
 *     state  a pass: the mean of its top hidden states, as a sentence's embedding
 *     choice a set of tokens; a read that has one says which of them is the most probable, with no read for each
 *
 * One executor runs every plan: sealed, its passes are sorted and packed without padding into units of at most
 * FS_UNIT_TOKENS tokens (a longer pass is a unit of its own), so a unit's composition depends on the plan alone. Passes
 * of a masked model are sorted by length (stable). Those of a causal model are sorted as words are in a dictionary: each
 * holds the tokens behind what it shares with the pass before it in its unit (model/steps/batch.h), so that every
 * prefix is computed once a unit; units are cut where little is shared. Reads that fall on one row are one row.
 *
 * Position p of a masked model reads the token that stands (masked) at p; of a causal model position p predicts
 * the token at p + 1: callers give the position whose output is read.
 *
 * Memory: the tokens and reads of the plan on every rank; FS_UNIT_TOKENS bounds the workspaces.
 */
#ifndef FAIRSTAMP_STAGES_PLAN_PLAN_H
#define FAIRSTAMP_STAGES_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/edit.h"
#include "model/engine.h"
#include "stages/work/runner.h"

#define FS_UNIT_TOKENS ((size_t)512)

/*
 * Tokens of a unit of a work of `tokens` tokens, each of `flops` FLOPs: a FS_UNITS-th part of them all, so that hundreds
 * of threads have about as much to do; but FS_UNIT_FLOPS, a tenth of a second of one core, for less is not worth handing
 * out; at least FS_LEAST_TOKENS, for with fewer rows a matrix product packs more than it multiplies; and at most FS_UNIT_TOKENS.
 */
#define FS_UNITS 192.0
#define FS_UNIT_FLOPS 1e10
#define FS_LEAST_TOKENS 128.0
size_t fs_unit_tokens(double tokens, double flops);

/* How passes are packed into units. */
struct fs_plan_limits {
    size_t unit_tokens;   /* of a unit, the most; SIZE_MAX: all passes are one unit */
    size_t max_positions; /* of a pass, the most */
    size_t shared_length; /* fs_spec_shared_length: longer passes share nothing */
    double token_flops;   /* units may be smaller, as fs_unit_tokens says; 0: they are not */
};
static inline struct fs_plan_limits fs_plan_limits_of(const struct fs_spec *spec, size_t unit_tokens)
{
    return (struct fs_plan_limits){unit_tokens, spec->max_positions, fs_spec_shared_length(spec), 0};
}

struct fs_plan;

int fs_plan_create(struct fs_plan **plan, struct fs_error *err);
void fs_plan_destroy(struct fs_plan *plan); /* takes NULL */

/*
 * Where an edit is a decoding rule (model/edit.h), each read has a second distribution: that of the same token's position in
 * the same text behind a prefix, which the category of the text's item decides. The prefix stands behind `first` where the text
 * begins with that, else before all; begin-of-text alone is replaced by it. What is too long with its prefix is read in a part
 * of it: its beginning, or its end for a position beyond; of a prefix longer than half of what the model takes, the end counts. Equal prefixed texts of a unit are one; in a causal model they
 * share what they begin with. To be set before any read is added; what it points to must live as long as reads are added.
 */
struct fs_plan_prefixes {
    /* The ids of a category's prefix; the plan frees them. */
    int (*encode)(void *context, const char *category, int32_t **id, size_t *count, struct fs_error *err);
    void *context;
    int32_t first, last; /* [CLS] and [SEP]; begin-of-text, or -1, and -1 */
};
int fs_plan_set_prefixes(struct fs_plan *plan, const struct fs_plan_prefixes *prefixes, struct fs_error *err);
/* The reads added from now on are of an item of `category`. Nothing without prefixes; with them no read is added before. */
int fs_plan_begin_item(struct fs_plan *plan, const char *category, struct fs_error *err);

/* Adds a pass of `count` ids, or finds the equal one; its index to `pass`. */
int fs_plan_add_pass(struct fs_plan *plan, const int32_t *id, size_t count, size_t *pass, struct fs_error *err);
/* Adds a read, or finds the equal one, of a text with the same prefix; its index to `read`. position < length of the pass. */
int fs_plan_add_read(struct fs_plan *plan, size_t pass, size_t position, int32_t token, size_t *read,
                     struct fs_error *err);
/* Adds a set of `count` tokens, at least one; its index to `choice`. No copy of an equal one is looked for. */
int fs_plan_add_choice(struct fs_plan *plan, const int32_t *token, size_t count, size_t *choice, struct fs_error *err);
/* fs_plan_add_read, of a read whose answer names the most probable token of `choice`, the first of equal ones, as top1. */
int fs_plan_add_choosing_read(struct fs_plan *plan, size_t pass, size_t position, int32_t token, size_t choice,
                              size_t *read, struct fs_error *err);
/* Asks for the mean state of `pass` (engine.h, fs_read_mean_states); its index to `state`, one for equal passes. */
int fs_plan_add_state(struct fs_plan *plan, size_t pass, size_t *state, struct fs_error *err);
size_t fs_plan_states(const struct fs_plan *plan);
size_t fs_plan_passes(const struct fs_plan *plan);
size_t fs_plan_reads(const struct fs_plan *plan);
int32_t fs_plan_read_token(const struct fs_plan *plan, size_t read);
void fs_plan_read_place(const struct fs_plan *plan, size_t read, size_t *pass, size_t *position);
/* [count] the choice of a read; 0 of them: it has none. Valid as long as the plan. */
const int32_t *fs_plan_read_choice(const struct fs_plan *plan, size_t read, size_t *count);
size_t fs_plan_pass_length(const struct fs_plan *plan, size_t pass);
const int32_t *fs_plan_pass_ids(const struct fs_plan *plan, size_t pass); /* valid until the next add */

/* Tokens of all passes. */
size_t fs_plan_given_tokens(const struct fs_plan *plan);

/* Bytes that the sealed plan holds. */
double fs_plan_bytes(const struct fs_plan *plan);

/* Packs the units. Nothing can be added afterwards. A pass that is too long is FS_EXIT_DATA, naming the text's ids. */
int fs_plan_seal(struct fs_plan *plan, struct fs_plan_limits limits, struct fs_error *err);
size_t fs_plan_units(const struct fs_plan *plan);
/* That the units compute. */
size_t fs_plan_tokens(const struct fs_plan *plan);

/* One sealed unit, ready for the engine; all arrays owned by the plan. */
struct fs_plan_unit {
    struct fs_batch batch;
    struct fs_reads reads;    /* rows sorted by (sequence in the unit, position); row is the row of the packed batch */
    const size_t *read_index; /* [reads.first[rows]]: the plan's index of each read */
    const size_t *pass_index; /* [batch.sequences]: the plan's pass of each sequence */
    size_t states;            /* sequences whose mean state is asked for */
};
/* Texts of a unit behind their prefixes; all arrays owned by the plan. Each read of the unit is in one of its batches. */
struct fs_plan_prefixed {
    struct fs_batch batch; /* of at most the tokens of a unit, or one text */
    size_t rows;
    const size_t *row, *plain; /* [rows] of this batch, of the unit's */
    const size_t *first;       /* [rows + 1] */
    const size_t *read;        /* [first[rows]] indices among the unit's reads */
};
bool fs_plan_has_prefixes(const struct fs_plan *plan);
size_t fs_plan_prefixed_batches(const struct fs_plan *plan, size_t unit); /* 0: without prefixes */
void fs_plan_get_prefixed(const struct fs_plan *plan, size_t unit, size_t batch, struct fs_plan_prefixed *out);

/* The state that is asked of `pass`, SIZE_MAX: none. */
size_t fs_plan_state_of(const struct fs_plan *plan, size_t pass);
void fs_plan_get_unit(const struct fs_plan *plan, size_t unit, struct fs_plan_unit *out);

/* The answer to one read by one model. */
struct fs_read_value {
    double logprob; /* natural log */
    int32_t top1;   /* the most probable token at the read's position, of its choice where it has one */
};

/*
 * What the executor gives, on the root: a column for the unedited model, which is column 0, and one for each edit, in
 * their order.
 */
struct fs_plan_values {
    const struct fs_plan *plan; /* that was run; not owned */
    size_t columns;             /* 1 + edits */
    size_t reads, states;       /* of the plan */
    size_t hidden;              /* numbers of a state: the widest model's, the others' filled up with 0 */
    struct fs_read_value *read; /* [columns][reads] */
    double *state; /* [columns][states][hidden]; NaN in the column of a decoding rule, which changes none */
};
static inline double fs_values_logprob(const struct fs_plan_values *values, size_t column, size_t read)
{
    return values->read[column * values->reads + read].logprob;
}
static inline int32_t fs_values_top1(const struct fs_plan_values *values, size_t column, size_t read)
{
    return values->read[column * values->reads + read].top1;
}
/* Whether the token that is read is top1. The plan must be there still. */
static inline bool fs_values_is_top1(const struct fs_plan_values *values, size_t column, size_t read)
{
    return fs_values_top1(values, column, read) == fs_plan_read_token(values->plan, read);
}
static inline const double *fs_values_state(const struct fs_plan_values *values, size_t column, size_t state)
{
    return values->state + (column * values->states + state) * values->hidden;
}
void fs_plan_values_release(struct fs_plan_values *values); /* takes a zeroed struct */

/*
 * Rows whose two distributions a thread holds at once where there is a decoding rule: as many as FS_RULE_NUMBERS holds, at
 * least one.
 */
#define FS_RULE_NUMBERS ((size_t)4 << 20)
static inline size_t fs_rule_rows(const struct fs_spec *spec)
{
    size_t rows = FS_RULE_NUMBERS / (2 * spec->vocabulary);
    return rows > 0 ? rows : 1;
}

/* Edits to be compared with the unedited model; all owned by the caller. */
struct fs_edit_list {
    size_t count;
    const struct fs_edit *edit; /* [count] */
};

/*
 * Runs the plan with the unedited model and each edit. The layers below the first that an edit touches run once, for
 * the unedited model and all edits that begin there or above; a batch has the same shape for all of them, so no edit
 * changes the bits of another column. Decoding rules share the prefixed texts. `values` is filled on the root (elsewhere zeroed); the caller releases it.
 * Collective; errors and `checkpoint` as fs_runner_map.
 */
int fs_plan_execute(const struct fs_plan *plan, const struct fs_model *model, const struct fs_edit_list *edits,
                    struct fs_runner *runner, const char *checkpoint, struct fs_plan_values *values,
                    struct fs_error *err);

#endif

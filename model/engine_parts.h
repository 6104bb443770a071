/* What engine.c, attention.c, head.c and backward.c share. Private to model/. */
#ifndef FAIRSTAMP_MODEL_ENGINE_PARTS_H
#define FAIRSTAMP_MODEL_ENGINE_PARTS_H

#include "model/engine.h"
#include "model/weights.h"

/* Memory that grows to the largest request. */
struct fs_scratch {
    fs_real *data;
    size_t capacity;
};

struct fs_workspace {
    struct fs_scratch normed;            /* (T,d) what the projections read in a pre-norm block */
    struct fs_scratch x;                 /* (T,d) what the FFN receives */
    struct fs_scratch qkv;               /* (T,(H+2G)D) query, key, value heads side by side */
    struct fs_scratch weights;           /* attention weights of a few heads of one sequence */
    struct fs_scratch context;           /* (T,H D) */
    struct fs_scratch up, gate;          /* (T,F) */
    struct fs_scratch inner;             /* (T, inner_size) of an edit */
    struct fs_scratch rows, transformed; /* (R,d) states at read positions, through final norm or transform */
    struct fs_scratch logits;            /* one panel of the head */
    struct fs_scratch rotary;            /* (rotary_length, D): D / 2 cosines, D / 2 sines a position */
    size_t rotary_length;
    struct fs_scratch dffn, dgate, dqkv, dcontext, dstate; /* gradients, for backward.c */
};

/* scratch->data holds at least `count` numbers; their values are undefined after growth. */
int fs_scratch_reserve(struct fs_scratch *scratch, size_t count, const char *purpose, struct fs_error *err);

/*
 * Where one layer's intermediates go. A forward without memory points to the workspace, and leaves NULL what it need
 * not keep; a tape has its own for each layer. All are owned by the workspace or the tape.
 */
struct fs_activations {
    fs_real *attention_norm_in; /* (T,d) input of norm1, or NULL */
    fs_real *ffn_norm_in;       /* (T,d) input of norm2, or NULL */
    fs_real *qkv;               /* (T,(H+2G)D), rotated */
    fs_real *weights;           /* all attention weights: (H,n,n) for each sequence in turn; NULL: a few at a time */
    fs_real *up, *gate;         /* (T,F) before the activation */
    fs_real *active;            /* (T,F) after it; may be `up` */
    const struct fs_row_copies *attention_copies, *ffn_copies; /* NULL but in fs_run_layer_patched */
};

/* Numbers in fs_activations.weights for a whole batch. */
size_t fs_attention_weights(const struct fs_spec *spec, const struct fs_batch *batch);
/* The most numbers fs_attention needs in workspace->weights where nothing is kept. */
size_t fs_attention_block(const struct fs_spec *spec, const struct fs_batch *batch);

/* Tables of the rotary positions up to the batch's longest sequence. */
int fs_rotary_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                      struct fs_error *err);
/* Turns (sign 1) or turns back (-1) the query and key heads of qkv. */
void fs_rotary_apply(const struct fs_spec *spec, const struct fs_workspace *workspace, const struct fs_batch *batch,
                     fs_real *qkv, fs_real sign);
/* context (T,H D) from qkv; fs_activations.weights kept where not NULL. */
void fs_attention(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                  const fs_real *qkv, fs_real *weights, fs_real *context);
/* dqkv (T,(H+2G)D) from dcontext (T,H D), and what the forward kept. */
void fs_attention_backward(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                           const fs_real *qkv, const fs_real *weights, const fs_real *dcontext, fs_real *dqkv);

/* Makes room in the workspace for a batch of `tokens`, and sets `activations` to it. */
int fs_layer_prepare(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_batch *batch,
                     struct fs_activations *activations, struct fs_error *err);
/* h (T,d), the layer's input, becomes base = residual + FFN(x); x (T,d) is what the FFN received. */
void fs_layer_to_ffn(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_batch *batch,
                     size_t layer, const struct fs_activations *activations, fs_real *h, fs_real *x);
/* active = act(x W_up), gated where the family is. */
void fs_ffn_inner(const struct fs_model *model, size_t tokens, size_t layer, const struct fs_activations *activations,
                  const fs_real *x);
/* Room for what the edit (NULL: none) keeps; checks that it fits the model. */
int fs_edit_prepare(const struct fs_model *model, struct fs_scratch *inner, size_t tokens, const struct fs_edit *edit,
                    struct fs_error *err);
/* Numbers a token that the edit keeps for its backward. */
size_t fs_edit_inner_size(const struct fs_edit *edit);
/* h (T,d), the base, becomes the layer's output; `inner` (T, inner_size) receives what the edit keeps. */
void fs_layer_join(const struct fs_model *model, size_t tokens, size_t layer, const struct fs_edit *edit,
                   const fs_real *x, fs_real *ffn_norm_in, fs_real *inner, fs_real *h);

/*
 * rows (R,d): what the head multiplies, from `count` rows `row` of h (NULL: rows 0, 1, ..). `gathered` and `dense`
 * (R,d) or NULL: receive the rows of h, and the transform before its activation, for the backward pass.
 */
int fs_head_inputs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h, size_t count,
                   const size_t *row, fs_real *gathered, fs_real *dense, fs_real **rows, struct fs_error *err);
/* logprob (R,V) from what fs_head_inputs gave. */
void fs_head_distributions(const struct fs_model *model, const fs_real *rows, size_t count, fs_real *logprob);

#endif

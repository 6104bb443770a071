/*
 * An architecture as data: what config.json of a HuggingFace folder says, in the terms of one block engine.
 *
 *     pre-norm block                           post-norm block
 *     h1 = h + Attention(norm1(h))             h1 = norm1(h + Attention(h))
 *     x  = norm2(h1)                           x  = h1
 *     h' = h1 + FFN(x)                         h' = norm2(h1 + FFN(x))
 *
 *     parallel block                           the same with two norms
 *     x  = norm1(h)                            x  = norm2(h)
 *     h' = h + Attention(x) + FFN(x)           h' = h + Attention(norm1(h)) + FFN(x)
 *
 *     sandwich-norm block                      branch-norm block
 *     h1 = h + norm1'(Attention(norm1(h)))     h1 = h + norm1'(Attention(h))
 *     x  = norm2(h1)                           x  = h1
 *     h' = h1 + norm2'(FFN(x))                 h' = h1 + norm2'(FFN(x))
 *
 * A pre-norm block may scale what its branches add, h1 = h + m Attention(..), h' = h1 + m FFN(x), or add to the norms
 * instead, h1 = norm1(h) + Attention(..), h' = x + FFN(x). In every block an edit of the FFN's output adds to FFN(x)
 * itself: before norm2', and before the scale m.
 *
 * Letters used in all shapes: B sequences, T tokens of a packed batch, d hidden size, H heads, G key-value heads,
 * D head size, F FFN size (of a layer), V vocabulary, R rows that are read, C width of a stamp.
 */
#ifndef FAIRSTAMP_MODEL_FAMILIES_SPEC_H
#define FAIRSTAMP_MODEL_FAMILIES_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"
#include "model/numbers/kinds.h"

enum fs_model_kind { FS_MASKED, FS_CAUSAL };
enum fs_block { FS_PRE_NORM, FS_POST_NORM, FS_PARALLEL, FS_PARALLEL_TWO_NORMS, FS_SANDWICH_NORM, FS_BRANCH_NORM };
/* norm1, norm2, norm1' and norm2' of a layer. */
enum fs_layer_norm { FS_ATTENTION_NORM, FS_FFN_NORM, FS_ATTENTION_OUTPUT_NORM, FS_FFN_OUTPUT_NORM, FS_LAYER_NORMS };
enum fs_rope_scaling { FS_ROPE_PLAIN, FS_ROPE_LINEAR, FS_ROPE_LLAMA3 };

struct fs_family; /* family.h; private to model/ */
struct fs_body_names;

/* Rotary positions. */
struct fs_rotary {
    double theta; /* 0: none */
    enum fs_rope_scaling scaling;
    double factor, low_frequency, high_frequency;
    size_t original_positions;
};

/* What may differ from layer to layer. */
struct fs_layer_spec {
    size_t window; /* a position attends to those less than this many away; 0: to all that the model's kind allows */
    struct fs_rotary rotary;
    double attention_scale; /* of q k^T; 1 / sqrt D in most families */
    size_t ffn;             /* F */
    enum fs_activation activation;
    bool gated; /* FFN(x) = (act(x W_gate) * (x W_up)) W_down, else act(x W_up) W_down */
    /*
     * A mixture of experts: p = softmax(x W_router), and FFN(x) is the sum over the `experts_used` experts of largest p
     * of p / (their p together) times their own FFN, of size `ffn`. 0: none.
     */
    size_t experts, experts_used;
    bool qkv_bias;    /* biases on q, k, v */
    bool output_bias; /* on the attention output */
    bool ffn_bias;
    bool no_attention_norm; /* the attention of a pre-norm block reads h as it is */
    bool head_norm;         /* each query and key head goes through a norm of its D numbers, before the positions */
};

/* What holds for the whole model. */
struct fs_spec {
    const struct fs_family *family;
    const char *family_name;          /* model_type */
    const struct fs_body_names *body; /* where they are not those of the family's row; NULL */
    char saved_from[96];              /* transformers' class, the first of architectures, cut off; "": not named */
    enum fs_model_kind kind;
    size_t vocabulary; /* V */
    size_t hidden;     /* d */
    size_t layers;
    size_t heads;           /* H */
    size_t key_value_heads; /* G, divides H */
    size_t head_size;       /* D */
    size_t max_positions;   /* longest sequence, special tokens counted in */
    /* Where stored positions begin. Above 0, token first_position - 1 pads: it stands at position first_position - 1,
     * and is passed over in counting. */
    size_t first_position;
    enum fs_norm_kind norm_kind;
    enum fs_block block;
    double residual_scale;   /* m; 0: 1. Pre-norm blocks alone */
    bool residual_from_norm; /* pre-norm blocks alone */
    double norm_epsilon;
    enum fs_activation activation; /* of the head's transform */
    bool tied_head;                /* the head is the word embedding */
    size_t token_types;            /* rows of the token type embedding, type 0 everywhere; 0: none */
    int32_t begin_of_text;         /* config.json's bos_token_id, -1 where it has none */
    struct fs_layer_spec *layer;   /* [layers]; owned: fs_spec_release. A plain copy of the struct only borrows them. */
};

/* A copy with layers of its own, which the caller releases. Local. */
int fs_spec_copy(const struct fs_spec *from, struct fs_spec *to, struct fs_error *err);
void fs_spec_release(struct fs_spec *spec); /* zeroes it; takes a zeroed struct */

/* All layers of `spec` (allocated, with its head size) are as `layer`; an attention_scale of 0 becomes 1 / sqrt D. */
void fs_spec_set_layers(struct fs_spec *spec, const struct fs_layer_spec *layer);

size_t fs_spec_turned_width(const struct fs_spec *spec);  /* (H + G) D: query and key heads */
size_t fs_spec_qkv_width(const struct fs_spec *spec);     /* (H + 2 G) D */
size_t fs_spec_position_rows(const struct fs_spec *spec); /* of the position embedding, where there is one */
/* Whether a layer has the norm. */
bool fs_layer_has_norm(const struct fs_spec *spec, const struct fs_layer_spec *layer, enum fs_layer_norm norm);
size_t fs_layer_norm_count(const struct fs_spec *spec, const struct fs_layer_spec *layer);
/* Whether FFN(x) is apart from the residual until an edit has added to it: something comes between the two. */
bool fs_spec_ffn_apart(const struct fs_spec *spec);
/* Numbers a token of an FFN's inner states: F, of each expert that is used. */
size_t fs_layer_inner_width(const struct fs_layer_spec *layer);
size_t fs_spec_inner_width(const struct fs_spec *spec);  /* of the layer that has most */
size_t fs_spec_most_experts(const struct fs_spec *spec); /* of a layer; 0: no layer has any */
bool fs_spec_gated(const struct fs_spec *spec);          /* whether a layer is */

#endif

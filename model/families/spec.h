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
 * D head size, F FFN size (of a layer), V vocabulary, E size of a word embedding, R rows that are read, C width of a
 * stamp.
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
/* norm1, norm2, norm1' and norm2' of a layer, and that behind a convolution. */
enum fs_layer_norm {
    FS_ATTENTION_NORM,
    FS_FFN_NORM,
    FS_ATTENTION_OUTPUT_NORM,
    FS_FFN_OUTPUT_NORM,
    FS_CONVOLUTION_NORM,
    FS_LAYER_NORMS
};
/* What a norm has beside its kind: a gain and, for LayerNorm, a bias; a gain alone; neither. */
enum fs_norm_parameters { FS_GAIN_AND_BIAS, FS_GAIN_ALONE, FS_NO_PARAMETERS };
/*
 * Where E numbers of the embeddings become d, by a matrix: those of words, before the others are added; the sum of all,
 * before the norm; or behind it. What is added or normed before is of E numbers.
 */
enum fs_projection { FS_NO_PROJECTION, FS_PROJECT_WORDS, FS_PROJECT_SUM, FS_PROJECT_NORMED };
/* Rows of a fused query-key-value matrix: all queries, all keys, all values; or for each of the G groups the queries of its
 * H / G heads, then its key and its value. */
enum fs_qkv_layout { FS_QKV_BLOCKS, FS_QKV_GROUPS };
/* A norm of query and key heads before the positions: of each head, with a gain that all query heads, and all key heads,
 * share or with one of its own; or of all query heads, and all key heads, as a whole. */
enum fs_head_norm { FS_NO_HEAD_NORM, FS_HEAD_NORM_SHARED, FS_HEAD_NORM_OWN, FS_HEAD_NORM_WHOLE };
/* Added to scaled scores: model/steps/scores.c. ALiBi; the same rounded to bfloat16; a table by bucket of distance and by
 * head. */
enum fs_score_bias { FS_NO_SCORE_BIAS, FS_ALIBI, FS_ALIBI_BFLOAT16, FS_BUCKET_BIAS };
enum fs_rope_scaling { FS_ROPE_PLAIN, FS_ROPE_LINEAR, FS_ROPE_LLAMA3, FS_ROPE_DYNAMIC, FS_ROPE_YARN, FS_ROPE_LONGROPE };

struct fs_family; /* family.h; private to model/ */
struct fs_body_names;

/*
 * Rotary positions: of each query and key head the first numbers turn in pairs, number i with number i + half of those
 * that turn, or neighbours where interleaved.
 */
struct fs_rotary {
    double theta; /* 0: none */
    enum fs_rope_scaling scaling;
    double factor, low_frequency, high_frequency;
    size_t original_positions; /* dynamic, longrope: longer sequences have frequencies of their own */
    size_t dims;               /* how many numbers turn, an odd one more; 0: D */
    bool interleaved;
    double attention_factor;    /* of all cosines and sines; 0: 1 */
    double ramp_low, ramp_high; /* yarn: pairs up to the first keep their frequency, from the second on it is divided */
    size_t divisors;            /* longrope: where in spec->divisor dims / 2 for short sequences begin, then for long */
};

/* Disentangled attention: model/steps/disentangled.c. Scores are scaled by layer->attention_scale as all are. */
struct fs_disentangled {
    size_t span;    /* S: there are 2 S relative positions; 0: no such attention */
    size_t buckets; /* 0: each distance is its own */
    size_t most_distance;
    bool content_to_position, position_to_content;
    bool shared; /* relative positions go through the layer's own query and key projections */
    bool norm;   /* their embedding has a norm */
};

/* Behind the first layer of a post-norm model, h' = norm(h' + act(convolution of the layer's input over positions)). */
struct fs_convolution {
    size_t kernel; /* positions, odd; 0: no such thing */
    bool tanh;     /* the activation; else: */
    enum fs_activation activation;
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
    bool convolved;         /* the first layer of a model with a convolution */
    bool no_attention_norm; /* the attention of a pre-norm block reads h as it is */
    enum fs_head_norm head_norm;
    bool head_norm_no_bias; /* not even where other norms have one */
    double clip;            /* queries, keys and values are cut off at +- clip; 0: they are not */
    double score_cap;       /* scaled scores become cap tanh(score / cap); 0: none */
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
    bool apart;             /* sequences share no beginnings, though they could: not of the folder, but wished for */
    /* Where stored positions begin. Above 0, token first_position - 1 pads: it stands at position first_position - 1,
     * and is passed over in counting. */
    size_t first_position;
    bool no_positions;      /* no position embedding, though the family has one */
    size_t position_offset; /* rows of the position embedding before the first token's; nothing is passed over */
    size_t embedding;       /* E; 0: d */
    enum fs_projection projection;
    bool projection_bias;
    double embedding_scale; /* of word embeddings; 0: 1 */
    bool output_projection; /* from d to E, without a bias, behind the final norm */
    bool no_final_norm;     /* though the family has one */
    bool no_transform_bias, no_head_bias;
    double logit_scale; /* 0: 1 */
    double logit_cap;   /* c of c tanh(logit / c); 0: none */
    /* Above 0 layers share weights: `passes` = layers / group_layers go through the groups, each as often as the next,
     * and each pass through the group_layers of its group. */
    size_t layer_groups, group_layers;
    enum fs_norm_kind norm_kind;
    enum fs_block block;
    double residual_scale;   /* m; 0: 1. Pre-norm blocks alone */
    bool residual_from_norm; /* pre-norm blocks alone */
    enum fs_norm_parameters norm_parameters;
    double norm_epsilon;
    enum fs_activation activation; /* of the head's transform */
    enum fs_qkv_layout qkv_layout;
    enum fs_score_bias score_bias;
    size_t score_buckets; /* of FS_BUCKET_BIAS */
    struct fs_disentangled disentangled;
    struct fs_convolution convolution;
    bool tied_head;              /* the head is the word embedding */
    size_t token_types;          /* rows of the token type embedding, type 0 everywhere; 0: none */
    int32_t begin_of_text;       /* config.json's bos_token_id, -1 where it has none */
    struct fs_layer_spec *layer; /* [layers]; owned: fs_spec_release. A plain copy of the struct only borrows them. */
    double *divisor;             /* [divisors] of the layers' longrope; owned as `layer` is; NULL: none */
    size_t divisors;
    /* What its training dropped, as config.json says; 0 where it says nothing, NaN where it is no share. */
    double hidden_dropout, attention_dropout;
};

/* A copy with layers of its own, which the caller releases. Local. */
int fs_spec_copy(const struct fs_spec *from, struct fs_spec *to, struct fs_error *err);
void fs_spec_release(struct fs_spec *spec); /* zeroes it; takes a zeroed struct */

/* All layers of `spec` (allocated, with its head size) are as `layer`; an attention_scale of 0 becomes 1 / sqrt D. */
void fs_spec_set_layers(struct fs_spec *spec, const struct fs_layer_spec *layer);

/* Of the positions' pairs: numbers of a head that turn, and whether two layers' positions are the same. */
size_t fs_rotary_width(const struct fs_spec *spec, const struct fs_rotary *rotary);
bool fs_rotary_is_same(const struct fs_rotary *a, const struct fs_rotary *b);
/* Whether sequences longer than original_positions turn otherwise than shorter ones. */
bool fs_rotary_has_long(const struct fs_rotary *rotary);
/* The longest sequence that turns as all shorter ones do, in all layers; SIZE_MAX: any. */
size_t fs_spec_usual_positions(const struct fs_spec *spec);
/* Sequences of at most so many tokens compute what they begin with as any other that begins so; 0: none does (masked). */
size_t fs_spec_shared_length(const struct fs_spec *spec);
/* Cosines and sines a position that the tables of all layers hold. */
size_t fs_spec_angle_width(const struct fs_spec *spec);

size_t fs_spec_turned_width(const struct fs_spec *spec);  /* (H + G) D: query and key heads */
size_t fs_spec_qkv_width(const struct fs_spec *spec);     /* (H + 2 G) D */
size_t fs_spec_position_rows(const struct fs_spec *spec); /* of the position embedding, where there is one */
size_t fs_spec_embedding(const struct fs_spec *spec);     /* E */
/* Numbers of a row of the position and token type embeddings, and of the norm behind them. */
size_t fs_spec_added_width(const struct fs_spec *spec);
size_t fs_spec_embedding_norm_width(const struct fs_spec *spec);
/* Numbers of a state behind the last layer, with all that comes before the head: d, or E. */
size_t fs_spec_state_width(const struct fs_spec *spec);
/* Where a layer's weights are stored: `number` is that of the layer, or of its group and within it. */
void fs_spec_stored_layer(const struct fs_spec *spec, size_t layer, size_t number[2]);
/* The first layer that has the weights of `layer`; itself where it shares none. */
size_t fs_spec_first_like(const struct fs_spec *spec, size_t layer);
/* Whether a layer has the norm. */
bool fs_layer_has_norm(const struct fs_spec *spec, const struct fs_layer_spec *layer, enum fs_layer_norm norm);
size_t fs_layer_norm_count(const struct fs_spec *spec, const struct fs_layer_spec *layer);
/* Whether FFN(x) is apart from the residual, or x + FFN(x) from a convolution, until an edit has added to it: something
 * comes between the two. */
bool fs_spec_ffn_apart(const struct fs_spec *spec);
/* Numbers a token of an FFN's inner states: F, of each expert that is used. */
size_t fs_layer_inner_width(const struct fs_layer_spec *layer);
size_t fs_spec_inner_width(const struct fs_spec *spec);  /* of the layer that has most */
size_t fs_spec_most_experts(const struct fs_spec *spec); /* of a layer; 0: no layer has any */
bool fs_spec_gated(const struct fs_spec *spec);          /* whether a layer is */

#endif

/*
 * An architecture as data: what config.json of a HuggingFace folder says, in the terms of one block engine.
 *
 * A family (bert, gpt2, llama) is one row of a table in spec.c: kind, norms, positions, activation, biases, the layout
 * of its matrices and the names of its tensors. A new family is a new row, not a new forward function.
 *
 *     pre-norm block (gpt2, llama)             post-norm block (bert)
 *     h1 = h + Attention(norm1(h))             h1 = norm1(h + Attention(h))
 *     x  = norm2(h1)                           x  = h1
 *     h' = h1 + FFN(x)                         h' = norm2(h1 + FFN(x))
 *
 * Letters used in all shapes: B sequences, T tokens of a packed batch, d hidden size, H heads, G key-value heads,
 * D head size, F FFN size, V vocabulary, R rows that are read, C width of a stamp.
 */
#ifndef FAIRSTAMP_MODEL_SPEC_H
#define FAIRSTAMP_MODEL_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

enum fs_model_kind { FS_MASKED, FS_CAUSAL };
enum fs_norm_kind { FS_LAYER_NORM, FS_RMS_NORM };
enum fs_norm_place { FS_PRE_NORM, FS_POST_NORM };
enum fs_position_kind { FS_LEARNED_POSITIONS, FS_ROTARY_POSITIONS };
enum fs_activation { FS_GELU_ERF, FS_GELU_TANH, FS_SILU, FS_RELU };
enum fs_rope_scaling { FS_ROPE_PLAIN, FS_ROPE_LINEAR, FS_ROPE_LLAMA3 };

struct fs_family; /* the row of the table; private to model/ */

struct fs_spec {
    const struct fs_family *family;
    char family_name[32]; /* model_type */
    enum fs_model_kind kind;
    size_t vocabulary; /* V */
    size_t hidden;     /* d */
    size_t layers;
    size_t heads;           /* H */
    size_t key_value_heads; /* G, divides H */
    size_t head_size;       /* D */
    size_t ffn;             /* F */
    size_t max_positions;   /* longest sequence, special tokens counted in */
    enum fs_norm_kind norm_kind;
    enum fs_norm_place norm_place;
    double norm_epsilon;
    enum fs_position_kind position_kind;
    double rope_theta;
    enum fs_rope_scaling rope_scaling;
    double rope_factor, rope_low_frequency, rope_high_frequency;
    size_t rope_original_positions;
    enum fs_activation activation;
    bool gated;          /* FFN(x) = (act(x W_gate) * (x W_up)) W_down, else act(x W_up) W_down */
    bool attention_bias; /* biases on q, k, v and the attention output */
    bool ffn_bias;
    bool tied_head;        /* the head is the word embedding */
    bool token_types;      /* a token type embedding, type 0 everywhere */
    int32_t begin_of_text; /* config.json's bos_token_id, -1 where it has none */
};

/*
 * Reads and checks `folder`/config.json (transformers 4 and 5 spellings). Local. FS_EXIT_DATA for a family, an option
 * or a size that the engine does not compute exactly: nothing is ignored in silence.
 */
int fs_spec_read(const char *folder, struct fs_spec *spec, struct fs_error *err);

#endif

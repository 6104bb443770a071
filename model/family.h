/*
 * One row a family: everything that tells bert, gpt2 and llama apart, as data. Private to model/.
 *
 * Tensor names stand without ".weight" and ".bias"; "%zu" stands for the layer. NULL: the family has no such part.
 */
#ifndef FAIRSTAMP_MODEL_FAMILY_H
#define FAIRSTAMP_MODEL_FAMILY_H

#include "model/spec.h"

struct fs_family {
    const char *name; /* model_type in config.json */
    enum fs_model_kind kind;
    enum fs_norm_kind norm_kind;
    enum fs_norm_place norm_place;
    enum fs_position_kind position_kind;
    bool gated;
    bool biases;       /* always; where false, the config's attention_bias and mlp_bias decide */
    bool inputs_first; /* matrices stand as (inputs, outputs), else as torch's Linear (outputs, inputs) */
    bool tied_default; /* tie_word_embeddings where the config is silent */
    const char *default_activation;
    double default_epsilon;

    struct { /* keys of config.json */
        const char *hidden, *layers, *heads, *ffn, *positions, *activation, *epsilon;
    } key;

    const char *prefix; /* of all names in `body`; checkpoints of the bare model lack it */
    struct {
        const char *word, *position, *token_type, *embedding_norm;
        const char *attention_norm; /* norm1 of spec.h */
        const char *projections[3]; /* query, key, value; or one fused matrix and NULLs */
        const char *attention_output;
        const char *ffn_norm; /* norm2 of spec.h */
        const char *gate, *up, *down;
        const char *final_norm;
    } body;
    struct {
        const char *transform, *transform_norm, *matrix;
        const char *bias; /* the full name; the alternative is `matrix`.bias */
    } head;
};

/* NULL where there is no such family. */
const struct fs_family *fs_family_find(const char *name);

#endif

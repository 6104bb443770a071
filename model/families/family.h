/*
 * One row a family: what tells its models apart from others', as data, and how its config.json is read. A new family is
 * one file with its row, and a line in families.c. Private to model/.
 *
 * Tensor names are without ".weight" and ".bias"; "%zu" stands for the layer. NULL: the family has no such part.
 */
#ifndef FAIRSTAMP_MODEL_FAMILIES_FAMILY_H
#define FAIRSTAMP_MODEL_FAMILIES_FAMILY_H

#include "io/formats/json.h"
#include "model/families/spec.h"

#define FS_ARCHITECTURES 8
#define FS_UNUSED_TENSORS 8
#define FS_HARMLESS_KEYS 8

/* Tensors of the body. A matrix of gate and up holds the gate's rows first. */
struct fs_body_names {
    const char *word, *position, *token_type, *embedding_norm;
    const char *embedding_projection, *output_projection; /* where the spec has them */
    const char *attention_norm, *attention_output_norm;   /* norm1 and norm1' of spec.h */
    const char *projections[3];                           /* query, key, value; or one fused matrix and NULLs */
    /* Where layers have head_norm. FS_HEAD_NORM_OWN: named by layer and head, or by layer and then one matrix (heads,D). */
    const char *query_norm, *key_norm;
    const char *score_bias; /* the table of FS_BUCKET_BIAS */
    const char *convolution, *convolution_norm;
    const char *relative, *relative_norm, *relative_query, *relative_key; /* of disentangled attention */
    const char *attention_output;
    const char *ffn_norm, *ffn_output_norm; /* norm2 and norm2' */
    const char *gate, *up, *down;
    const char *gate_up; /* one matrix in place of `gate` and `up` */
    const char *router;  /* where layers have experts: gate, up and down have a second "%zu", the expert's number */
    const char *final_norm;
};

/* Keys of config.json; NULL: the family has no such key. */
struct fs_config_keys {
    const char *hidden, *layers, *heads;
    const char *positions;  /* NULL: read_layers sets max_positions */
    const char *activation; /* NULL: default_activation always */
    const char *epsilon;    /* NULL: default_epsilon always */
};

struct fs_family {
    const char *name;  /* model_type in config.json */
    const char *about; /* for people, a line: who made it, and what is its own */
    /* Classes of transformers whose checkpoints hold the language model, its own first; or the bare model, which is one
     * where the head is tied. */
    const char *architectures[FS_ARCHITECTURES];
    enum fs_model_kind kind;
    enum fs_norm_kind norm_kind;
    enum fs_block block;
    bool inputs_first; /* matrices are stored as (inputs, outputs), else as torch's Linear (outputs, inputs) */
    bool tied_default; /* tie_word_embeddings where the config is silent */
    const char *default_activation;
    double default_epsilon;

    struct fs_config_keys key;
    struct fs_config_keys other_key; /* further spellings, where the first is missing */

    /*
     * Reads what only this family's config says, and sets the layers. Before the call `spec` has the sizes (heads as many
     * as key-value heads), the activation, and room for the layers.
     */
    int (*read_layers)(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err);

    /* Keys that transformers' class of this family passes over whatever they say, besides those of config_keys.c. All
     * others are read through io/formats/json.h, which notes it, and a key that nobody reads is said or refused. */
    const char *harmless[FS_HARMLESS_KEYS];

    const char *prefix;        /* of all names in `body`; checkpoints of the bare model lack it */
    const char *bare_prefix;   /* or have this in its place; NULL: nothing */
    struct fs_body_names body; /* read_layers may set spec->body to others */
    struct {
        const char *transform, *transform_norm, *matrix;
        const char *bias; /* the full name; the alternative is `matrix`.bias */
    } head;
    /* Ends of names of tensors that are rightly passed over, besides those of tensor_names.c. */
    const char *unused[FS_UNUSED_TENSORS];
};

/* Parts that a family has, and its model may lack. */
bool fs_spec_has_positions(const struct fs_spec *spec); /* a position embedding */
bool fs_spec_has_final_norm(const struct fs_spec *spec);
bool fs_spec_head_bias(const struct fs_spec *spec);
bool fs_spec_norm_bias(const struct fs_spec *spec); /* in its norms */

static inline const struct fs_body_names *fs_spec_body(const struct fs_spec *spec)
{
    return spec->body != NULL ? spec->body : &spec->family->body;
}

#endif

/* What a model consists of in memory. Private to model/. */
#ifndef FAIRSTAMP_MODEL_WEIGHTS_H
#define FAIRSTAMP_MODEL_WEIGHTS_H

#include "io/formats/safetensors.h"
#include "model/model.h"

struct fs_linear {
    const fs_real *weight; /* (outputs, inputs), or (inputs, outputs) where inputs_first */
    const fs_real *bias;   /* (outputs), or NULL */
    size_t inputs, outputs;
    bool inputs_first;
};

struct fs_norm {
    const fs_real *gain; /* (d) */
    const fs_real *bias; /* (d); NULL for RMSNorm */
};

struct fs_layer {
    struct fs_norm attention_norm, ffn_norm; /* norm1 and norm2 of spec.h */
    size_t projections;                      /* 3: query, key, value; 1: all in one matrix, in this order */
    struct fs_linear projection[3];
    struct fs_linear attention_output, gate, up, down;
};

/* A pointer of the model and the tensor behind it; `offset` into the converted block, SIZE_MAX: used in place. */
struct fs_binding {
    const struct fs_tensor *tensor;
    const fs_real **slot;
    size_t offset;
};

struct fs_model {
    struct fs_spec spec;
    const fs_real *word;           /* (V,d) */
    const fs_real *position;       /* (max_positions,d), or NULL */
    const fs_real *token_type;     /* row 0 of the token type embedding (d), or NULL */
    struct fs_norm embedding_norm; /* gain NULL: none */
    struct fs_norm final_norm;     /* gain NULL: none */
    struct fs_linear transform;    /* weight NULL: none */
    struct fs_norm transform_norm;
    struct fs_linear head; /* (V,d) */
    struct fs_layer *layer;

    struct fs_tensor_store *store;
    const struct fs_tensor *stored_head; /* a stored copy of the tied head, to be compared; or NULL */
    const struct fs_tensor *word_tensor;
    size_t bindings, binding_capacity;
    struct fs_binding *binding;
    size_t converted; /* numbers in the block */
    void *own_block;  /* fs_model_load's */
    char *config_path;
    const char **files;
    size_t file_count;
};

#endif

/* What a model consists of in memory. Private to model/. */
#ifndef FAIRSTAMP_MODEL_MODEL_INTERNAL_H
#define FAIRSTAMP_MODEL_MODEL_INTERNAL_H

#include "io/formats/tensor_store.h"
#include "model/model.h"
#include "model/steps/layer.h"

/* A pointer of the model and the tensor that it points into. */
struct fs_binding {
    const struct fs_tensor *tensor;
    enum fs_matrix_type type; /* that the pointer is to */
    void *slot;               /* the address of the pointer */
    size_t first;             /* the number of the tensor that it points to */
    size_t offset;            /* of the tensor in the converted block, in bytes; SIZE_MAX: used in place */
    bool is_first;            /* binding of the tensor, that converts and checks it */
};

struct fs_model {
    struct fs_spec spec;
    struct fs_notes notes;
    const struct fs_backend *backend;
    struct fs_matrix word;                 /* (V,E) */
    const fs_real *position;               /* (rows, added width), or NULL */
    const fs_real *token_type;             /* row 0 of the token type embedding (added width), or NULL */
    struct fs_norm embedding_norm;         /* zeroed: none; as final_norm */
    struct fs_linear embedding_projection; /* E -> d; weight.data NULL: none, as of those below */
    struct fs_norm final_norm;
    struct fs_linear output_projection; /* d -> E */
    struct fs_linear transform;         /* d -> E */
    struct fs_norm transform_norm;
    struct fs_linear head; /* (V,E) */
    struct fs_score_weights score_weights;
    struct fs_layer *layer;
    struct fs_norm *own_norm; /* of all layers, see struct fs_layer */
    struct fs_expert *expert; /* of all layers; NULL: none */

    struct fs_tensor_store *store;
    const struct fs_tensor *stored_head; /* a stored copy of the tied head, to be compared; or NULL */
    const struct fs_tensor *word_tensor;
    size_t bindings, binding_capacity;
    struct fs_binding *binding;
    size_t converted;              /* bytes of the block */
    void *own_block;               /* fs_model_load's, or a copy's weights */
    const struct fs_model *origin; /* of a copy (trainable.h): the model that it began with; NULL */
    char *config_path;
    bool whole_file; /* a GGUF file, with config and tokenizer in it */
    const char **files;
    size_t file_count;
};

/* model_memory.c. With model->spec set: chooses the backend, and makes room for the layers. */
int fs_model_begin(struct fs_model *model, struct fs_error *err);

/* model_memory.c. row (E): the word embedding of a token of the vocabulary. */
void fs_model_word(const struct fs_model *model, int32_t token, fs_real *row);

/* bind.c. Behind fs_model_begin, with model->store open: finds the tensor of each part in it and lists the bindings;
 * fs_model_load sets the pointers. Refuses tensors that are missing, of another shape, or read by nothing; `folder` is
 * what errors name. */
int fs_model_bind(struct fs_model *model, const char *folder, struct fs_error *err);

#endif

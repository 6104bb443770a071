/* What the Gemma models have in common. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_GEMMA_PARTS_H
#define FAIRSTAMP_MODEL_FAMILIES_GEMMA_PARTS_H

#include "model/families/llama_parts.h"

/* All of a row but its names, `block`, `key`, `read_layers` and `body`. */
#define FS_GEMMA_ROW                                                                                                   \
    .kind = FS_CAUSAL, .norm_kind = FS_RMS_NORM_PLUS_ONE, .tied_default = true,                                        \
    .default_activation = "gelu_pytorch_tanh", .default_epsilon = 1e-6, .prefix = "model.",                            \
    .head = {.matrix = "lm_head"}
/* Of Gemma 2 and later. */
#define FS_GEMMA2_KEYS                                                                                                 \
    {                                                                                                                  \
        "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_activation",     \
            "rms_norm_eps"                                                                                             \
    }
/* Four norms a layer; all but `.query_norm` and `.key_norm`. */
#define FS_GEMMA2_BODY                                                                                                 \
    .word = "embed_tokens", .attention_norm = "layers.%zu.input_layernorm",                                            \
    .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj", "layers.%zu.self_attn.v_proj"},      \
    .attention_output = "layers.%zu.self_attn.o_proj", .attention_output_norm = "layers.%zu.post_attention_layernorm", \
    .ffn_norm = "layers.%zu.pre_feedforward_layernorm", .gate = "layers.%zu.mlp.gate_proj",                            \
    .up = "layers.%zu.mlp.up_proj", .down = "layers.%zu.mlp.down_proj",                                                \
    .ffn_output_norm = "layers.%zu.post_feedforward_layernorm", .final_norm = "norm"

/* What all layers have but the rotary positions, and the scale of the embeddings: Gemma's class has heads of 256 where the
 * file is silent, and `key_value_heads`. */
int fs_gemma_read_shape(const struct fs_json_document *config, struct fs_spec *spec, size_t key_value_heads,
                        struct fs_layer_spec *layer, struct fs_error *err);

/* Of Gemma 2 and later, once the layers are set: the scale of scores, and windows as `every` says (llama_parts.h, from
 * 1). */
int fs_gemma2_read_layers(const struct fs_json_document *config, size_t every, struct fs_spec *spec,
                          struct fs_error *err);

/* A soft cap under `key`: `usual` where the key is missing, none where it is null. */
int fs_gemma2_read_cap(const struct fs_json_document *config, const char *key, double usual, double *cap,
                       struct fs_error *err);

#endif

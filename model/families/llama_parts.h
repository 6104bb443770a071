/* What Llama and the families after it have in common. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_LLAMA_PARTS_H
#define FAIRSTAMP_MODEL_FAMILIES_LLAMA_PARTS_H

#include "model/families/family.h"

/* Names of tensors, for `body` of a row: all but the FFN's matrices, and these. */
#define FS_LLAMA_ATTENTION                                                                                             \
    .word = "embed_tokens", .attention_norm = "layers.%zu.input_layernorm",                                            \
    .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj", "layers.%zu.self_attn.v_proj"},      \
    .attention_output = "layers.%zu.self_attn.o_proj", .ffn_norm = "layers.%zu.post_attention_layernorm",              \
    .final_norm = "norm"
#define FS_LLAMA_FFN                                                                                                   \
    .gate = "layers.%zu.mlp.gate_proj", .up = "layers.%zu.mlp.up_proj", .down = "layers.%zu.mlp.down_proj"
#define FS_LLAMA_BODY FS_LLAMA_ATTENTION, FS_LLAMA_FFN

/* All of a row but its names, `default_epsilon`, `read_layers` and `body`; and with Llama's epsilon. */
#define FS_LLAMA_SHAPE                                                                                                 \
    .kind = FS_CAUSAL, .norm_kind = FS_RMS_NORM, .block = FS_PRE_NORM, .default_activation = "silu",                   \
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings",                      \
            "hidden_act",  "rms_norm_eps"},                                                                            \
    .prefix = "model.", .head = {.matrix = "lm_head"}
#define FS_LLAMA_ROW FS_LLAMA_SHAPE, .default_epsilon = 1e-6

/*
 * What all layers have: a gated FFN of intermediate_size, rotary positions, and num_key_value_heads and head_dim of `spec`.
 * Where the key num_key_value_heads is missing there are `key_value_heads`, and as many as heads where it is null. `spec`
 * has the head size that holds where head_dim is missing; `layer` is zeroed but for what the family has besides.
 */
int fs_llama_read_layer(const struct fs_json_document *config, struct fs_spec *spec, size_t key_value_heads,
                        struct fs_layer_spec *layer, struct fs_error *err);

/*
 * Sets `window` of the layers, which are set already, from use_sliding_window, sliding_window, max_window_layers and
 * layer_types, as Qwen2Config does: without layer_types the layers from max_window_layers on have one.
 */
int fs_llama_read_windows(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err);

#endif

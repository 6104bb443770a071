/* What OLMo 2 shares with OLMo 3: names of tensors. Private to model/families/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_OLMO_PARTS_H
#define FAIRSTAMP_MODEL_FAMILIES_OLMO_PARTS_H

#include "model/families/llama_parts.h"

/* A family's `body`. */
#define FS_OLMO2_BODY                                                                                                  \
    {                                                                                                                  \
        .word = "embed_tokens",                                                                                        \
        .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj", "layers.%zu.self_attn.v_proj"},  \
        .query_norm = "layers.%zu.self_attn.q_norm", .key_norm = "layers.%zu.self_attn.k_norm",                        \
        .attention_output = "layers.%zu.self_attn.o_proj",                                                             \
        .attention_output_norm = "layers.%zu.post_attention_layernorm",                                                \
        .ffn_output_norm = "layers.%zu.post_feedforward_layernorm", FS_LLAMA_FFN, .final_norm = "norm"                 \
    }

#endif

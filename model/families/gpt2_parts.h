/* What GPT-2 shares with the families that are built as it is: keys of config.json, names of tensors. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_GPT2_PARTS_H
#define FAIRSTAMP_MODEL_FAMILIES_GPT2_PARTS_H

#include "model/families/family.h"

/* A family's `key`. */
#define FS_GPT2_KEYS                                                                                                   \
    {                                                                                                                  \
        "n_embd", "n_layer", "n_head", "n_positions", "activation_function", "layer_norm_epsilon"                      \
    }

/* Names of tensors, for `body` of a row: those of the layers, and all. */
#define FS_GPT2_LAYERS                                                                                                 \
    .attention_norm = "h.%zu.ln_1", .projections = {"h.%zu.attn.c_attn"}, .attention_output = "h.%zu.attn.c_proj",     \
    .ffn_norm = "h.%zu.ln_2", .up = "h.%zu.mlp.c_fc", .down = "h.%zu.mlp.c_proj"
#define FS_GPT2_BODY                                                                                                   \
    {                                                                                                                  \
        .word = "wte", .position = "wpe", FS_GPT2_LAYERS, .final_norm = "ln_f"                                         \
    }

#endif

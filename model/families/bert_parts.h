/* What BERT shares with the families that are built as it is: keys of config.json, names of tensors. Private to
 * model/families/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_BERT_PARTS_H
#define FAIRSTAMP_MODEL_FAMILIES_BERT_PARTS_H

#include "model/families/family.h"

/* A family's `key`. */
#define FS_BERT_KEYS                                                                                                   \
    {                                                                                                                  \
        "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",            \
            "layer_norm_eps"                                                                                           \
    }

/* A family's `body`. */
#define FS_BERT_BODY                                                                                                   \
    {                                                                                                                  \
        .word = "embeddings.word_embeddings", .position = "embeddings.position_embeddings",                            \
        .token_type = "embeddings.token_type_embeddings", .embedding_norm = "embeddings.LayerNorm",                    \
        .attention_norm = "encoder.layer.%zu.attention.output.LayerNorm",                                              \
        .projections = {"encoder.layer.%zu.attention.self.query", "encoder.layer.%zu.attention.self.key",              \
                        "encoder.layer.%zu.attention.self.value"},                                                     \
        .attention_output = "encoder.layer.%zu.attention.output.dense",                                                \
        .ffn_norm = "encoder.layer.%zu.output.LayerNorm", .up = "encoder.layer.%zu.intermediate.dense",                \
        .down = "encoder.layer.%zu.output.dense"                                                                       \
    }

/* A family's `head`, and `unused`: the next-sentence head, and names that one tensor has twice. */
#define FS_BERT_HEAD                                                                                                   \
    {                                                                                                                  \
        "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder",           \
            "cls.predictions.bias"                                                                                     \
    }
#define FS_BERT_UNUSED                                                                                                 \
    {                                                                                                                  \
        "cls.seq_relationship.weight", "cls.seq_relationship.bias", "cls.predictions.decoder.bias",                    \
            "cls.predictions.bias"                                                                                     \
    }

/* All of a row but its names and `prefix`. */
#define FS_BERT_ROW                                                                                                    \
    .kind = FS_MASKED, .norm_kind = FS_LAYER_NORM, .block = FS_POST_NORM, .tied_default = true,                        \
    .default_activation = "gelu", .default_epsilon = 1e-12, .key = FS_BERT_KEYS, .read_layers = fs_bert_read_layers,   \
    .body = FS_BERT_BODY, .head = FS_BERT_HEAD, .unused = FS_BERT_UNUSED

/* Layers with biases everywhere, their FFN size under `ffn_key`. */
int fs_bert_set_layers(const struct fs_json_document *config, const char *ffn_key, struct fs_spec *spec,
                       struct fs_error *err);

/* A family's `read_layers`. */
int fs_bert_read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err);

#endif

/* What RoBERTa shares with its kin, which differ from it in vocabulary and training alone. Private to
 * model/families/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_ROBERTA_PARTS_H
#define FAIRSTAMP_MODEL_FAMILIES_ROBERTA_PARTS_H

#include "model/families/bert_parts.h"

/* All of a row but its names. */
#define FS_ROBERTA_ROW                                                                                                 \
    .kind = FS_MASKED, .norm_kind = FS_LAYER_NORM, .block = FS_POST_NORM, .tied_default = true,                        \
    .default_activation = "gelu", .default_epsilon = 1e-12, .key = FS_BERT_KEYS,                                       \
    .read_layers = fs_roberta_read_layers, .prefix = "roberta.", .body = FS_BERT_BODY,                                 \
    .head = {"lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias"},                                \
    .unused = {"lm_head.decoder.bias", "lm_head.bias"}

/* As BERT's; positions begin behind the pad token's, and the head's activation is gelu whatever that of the layers. */
int fs_roberta_read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err);

#endif

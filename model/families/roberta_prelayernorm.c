/* RoBERTa with its norms before attention and FFN (Ott et al. 2019, fairseq). */
#include "model/families/roberta_parts.h"

extern const struct fs_family fs_family_roberta_prelayernorm;
const struct fs_family fs_family_roberta_prelayernorm = {
    .name = "roberta-prelayernorm",
    .about = "Ott et al. 2019: RoBERTa with its norms before attention and FFN",
    .architectures = {"RobertaPreLayerNormForMaskedLM", "RobertaPreLayerNormModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-12,
    .key = FS_BERT_KEYS,
    .read_layers = fs_roberta_read_layers,
    .prefix = "roberta_prelayernorm.",
    .body = {FS_BERT_EMBEDDINGS, FS_BERT_MATRICES, .attention_norm = "encoder.layer.%zu.attention.LayerNorm",
             .ffn_norm = "encoder.layer.%zu.intermediate.LayerNorm", .final_norm = "LayerNorm"},
    .head = FS_ROBERTA_HEAD,
    .unused = FS_ROBERTA_UNUSED,
};

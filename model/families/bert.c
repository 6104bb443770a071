/* BERT (Devlin et al. 2019), with its head for masked tokens. */
#include "model/families/family.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {
        .activation = spec->activation, .qkv_bias = true, .output_bias = true, .ffn_bias = true};
    if (fs_json_size(config, fs_json_root(config), "", "intermediate_size", (struct fs_size_range){1, 1 << 20},
                     &layer.ffn, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_bert;
const struct fs_family fs_family_bert = {
    .name = "bert",
    .architectures = {"BertForMaskedLM", "BertForPreTraining", "BertLMHeadModel", "BertModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .norm_place = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-12,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "layer_norm_eps"},
    .read_layers = read_layers,
    .prefix = "bert.",
    .body = {.word = "embeddings.word_embeddings",
             .position = "embeddings.position_embeddings",
             .token_type = "embeddings.token_type_embeddings",
             .embedding_norm = "embeddings.LayerNorm",
             .attention_norm = "encoder.layer.%zu.attention.output.LayerNorm",
             .projections = {"encoder.layer.%zu.attention.self.query", "encoder.layer.%zu.attention.self.key",
                             "encoder.layer.%zu.attention.self.value"},
             .attention_output = "encoder.layer.%zu.attention.output.dense",
             .ffn_norm = "encoder.layer.%zu.output.LayerNorm",
             .up = "encoder.layer.%zu.intermediate.dense",
             .down = "encoder.layer.%zu.output.dense"},
    .head = {"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder",
             "cls.predictions.bias"},
    .unused = {".pooler.dense.weight", ".pooler.dense.bias", "cls.seq_relationship.weight", "cls.seq_relationship.bias",
               "embeddings.position_ids", "cls.predictions.decoder.bias", "cls.predictions.bias"},
};

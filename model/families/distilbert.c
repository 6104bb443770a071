/* DistilBERT (Sanh et al. 2019), with its head for masked tokens. It has no token types. */
#include "model/families/bert_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    return fs_bert_set_layers(config, "hidden_dim", spec, err);
}

extern const struct fs_family fs_family_distilbert;
const struct fs_family fs_family_distilbert = {
    .name = "distilbert",
    .about = "Sanh et al. 2019: BERT without token types",
    .architectures = {"DistilBertForMaskedLM", "DistilBertModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-12,
    .key = {.hidden = "dim",
            .layers = "n_layers",
            .heads = "n_heads",
            .positions = "max_position_embeddings",
            .activation = "activation"},
    .read_layers = read_layers,
    .prefix = "distilbert.",
    .body = {.word = "embeddings.word_embeddings",
             .position = "embeddings.position_embeddings",
             .embedding_norm = "embeddings.LayerNorm",
             .attention_norm = "transformer.layer.%zu.sa_layer_norm",
             .projections = {"transformer.layer.%zu.attention.q_lin", "transformer.layer.%zu.attention.k_lin",
                             "transformer.layer.%zu.attention.v_lin"},
             .attention_output = "transformer.layer.%zu.attention.out_lin",
             .ffn_norm = "transformer.layer.%zu.output_layer_norm",
             .up = "transformer.layer.%zu.ffn.lin1",
             .down = "transformer.layer.%zu.ffn.lin2"},
    .head = {"vocab_transform", "vocab_layer_norm", "vocab_projector", "vocab_projector.bias"},
    .harmless = {"layer_norm_eps", "sinusoidal_pos_embds", "tie_weights_"}, /* 1e-12 always; the table is stored */
};

/* DistilBERT (Sanh et al. 2019), with its head for masked tokens. It has no token types. */
#include "model/families/family.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {.activation = spec->activation, .attention_bias = true, .ffn_bias = true};
    if (fs_json_size(config, fs_json_root(config), "", "hidden_dim", (struct fs_size_range){1, 1 << 20}, &layer.ffn,
                     err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_distilbert;
const struct fs_family fs_family_distilbert = {
    .name = "distilbert",
    .architectures = {"DistilBertForMaskedLM", "DistilBertModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .norm_place = FS_POST_NORM,
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
    .unused = {"embeddings.position_ids"},
};

/* BLOOM (Le Scao et al. 2022): GPT-2 with ALiBi in place of positions, a norm behind the embedding, and query, key and value
 * by head. */
#include "model/families/family.h"

/* ALiBi knows no longest text; this is what the published models were trained on. */
enum { TRAINED_LENGTH = 2048 };

/* transformers leaves the biases out where both are set. */
static int refuse_slices(const struct fs_json_document *config, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    size_t slices = 1;
    bool sliced = false;
    if (fs_json_size_optional(config, root, "", "pretraining_tp", (struct fs_size_range){0, 1 << 16}, &slices, err) !=
            0 ||
        fs_json_bool_optional(config, root, "", "slow_but_exact", &sliced, err) != 0) {
        return -1;
    }
    return sliced && slices > 1
               ? fs_json_wrong(config, "", "slow_but_exact", "true", "false, as pretraining_tp is above 1", err)
               : 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.activation = spec->activation,
                                  .qkv_bias = true,
                                  .output_bias = true,
                                  .ffn_bias = true,
                                  .ffn = 4 * spec->hidden};
    spec->max_positions = TRAINED_LENGTH;
    spec->qkv_layout = FS_QKV_GROUPS;
    spec->score_bias = FS_ALIBI;
    if (refuse_slices(config, err) != 0 ||
        fs_json_size_optional(config, root, "", "seq_length", (struct fs_size_range){1, (size_t)1 << 24},
                              &spec->max_positions, err) != 0 ||
        fs_json_bool_optional(config, root, "", "apply_residual_connection_post_layernorm", &spec->residual_from_norm,
                              err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_bloom;
const struct fs_family fs_family_bloom = {
    .name = "bloom",
    .about = "Le Scao et al. 2022: GPT-2 with ALiBi in place of positions, and a norm behind the embedding",
    .architectures = {"BloomForCausalLM", "BloomModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu_new",
    .default_epsilon = 1e-5,
    .key = {.hidden = "hidden_size", .layers = "n_layer", .heads = "n_head", .epsilon = "layer_norm_epsilon"},
    .other_key = {.hidden = "n_embed", .layers = "num_hidden_layers", .heads = "num_attention_heads"},
    .read_layers = read_layers,
    .prefix = "transformer.",
    .body = {.word = "word_embeddings",
             .embedding_norm = "word_embeddings_layernorm",
             .attention_norm = "h.%zu.input_layernorm",
             .projections = {"h.%zu.self_attention.query_key_value"},
             .attention_output = "h.%zu.self_attention.dense",
             .ffn_norm = "h.%zu.post_attention_layernorm",
             .up = "h.%zu.mlp.dense_h_to_4h",
             .down = "h.%zu.mlp.dense_4h_to_h",
             .final_norm = "ln_f"},
    .head = {.matrix = "lm_head"},
};

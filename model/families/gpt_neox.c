/* GPT-NeoX (Black et al. 2022), as of Pythia: query, key and value by head, rotary positions of a part of each head,
 * attention and FFN side by side behind norms of their own, or one after the other. The stamp's output joins where the FFN's
 * does. */
#include "model/families/family.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys rotary_keys = {
    .theta = "rotary_emb_base", .default_theta = 10000.0, .partial = "rotary_pct", .default_partial = 0.25};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    bool parallel = true;
    struct fs_layer_spec layer = {.activation = spec->activation, .qkv_bias = true, .ffn_bias = true};
    if (fs_json_size(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "use_parallel_residual", &parallel, err) != 0 ||
        fs_rotary_config_read(config, &rotary_keys, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    spec->block = parallel ? FS_PARALLEL_TWO_NORMS : FS_PRE_NORM;
    spec->qkv_layout = FS_QKV_GROUPS;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_gpt_neox;
const struct fs_family fs_family_gpt_neox = {
    .name = "gpt_neox",
    .about = "Black et al. 2022, and Pythia: attention and FFN side by side or in turn, rotary positions of a part of "
             "each head",
    .architectures = {"GPTNeoXForCausalLM", "GPTNeoXModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PARALLEL_TWO_NORMS,
    .default_activation = "gelu",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "layer_norm_eps"},
    .read_layers = read_layers,
    .harmless = {"rope_theta", "partial_rotary_factor"}, /* it has rotary_emb_base and rotary_pct */
    .prefix = "gpt_neox.",
    .body = {.word = "embed_in",
             .attention_norm = "layers.%zu.input_layernorm",
             .projections = {"layers.%zu.attention.query_key_value"},
             .attention_output = "layers.%zu.attention.dense",
             .ffn_norm = "layers.%zu.post_attention_layernorm",
             .up = "layers.%zu.mlp.dense_h_to_4h",
             .down = "layers.%zu.mlp.dense_4h_to_h",
             .final_norm = "final_layer_norm"},
    .head = {.matrix = "embed_out"},
};

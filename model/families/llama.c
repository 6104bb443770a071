/* Llama (Touvron et al. 2023): grouped key-value heads, rotary positions, gated FFN. */
#include "model/families/family.h"
#include "model/families/rotary_config.h"

static int read_heads(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    if (fs_json_size_optional(config, root, "", "num_key_value_heads", (struct fs_size_range){1, 1 << 12},
                              &spec->key_value_heads, err) != 0 ||
        fs_json_size_optional(config, root, "", "head_dim", (struct fs_size_range){1, 1 << 12}, &spec->head_size,
                              err) != 0) {
        return -1;
    }
    if (spec->heads % spec->key_value_heads != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: num_attention_heads %zu is no multiple of num_key_value_heads %zu",
                            fs_json_name(config), spec->heads, spec->key_value_heads);
    }
    if (spec->head_size % 2 != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: head size %zu is odd; rotary positions turn pairs",
                            fs_json_name(config), spec->head_size);
    }
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.activation = spec->activation, .gated = true};
    if (read_heads(config, spec, err) != 0 ||
        fs_json_size(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.attention_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "mlp_bias", &layer.ffn_bias, err) != 0 ||
        fs_rotary_config_read(config, &layer.rotary, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_llama;
const struct fs_family fs_family_llama = {
    .name = "llama",
    .architectures = {"LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_RMS_NORM,
    .norm_place = FS_PRE_NORM,
    .default_activation = "silu",
    .default_epsilon = 1e-6,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "rms_norm_eps"},
    .read_layers = read_layers,
    .prefix = "model.",
    .body = {.word = "embed_tokens",
             .attention_norm = "layers.%zu.input_layernorm",
             .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj",
                             "layers.%zu.self_attn.v_proj"},
             .attention_output = "layers.%zu.self_attn.o_proj",
             .ffn_norm = "layers.%zu.post_attention_layernorm",
             .gate = "layers.%zu.mlp.gate_proj",
             .up = "layers.%zu.mlp.up_proj",
             .down = "layers.%zu.mlp.down_proj",
             .final_norm = "norm"},
    .head = {.matrix = "lm_head"},
    .unused = {".rotary_emb.inv_freq"},
};

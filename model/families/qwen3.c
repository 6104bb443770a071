/* Qwen3 (Yang et al. 2025): Qwen2 without biases, and with an RMSNorm of each query and key head. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.activation = spec->activation, .gated = true, .head_norm = true};
    spec->head_size = 128; /* head_dim, whatever the hidden size is */
    if (fs_llama_read_heads(config, spec, 32, err) != 0 ||
        fs_json_size(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_rotary_config_read(config, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    fs_spec_set_layers(spec, &layer);
    return fs_llama_read_windows(config, spec, err);
}

extern const struct fs_family fs_family_qwen3;
const struct fs_family fs_family_qwen3 = {
    .name = "qwen3",
    .architectures = {"Qwen3ForCausalLM", "Qwen3Model"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_RMS_NORM,
    .norm_place = FS_PRE_NORM,
    .default_activation = "silu",
    .default_epsilon = 1e-6,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "rms_norm_eps"},
    .read_layers = read_layers,
    .computes = {"use_sliding_window", "sliding_window", "layer_types"},
    .prefix = "model.",
    .body = {FS_LLAMA_BODY, .query_norm = "layers.%zu.self_attn.q_norm", .key_norm = "layers.%zu.self_attn.k_norm"},
    .head = {.matrix = "lm_head"},
    .unused = {".rotary_emb.inv_freq"},
};

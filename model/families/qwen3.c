/* Qwen3 (Yang et al. 2025): Qwen2 without biases, and with an RMSNorm of each query and key head. */
#include "model/families/llama_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.head_norm = true};
    spec->head_size = 128; /* head_dim, whatever the hidden size is */
    if (fs_llama_read_layer(config, spec, 32, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    fs_spec_set_layers(spec, &layer);
    return fs_llama_read_windows(config, spec, err);
}

extern const struct fs_family fs_family_qwen3;
const struct fs_family fs_family_qwen3 = {
    .name = "qwen3",
    .about = "Yang et al. 2025: Qwen2 without biases, with a norm of each query and key head",
    .architectures = {"Qwen3ForCausalLM", "Qwen3Model"},
    FS_LLAMA_ROW,
    .read_layers = read_layers,
    .body = {FS_LLAMA_BODY, .query_norm = "layers.%zu.self_attn.q_norm", .key_norm = "layers.%zu.self_attn.k_norm"},
};

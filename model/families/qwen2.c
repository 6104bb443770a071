/* Qwen2 (Yang et al. 2024): Llama with biases on q, k and v, and windows in its upper layers. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.activation = spec->activation, .gated = true, .qkv_bias = true};
    if (fs_llama_read_heads(config, spec, 32, err) != 0 ||
        fs_json_size(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_rotary_config_read(config, &layer.rotary, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return fs_llama_read_windows(config, spec, err);
}

extern const struct fs_family fs_family_qwen2;
const struct fs_family fs_family_qwen2 = {
    .name = "qwen2",
    .architectures = {"Qwen2ForCausalLM", "Qwen2Model"},
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
    .body = {FS_LLAMA_BODY},
    .head = {.matrix = "lm_head"},
    .unused = {".rotary_emb.inv_freq"},
};

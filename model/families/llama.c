/* Llama (Touvron et al. 2023): grouped key-value heads, rotary positions, gated FFN. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.activation = spec->activation, .gated = true};
    if (fs_llama_read_heads(config, spec, spec->heads, err) != 0 ||
        fs_json_size(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "mlp_bias", &layer.ffn_bias, err) != 0 ||
        fs_rotary_config_read(config, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
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
    .body = {FS_LLAMA_BODY},
    .head = {.matrix = "lm_head"},
    .unused = {".rotary_emb.inv_freq"},
};

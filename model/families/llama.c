/* Llama (Touvron et al. 2023): grouped key-value heads, rotary positions, gated FFN. */
#include "model/families/llama_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {0};
    if (fs_llama_read_layer(config, spec, spec->heads, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "mlp_bias", &layer.ffn_bias, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_llama;
const struct fs_family fs_family_llama = {
    .name = "llama",
    .about = "Touvron et al. 2023: RMSNorm, rotary positions, gated FFN, grouped keys and values",
    .architectures = {"LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"},
    FS_LLAMA_ROW,
    .read_layers = read_layers,
    .body = {FS_LLAMA_BODY},
};

/* GPT-BigCode (Ben Allal et al. 2023), as of StarCoder: GPT-2 with one key and value for all heads, or with query, key and
 * value by head. */
#include "model/families/gpt2_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    bool multi_query = true, scaled = true;
    struct fs_layer_spec layer = {.activation = spec->activation,
                                  .qkv_bias = true,
                                  .output_bias = true,
                                  .ffn_bias = true,
                                  .ffn = 4 * spec->hidden};
    if (fs_json_size_optional(config, root, "", "n_inner", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_bool_optional(config, root, "", "multi_query", &multi_query, err) != 0 ||
        fs_json_bool_optional(config, root, "", "scale_attn_weights", &scaled, err) != 0) {
        return -1;
    }
    spec->key_value_heads = multi_query ? 1 : spec->heads;
    spec->qkv_layout = multi_query ? FS_QKV_BLOCKS : FS_QKV_GROUPS;
    layer.attention_scale = scaled ? 0.0 : 1.0;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_gpt_bigcode;
const struct fs_family fs_family_gpt_bigcode = {
    .name = "gpt_bigcode",
    .about = "Ben Allal et al. 2023: GPT-2 with one key and value for all heads, or with query, key and value by head",
    .architectures = {"GPTBigCodeForCausalLM", "GPTBigCodeModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu_pytorch_tanh",
    .default_epsilon = 1e-5,
    .key = FS_GPT2_KEYS,
    .read_layers = read_layers,
    .prefix = "transformer.",
    .body = FS_GPT2_BODY,
    .head = {.matrix = "lm_head"},
    .unused = {".attn.bias", ".attn.masked_bias"},
};

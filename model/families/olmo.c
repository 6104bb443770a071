/* OLMo (Groeneveld et al. 2024): Llama with LayerNorms that have no parameters, and queries, keys and values that may be
 * cut off. */
#include "model/families/llama_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {0};
    if (fs_llama_read_layer(config, spec, spec->heads, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_number_optional(config, root, "", "clip_qkv", (struct fs_number_range){1e-30, 1e30}, &layer.clip,
                                err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    spec->norm_parameters = FS_NO_PARAMETERS;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_olmo;
const struct fs_family fs_family_olmo = {
    .name = "olmo",
    .about = "Groeneveld et al. 2024: Llama with norms without parameters; queries, keys and values may be cut off",
    .architectures = {"OlmoForCausalLM", "OlmoModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .default_activation = "silu",
    .default_epsilon = 1e-5,
    .key = {.hidden = "hidden_size",
            .layers = "num_hidden_layers",
            .heads = "num_attention_heads",
            .positions = "max_position_embeddings",
            .activation = "hidden_act"},
    .read_layers = read_layers,
    .prefix = "model.",
    .body = {FS_LLAMA_BODY},
    .head = {.matrix = "lm_head"},
    .unused = {".rotary_emb.inv_freq"},
};

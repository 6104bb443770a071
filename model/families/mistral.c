/* Mistral (Jiang et al. 2023): Llama with a window in all layers, and no biases. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.activation = spec->activation, .gated = true};
    /* MistralConfig's own: a missing key is not the same as null. */
    layer.window = cJSON_GetObjectItemCaseSensitive(root, "sliding_window") == NULL ? 4096 : 0;
    if (fs_llama_read_heads(config, spec, 8, err) != 0 ||
        fs_json_size(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                              &layer.window, err) != 0 ||
        fs_rotary_config_read(config, &layer.rotary, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_mistral;
const struct fs_family fs_family_mistral = {
    .name = "mistral",
    .architectures = {"MistralForCausalLM", "MistralModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_RMS_NORM,
    .norm_place = FS_PRE_NORM,
    .default_activation = "silu",
    .default_epsilon = 1e-6,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "rms_norm_eps"},
    .read_layers = read_layers,
    .computes = {"sliding_window"},
    .prefix = "model.",
    .body = {FS_LLAMA_BODY},
    .head = {.matrix = "lm_head"},
    .unused = {".rotary_emb.inv_freq"},
};

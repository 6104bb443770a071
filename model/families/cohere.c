/* Command R (Cohere 2024): attention and FFN read the same LayerNorm, which has no bias; rotary positions turn neighbours;
 * logits are scaled. The stamp's output joins where the FFN's does, beside the attention's. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys rotary_keys = {.theta = "rope_theta", .default_theta = 500000.0};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.head_norm_no_bias = true};
    bool norm = false;
    spec->logit_scale = 0.0625;
    if (fs_llama_read_shape(config, spec, spec->heads, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "use_qk_norm", &norm, err) != 0 ||
        fs_json_number_optional(config, root, "", "logit_scale", (struct fs_number_range){1e-6, 1e6},
                                &spec->logit_scale, err) != 0 ||
        fs_rotary_config_read(config, &rotary_keys, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    layer.head_norm = norm ? FS_HEAD_NORM_OWN : FS_NO_HEAD_NORM;
    layer.rotary.interleaved = true;
    spec->norm_parameters = FS_GAIN_ALONE;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_cohere;
const struct fs_family fs_family_cohere = {
    .name = "cohere",
    .about = "Cohere 2024: attention and FFN read one norm without bias, rotary positions turn neighbours, logits are "
             "scaled",
    .architectures = {"CohereForCausalLM", "CohereModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PARALLEL,
    .tied_default = true,
    .default_activation = "silu",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "layer_norm_eps"},
    .read_layers = read_layers,
    .prefix = "model.",
    .body = {FS_LLAMA_BODY, .query_norm = "layers.%zu.self_attn.q_norm", .key_norm = "layers.%zu.self_attn.k_norm"},
    .head = {.matrix = "lm_head"},
};

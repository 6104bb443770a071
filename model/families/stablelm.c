/* StableLM (Bellagente et al. 2024): Llama with LayerNorm and rotary positions of a part of each head; in some models
 * attention and FFN read the same norm, and the stamp's output then joins beside the attention's; in some each query and
 * key head has a norm of its own. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys rotary_keys = {
    .theta = "rope_theta", .default_theta = 10000.0, .partial = "partial_rotary_factor", .default_partial = 0.25};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.head_norm_no_bias = true};
    bool parallel = false, norm = false;
    if (fs_llama_read_shape(config, spec, 32, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "use_qkv_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "use_parallel_residual", &parallel, err) != 0 ||
        fs_json_bool_optional(config, root, "", "qk_layernorm", &norm, err) != 0 ||
        fs_rotary_config_read(config, &rotary_keys, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.head_norm = norm ? FS_HEAD_NORM_OWN : FS_NO_HEAD_NORM;
    spec->block = parallel ? FS_PARALLEL : FS_PRE_NORM;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_stablelm;
const struct fs_family fs_family_stablelm = {
    .name = "stablelm",
    .about = "Bellagente et al. 2024: Llama with LayerNorm and rotary positions of a part of each head; norms of "
             "heads, parallel blocks",
    .architectures = {"StableLmForCausalLM", "StableLMEpochForCausalLM", "StableLmModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .default_activation = "silu",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "layer_norm_eps"},
    .read_layers = read_layers,
    .prefix = "model.",
    .body = {FS_LLAMA_BODY, .query_norm = "layers.%zu.self_attn.q_layernorm.norms.%zu",
             .key_norm = "layers.%zu.self_attn.k_layernorm.norms.%zu"},
    .head = {.matrix = "lm_head"},
};

/* Phi-1 and Phi-2 (Gunasekar et al. 2023): attention and FFN read the same norm, rotary positions turn a part of each head,
 * biases everywhere. The stamp's output joins where the FFN's does, beside the attention's. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys rotary_keys = {
    .theta = "rope_theta", .default_theta = 10000.0, .partial = "partial_rotary_factor", .default_partial = 0.5};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {.qkv_bias = true, .output_bias = true, .ffn_bias = true};
    bool norm = false;
    if (fs_llama_read_shape(config, spec, spec->heads, &layer, err) != 0 ||
        fs_json_bool_optional(config, fs_json_root(config), "", "qk_layernorm", &norm, err) != 0 ||
        fs_rotary_config_read(config, &rotary_keys, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.gated = false;
    layer.head_norm = norm ? FS_HEAD_NORM_SHARED : FS_NO_HEAD_NORM;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_phi;
const struct fs_family fs_family_phi = {
    .name = "phi",
    .about = "Gunasekar et al. 2023: attention and FFN read one norm, rotary positions of a part of each head, biases "
             "everywhere",
    .architectures = {"PhiForCausalLM", "PhiModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PARALLEL,
    .default_activation = "gelu_new",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "layer_norm_eps"},
    .read_layers = read_layers,
    .prefix = "model.",
    .body = {.word = "embed_tokens",
             .attention_norm = "layers.%zu.input_layernorm",
             .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj",
                             "layers.%zu.self_attn.v_proj"},
             .query_norm = "layers.%zu.self_attn.q_layernorm",
             .key_norm = "layers.%zu.self_attn.k_layernorm",
             .attention_output = "layers.%zu.self_attn.dense",
             .up = "layers.%zu.mlp.fc1",
             .down = "layers.%zu.mlp.fc2",
             .final_norm = "final_layernorm"},
    .head = {.matrix = "lm_head", .bias = "lm_head.bias"},
};

/* Phi-3 and Phi-4 (Abdin et al. 2024): Llama with one matrix of query, key and value and one of gate and up, LongRoPE, and a
 * window in all layers or none. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys rotary_keys = {.theta = "rope_theta",
                                                  .default_theta = 10000.0,
                                                  .partial = "partial_rotary_factor",
                                                  .default_partial = 1.0,
                                                  .original_positions = 4096,
                                                  .longrope_alone = true};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {0};
    if (fs_llama_read_shape(config, spec, spec->heads, &layer, err) != 0 ||
        fs_json_size_optional(config, fs_json_root(config), "", "sliding_window",
                              (struct fs_size_range){1, (size_t)1 << 24}, &layer.window, err) != 0 ||
        fs_rotary_config_read(config, &rotary_keys, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_phi3;
const struct fs_family fs_family_phi3 = {
    .name = "phi3",
    .about = "Abdin et al. 2024: Llama with joined matrices, LongRoPE, and a window in all layers or none",
    .architectures = {"Phi3ForCausalLM", "Phi3Model"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_RMS_NORM,
    .block = FS_PRE_NORM,
    .default_activation = "silu",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "rms_norm_eps"},
    .read_layers = read_layers,
    .harmless = {"full_attn_mod", "interpolate_factor"}, /* of Phi-4-mini's own code */
    .prefix = "model.",
    .body = {.word = "embed_tokens",
             .attention_norm = "layers.%zu.input_layernorm",
             .projections = {"layers.%zu.self_attn.qkv_proj"},
             .attention_output = "layers.%zu.self_attn.o_proj",
             .ffn_norm = "layers.%zu.post_attention_layernorm",
             .gate_up = "layers.%zu.mlp.gate_up_proj",
             .down = "layers.%zu.mlp.down_proj",
             .final_norm = "norm"},
    .head = {.matrix = "lm_head"},
};

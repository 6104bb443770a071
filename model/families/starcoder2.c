/* StarCoder2 (Lozhkov et al. 2024): Llama's attention with a window in all layers or none; LayerNorm, a plain FFN, biases. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {0};
    bool bias = true;
    if (fs_llama_read_layer(config, spec, 2, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "use_bias", &bias, err) != 0 ||
        fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                              &layer.window, err) != 0) {
        return -1;
    }
    layer.gated = false;
    layer.qkv_bias = layer.output_bias = layer.ffn_bias = bias;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_starcoder2;
const struct fs_family fs_family_starcoder2 = {
    .name = "starcoder2",
    .about = "Lozhkov et al. 2024: Llama's attention, LayerNorm, a plain FFN, biases",
    .architectures = {"Starcoder2ForCausalLM", "Starcoder2Model"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu_pytorch_tanh",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "norm_epsilon"},
    .read_layers = read_layers,
    .harmless = {"activation_function", "layer_norm_epsilon", "mlp_type",
                 "norm_type"}, /* of the code that it was trained with */
    .prefix = "model.",
    .body = {.word = "embed_tokens",
             .attention_norm = "layers.%zu.input_layernorm",
             .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj",
                             "layers.%zu.self_attn.v_proj"},
             .attention_output = "layers.%zu.self_attn.o_proj",
             .ffn_norm = "layers.%zu.post_attention_layernorm",
             .up = "layers.%zu.mlp.c_fc",
             .down = "layers.%zu.mlp.c_proj",
             .final_norm = "norm"},
    .head = {.matrix = "lm_head"},
};

/* GPT (Radford et al. 2018): GPT-2's predecessor, with its norms behind attention and FFN. */
#include "model/families/gpt2_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    (void)config;
    (void)err;
    struct fs_layer_spec layer = {.activation = spec->activation,
                                  .qkv_bias = true,
                                  .output_bias = true,
                                  .ffn_bias = true,
                                  .ffn = 4 * spec->hidden};
    if (spec->activation == FS_GELU_ERF) {
        layer.activation = FS_GELU_TANH; /* of what "gelu" was in 2018 */
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_openai_gpt;
const struct fs_family fs_family_openai_gpt = {
    .name = "openai-gpt",
    .about = "Radford et al. 2018: GPT-2 with its norms behind attention and FFN",
    .architectures = {"OpenAIGPTLMHeadModel", "OpenAIGPTDoubleHeadsModel", "OpenAIGPTModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_POST_NORM,
    .inputs_first = true,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-5,
    .key = {"n_embd", "n_layer", "n_head", "n_positions", "afn", "layer_norm_epsilon"},
    .read_layers = read_layers,
    .harmless = {"n_ctx"},
    .prefix = "transformer.",
    .body = {.word = "tokens_embed", .position = "positions_embed", FS_GPT2_LAYERS},
    .head = {.matrix = "lm_head"},
    .unused = {"multiple_choice_head.summary.weight", "multiple_choice_head.summary.bias"},
};

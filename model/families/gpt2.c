/* GPT-2 (Radford et al. 2019). */
#include "model/families/gpt2_parts.h"

/* Scores are divided by sqrt D or not, and by the number of the layer, from 1, or not. */
static int read_scales(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    bool weights = true, inverse_layer = false;
    if (fs_json_bool_optional(config, root, "", "scale_attn_weights", &weights, err) != 0 ||
        fs_json_bool_optional(config, root, "", "scale_attn_by_inverse_layer_idx", &inverse_layer, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        double scale = weights ? spec->layer[i].attention_scale : 1.0;
        spec->layer[i].attention_scale = inverse_layer ? scale / (double)(i + 1) : scale;
    }
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    /* n_inner is null in most configs: four times the hidden size. */
    struct fs_layer_spec layer = {.activation = spec->activation,
                                  .qkv_bias = true,
                                  .output_bias = true,
                                  .ffn_bias = true,
                                  .ffn = 4 * spec->hidden};
    if (fs_json_size_optional(config, fs_json_root(config), "", "n_inner", (struct fs_size_range){1, 1 << 20},
                              &layer.ffn, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return read_scales(config, spec, err);
}

extern const struct fs_family fs_family_gpt2;
const struct fs_family fs_family_gpt2 = {
    .name = "gpt2",
    .about = "Radford et al. 2019: pre-norm, learned positions; scores may be scaled by layer, or not at all",
    .architectures = {"GPT2LMHeadModel", "GPT2DoubleHeadsModel", "GPT2Model"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .inputs_first = true,
    .tied_default = true,
    .default_activation = "gelu_new",
    .default_epsilon = 1e-5,
    .key = FS_GPT2_KEYS,
    .read_layers = read_layers,
    .harmless = {"n_ctx"}, /* the former name of n_positions, beside it */
    .prefix = "transformer.",
    .body = FS_GPT2_BODY,
    .head = {.matrix = "lm_head"},
    .unused = {"multiple_choice_head.summary.weight", "multiple_choice_head.summary.bias"},
};

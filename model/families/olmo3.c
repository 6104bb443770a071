/* OLMo 3 (Ettinger et al. 2025): OLMo 2 with windows in three of four layers, whose rotary positions are not scaled. x is h
 * behind the attention; the stamp's output is added to the FFN's before its norm. */
#include "model/families/olmo_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys full = {
    .theta = "rope_theta", .default_theta = 500000.0, .layer_type = "full_attention"};
static const struct fs_rotary_keys sliding = {
    .theta = "rope_theta", .default_theta = 500000.0, .layer_type = "sliding_attention", .unscaled = true};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {.head_norm = FS_HEAD_NORM_WHOLE};
    struct fs_layer_pattern pattern = {4096, 1, 4};
    struct fs_rotary local = {0};
    if (cJSON_IsNull(fs_json_member(config, root, "sliding_window"))) {
        pattern.window = 0;
    }
    if (fs_llama_read_shape(config, spec, spec->heads, &layer, err) != 0 ||
        fs_rotary_config_read(config, &full, spec, &layer.rotary, err) != 0 ||
        fs_rotary_config_read(config, &sliding, spec, &local, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                              &pattern.window, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    spec->block = FS_BRANCH_NORM;
    fs_spec_set_layers(spec, &layer);
    if (fs_llama_read_pattern(config, &pattern, spec, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        if (spec->layer[i].window > 0) {
            spec->layer[i].rotary = local;
        }
    }
    return 0;
}

extern const struct fs_family fs_family_olmo3;
const struct fs_family fs_family_olmo3 = {
    .name = "olmo3",
    .about = "Ettinger et al. 2025: OLMo 2 with windows in three of four layers",
    .architectures = {"Olmo3ForCausalLM", "Olmo3Model"},
    FS_LLAMA_SHAPE,
    .default_epsilon = 1e-5,
    .read_layers = read_layers,
    .body = FS_OLMO2_BODY,
};

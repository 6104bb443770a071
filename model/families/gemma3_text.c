/* Gemma 3 (Kamath et al. 2025), its models of text alone: Gemma 2 with norms of query and key heads, two kinds of rotary
 * positions, and no cap on scores. */
#include "model/families/gemma_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys full = {.theta = "rope_theta", .default_theta = 1e6, .layer_type = "full_attention"};
static const struct fs_rotary_keys sliding = {
    .theta = "rope_local_base_freq", .default_theta = 10000.0, .layer_type = "sliding_attention", .unscaled = true};

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    size_t every = 6;
    struct fs_layer_spec layer = {.head_norm = FS_HEAD_NORM_SHARED};
    struct fs_rotary local = {0};
    if (fs_gemma_read_shape(config, spec, 4, &layer, err) != 0 ||
        fs_rotary_config_read(config, &full, spec, &layer.rotary, err) != 0 ||
        fs_rotary_config_read(config, &sliding, spec, &local, err) != 0 ||
        fs_json_size_optional(config, fs_json_root(config), "", "sliding_window_pattern",
                              (struct fs_size_range){1, 1 << 12}, &every, err) != 0 ||
        fs_gemma2_read_cap(config, "final_logit_softcapping", 0.0, &spec->logit_cap, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    if (fs_gemma2_read_layers(config, every, spec, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        if (spec->layer[i].window > 0) {
            spec->layer[i].rotary = local;
        }
    }
    return 0;
}

extern const struct fs_family fs_family_gemma3_text;
const struct fs_family fs_family_gemma3_text = {
    .name = "gemma3_text",
    .about = "Kamath et al. 2025, of text alone: Gemma 2 with norms of query and key heads, two kinds of rotary "
             "positions, no cap of scores",
    .architectures = {"Gemma3ForCausalLM", "Gemma3TextModel"},
    FS_GEMMA_ROW,
    .block = FS_SANDWICH_NORM,
    .key = FS_GEMMA2_KEYS,
    .read_layers = read_layers,
    .harmless = {"hidden_act", "_sliding_window_pattern"}, /* layer_types says the same as the second */
    .body = {FS_GEMMA2_BODY, .query_norm = "layers.%zu.self_attn.q_norm", .key_norm = "layers.%zu.self_attn.k_norm"},
};

/* Gemma 2 (Riviere et al. 2024): Gemma with norms on both sides of attention and FFN, windows in every second layer, and
 * soft caps. */
#include <math.h>

#include "model/families/gemma_parts.h"
#include "model/families/rotary_config.h"

int fs_gemma2_read_layers(const struct fs_json_document *config, size_t every, struct fs_spec *spec,
                          struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_pattern pattern = {4096, 1, every};
    double divisor = 256.0;
    if (cJSON_IsNull(fs_json_member(config, root, "sliding_window"))) {
        pattern.window = 0;
    }
    if (fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                              &pattern.window, err) != 0 ||
        fs_json_number_optional(config, root, "", "query_pre_attn_scalar", (struct fs_number_range){1e-6, 1e9},
                                &divisor, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        spec->layer[i].attention_scale = 1.0 / sqrt(divisor);
    }
    return fs_llama_read_pattern(config, &pattern, spec, err);
}

int fs_gemma2_read_cap(const struct fs_json_document *config, const char *key, double usual, double *cap,
                       struct fs_error *err)
{
    *cap = fs_json_member(config, fs_json_root(config), key) == NULL ? usual : 0.0;
    return fs_json_number_optional(config, fs_json_root(config), "", key, (struct fs_number_range){1e-3, 1e6}, cap,
                                   err);
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {0};
    if (fs_gemma_read_shape(config, spec, 4, &layer, err) != 0 ||
        fs_rotary_config_read(config, &fs_rotary_usual, spec, &layer.rotary, err) != 0 ||
        fs_gemma2_read_cap(config, "attn_logit_softcapping", 50.0, &layer.score_cap, err) != 0 ||
        fs_gemma2_read_cap(config, "final_logit_softcapping", 30.0, &spec->logit_cap, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return fs_gemma2_read_layers(config, 2, spec, err);
}

extern const struct fs_family fs_family_gemma2;
const struct fs_family fs_family_gemma2 = {
    .name = "gemma2",
    .about = "Riviere et al. 2024: Gemma with norms on both sides of attention and FFN, windows in every second layer, "
             "soft caps",
    .architectures = {"Gemma2ForCausalLM", "Gemma2Model"},
    FS_GEMMA_ROW,
    .block = FS_SANDWICH_NORM,
    .key = FS_GEMMA2_KEYS,
    .read_layers = read_layers,
    .harmless = {"hidden_act"}, /* transformers reads hidden_activation */
    .body = {FS_GEMMA2_BODY},
};

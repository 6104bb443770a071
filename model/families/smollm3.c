/* SmolLM3 (Bakouch et al. 2025): Llama without positions in some layers. */
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys rotary_keys = {.theta = "rope_theta", .default_theta = 2000000.0};

/* no_rope_layers has 1 for each layer that turns; without it each no_rope_layer_interval-th does not. */
static int read_turns(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const char *const key = "no_rope_layers";
    const cJSON *root = fs_json_root(config), *list = fs_json_member(config, root, key);
    size_t interval = 4, i = 0;
    if (fs_json_size_optional(config, root, "", "no_rope_layer_interval", (struct fs_size_range){1, 1 << 12}, &interval,
                              err) != 0) {
        return -1;
    }
    bool has_list = list != NULL && !cJSON_IsNull(list);
    if (has_list && (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) != spec->layers)) {
        return fs_json_wrong(config, "", key, cJSON_IsArray(list) ? "a list of another length" : fs_json_kind(list),
                             "0 or 1 for each of the num_hidden_layers", err);
    }
    const cJSON *item = has_list ? list->child : NULL;
    for (; i < spec->layers; i++, item = has_list ? item->next : NULL) {
        size_t turns = (i + 1) % interval != 0;
        if (has_list && (fs_json_exact_size(item, &turns) != 0 || turns > 1)) {
            return fs_json_wrong(config, "", key, "another item", "0 or 1 for each of the num_hidden_layers", err);
        }
        if (turns == 0) {
            spec->layer[i].rotary = (struct fs_rotary){0};
        }
    }
    return 0;
}

/* layer_types says which layers have a window; without it those do that have no positions. */
static int read_windows(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config), *types = fs_json_member(config, root, "layer_types");
    bool used = false;
    size_t window = 0;
    (void)fs_json_member(config, root, "sliding_window"); /* may be there where it is not used */
    if (types != NULL && !cJSON_IsNull(types)) {
        return fs_llama_read_windows(config, spec, err);
    }
    if (fs_json_bool_optional(config, root, "", "use_sliding_window", &used, err) != 0 ||
        (used && fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                                       &window, err) != 0)) {
        return -1;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        spec->layer[i].window = spec->layer[i].rotary.theta == 0 ? window : 0;
    }
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {0};
    if (fs_llama_read_shape(config, spec, 4, &layer, err) != 0 ||
        fs_json_bool_optional(config, root, "", "attention_bias", &layer.qkv_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "mlp_bias", &layer.ffn_bias, err) != 0 ||
        fs_rotary_config_read(config, &rotary_keys, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    fs_spec_set_layers(spec, &layer);
    return read_turns(config, spec, err) == 0 ? read_windows(config, spec, err) : -1;
}

extern const struct fs_family fs_family_smollm3;
const struct fs_family fs_family_smollm3 = {
    .name = "smollm3",
    .about = "Bakouch et al. 2025: Llama without positions in some layers",
    .architectures = {"SmolLM3ForCausalLM", "SmolLM3Model"},
    FS_LLAMA_ROW,
    .tied_default = true,
    .read_layers = read_layers,
    .harmless = {"max_window_layers"}, /* layer_types, or the layers without positions, have the window */
    .body = {FS_LLAMA_BODY},
};

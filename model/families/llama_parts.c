#include "model/families/llama_parts.h"

#include <string.h>

#include "model/families/rotary_config.h"

static int read_heads(const struct fs_json_document *config, struct fs_spec *spec, size_t key_value_heads,
                      struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    if (fs_json_member(config, root, "num_key_value_heads") == NULL) {
        spec->key_value_heads = key_value_heads;
    }
    if (fs_json_size_optional(config, root, "", "num_key_value_heads", (struct fs_size_range){1, 1 << 12},
                              &spec->key_value_heads, err) != 0 ||
        fs_json_size_optional(config, root, "", "head_dim", (struct fs_size_range){1, 1 << 12}, &spec->head_size,
                              err) != 0) {
        return -1;
    }
    if (spec->heads % spec->key_value_heads != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: num_attention_heads %zu is no multiple of num_key_value_heads %zu",
                            fs_json_name(config), spec->heads, spec->key_value_heads);
    }
    if (spec->head_size % 2 != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: head size %zu is odd; rotary positions turn pairs",
                            fs_json_name(config), spec->head_size);
    }
    return 0;
}

int fs_llama_read_layer(const struct fs_json_document *config, struct fs_spec *spec, size_t key_value_heads,
                        struct fs_layer_spec *layer, struct fs_error *err)
{
    layer->activation = spec->activation;
    layer->gated = true;
    return read_heads(config, spec, key_value_heads, err) == 0 &&
                   fs_json_size(config, fs_json_root(config), "", "intermediate_size",
                                (struct fs_size_range){1, 1 << 20}, &layer->ffn, err) == 0
               ? fs_rotary_config_read(config, &layer->rotary, err)
               : -1;
}

static int read_types(const struct fs_json_document *config, const cJSON *types, size_t window, struct fs_spec *spec,
                      struct fs_error *err)
{
    size_t i = 0;
    const char *const key = "layer_types";
    if (!cJSON_IsArray(types) || (size_t)cJSON_GetArraySize(types) != spec->layers) {
        return fs_json_wrong(config, "", key, cJSON_IsArray(types) ? "a list of another length" : fs_json_kind(types),
                             "a word for each of the num_hidden_layers", err);
    }
    for (const cJSON *type = types->child; type != NULL; type = type->next, i++) {
        bool slides = cJSON_IsString(type) && strcmp(type->valuestring, "sliding_attention") == 0;
        if (!slides && !(cJSON_IsString(type) && strcmp(type->valuestring, "full_attention") == 0)) {
            return fs_json_wrong(config, "", key, cJSON_IsString(type) ? type->valuestring : fs_json_kind(type),
                                 "full_attention or sliding_attention", err);
        }
        if (slides && window == 0) {
            return fs_json_wrong(config, "", key, "sliding_attention",
                                 "full_attention, for use_sliding_window is not true or sliding_window is null", err);
        }
        spec->layer[i].window = slides ? window : 0;
    }
    return 0;
}

int fs_llama_read_windows(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const cJSON *types = fs_json_member(config, root, "layer_types");
    bool used = false;
    size_t window = fs_json_member(config, root, "sliding_window") == NULL ? 4096 : 0, first = 28;
    if (fs_json_bool_optional(config, root, "", "use_sliding_window", &used, err) != 0 ||
        (used && fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                                       &window, err) != 0) ||
        fs_json_size_optional(config, root, "", "max_window_layers", (struct fs_size_range){0, 1 << 20}, &first, err) !=
            0) {
        return -1;
    }
    window = used ? window : 0;
    if (types != NULL && !cJSON_IsNull(types)) {
        return read_types(config, types, window, spec, err);
    }
    for (size_t i = first; i < spec->layers; i++) {
        spec->layer[i].window = window;
    }
    return 0;
}

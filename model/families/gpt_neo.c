/* GPT-Neo (Black et al. 2021): GPT-2 with windows in some layers, scores that nothing divides, and no biases on q, k, v. */
#include <string.h>

#include "model/families/family.h"

/* The next layer's kind, "global" or "local". */
static int set_kind(const struct fs_json_document *config, const cJSON *kind, size_t window, size_t layer,
                    struct fs_spec *spec, struct fs_error *err)
{
    bool local = cJSON_IsString(kind) && strcmp(kind->valuestring, "local") == 0;
    if (!local && !(cJSON_IsString(kind) && strcmp(kind->valuestring, "global") == 0)) {
        return fs_json_wrong(config, "", "attention_types",
                             cJSON_IsString(kind) ? kind->valuestring : fs_json_kind(kind), "global or local", err);
    }
    if (layer >= spec->layers) {
        return fs_json_wrong(config, "", "attention_types", "more layers than num_layers", "as many", err);
    }
    spec->layer[layer].window = local ? window : 0;
    return 0;
}

/* attention_types, as [[["global", "local"], 12]]: each list of kinds so many times. */
static int read_kinds(const struct fs_json_document *config, const cJSON *types, size_t window, struct fs_spec *spec,
                      struct fs_error *err)
{
    size_t layer = 0;
    if (!cJSON_IsArray(types)) {
        return fs_json_wrong(config, "", "attention_types", fs_json_kind(types), "a list", err);
    }
    for (const cJSON *item = types->child; item != NULL; item = item->next) {
        const cJSON *kinds = item->child;
        size_t times = 0;
        if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 || !cJSON_IsArray(kinds) || kinds->child == NULL ||
            fs_json_exact_size(kinds->next, &times) != 0) {
            return fs_json_wrong(config, "", "attention_types", "another item", "pairs of a list of kinds and a number",
                                 err);
        }
        for (size_t i = 0; i < times; i++) {
            for (const cJSON *kind = kinds->child; kind != NULL; kind = kind->next, layer++) {
                if (set_kind(config, kind, window, layer, spec, err) != 0) {
                    return -1;
                }
            }
        }
    }
    return layer == spec->layers
               ? 0
               : fs_json_wrong(config, "", "attention_types", "fewer layers than num_layers", "as many", err);
}

/* attention_layers is written beside attention_types, with the same in it. */
static int compare_layers(const struct fs_json_document *config, const struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *list = fs_json_member(config, fs_json_root(config), "attention_layers");
    if (list == NULL || cJSON_IsNull(list)) {
        return 0;
    }
    size_t layer = 0;
    const cJSON *kind = cJSON_IsArray(list) ? list->child : NULL;
    for (; kind != NULL && layer < spec->layers; kind = kind->next, layer++) {
        const char *expected = spec->layer[layer].window > 0 ? "local" : "global";
        if (!cJSON_IsString(kind) || strcmp(kind->valuestring, expected) != 0) {
            break;
        }
    }
    return kind == NULL && layer == spec->layers
               ? 0
               : fs_json_wrong(config, "", "attention_layers", "other layers", "those of attention_types", err);
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config), *types = fs_json_member(config, root, "attention_types");
    size_t window = 256;
    struct fs_layer_spec layer = {.activation = spec->activation,
                                  .attention_scale = 1.0,
                                  .output_bias = true,
                                  .ffn_bias = true,
                                  .ffn = 4 * spec->hidden};
    if (fs_json_size_optional(config, root, "", "intermediate_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn,
                              err) != 0 ||
        fs_json_size_optional(config, root, "", "window_size", (struct fs_size_range){1, (size_t)1 << 24}, &window,
                              err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return read_kinds(config, types, window, spec, err) == 0 && compare_layers(config, spec, err) == 0 ? 0 : -1;
}

extern const struct fs_family fs_family_gpt_neo;
const struct fs_family fs_family_gpt_neo = {
    .name = "gpt_neo",
    .about =
        "Black et al. 2021: GPT-2 with windows in some layers, unscaled scores, no biases of queries, keys and values",
    .architectures = {"GPTNeoForCausalLM", "GPTNeoModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu_new",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_layers", "num_heads", "max_position_embeddings", "activation_function",
            "layer_norm_epsilon"},
    .read_layers = read_layers,
    .prefix = "transformer.",
    .body = {.word = "wte",
             .position = "wpe",
             .attention_norm = "h.%zu.ln_1",
             .projections = {"h.%zu.attn.attention.q_proj", "h.%zu.attn.attention.k_proj",
                             "h.%zu.attn.attention.v_proj"},
             .attention_output = "h.%zu.attn.attention.out_proj",
             .ffn_norm = "h.%zu.ln_2",
             .up = "h.%zu.mlp.c_fc",
             .down = "h.%zu.mlp.c_proj",
             .final_norm = "ln_f"},
    .head = {.matrix = "lm_head"},
};

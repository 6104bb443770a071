/* Granite (Granite Team, IBM 2024): Llama with numbers that scale embeddings, scores, branches and logits. */
#include "model/families/llama_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const struct fs_number_range range = {1e-6, 1e6};
    double divisor = 1.0;
    struct fs_layer_spec layer = {.attention_scale = 1.0};
    spec->embedding_scale = spec->residual_scale = 1.0;
    if (fs_llama_read_layer(config, spec, spec->heads, &layer, err) != 0 ||
        fs_llama_read_biases(config, &layer, err) != 0 ||
        fs_json_number_optional(config, root, "", "attention_multiplier", range, &layer.attention_scale, err) != 0 ||
        fs_json_number_optional(config, root, "", "embedding_multiplier", range, &spec->embedding_scale, err) != 0 ||
        fs_json_number_optional(config, root, "", "residual_multiplier", range, &spec->residual_scale, err) != 0 ||
        fs_json_number_optional(config, root, "", "logits_scaling", range, &divisor, err) != 0) {
        return -1;
    }
    spec->logit_scale = 1.0 / divisor;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_granite;
const struct fs_family fs_family_granite = {
    .name = "granite",
    .about = "Granite Team 2024: Llama with numbers that scale embeddings, scores, branches and logits",
    .architectures = {"GraniteForCausalLM", "GraniteModel"},
    FS_LLAMA_ROW,
    .read_layers = read_layers,
    .body = {FS_LLAMA_BODY},
};

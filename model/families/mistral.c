/* Mistral (Jiang et al. 2023): Llama with a window in all layers, and no biases. */
#include "model/families/llama_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {0};
    /* MistralConfig's own: a missing key is not the same as null. */
    layer.window = fs_json_member(config, root, "sliding_window") == NULL ? 4096 : 0;
    if (fs_llama_read_layer(config, spec, 8, &layer, err) != 0 ||
        fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                              &layer.window, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_mistral;
const struct fs_family fs_family_mistral = {
    .name = "mistral",
    .about = "Jiang et al. 2023: Llama with a window in all layers",
    .architectures = {"MistralForCausalLM", "MistralModel"},
    FS_LLAMA_ROW,
    .read_layers = read_layers,
    .body = {FS_LLAMA_BODY},
};

/* Mixtral (Jiang et al. 2024): Mistral whose FFN is a mixture of experts. A stamp's output is added to the mixture's. */
#include "model/families/llama_parts.h"

static int read_experts(const struct fs_json_document *config, struct fs_layer_spec *layer, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    layer->experts = 8;
    layer->experts_used = 2;
    if (fs_json_size_optional(config, root, "", "num_local_experts", (struct fs_size_range){1, 1 << 10},
                              &layer->experts, err) != 0 ||
        fs_json_size_optional(config, root, "", "num_experts_per_tok", (struct fs_size_range){1, 1 << 10},
                              &layer->experts_used, err) != 0) {
        return -1;
    }
    if (layer->experts_used > layer->experts) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: num_experts_per_tok %zu is more than num_local_experts %zu",
                            fs_json_name(config), layer->experts_used, layer->experts);
    }
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_layer_spec layer = {0};
    if (fs_llama_read_layer(config, spec, 8, &layer, err) != 0 || read_experts(config, &layer, err) != 0 ||
        fs_json_size_optional(config, root, "", "sliding_window", (struct fs_size_range){1, (size_t)1 << 24},
                              &layer.window, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

#define MIXTURE "layers.%zu.block_sparse_moe."

extern const struct fs_family fs_family_mixtral;
const struct fs_family fs_family_mixtral = {
    .name = "mixtral",
    .about = "Jiang et al. 2024: Mistral with a mixture of experts in place of the FFN",
    .architectures = {"MixtralForCausalLM", "MixtralModel"},
    FS_LLAMA_SHAPE,
    .default_epsilon = 1e-5,
    .read_layers = read_layers,
    .body = {FS_LLAMA_ATTENTION, .gate = MIXTURE "experts.%zu.w1", .up = MIXTURE "experts.%zu.w3",
             .down = MIXTURE "experts.%zu.w2", .router = MIXTURE "gate"},
};

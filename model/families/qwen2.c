/* Qwen2 (Yang et al. 2024): Llama with biases on q, k and v, and windows in its upper layers. */
#include "model/families/llama_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {.qkv_bias = true};
    if (fs_llama_read_layer(config, spec, 32, &layer, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return fs_llama_read_windows(config, spec, err);
}

extern const struct fs_family fs_family_qwen2;
const struct fs_family fs_family_qwen2 = {
    .name = "qwen2",
    .about = "Yang et al. 2024: Llama with biases of queries, keys and values, and windows in upper layers",
    .architectures = {"Qwen2ForCausalLM", "Qwen2Model"},
    FS_LLAMA_ROW,
    .read_layers = read_layers,
    .body = {FS_LLAMA_BODY},
};

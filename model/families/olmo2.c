/* OLMo 2 (Walsh et al. 2025): Llama with its norms behind attention and FFN instead of before them, and norms of all query
 * heads and of all key heads as a whole. x is h behind the attention; the stamp's output is added to the FFN's before its
 * norm. */
#include "model/families/olmo_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {.head_norm = FS_HEAD_NORM_WHOLE};
    if (fs_llama_read_layer(config, spec, spec->heads, &layer, err) != 0 ||
        fs_json_bool_optional(config, fs_json_root(config), "", "attention_bias", &layer.qkv_bias, err) != 0) {
        return -1;
    }
    layer.output_bias = layer.qkv_bias;
    spec->block = FS_BRANCH_NORM;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_olmo2;
const struct fs_family fs_family_olmo2 = {
    .name = "olmo2",
    .about =
        "Walsh et al. 2025: Llama with its norms behind attention and FFN, and norms of all query and all key heads",
    .architectures = {"Olmo2ForCausalLM", "Olmo2Model"},
    FS_LLAMA_SHAPE,
    .default_epsilon = 1e-5,
    .read_layers = read_layers,
    .body = FS_OLMO2_BODY,
};

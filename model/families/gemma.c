/* Gemma (Mesnard et al. 2024): Llama with scaled embeddings, and norms that multiply by 1 + gain. */
#include <math.h>

#include "model/families/gemma_parts.h"
#include "model/families/rotary_config.h"

int fs_gemma_read_shape(const struct fs_json_document *config, struct fs_spec *spec, size_t key_value_heads,
                        struct fs_layer_spec *layer, struct fs_error *err)
{
    spec->head_size = 256; /* head_dim, whatever the hidden size is */
    spec->embedding_scale = sqrt((double)spec->hidden);
    if (fs_llama_read_shape(config, spec, key_value_heads, layer, err) != 0 ||
        fs_json_bool_optional(config, fs_json_root(config), "", "attention_bias", &layer->qkv_bias, err) != 0) {
        return -1;
    }
    layer->output_bias = layer->qkv_bias;
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {0};
    if (fs_gemma_read_shape(config, spec, 16, &layer, err) != 0 ||
        fs_rotary_config_read(config, &fs_rotary_usual, spec, &layer.rotary, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_gemma;
const struct fs_family fs_family_gemma = {
    .name = "gemma",
    .about = "Mesnard et al. 2024: Llama with scaled embeddings, norms that multiply by 1 + gain, and a head size of "
             "its own",
    .architectures = {"GemmaForCausalLM", "GemmaModel"},
    FS_GEMMA_ROW,
    .block = FS_PRE_NORM,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_act",
            "rms_norm_eps"},
    .read_layers = read_layers,
    .harmless = {"hidden_activation"}, /* transformers reads hidden_act */
    .body = {FS_LLAMA_BODY},
};

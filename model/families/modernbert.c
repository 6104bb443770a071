/* ModernBERT (Warner et al. 2024), with its head for masked tokens: an encoder with rotary positions, windows to both
 * sides, and a gated FFN. */
#include "model/families/activations.h"
#include "model/families/llama_parts.h"
#include "model/families/rotary_config.h"

static const struct fs_rotary_keys full = {
    .theta = "global_rope_theta", .default_theta = 160000.0, .layer_type = "full_attention"};
static const struct fs_rotary_keys sliding = {
    .theta = "local_rope_theta", .default_theta = 10000.0, .layer_type = "sliding_attention"};

static int read_head(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    bool norm_bias = false, transform_bias = false, head_bias = true;
    if (fs_json_bool_optional(config, root, "", "norm_bias", &norm_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "classifier_bias", &transform_bias, err) != 0 ||
        fs_json_bool_optional(config, root, "", "decoder_bias", &head_bias, err) != 0 ||
        fs_activation_read(config, "classifier_activation", "gelu", &spec->activation, err) != 0) {
        return -1;
    }
    spec->norm_parameters = norm_bias ? FS_GAIN_AND_BIAS : FS_GAIN_ALONE;
    spec->no_transform_bias = !transform_bias;
    spec->no_head_bias = !head_bias;
    return 0;
}

/* local_attention tokens: half of them on either side. */
static int read_windows(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    size_t width = 128;
    struct fs_layer_pattern pattern = {.every = 3};
    if (fs_json_size_optional(config, root, "", "local_attention", (struct fs_size_range){1, (size_t)1 << 24}, &width,
                              err) != 0 ||
        fs_json_size_optional(config, root, "", "global_attn_every_n_layers", (struct fs_size_range){1, 1 << 12},
                              &pattern.every, err) != 0) {
        return -1;
    }
    pattern.window = width / 2 + 1;
    return fs_llama_read_pattern(config, &pattern, spec, err);
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {.activation = spec->activation, .gated = true};
    struct fs_rotary local = {0};
    if (spec->head_size % 2 != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: head size %zu is odd; rotary positions turn pairs",
                            fs_json_name(config), spec->head_size);
    }
    if (fs_json_size(config, fs_json_root(config), "", "intermediate_size", (struct fs_size_range){1, 1 << 20},
                     &layer.ffn, err) != 0 ||
        fs_llama_read_biases(config, &layer, err) != 0 || read_head(config, spec, err) != 0 ||
        fs_rotary_config_read(config, &full, spec, &layer.rotary, err) != 0 ||
        fs_rotary_config_read(config, &sliding, spec, &local, err) != 0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    if (read_windows(config, spec, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        if (spec->layer[i].window > 0) {
            spec->layer[i].rotary = local;
        }
    }
    spec->layer[0].no_attention_norm = true; /* it reads the embeddings' norm */
    return 0;
}

extern const struct fs_family fs_family_modernbert;
const struct fs_family fs_family_modernbert = {
    .name = "modernbert",
    .about = "Warner et al. 2024: pre-norm without biases, rotary positions, windows to both sides in most layers, "
             "gated FFN",
    .architectures = {"ModernBertForMaskedLM", "ModernBertModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-5,
    .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "hidden_activation",
            "norm_eps"},
    .read_layers = read_layers,
    /* of the published files; norm_eps is read, and positions are always rotary */
    .harmless = {"layer_norm_eps", "repad_logits_with_grad", "position_embedding_type"},
    .prefix = "model.",
    .body = {.word = "embeddings.tok_embeddings",
             .embedding_norm = "embeddings.norm",
             .attention_norm = "layers.%zu.attn_norm",
             .projections = {"layers.%zu.attn.Wqkv"},
             .attention_output = "layers.%zu.attn.Wo",
             .ffn_norm = "layers.%zu.mlp_norm",
             .gate_up = "layers.%zu.mlp.Wi",
             .down = "layers.%zu.mlp.Wo",
             .final_norm = "final_norm"},
    .head = {"head.dense", "head.norm", "decoder", "decoder.bias"},
};

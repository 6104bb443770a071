/* OPT (Zhang et al. 2022). The 350M model has its norms behind attention and FFN, and words of another size. */
#include "model/families/family.h"

/* word_embed_proj_dim numbers a word become hidden_size and, before the head, are made of them. */
static int read_projections(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    spec->embedding = spec->hidden;
    if (fs_json_size_optional(config, fs_json_root(config), "", "word_embed_proj_dim",
                              (struct fs_size_range){1, 1 << 16}, &spec->embedding, err) != 0) {
        return -1;
    }
    if (spec->embedding != spec->hidden) {
        spec->projection = FS_PROJECT_WORDS;
        spec->output_projection = true;
    }
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    bool before = true, biases = true, parameters = true;
    struct fs_layer_spec layer = {.activation = spec->activation};
    if (fs_json_size(config, root, "", "ffn_dim", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_bool_optional(config, root, "", "do_layer_norm_before", &before, err) != 0 ||
        fs_json_bool_optional(config, root, "", "_remove_final_layer_norm", &spec->no_final_norm, err) != 0 ||
        fs_json_bool_optional(config, root, "", "enable_bias", &biases, err) != 0 ||
        fs_json_bool_optional(config, root, "", "layer_norm_elementwise_affine", &parameters, err) != 0 ||
        read_projections(config, spec, err) != 0) {
        return -1;
    }
    spec->block = before ? FS_PRE_NORM : FS_POST_NORM;
    spec->no_final_norm = spec->no_final_norm || !before;
    spec->norm_parameters = parameters ? FS_GAIN_AND_BIAS : FS_NO_PARAMETERS;
    spec->position_offset = 2;
    layer.qkv_bias = layer.output_bias = layer.ffn_bias = biases;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_opt;
const struct fs_family fs_family_opt = {
    .name = "opt",
    .about = "Zhang et al. 2022: GPT-2 with relu; the 350M model has its norms behind attention and FFN, and word "
             "embeddings of another size",
    .architectures = {"OPTForCausalLM", "OPTModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "relu",
    .default_epsilon = 1e-5,
    .key = {.hidden = "hidden_size",
            .layers = "num_hidden_layers",
            .heads = "num_attention_heads",
            .positions = "max_position_embeddings",
            .activation = "activation_function"},
    .read_layers = read_layers,
    .prefix = "model.decoder.",
    .bare_prefix = "decoder.",
    .body = {.word = "embed_tokens",
             .position = "embed_positions",
             .embedding_projection = "project_in",
             .attention_norm = "layers.%zu.self_attn_layer_norm",
             .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj",
                             "layers.%zu.self_attn.v_proj"},
             .attention_output = "layers.%zu.self_attn.out_proj",
             .ffn_norm = "layers.%zu.final_layer_norm",
             .up = "layers.%zu.fc1",
             .down = "layers.%zu.fc2",
             .final_norm = "final_layer_norm",
             .output_projection = "project_out"},
    .head = {.matrix = "lm_head"},
};

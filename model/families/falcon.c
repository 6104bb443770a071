/*
 * Falcon (Almazrouei et al. 2023) in its forms: as of 7B one key and value for all heads, as of 40B (new_decoder_architecture)
 * one for each group of heads, as of RW a query, key and value by head; attention and FFN side by side behind one norm or
 * behind one each, or one after the other; rotary positions or ALiBi. Where they are side by side x is what the FFN's norm,
 * or the one norm, gives; the stamp's output joins where the FFN's does.
 */
#include "model/families/family.h"
#include "model/families/rotary_config.h"

struct form {
    bool new_architecture, multi_query, parallel, alibi;
    size_t norms; /* 0: the config does not say */
};

#define WITHOUT_NORMS                                                                                                  \
    .word = "word_embeddings", .projections = {"h.%zu.self_attention.query_key_value"},                                \
    .attention_output = "h.%zu.self_attention.dense", .up = "h.%zu.mlp.dense_h_to_4h",                                 \
    .down = "h.%zu.mlp.dense_4h_to_h", .final_norm = "ln_f"

static const struct fs_body_names two_norms = {WITHOUT_NORMS, .attention_norm = "h.%zu.ln_attn",
                                               .ffn_norm = "h.%zu.ln_mlp"};

static int read_form(const struct fs_json_document *config, struct form *form, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const char *const key = "num_ln_in_parallel_attn";
    if (fs_json_bool_optional(config, root, "", "new_decoder_architecture", &form->new_architecture, err) != 0 ||
        fs_json_bool_optional(config, root, "", "multi_query", &form->multi_query, err) != 0 ||
        fs_json_bool_optional(config, root, "", "parallel_attn", &form->parallel, err) != 0 ||
        fs_json_bool_optional(config, root, "", "alibi", &form->alibi, err) != 0 ||
        fs_json_size_optional(config, root, "", key, (struct fs_size_range){1, 2}, &form->norms, err) != 0) {
        return -1;
    }
    if (form->new_architecture && !form->parallel) {
        return fs_json_wrong(config, "", "parallel_attn", "false", "true, as new_decoder_architecture is", err);
    }
    if (!form->new_architecture && form->parallel && form->norms == 2) {
        return fs_json_wrong(config, "", key, "2", "1 or null, as new_decoder_architecture is false", err);
    }
    return 0;
}

static int read_heads(const struct fs_json_document *config, const struct form *form, struct fs_spec *spec,
                      struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const char *key = fs_json_member(config, root, "num_kv_heads") != NULL ? "num_kv_heads" : "n_head_kv";
    size_t groups = spec->heads;
    if (fs_json_size_optional(config, root, "", key, (struct fs_size_range){1, 1 << 12}, &groups, err) != 0) {
        return -1;
    }
    if (form->new_architecture && spec->heads % groups != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: num_attention_heads %zu is no multiple of %s %zu",
                            fs_json_name(config), spec->heads, key, groups);
    }
    spec->key_value_heads = form->new_architecture ? groups : form->multi_query ? 1 : spec->heads;
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct form form = {.multi_query = true, .parallel = true};
    struct fs_layer_spec layer = {.activation = spec->activation, .ffn = 4 * spec->hidden};
    spec->max_positions = 2048; /* most published files do not say */
    if (fs_json_size_optional(config, root, "", "max_position_embeddings", (struct fs_size_range){1, (size_t)1 << 24},
                              &spec->max_positions, err) != 0 ||
        read_form(config, &form, err) != 0 || read_heads(config, &form, spec, err) != 0 ||
        fs_json_bool_optional(config, root, "", "bias", &layer.qkv_bias, err) != 0 ||
        fs_json_size_optional(config, root, "", "ffn_hidden_size", (struct fs_size_range){1, 1 << 20}, &layer.ffn,
                              err) != 0 ||
        (!form.alibi && fs_rotary_config_read(config, &fs_rotary_usual, spec, &layer.rotary, err) != 0)) {
        return -1;
    }
    layer.output_bias = layer.ffn_bias = layer.qkv_bias;
    bool two = form.new_architecture && form.norms != 1;
    spec->body = two ? &two_norms : NULL;
    spec->block = two ? FS_PARALLEL_TWO_NORMS : form.parallel ? FS_PARALLEL : FS_PRE_NORM;
    spec->qkv_layout = FS_QKV_GROUPS;
    spec->score_bias = form.alibi ? FS_ALIBI_BFLOAT16 : FS_NO_SCORE_BIAS;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_falcon;
const struct fs_family fs_family_falcon = {
    .name = "falcon",
    .about = "Almazrouei et al. 2023: attention and FFN side by side or in turn, grouped keys and values, rotary "
             "positions or ALiBi",
    .architectures = {"FalconForCausalLM", "FalconModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PARALLEL,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-5,
    .key = {.hidden = "hidden_size",
            .layers = "num_hidden_layers",
            .heads = "num_attention_heads",
            .activation = "activation",
            .epsilon = "layer_norm_epsilon"},
    .other_key = {.hidden = "n_embed", .layers = "n_layer", .heads = "n_head"},
    .read_layers = read_layers,
    .prefix = "transformer.",
    .body = {WITHOUT_NORMS, .attention_norm = "h.%zu.input_layernorm", .ffn_norm = "h.%zu.post_attention_layernorm"},
    .head = {.matrix = "lm_head"},
    .harmless = {"rope_theta", "rope_scaling", "rope_parameters"}, /* where it has ALiBi */
    .unused = {".rotary_emb.inv_freq"},
};

/* MPT (MosaicML 2023): GPT-2 with ALiBi in place of positions and without any bias. As in transformers the FFN is of size
 * 4 d whatever expansion_ratio says, and the slopes are those of alibi_bias_max 8. */
#include <string.h>

#include "model/families/family.h"

/* What attn_config may turn on or off that is not computed. */
static int refuse_options(const struct fs_json_document *config, const cJSON *attention, struct fs_error *err)
{
    static const struct {
        const char *key;
        bool usual;
    } options[] = {{"alibi", true}, {"qk_ln", false}, {"prefix_lm", false}, {"attn_uses_sequence_id", false}};
    const char *type = "multihead_attention";
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        bool found = options[i].usual;
        if (fs_json_bool_optional(config, attention, "attn_config", options[i].key, &found, err) != 0) {
            return -1;
        }
        if (found != options[i].usual) {
            return fs_json_wrong(config, "attn_config", options[i].key, found ? "true" : "false",
                                 options[i].usual ? "true; the engine does not compute this option"
                                                  : "false; the engine does not compute this option",
                                 err);
        }
    }
    if (fs_json_text_optional(config, attention, "attn_config", "attn_type", &type, err) != 0) {
        return -1;
    }
    return strcmp(type, "multihead_attention") == 0
               ? 0
               : fs_json_wrong(config, "attn_config", "attn_type", type, "multihead_attention", err);
}

static int read_attention(const struct fs_json_document *config, struct fs_layer_spec *layer, struct fs_error *err)
{
    const cJSON *attention = fs_json_member(config, fs_json_root(config), "attn_config");
    const struct fs_number_range above_zero = {1e-30, 1e30};
    if (attention == NULL || cJSON_IsNull(attention)) {
        return 0;
    }
    if (!cJSON_IsObject(attention)) {
        return fs_json_wrong(config, "", "attn_config", fs_json_kind(attention), "an object", err);
    }
    if (refuse_options(config, attention, err) != 0 ||
        fs_json_number_optional(config, attention, "attn_config", "softmax_scale", above_zero, &layer->attention_scale,
                                err) != 0) {
        return -1;
    }
    return fs_json_number_optional(config, attention, "attn_config", "clip_qkv", (struct fs_number_range){0.0, 1e30},
                                   &layer->clip, err);
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_layer_spec layer = {.activation = spec->activation, .ffn = 4 * spec->hidden};
    const cJSON *scale = fs_json_member(config, fs_json_root(config), "logit_scale");
    if (scale != NULL && !cJSON_IsNull(scale)) {
        return fs_json_wrong(config, "", "logit_scale", fs_json_kind(scale),
                             "null; transformers takes no notice of it, the model's own code does", err);
    }
    if (read_attention(config, &layer, err) != 0) {
        return -1;
    }
    spec->norm_parameters = FS_GAIN_ALONE;
    spec->score_bias = FS_ALIBI;
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_mpt;
const struct fs_family fs_family_mpt = {
    .name = "mpt",
    .about = "MosaicML 2023: GPT-2 with ALiBi in place of positions, without biases; queries, keys and values may be "
             "cut off",
    .architectures = {"MptForCausalLM", "MPTForCausalLM", "MptModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PRE_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-5,
    .key = {.hidden = "d_model",
            .layers = "n_layers",
            .heads = "n_heads",
            .positions = "max_seq_len",
            .epsilon = "layer_norm_epsilon"},
    .read_layers = read_layers,
    .prefix = "transformer.",
    .body = {.word = "wte",
             .attention_norm = "blocks.%zu.norm_1",
             .projections = {"blocks.%zu.attn.Wqkv"},
             .attention_output = "blocks.%zu.attn.out_proj",
             .ffn_norm = "blocks.%zu.norm_2",
             .up = "blocks.%zu.ffn.up_proj",
             .down = "blocks.%zu.ffn.down_proj",
             .final_norm = "norm_f"},
    .head = {.matrix = "lm_head"},
    /* transformers takes no notice of these */
    .harmless = {"embedding_fraction", "expansion_ratio", "learned_pos_emb", "no_bias", "norm_type"},
};

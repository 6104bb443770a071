/* DeBERTa-v2 and v3 (He et al. 2021), with the head for masked tokens that BERT has: attention that is disentangled into
 * contents and relative positions. */
#include <math.h>
#include <string.h>

#include "model/families/activations.h"
#include "model/families/bert_parts.h"

#define ATTENTION "encoder.layer.%zu.attention."
#define BODY                                                                                                           \
    .word = "embeddings.word_embeddings", .position = "embeddings.position_embeddings",                                \
    .embedding_projection = "embeddings.embed_proj", .embedding_norm = "embeddings.LayerNorm",                         \
    .attention_norm = ATTENTION "output.LayerNorm",                                                                    \
    .projections = {ATTENTION "self.query_proj", ATTENTION "self.key_proj", ATTENTION "self.value_proj"},              \
    .convolution = "encoder.conv.conv", .convolution_norm = "encoder.conv.LayerNorm",                                  \
    .relative = "encoder.rel_embeddings", .relative_norm = "encoder.LayerNorm",                                        \
    .relative_query = ATTENTION "self.pos_query_proj", .relative_key = ATTENTION "self.pos_key_proj",                  \
    .attention_output = ATTENTION "output.dense", .ffn_norm = "encoder.layer.%zu.output.LayerNorm",                    \
    .up = "encoder.layer.%zu.intermediate.dense", .down = "encoder.layer.%zu.output.dense"

static const struct fs_body_names with_token_types = {BODY, .token_type = "embeddings.token_type_embeddings"};

/* A whole number, of which those below 1 stand for none. */
static int read_count(const struct fs_json_document *config, const char *key, size_t *count, struct fs_error *err)
{
    double found = -1;
    if (fs_json_number_optional(config, fs_json_root(config), "", key, (struct fs_number_range){-1, 1 << 16}, &found,
                                err) != 0) {
        return -1;
    }
    if (found != floor(found)) {
        return fs_json_wrong(config, "", key, "a fraction", "a whole number", err);
    }
    *count = found < 1 ? 0 : (size_t)found;
    return 0;
}

/* "c2p|p2c" or ["c2p", "p2c"]; others are passed over, as transformers does. */
static int read_types(const struct fs_json_document *config, struct fs_disentangled *own, struct fs_error *err)
{
    const cJSON *types = fs_json_member(config, fs_json_root(config), "pos_att_type");
    if (types == NULL || cJSON_IsNull(types)) {
        return 0;
    }
    if (!cJSON_IsString(types) && !cJSON_IsArray(types)) {
        return fs_json_wrong(config, "", "pos_att_type", fs_json_kind(types), "a list of c2p and p2c", err);
    }
    for (const cJSON *type = cJSON_IsArray(types) ? types->child : types; type != NULL; type = type->next) {
        if (!cJSON_IsString(type)) {
            return fs_json_wrong(config, "", "pos_att_type", fs_json_kind(type), "a list of c2p and p2c", err);
        }
        own->content_to_position = own->content_to_position || strstr(type->valuestring, "c2p") != NULL;
        own->position_to_content = own->position_to_content || strstr(type->valuestring, "p2c") != NULL;
        if (!cJSON_IsArray(types)) {
            break;
        }
    }
    return 0;
}

/* The span of relative positions, where the model has them. */
static int read_span(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_disentangled *own = &spec->disentangled;
    const char *norm = "none";
    if (read_count(config, "position_buckets", &own->buckets, err) != 0 ||
        read_count(config, "max_relative_positions", &own->most_distance, err) != 0 ||
        fs_json_bool_optional(config, fs_json_root(config), "", "share_att_key", &own->shared, err) != 0 ||
        fs_json_text_optional(config, fs_json_root(config), "", "norm_rel_ebd", &norm, err) != 0) {
        return -1;
    }
    own->most_distance = own->most_distance == 0 ? spec->max_positions : own->most_distance;
    own->norm = strstr(norm, "layer_norm") != NULL;
    own->span = own->buckets > 0 ? own->buckets : own->most_distance;
    if (own->buckets > 0 && (own->buckets < 2 || own->most_distance <= own->buckets / 2 + 1)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: position_buckets: found %zu with a most distant position of %zu, expected at least 2 "
                            "and less than twice that position",
                            fs_json_name(config), own->buckets, own->most_distance);
    }
    return 0;
}

/* conv_kernel_size, conv_groups and conv_act: "tanh" where the key is missing. */
static int read_convolution(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    struct fs_convolution *own = &spec->convolution;
    const char *activation = "tanh";
    size_t groups = 1;
    if (read_count(config, "conv_kernel_size", &own->kernel, err) != 0) {
        return -1;
    }
    if (own->kernel == 0) {
        return 0;
    }
    if (fs_json_size_optional(config, root, "", "conv_groups", (struct fs_size_range){1, 1}, &groups, err) != 0 ||
        fs_json_text_optional(config, root, "", "conv_act", &activation, err) != 0) {
        return -1;
    }
    if (own->kernel % 2 == 0 || own->kernel > 63) {
        return fs_json_wrong(config, "", "conv_kernel_size", "an even or a large number", "an odd one below 64", err);
    }
    own->tanh = strcmp(activation, "tanh") == 0;
    spec->layer[0].convolved = true;
    return own->tanh ? 0 : fs_activation_read(config, "conv_act", activation, &own->activation, err);
}

/* What the engine does not compute. */
static int refuse_options(const struct fs_json_document *config, const struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    size_t head = spec->head_size;
    bool legacy = true;
    if (fs_json_bool_optional(config, root, "", "legacy", &legacy, err) != 0 ||
        fs_json_size_optional(config, root, "", "attention_head_size", (struct fs_size_range){1, 1 << 16}, &head,
                              err) != 0) {
        return -1;
    }
    if (!legacy) {
        return fs_json_wrong(config, "", "legacy", "false",
                             "true: the head cls.predictions, which is trained to fill in masks", err);
    }
    return head == spec->head_size ? 0
                                   : fs_json_wrong(config, "", "attention_head_size", "another size",
                                                   "hidden_size / num_attention_heads", err);
}

static int read_embeddings(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    bool positions = true;
    spec->embedding = spec->hidden;
    if (fs_json_bool_optional(config, root, "", "position_biased_input", &positions, err) != 0 ||
        read_count(config, "type_vocab_size", &spec->token_types, err) != 0 ||
        fs_json_size_optional(config, root, "", "embedding_size", (struct fs_size_range){1, 1 << 16}, &spec->embedding,
                              err) != 0) {
        return -1;
    }
    spec->no_positions = !positions;
    spec->body = spec->token_types > 0 ? &with_token_types : NULL;
    spec->projection = spec->embedding != spec->hidden ? FS_PROJECT_SUM : FS_NO_PROJECTION;
    return 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    struct fs_disentangled *own = &spec->disentangled;
    bool relative = false;
    if (fs_bert_read_layers(config, spec, err) != 0 || refuse_options(config, spec, err) != 0 ||
        read_embeddings(config, spec, err) != 0 || read_types(config, own, err) != 0 ||
        read_span(config, spec, err) != 0 || read_convolution(config, spec, err) != 0 ||
        fs_json_bool_optional(config, fs_json_root(config), "", "relative_attention", &relative, err) != 0) {
        return -1;
    }
    double terms = 1.0 + (own->content_to_position ? 1.0 : 0.0) + (own->position_to_content ? 1.0 : 0.0);
    for (size_t i = 0; i < spec->layers; i++) {
        spec->layer[i].attention_scale = 1.0 / sqrt(terms * (double)spec->head_size);
    }
    if (!relative || terms == 1.0) {
        *own = (struct fs_disentangled){0};
    }
    return 0;
}

extern const struct fs_family fs_family_deberta_v2;
const struct fs_family fs_family_deberta_v2 = {
    .name = "deberta-v2",
    .about = "He et al. 2021: BERT with scores of contents with relative positions; large ones with a convolution",
    .architectures = {"DebertaV2ForMaskedLM", "DebertaV2Model"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-7,
    .key = FS_BERT_KEYS,
    .read_layers = read_layers,
    .prefix = "deberta.",
    .body = {BODY},
    .head = FS_BERT_HEAD,
    .unused = {"embeddings.position_ids", "cls.predictions.decoder.bias", "cls.predictions.bias",
               ".rel_embeddings.weight", "encoder.LayerNorm.weight", "encoder.LayerNorm.bias", "pooler.dense.weight",
               "pooler.dense.bias"},
};

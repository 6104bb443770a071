/* ALBERT (Lan et al. 2020): BERT with embeddings of another size, and layers that share their weights. */
#include <stdlib.h>

#include "model/families/bert_parts.h"

/* Each of the num_hidden_layers passes through a group runs all its layers. */
static int read_groups(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const struct fs_size_range range = {1, 1 << 12};
    spec->layer_groups = spec->group_layers = 1;
    if (fs_json_size_optional(config, root, "", "num_hidden_groups", range, &spec->layer_groups, err) != 0 ||
        fs_json_size_optional(config, root, "", "inner_group_num", range, &spec->group_layers, err) != 0) {
        return -1;
    }
    if (spec->layers * spec->group_layers > range.most) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: found num_hidden_layers %zu and inner_group_num %zu, expected at most %zu layers in all",
            fs_json_name(config), spec->layers, spec->group_layers, range.most);
    }
    spec->layers *= spec->group_layers;
    free(spec->layer);
    spec->layer = fs_allocate(spec->layers, sizeof *spec->layer, "the layers of a model", err);
    return spec->layer == NULL ? -1 : 0;
}

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    spec->embedding = 128;
    spec->projection = FS_PROJECT_NORMED;
    spec->projection_bias = true;
    if (read_groups(config, spec, err) != 0 ||
        fs_json_size_optional(config, fs_json_root(config), "", "embedding_size", (struct fs_size_range){1, 1 << 16},
                              &spec->embedding, err) != 0) {
        return -1;
    }
    return fs_bert_read_layers(config, spec, err);
}

/* The numbers are those of the group, and of the layer in it. */
#define LAYER "encoder.albert_layer_groups.%zu.albert_layers.%zu."

extern const struct fs_family fs_family_albert;
const struct fs_family fs_family_albert = {
    .name = "albert",
    .about = "Lan et al. 2020: BERT with layers that share their weights, and word embeddings of another size",
    .architectures = {"AlbertForMaskedLM", "AlbertForPreTraining", "AlbertModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu_new",
    .default_epsilon = 1e-12,
    .key = FS_BERT_KEYS,
    .read_layers = read_layers,
    .prefix = "albert.",
    .body = {FS_BERT_EMBEDDINGS, .embedding_projection = "encoder.embedding_hidden_mapping_in",
             .projections = {LAYER "attention.query", LAYER "attention.key", LAYER "attention.value"},
             .attention_output = LAYER "attention.dense", .attention_norm = LAYER "attention.LayerNorm",
             .up = LAYER "ffn", .down = LAYER "ffn_output", .ffn_norm = LAYER "full_layer_layer_norm"},
    .head = {"predictions.dense", "predictions.LayerNorm", "predictions.decoder", "predictions.bias"},
    .unused = {"sop_classifier.classifier.weight", "sop_classifier.classifier.bias", "predictions.decoder.bias",
               "predictions.bias"},
};

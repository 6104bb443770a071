#include "model/families/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int fs_spec_copy(const struct fs_spec *from, struct fs_spec *to, struct fs_error *err)
{
    *to = *from;
    to->layer = fs_allocate(from->layers, sizeof *to->layer, "the layers of a model", err);
    if (to->layer == NULL) {
        return -1;
    }
    memcpy(to->layer, from->layer, from->layers * sizeof *to->layer);
    return 0;
}

void fs_spec_release(struct fs_spec *spec)
{
    free(spec->layer);
    memset(spec, 0, sizeof *spec);
}

void fs_spec_set_layers(struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    for (size_t i = 0; i < spec->layers; i++) {
        spec->layer[i] = *layer;
        if (layer->attention_scale == 0.0) {
            spec->layer[i].attention_scale = 1.0 / sqrt((double)spec->head_size);
        }
    }
}

size_t fs_spec_turned_width(const struct fs_spec *spec)
{
    return (spec->heads + spec->key_value_heads) * spec->head_size;
}

size_t fs_spec_qkv_width(const struct fs_spec *spec)
{
    return (spec->heads + 2 * spec->key_value_heads) * spec->head_size;
}

size_t fs_spec_position_rows(const struct fs_spec *spec)
{
    return spec->first_position + spec->max_positions;
}

bool fs_layer_has_norm(const struct fs_spec *spec, const struct fs_layer_spec *layer, enum fs_layer_norm norm)
{
    enum fs_block block = spec->block;
    switch (norm) {
    case FS_ATTENTION_NORM:
        return block != FS_BRANCH_NORM && !layer->no_attention_norm;
    case FS_FFN_NORM:
        return block != FS_BRANCH_NORM && block != FS_PARALLEL;
    default:
        return block == FS_SANDWICH_NORM || block == FS_BRANCH_NORM;
    }
}

size_t fs_layer_norm_count(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    size_t count = 0;
    for (int norm = 0; norm < FS_LAYER_NORMS; norm++) {
        count += fs_layer_has_norm(spec, layer, (enum fs_layer_norm)norm) ? 1 : 0;
    }
    return count;
}

bool fs_spec_ffn_apart(const struct fs_spec *spec)
{
    return spec->block == FS_SANDWICH_NORM || spec->block == FS_BRANCH_NORM ||
           (spec->residual_scale != 0.0 && spec->residual_scale != 1.0);
}

size_t fs_layer_inner_width(const struct fs_layer_spec *layer)
{
    return layer->ffn * (layer->experts > 0 ? layer->experts_used : 1);
}

size_t fs_spec_inner_width(const struct fs_spec *spec)
{
    size_t most = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        size_t width = fs_layer_inner_width(&spec->layer[i]);
        most = width > most ? width : most;
    }
    return most;
}

size_t fs_spec_most_experts(const struct fs_spec *spec)
{
    size_t most = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        most = spec->layer[i].experts > most ? spec->layer[i].experts : most;
    }
    return most;
}

bool fs_spec_gated(const struct fs_spec *spec)
{
    for (size_t i = 0; i < spec->layers; i++) {
        if (spec->layer[i].gated) {
            return true;
        }
    }
    return false;
}

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
    if (from->divisors == 0) {
        return 0;
    }
    to->divisor = fs_allocate(from->divisors, sizeof *to->divisor, "rotary positions", err);
    if (to->divisor == NULL) {
        fs_spec_release(to);
        return -1;
    }
    memcpy(to->divisor, from->divisor, from->divisors * sizeof *to->divisor);
    return 0;
}

void fs_spec_release(struct fs_spec *spec)
{
    free(spec->layer);
    free(spec->divisor);
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

size_t fs_rotary_width(const struct fs_spec *spec, const struct fs_rotary *rotary)
{
    size_t dims = rotary->dims > 0 ? rotary->dims : spec->head_size;
    return dims + dims % 2;
}

bool fs_rotary_is_same(const struct fs_rotary *a, const struct fs_rotary *b)
{
    return a->theta == b->theta && a->scaling == b->scaling && a->factor == b->factor &&
           a->low_frequency == b->low_frequency && a->high_frequency == b->high_frequency &&
           a->original_positions == b->original_positions && a->dims == b->dims && a->interleaved == b->interleaved &&
           a->attention_factor == b->attention_factor && a->ramp_low == b->ramp_low && a->ramp_high == b->ramp_high &&
           a->divisors == b->divisors;
}

bool fs_rotary_has_long(const struct fs_rotary *rotary)
{
    return rotary->scaling == FS_ROPE_DYNAMIC || rotary->scaling == FS_ROPE_LONGROPE;
}

size_t fs_spec_usual_positions(const struct fs_spec *spec)
{
    size_t usual = SIZE_MAX;
    for (size_t i = 0; i < spec->layers; i++) {
        const struct fs_rotary *rotary = &spec->layer[i].rotary;
        if (fs_rotary_has_long(rotary) && rotary->original_positions < usual) {
            usual = rotary->original_positions;
        }
    }
    return usual;
}

size_t fs_spec_shared_length(const struct fs_spec *spec)
{
    return spec->kind == FS_CAUSAL && spec->first_position == 0 && !spec->apart ? fs_spec_usual_positions(spec) : 0;
}

size_t fs_spec_angle_width(const struct fs_spec *spec)
{
    size_t width = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        const struct fs_rotary *rotary = &spec->layer[i].rotary;
        bool seen = rotary->theta == 0;
        for (size_t j = 0; j < i && !seen; j++) {
            seen = fs_rotary_is_same(rotary, &spec->layer[j].rotary);
        }
        width += seen ? 0 : fs_rotary_width(spec, rotary) * (fs_rotary_has_long(rotary) ? 2 : 1);
    }
    return width;
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
    return spec->first_position + spec->position_offset + spec->max_positions;
}

size_t fs_spec_embedding(const struct fs_spec *spec)
{
    return spec->embedding != 0 ? spec->embedding : spec->hidden;
}

size_t fs_spec_added_width(const struct fs_spec *spec)
{
    return spec->projection == FS_PROJECT_WORDS ? spec->hidden : fs_spec_embedding(spec);
}

size_t fs_spec_embedding_norm_width(const struct fs_spec *spec)
{
    return spec->projection == FS_PROJECT_NORMED ? fs_spec_embedding(spec) : spec->hidden;
}

size_t fs_spec_state_width(const struct fs_spec *spec)
{
    return spec->output_projection ? fs_spec_embedding(spec) : spec->hidden;
}

void fs_spec_stored_layer(const struct fs_spec *spec, size_t layer, size_t number[2])
{
    number[0] = layer;
    number[1] = 0;
    if (spec->layer_groups > 0) {
        /* transformers' own division, whose rounding decides where the groups do not divide the passes */
        size_t passes = spec->layers / spec->group_layers, pass = layer / spec->group_layers;
        number[0] = (size_t)((double)pass / ((double)passes / (double)spec->layer_groups));
        number[1] = layer % spec->group_layers;
    }
}

size_t fs_spec_first_like(const struct fs_spec *spec, size_t layer)
{
    size_t number[2], other[2], first = 0;
    if (spec->layer_groups == 0) {
        return layer;
    }
    fs_spec_stored_layer(spec, layer, number);
    for (; first < layer; first++) {
        fs_spec_stored_layer(spec, first, other);
        if (other[0] == number[0] && other[1] == number[1]) {
            break;
        }
    }
    return first;
}

bool fs_layer_has_norm(const struct fs_spec *spec, const struct fs_layer_spec *layer, enum fs_layer_norm norm)
{
    enum fs_block block = spec->block;
    switch (norm) {
    case FS_ATTENTION_NORM:
        return block != FS_BRANCH_NORM && !layer->no_attention_norm;
    case FS_FFN_NORM:
        return block != FS_BRANCH_NORM && block != FS_PARALLEL;
    case FS_CONVOLUTION_NORM:
        return layer->convolved;
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
           (spec->residual_scale != 0.0 && spec->residual_scale != 1.0) || spec->convolution.kernel > 0;
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

#include "model/steps/layer.h"

#include <string.h>

/* A step that sets `to`, or with a residual sets it to the sum. */
static struct fs_step *add(struct fs_layer *layer, const struct fs_step_kind *kind, enum fs_stream from,
                           enum fs_stream to, enum fs_stream residual)
{
    struct fs_step *step = &layer->step[layer->steps++];
    *step = (struct fs_step){.kind = kind, .from = from, .to = to, .residual = residual};
    return step;
}

static struct fs_step *add_norm(struct fs_layer *layer, enum fs_layer_norm norm, enum fs_stream from, enum fs_stream to,
                                enum fs_stream residual)
{
    struct fs_step *step = add(layer, &fs_step_norm, from, to, residual);
    step->norm = norm;
    return step;
}

/* norm1 where there is one; what the projections read. */
static enum fs_stream add_first_norm(const struct fs_spec *spec, struct fs_layer *layer)
{
    enum fs_stream to = spec->block == FS_PARALLEL ? FS_STREAM_X : FS_STREAM_NORMED;
    if (spec->block == FS_POST_NORM || !fs_layer_has_norm(spec, layer->spec, FS_ATTENTION_NORM)) {
        return FS_STREAM_H;
    }
    add_norm(layer, FS_ATTENTION_NORM, FS_STREAM_H, to, FS_STREAM_NONE)->joins = !spec->residual_from_norm;
    return to;
}

/* From `from` to the attention's output, and what comes between it and the residual. */
static void add_attention(const struct fs_spec *spec, enum fs_stream from, struct fs_layer *layer)
{
    const struct fs_layer_spec *own = layer->spec;
    bool apart = fs_spec_ffn_apart(spec) && spec->block != FS_POST_NORM;
    if (own->convolved) {
        add(layer, &fs_step_convolution, FS_STREAM_H, FS_STREAM_NORMED, FS_STREAM_NONE);
    }
    add(layer, &fs_step_qkv, from, FS_STREAM_H, FS_STREAM_NONE)->joins =
        from == FS_STREAM_H || from == FS_STREAM_X || spec->residual_from_norm;
    if (spec->block == FS_PARALLEL_TWO_NORMS) {
        /* Here, and not before qkv: so backward is done with x's gradient when the normed states' begins. */
        add_norm(layer, FS_FFN_NORM, FS_STREAM_H, FS_STREAM_X, FS_STREAM_NONE)->joins = true;
    }
    if (own->clip > 0) {
        add(layer, &fs_step_clip, FS_STREAM_H, FS_STREAM_H, FS_STREAM_NONE);
    }
    if (own->head_norm != FS_NO_HEAD_NORM) {
        add(layer, &fs_step_head_norm, FS_STREAM_H, FS_STREAM_H, FS_STREAM_NONE);
    }
    if (own->rotary.theta > 0) {
        add(layer, &fs_step_positions, FS_STREAM_H, FS_STREAM_H, FS_STREAM_NONE);
    }
    add(layer, &fs_step_attention, FS_STREAM_H, FS_STREAM_H, FS_STREAM_NONE);
    if (!apart) {
        add(layer, &fs_step_output, FS_STREAM_H, FS_STREAM_H, spec->residual_from_norm ? from : FS_STREAM_H);
        return;
    }
    add(layer, &fs_step_output, FS_STREAM_H, FS_STREAM_Y, FS_STREAM_NONE);
    if (fs_layer_has_norm(spec, own, FS_ATTENTION_OUTPUT_NORM)) {
        add_norm(layer, FS_ATTENTION_OUTPUT_NORM, FS_STREAM_Y, FS_STREAM_H, FS_STREAM_H);
    } else {
        add(layer, &fs_step_scale, FS_STREAM_Y, FS_STREAM_H, FS_STREAM_H);
    }
}

/* What the FFN reads, where the attention's norms have not made it. */
static void add_ffn_input(const struct fs_spec *spec, struct fs_layer *layer)
{
    if (spec->block == FS_BRANCH_NORM) {
        add(layer, &fs_step_copy, FS_STREAM_H, FS_STREAM_X, FS_STREAM_NONE);
    } else if (spec->block == FS_POST_NORM) {
        add_norm(layer, FS_ATTENTION_NORM, FS_STREAM_H, FS_STREAM_X, FS_STREAM_NONE);
    } else if (spec->block == FS_PRE_NORM || spec->block == FS_SANDWICH_NORM) {
        add_norm(layer, FS_FFN_NORM, FS_STREAM_H, FS_STREAM_X, FS_STREAM_NONE)->joins = !spec->residual_from_norm;
    }
}

/* The FFN, the seam, and what comes between its output and the residual. */
static void add_ffn(const struct fs_spec *spec, struct fs_layer *layer)
{
    bool from_x = layer->residual[FS_STREAM_X];
    if (!fs_spec_ffn_apart(spec)) {
        add(layer, &fs_step_ffn, FS_STREAM_X, FS_STREAM_H, from_x ? FS_STREAM_X : FS_STREAM_H)->joins = from_x;
        layer->seam = layer->steps;
        if (spec->block == FS_POST_NORM) {
            add_norm(layer, FS_FFN_NORM, FS_STREAM_H, FS_STREAM_H, FS_STREAM_NONE);
        }
        return;
    }
    add(layer, &fs_step_ffn, FS_STREAM_X, FS_STREAM_Y, from_x ? FS_STREAM_X : FS_STREAM_NONE)->joins = from_x;
    if (layer->spec->convolved) {
        add(layer, &fs_step_put, FS_STREAM_NORMED, FS_STREAM_H, FS_STREAM_NONE);
    }
    layer->seam = layer->steps;
    if (spec->block == FS_POST_NORM) {
        add_norm(layer, FS_FFN_NORM, FS_STREAM_Y, FS_STREAM_H, layer->spec->convolved ? FS_STREAM_H : FS_STREAM_NONE);
        if (layer->spec->convolved) {
            add_norm(layer, FS_CONVOLUTION_NORM, FS_STREAM_H, FS_STREAM_H, FS_STREAM_NONE);
        }
    } else if (fs_layer_has_norm(spec, layer->spec, FS_FFN_OUTPUT_NORM)) {
        add_norm(layer, FS_FFN_OUTPUT_NORM, FS_STREAM_Y, FS_STREAM_H, FS_STREAM_H);
    } else {
        add(layer, &fs_step_scale, FS_STREAM_Y, FS_STREAM_H, FS_STREAM_H);
    }
}

void fs_layer_choose_steps(const struct fs_spec *spec, const struct fs_layer_spec *own, struct fs_layer *layer)
{
    layer->spec = own;
    layer->ffn = fs_ffn_kind_of(own);
    layer->steps = 0;
    layer->residual[FS_STREAM_H] = true;
    layer->residual[FS_STREAM_NORMED] = spec->residual_from_norm;
    layer->residual[FS_STREAM_X] = spec->block == FS_POST_NORM || spec->residual_from_norm;
    layer->residual[FS_STREAM_Y] = !fs_spec_ffn_apart(spec) || spec->block == FS_POST_NORM;
    add_attention(spec, add_first_norm(spec, layer), layer);
    add_ffn_input(spec, layer);
    add_ffn(spec, layer);
}

void fs_steps_forward(const struct fs_layer_run *run, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        const struct fs_step *step = &run->layer->step[i];
        step->kind->forward(step, run);
    }
}

void fs_steps_backward(const struct fs_layer_run *run, size_t first, size_t last)
{
    for (size_t i = last; i > first; i--) {
        const struct fs_step *step = &run->layer->step[i - 1];
        step->kind->backward(step, run);
    }
}

void fs_copy_rows(const struct fs_row_copies *copies, fs_real *data, size_t width)
{
    for (size_t i = 0; copies != NULL && i < copies->count; i++) {
        memcpy(data + copies->to[i] * width, data + copies->from[i] * width, width * sizeof *data);
    }
}

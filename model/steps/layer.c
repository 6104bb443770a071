#include "model/steps/layer.h"

#include <string.h>

static void add(struct fs_layer *layer, const struct fs_step_kind *kind, enum fs_stream from, enum fs_stream to)
{
    layer->step[layer->steps++] = (struct fs_step){.kind = kind, .from = from, .to = to};
}

static void add_norm(struct fs_layer *layer, enum fs_layer_norm norm, enum fs_stream from, enum fs_stream to)
{
    add(layer, &fs_step_norm, from, to);
    layer->step[layer->steps - 1].norm = norm;
}

void fs_layer_choose_steps(const struct fs_spec *spec, const struct fs_layer_spec *own, struct fs_layer *layer)
{
    bool before = spec->norm_place == FS_PRE_NORM;
    layer->spec = own;
    layer->steps = 0;
    if (before) {
        add_norm(layer, FS_ATTENTION_NORM, FS_STREAM_H, FS_STREAM_NORMED);
    }
    add(layer, &fs_step_qkv, before ? FS_STREAM_NORMED : FS_STREAM_H, FS_STREAM_H);
    if (own->clip > 0) {
        add(layer, &fs_step_clip, FS_STREAM_H, FS_STREAM_H);
    }
    if (own->head_norm != FS_NO_HEAD_NORM) {
        add(layer, &fs_step_head_norm, FS_STREAM_H, FS_STREAM_H);
    }
    if (own->rotary.theta > 0) {
        add(layer, &fs_step_positions, FS_STREAM_H, FS_STREAM_H);
    }
    add(layer, &fs_step_attention, FS_STREAM_H, FS_STREAM_H);
    add(layer, &fs_step_output, FS_STREAM_H, FS_STREAM_H);
    add_norm(layer, before ? FS_FFN_NORM : FS_ATTENTION_NORM, FS_STREAM_H, FS_STREAM_X);
    add(layer, &fs_step_ffn, FS_STREAM_X, FS_STREAM_H);
    layer->residual = before ? FS_STREAM_H : FS_STREAM_X;
    layer->seam = layer->steps;
    if (!before) {
        add_norm(layer, FS_FFN_NORM, FS_STREAM_H, FS_STREAM_H);
    }
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

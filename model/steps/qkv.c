/*
 * The projections of `from` to query, key and value heads, side by side in activations->qkv. One fused matrix may give
 * them group by group instead, a group's query heads and then its key and value head: they are put in order.
 */
#include <string.h>

#include "model/steps/layer.h"

/* Where a part of a row goes: `size` numbers, at `fused` in the order of groups, at `apart` in that of qkv. */
struct part {
    size_t fused, apart, size;
};

/* Part `which` of a group: its queries, its key, its value. */
static struct part part_of(const struct fs_spec *spec, size_t group, size_t which)
{
    size_t D = spec->head_size, queries = spec->heads / spec->key_value_heads * D, fused = group * (queries + 2 * D);
    if (which == 0) {
        return (struct part){fused, group * queries, queries};
    }
    size_t before = spec->heads + (which - 1) * spec->key_value_heads;
    return (struct part){fused + queries + (which - 1) * D, (before + group) * D, D};
}

/* Puts each row of `numbers` from the order of groups into that of qkv, or back. */
static void reorder(const struct fs_layer_run *run, fs_real *numbers, bool back)
{
    const struct fs_spec *spec = run->spec;
    size_t width = fs_spec_qkv_width(spec);
    fs_real *copy = run->workspace->row.data;
    for (size_t t = 0; t < run->tokens; t++) {
        fs_real *row = numbers + t * width;
        memcpy(copy, row, width * sizeof *copy);
        for (size_t i = 0; i < 3 * spec->key_value_heads; i++) {
            struct part part = part_of(spec, i / 3, i % 3);
            memcpy(row + (back ? part.fused : part.apart), copy + (back ? part.apart : part.fused),
                   part.size * sizeof *row);
        }
    }
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_layer *layer = run->layer;
    size_t column = 0, width = fs_spec_qkv_width(run->spec);
    for (size_t i = 0; i < layer->projections; i++) {
        fs_linear(run->backend, &layer->projection[i], run->tokens, run->stream[step->from],
                  run->activations->qkv + column, width);
        column += layer->projection[i].outputs;
    }
    if (run->spec->qkv_layout == FS_QKV_GROUPS) {
        reorder(run, run->activations->qkv, false);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_layer *layer = run->layer;
    fs_real *dx = run->gradient[step->from], beta = step->joins ? 1 : 0;
    const fs_real *part = run->workspace->dqkv.data;
    size_t width = fs_spec_qkv_width(run->spec);
    if (run->spec->qkv_layout == FS_QKV_GROUPS) {
        reorder(run, run->workspace->dqkv.data, true);
    }
    for (size_t i = 0; i < layer->projections; i++) {
        if (run->sink != NULL) {
            const struct fs_linear_rows rows = {run->tokens, run->stream[step->from], part, width, 1};
            fs_linear_weight_gradient(run->backend, &layer->projection[i], &rows, run->sink);
        }
        fs_linear_backward(run->backend, &layer->projection[i], run->tokens, part, width, i == 0 ? beta : 1, dx);
        part += layer->projection[i].outputs;
    }
}

const struct fs_step_kind fs_step_qkv = {"qkv", forward, backward};

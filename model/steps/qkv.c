/* The projections of `from` to query, key and value heads, side by side in activations->qkv. */
#include "model/steps/layer.h"

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_layer *layer = run->layer;
    size_t column = 0, width = fs_spec_qkv_width(run->spec);
    for (size_t i = 0; i < layer->projections; i++) {
        fs_linear(run->backend, &layer->projection[i], run->tokens, run->stream[step->from],
                  run->activations->qkv + column, width);
        column += layer->projection[i].outputs;
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_layer *layer = run->layer;
    fs_real *dx = run->gradient[step->from], beta = step->joins ? 1 : 0;
    const fs_real *part = run->workspace->dqkv.data;
    size_t width = fs_spec_qkv_width(run->spec);
    for (size_t i = 0; i < layer->projections; i++) {
        fs_linear_backward(run->backend, &layer->projection[i], run->tokens, part, width, i == 0 ? beta : 1, dx);
        part += layer->projection[i].outputs;
    }
}

const struct fs_step_kind fs_step_qkv = {"qkv", forward, backward};

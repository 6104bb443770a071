/* to = residual + FFN(x): plain or gated, here, or a mixture of experts. */
#include "model/steps/layer.h"

static void inner(const struct fs_layer_run *run, const fs_real *x)
{
    const struct fs_layer *layer = run->layer;
    const struct fs_activations *activations = run->activations;
    size_t F = layer->spec->ffn, count = run->tokens * F;
    fs_linear(run->backend, &layer->up, run->tokens, x, activations->up, F);
    if (layer->spec->gated) {
        fs_linear(run->backend, &layer->gate, run->tokens, x, activations->gate, F);
        fs_kernel_activation(layer->spec->activation, activations->gate, activations->up, activations->active, count);
    } else {
        fs_kernel_activation(layer->spec->activation, activations->up, NULL, activations->active, count);
    }
}

static void output(const struct fs_layer_run *run, const fs_real *residual, fs_real *out)
{
    fs_copy_rows(run->activations->ffn_copies, run->activations->active, run->layer->spec->ffn);
    if (residual == NULL) {
        fs_linear(run->backend, &run->layer->down, run->tokens, run->activations->active, out, run->spec->hidden);
    } else {
        fs_linear_residual(run->backend, &run->layer->down, run->tokens, run->activations->active, residual, out);
    }
}

/* In the order in which the gradients are there; `x`, `dy` (T, ..). */
static void add_weights(const struct fs_layer_run *run, const struct fs_linear *linear, const fs_real *x,
                        const fs_real *dy)
{
    if (run->sink != NULL) {
        const struct fs_linear_rows rows = {run->tokens, x, dy, linear->outputs, 1};
        fs_linear_weight_gradient(run->backend, linear, &rows, run->sink);
    }
}

static void inner_backward(const struct fs_layer_run *run, const fs_real *dy, fs_real beta, fs_real *dx)
{
    const struct fs_layer *layer = run->layer;
    const struct fs_activations *activations = run->activations;
    size_t F = layer->spec->ffn, T = run->tokens;
    fs_real *dup = run->workspace->dffn.data, *dgate = run->workspace->dgate.data;
    const fs_real *x = run->stream[FS_STREAM_X];
    add_weights(run, &layer->down, activations->active, dy);
    fs_linear_backward(run->backend, &layer->down, T, dy, run->spec->hidden, 0, dup);
    if (layer->spec->gated) {
        fs_kernel_activation_backward(layer->spec->activation, activations->gate, activations->up, dup, dgate, dup,
                                      T * F);
        add_weights(run, &layer->gate, x, dgate);
        fs_linear_backward(run->backend, &layer->gate, T, dgate, F, beta, dx);
        beta = 1;
    } else {
        fs_kernel_activation_backward(layer->spec->activation, activations->up, NULL, dup, dup, NULL, T * F);
    }
    add_weights(run, &layer->up, x, dup);
    fs_linear_backward(run->backend, &layer->up, T, dup, F, beta, dx);
}

static size_t neurons(const struct fs_layer_run *run, size_t part, const fs_real *dy, const fs_real **value)
{
    (void)part;
    *value = run->activations->active;
    fs_linear_backward(run->backend, &run->layer->down, run->tokens, dy, run->spec->hidden, 0,
                       run->workspace->dffn.data);
    return run->layer->spec->ffn;
}

static const struct fs_ffn_kind one = {inner, output, inner_backward, neurons};

const struct fs_ffn_kind *fs_ffn_kind_of(const struct fs_layer_spec *layer)
{
    return layer->experts > 0 ? &fs_ffn_experts : &one;
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_ffn_kind *ffn = run->layer->ffn;
    ffn->inner(run, run->stream[step->from]);
    if (run->workspace->dropout != NULL) {
        size_t numbers = run->tokens * run->spec->hidden;
        fs_real *out = step->residual == FS_STREAM_NONE ? run->stream[step->to] : run->workspace->dropped.data;
        ffn->output(run, NULL, out);
        fs_layer_drop(run, FS_DROP_FFN, 0, out, numbers);
        if (step->residual != FS_STREAM_NONE) {
            fs_kernel_add_to(run->stream[step->residual], out, run->stream[step->to], numbers);
        }
        return;
    }
    ffn->output(run, step->residual == FS_STREAM_NONE ? NULL : run->stream[step->residual], run->stream[step->to]);
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const fs_real *dy = fs_layer_drop_backward(run, FS_DROP_FFN, run->gradient[step->to]);
    run->layer->ffn->backward(run, dy, step->joins ? 1 : 0, run->gradient[step->from]);
}

const struct fs_step_kind fs_step_ffn = {"ffn", forward, backward};

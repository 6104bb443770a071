/* The attention's contribution to the residual stream: to = residual + context W_O. */
#include "model/steps/layer.h"

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    fs_real *context = run->workspace->context.data;
    fs_copy_rows(run->activations->attention_copies, context, run->spec->heads * run->spec->head_size);
    size_t d = run->spec->hidden, numbers = run->tokens * d;
    bool drops = run->workspace->dropout != NULL;
    if (step->residual == FS_STREAM_NONE || drops) {
        fs_real *out = step->residual == FS_STREAM_NONE ? run->stream[step->to] : run->workspace->dropped.data;
        fs_linear(run->backend, &run->layer->attention_output, run->tokens, context, out, d);
        fs_layer_drop(run, FS_DROP_ATTENTION, 0, out, numbers);
        if (step->residual != FS_STREAM_NONE) {
            fs_kernel_add_to(run->stream[step->residual], out, run->stream[step->to], numbers);
        }
    } else {
        fs_linear_residual(run->backend, &run->layer->attention_output, run->tokens, context,
                           run->stream[step->residual], run->stream[step->to]);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const fs_real *dy = fs_layer_drop_backward(run, FS_DROP_ATTENTION, run->gradient[step->to]);
    if (run->sink != NULL) {
        const struct fs_linear_rows rows = {run->tokens, run->workspace->context.data, dy, run->spec->hidden, 1};
        fs_linear_weight_gradient(run->backend, &run->layer->attention_output, &rows, run->sink);
    }
    fs_linear_backward(run->backend, &run->layer->attention_output, run->tokens, dy, run->spec->hidden, 0,
                       run->workspace->dcontext.data);
}

const struct fs_step_kind fs_step_output = {"output", forward, backward};

/* The attention's contribution to the residual stream: to = residual + context W_O. */
#include "model/steps/layer.h"

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    fs_real *context = run->workspace->context.data;
    fs_copy_rows(run->activations->attention_copies, context, run->spec->heads * run->spec->head_size);
    if (step->residual == FS_STREAM_NONE) {
        fs_linear(run->backend, &run->layer->attention_output, run->tokens, context, run->stream[step->to],
                  run->spec->hidden);
    } else {
        fs_linear_residual(run->backend, &run->layer->attention_output, run->tokens, context,
                           run->stream[step->residual], run->stream[step->to]);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    if (run->sink != NULL) {
        const struct fs_linear_rows rows = {run->tokens, run->workspace->context.data, run->gradient[step->to],
                                            run->spec->hidden, 1};
        fs_linear_weight_gradient(run->backend, &run->layer->attention_output, &rows, run->sink);
    }
    fs_linear_backward(run->backend, &run->layer->attention_output, run->tokens, run->gradient[step->to],
                       run->spec->hidden, 0, run->workspace->dcontext.data);
}

const struct fs_step_kind fs_step_output = {"output", forward, backward};

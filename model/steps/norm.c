/* LayerNorm or RMSNorm of `from` into `to`; with a residual, `from` is overwritten and added to it. */
#include <string.h>

#include "model/steps/layer.h"

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    size_t d = run->spec->hidden;
    fs_real *in = run->stream[step->from], *out = step->residual == FS_STREAM_NONE ? run->stream[step->to] : in;
    fs_real *keep = run->activations->norm_in[step->norm];
    if (keep != NULL) {
        memcpy(keep, in, run->tokens * d * sizeof *keep);
    }
    fs_kernel_norm(&run->layer->norm[step->norm], in, out, run->tokens, d);
    if (step->residual != FS_STREAM_NONE) {
        fs_kernel_add(run->stream[step->to], out, run->tokens * d);
    }
}

void fs_norm_weight_gradient(const struct fs_weight_sink *sink, const struct fs_norm *norm, const fs_real *in,
                             const fs_real *dout, size_t rows, size_t size)
{
    if (norm->gain != NULL) {
        fs_kernel_norm_weight_gradient(norm, in, dout, rows, size, fs_gradient_of(sink, norm->gain),
                                       norm->bias != NULL ? fs_gradient_of(sink, norm->bias) : NULL);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    if (run->sink != NULL) {
        fs_norm_weight_gradient(run->sink, &run->layer->norm[step->norm], run->activations->norm_in[step->norm],
                                run->gradient[step->to], run->tokens, run->spec->hidden);
        if (run->layer->spec->convolved && step->residual != FS_STREAM_NONE) { /* the convolution's output */
            memcpy(run->gradient[FS_STREAM_NORMED], run->gradient[step->to],
                   run->tokens * run->spec->hidden * sizeof(fs_real));
        }
    }
    fs_kernel_norm_backward(&run->layer->norm[step->norm], run->activations->norm_in[step->norm],
                            run->gradient[step->to], run->gradient[step->from], step->joins, run->tokens,
                            run->spec->hidden);
}

const struct fs_step_kind fs_step_norm = {"norm", forward, backward};

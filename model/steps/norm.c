/* LayerNorm or RMSNorm of `from` into `to`. */
#include <string.h>

#include "model/steps/layer.h"

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    size_t d = run->spec->hidden;
    const fs_real *in = run->stream[step->from];
    fs_real *keep = run->activations->norm_in[step->norm];
    if (keep != NULL) {
        memcpy(keep, in, run->tokens * d * sizeof *keep);
    }
    fs_kernel_norm(&run->layer->norm[step->norm], in, run->stream[step->to], run->tokens, d);
}

/* Added to the gradient of `from` where a residual branch passes the norm by, else set. */
static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    fs_real *din = run->gradient[step->from], *dout = run->gradient[step->to];
    fs_kernel_norm_backward(&run->layer->norm[step->norm], run->activations->norm_in[step->norm], dout, din,
                            din != dout, run->tokens, run->spec->hidden);
}

const struct fs_step_kind fs_step_norm = {"norm", forward, backward};

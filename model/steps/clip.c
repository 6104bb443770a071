/* Query, key and value numbers are cut off at +- clip. */
#include <string.h>

#include "model/steps/layer.h"

/* What is kept is the input: the positions turn what comes out. */
static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    size_t count = run->tokens * fs_spec_qkv_width(run->spec);
    fs_real *keep = run->activations->clip_in;
    if (keep != NULL) {
        memcpy(keep, run->activations->qkv, count * sizeof *keep);
    }
    fs_kernel_clip(run->activations->qkv, count, (fs_real)run->layer->spec->clip);
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    fs_kernel_clip_backward(run->activations->clip_in, run->workspace->dqkv.data,
                            run->tokens * fs_spec_qkv_width(run->spec), (fs_real)run->layer->spec->clip);
}

const struct fs_step_kind fs_step_clip = {"clip", forward, backward};

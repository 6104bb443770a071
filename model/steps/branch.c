/* Steps of branches that neither a norm nor a product ends: a copy, and a scaled addition. */
#include <string.h>

#include "model/steps/layer.h"

static void copy_forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    fs_real *to = run->stream[step->to];
    memcpy(to, run->stream[step->from], run->tokens * run->spec->hidden * sizeof *to);
}

static void copy_backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    fs_kernel_add(run->gradient[step->from], run->gradient[step->to], run->tokens * run->spec->hidden);
}

const struct fs_step_kind fs_step_copy = {"copy", copy_forward, copy_backward};

/* The convolution's output in the place of the stream, which another holds. Its gradient does not come by here: norm.c. */
static void put_backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    (void)run;
}

const struct fs_step_kind fs_step_put = {"put", copy_forward, put_backward};

/* to += m from */
static void scale_forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const fs_real *from = run->stream[step->from], scale = (fs_real)run->spec->residual_scale;
    fs_real *to = run->stream[step->to];
    for (size_t i = 0; i < run->tokens * run->spec->hidden; i++) {
        to[i] += scale * from[i];
    }
}

static void scale_backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const fs_real *dto = run->gradient[step->to], scale = (fs_real)run->spec->residual_scale;
    fs_real *dfrom = run->gradient[step->from];
    for (size_t i = 0; i < run->tokens * run->spec->hidden; i++) {
        dfrom[i] = scale * dto[i];
    }
}

const struct fs_step_kind fs_step_scale = {"scale", scale_forward, scale_backward};

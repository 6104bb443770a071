/*
 * act(conv(from)): each number of `to` is a sum over all numbers of `kernel` neighbouring rows of `from`, in a sequence with
 * zeros around it. The rows' numbers are laid side by side, in the order of the weights, so that it is one product. Only the
 * first layer has it, whose begin no gradient reaches: edits act behind the seam.
 */
#include "model/steps/layer.h"

int fs_convolution_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                           struct fs_error *err)
{
    size_t numbers = fs_batch_longest(batch) * spec->hidden * spec->convolution.kernel;
    return fs_scratch_reserve(&workspace->unfolded, numbers, "a convolution", err);
}

/* out (n, d kernel) from the rows x (n,d) of a sequence. */
static void unfold(const fs_real *x, size_t n, size_t d, size_t kernel, fs_real *out)
{
    size_t before = kernel / 2;
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < d; i++) {
            for (size_t o = 0; o < kernel; o++) {
                bool inside = t + o >= before && t + o - before < n;
                *out++ = inside ? x[(t + o - before) * d + i] : 0;
            }
        }
    }
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_convolution *convolution = &run->spec->convolution;
    size_t d = run->spec->hidden;
    fs_real *to = run->stream[step->to], *rows = run->workspace->unfolded.data;
    for (size_t s = 0; s < run->batch->sequences; s++) {
        size_t start = run->batch->start[s], n = run->batch->start[s + 1] - start;
        unfold(run->stream[step->from] + start * d, n, d, convolution->kernel, rows);
        fs_linear(run->backend, &run->layer->convolution, n, rows, to + start * d, d);
    }
    if (convolution->tanh) {
        fs_kernel_cap(to, run->tokens * d, 1); /* cap tanh(x / cap) */
    } else {
        fs_kernel_activation(convolution->activation, to, NULL, to, run->tokens * d);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    (void)run;
}

const struct fs_step_kind fs_step_convolution = {"convolution", forward, backward};

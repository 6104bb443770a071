/*
 * act(conv(from)): each number of `to` is a sum over all numbers of `kernel` neighbouring rows of `from`, in a sequence with
 * zeros around it. The rows' numbers are laid side by side, in the order of the weights, so that it is one product. Only the
 * first layer has it, whose begin no gradient reaches but in trainings of all weights: edits act behind the seam.
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

/* x (n,d) += what unfold would have taken from it, of `rows` (n, d kernel). */
static void fold(const fs_real *rows, size_t n, size_t d, size_t kernel, fs_real *x)
{
    size_t before = kernel / 2;
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < d; i++) {
            for (size_t o = 0; o < kernel; o++, rows++) {
                if (t + o >= before && t + o - before < n) {
                    x[(t + o - before) * d + i] += *rows;
                }
            }
        }
    }
}

/* The gradient of `to` is what the norm of the FFN has left there: norm.c. */
static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    const struct fs_convolution *convolution = &run->spec->convolution;
    const struct fs_linear *linear = &run->layer->convolution;
    size_t d = run->spec->hidden;
    fs_real *rows = run->workspace->unfolded.data, *z = run->workspace->dqkv.data; /* qkv has gone back before */
    for (size_t s = 0; run->sink != NULL && s < run->batch->sequences; s++) {
        size_t start = run->batch->start[s], n = run->batch->start[s + 1] - start;
        fs_real *gradient = run->gradient[step->to] + start * d;
        unfold(run->stream[step->from] + start * d, n, d, convolution->kernel, rows);
        fs_linear(run->backend, linear, n, rows, z, d);
        if (convolution->tanh) {
            fs_kernel_cap(z, n * d, 1);
            fs_kernel_cap_backward(z, gradient, gradient, n * d, 1);
        } else {
            fs_kernel_activation_backward(convolution->activation, z, NULL, gradient, gradient, NULL, n * d);
        }
        const struct fs_linear_rows gone = {n, rows, gradient, d, 1};
        fs_linear_weight_gradient(run->backend, linear, &gone, run->sink);
        fs_linear_backward(run->backend, linear, n, gradient, d, 0, rows);
        fold(rows, n, d, convolution->kernel, run->gradient[step->from] + start * d);
    }
}

const struct fs_step_kind fs_step_convolution = {"convolution", forward, backward};

/*
 * Query and key heads of qkv through a norm: each its own D numbers, with one gain for all query heads and one for all key
 * heads or with a gain of its own; or all query heads, and all key heads, as one row.
 */
#include <string.h>

#include "model/steps/layer.h"

/* Some numbers of a row that one norm takes: `rows` times `size` of them from `column` on. */
struct stretch {
    const struct fs_norm *norm;
    size_t column, rows, size;
};

static size_t stretches(const struct fs_layer_run *run)
{
    return run->layer->spec->head_norm == FS_HEAD_NORM_OWN ? run->spec->heads + run->spec->key_value_heads : 2;
}

static struct stretch stretch_of(const struct fs_layer_run *run, size_t index)
{
    const struct fs_spec *spec = run->spec;
    size_t D = spec->head_size;
    if (run->layer->spec->head_norm == FS_HEAD_NORM_OWN) {
        return (struct stretch){&run->layer->own_norm[index], index * D, 1, D};
    }
    size_t column = index == 0 ? 0 : spec->heads * D, heads = index == 0 ? spec->heads : spec->key_value_heads;
    const struct fs_norm *norm = index == 0 ? &run->layer->query_norm : &run->layer->key_norm;
    bool whole = run->layer->spec->head_norm == FS_HEAD_NORM_WHOLE;
    return (struct stretch){norm, column, whole ? 1 : heads, whole ? heads * D : D};
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    size_t width = fs_spec_qkv_width(run->spec), normed = fs_spec_turned_width(run->spec), count = stretches(run);
    fs_real *keep = run->activations->head_norm_in;
    for (size_t t = 0; t < run->tokens; t++) {
        fs_real *row = run->activations->qkv + t * width;
        if (keep != NULL) {
            memcpy(keep + t * normed, row, normed * sizeof *keep);
        }
        for (size_t i = 0; i < count; i++) {
            struct stretch at = stretch_of(run, i);
            fs_kernel_norm(at.norm, row + at.column, row + at.column, at.rows, at.size);
        }
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    size_t width = fs_spec_qkv_width(run->spec), normed = fs_spec_turned_width(run->spec), count = stretches(run);
    for (size_t t = 0; t < run->tokens; t++) {
        const fs_real *in = run->activations->head_norm_in + t * normed;
        fs_real *gradient = run->workspace->dqkv.data + t * width;
        for (size_t i = 0; i < count; i++) {
            struct stretch at = stretch_of(run, i);
            if (run->sink != NULL) {
                fs_norm_weight_gradient(run->sink, at.norm, in + at.column, gradient + at.column, at.rows, at.size);
            }
            fs_kernel_norm_backward(at.norm, in + at.column, gradient + at.column, gradient + at.column, false, at.rows,
                                    at.size);
        }
    }
}

const struct fs_step_kind fs_step_head_norm = {"head norm", forward, backward};

/* Each query and key head of qkv through a norm of its own D numbers; all query heads have one gain, all key heads too. */
#include <string.h>

#include "model/steps/layer.h"

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    const struct fs_spec *spec = run->spec;
    size_t D = spec->head_size, width = fs_spec_qkv_width(spec), normed = fs_spec_turned_width(spec);
    fs_real *keep = run->activations->head_norm_in;
    for (size_t t = 0; t < run->tokens; t++) {
        fs_real *query = run->activations->qkv + t * width, *key = query + spec->heads * D;
        if (keep != NULL) {
            memcpy(keep + t * normed, query, normed * sizeof *keep);
        }
        fs_kernel_norm(&run->layer->query_norm, query, query, spec->heads, D);
        fs_kernel_norm(&run->layer->key_norm, key, key, spec->key_value_heads, D);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    const struct fs_spec *spec = run->spec;
    size_t D = spec->head_size, width = fs_spec_qkv_width(spec), normed = fs_spec_turned_width(spec);
    for (size_t t = 0; t < run->tokens; t++) {
        const fs_real *query = run->activations->head_norm_in + t * normed, *key = query + spec->heads * D;
        fs_real *dquery = run->workspace->dqkv.data + t * width, *dkey = dquery + spec->heads * D;
        fs_kernel_norm_backward(&run->layer->query_norm, query, dquery, dquery, false, spec->heads, D);
        fs_kernel_norm_backward(&run->layer->key_norm, key, dkey, dkey, false, spec->key_value_heads, D);
    }
}

const struct fs_step_kind fs_step_head_norm = {"head norm", forward, backward};

#include "model/backward.h"

#include <stdlib.h>
#include <string.h>

#include "model/engine_parts.h"
#include "model/kernels.h"

struct fs_tape {
    /* of the last fs_upper_forward; the callers' */
    const struct fs_batch *batch;
    const struct fs_edit *edit;
    const fs_real *x;
    /* of the last fs_upper_forward; in `memory` */
    struct fs_activations *activations; /* [layers], filled above edit->first_layer */
    fs_real *ffn_norm_in;               /* (T,d) of the edit's first layer, post-norm families alone */
    struct fs_scratch memory, inner;
    /* of the last fs_tape_read */
    size_t rows;
    size_t *row; /* [rows] */
    struct fs_scratch gathered, dense;
};

int fs_tape_create(const struct fs_model *model, struct fs_tape **tape, struct fs_error *err)
{
    *tape = fs_allocate(1, sizeof **tape, "a tape", err);
    if (*tape == NULL) {
        return -1;
    }
    (*tape)->activations = fs_allocate(model->spec.layers, sizeof *(*tape)->activations, "a tape", err);
    if ((*tape)->activations == NULL) {
        free(*tape);
        *tape = NULL;
        return -1;
    }
    return 0;
}

void fs_tape_destroy(struct fs_tape *tape)
{
    if (tape == NULL) {
        return;
    }
    free(tape->activations);
    free(tape->memory.data);
    free(tape->inner.data);
    free(tape->row);
    free(tape->gathered.data);
    free(tape->dense.data);
    free(tape);
}

size_t fs_tape_bytes(const struct fs_tape *tape)
{
    return (tape->memory.capacity + tape->inner.capacity + tape->gathered.capacity + tape->dense.capacity) *
           sizeof(fs_real);
}

/* ---- forward ---- */

static fs_real *take(fs_real **free_memory, size_t count)
{
    fs_real *taken = *free_memory;
    *free_memory += count;
    return taken;
}

/* One block for all layers above the edit's first; `active` goes to the workspace, for the backward pass makes do without.
 */
static int lay_out(const struct fs_model *model, struct fs_tape *tape, const struct fs_batch *batch, size_t layer,
                   const struct fs_activations *workspace_trail, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    size_t T = batch->tokens, d = spec->hidden, width = (spec->heads + 2 * spec->key_value_heads) * spec->head_size;
    size_t weights = fs_attention_weights(spec, batch);
    size_t gate = spec->gated ? T * spec->ffn : 0;
    size_t one = 2 * T * d + T * width + weights + T * spec->ffn + gate;
    size_t count = (spec->layers - layer - 1) * one + T * d;
    if (fs_scratch_reserve(&tape->memory, count, "the memory of a backward pass; use smaller batches", err) != 0) {
        return -1;
    }
    fs_real *place = tape->memory.data;
    tape->ffn_norm_in = take(&place, T * d);
    for (size_t l = layer + 1; l < spec->layers; l++) {
        struct fs_activations *activations = &tape->activations[l];
        activations->attention_norm_in = take(&place, T * d);
        activations->ffn_norm_in = take(&place, T * d);
        activations->qkv = take(&place, T * width);
        activations->weights = take(&place, weights);
        activations->up = take(&place, T * spec->ffn);
        activations->gate = take(&place, gate);
        activations->active = workspace_trail->active;
    }
    return 0;
}

int fs_upper_forward(const struct fs_model *model, struct fs_workspace *workspace, struct fs_tape *tape,
                     const struct fs_batch *batch, const struct fs_edit *edit, const fs_real *x, const fs_real *base,
                     fs_real *h, struct fs_error *err)
{
    struct fs_activations activations;
    if (fs_layer_prepare(model, workspace, batch, &activations, err) != 0 ||
        fs_edit_prepare(model, &tape->inner, batch->tokens, edit, err) != 0 ||
        lay_out(model, tape, batch, edit->first_layer, &activations, err) != 0) {
        return -1;
    }
    tape->batch = batch;
    tape->edit = edit;
    tape->x = x;
    memcpy(h, base, batch->tokens * model->spec.hidden * sizeof *h);
    fs_layer_join(model, batch->tokens, edit->first_layer, edit, x, tape->ffn_norm_in, tape->inner.data, h);
    for (size_t l = edit->first_layer + 1; l < model->spec.layers; l++) {
        fs_layer_to_ffn(model, workspace, batch, l, &tape->activations[l], h, workspace->x.data);
        fs_layer_join(model, batch->tokens, l, NULL, workspace->x.data, tape->activations[l].ffn_norm_in, NULL, h);
    }
    return 0;
}

int fs_tape_read(const struct fs_model *model, struct fs_workspace *workspace, struct fs_tape *tape, const fs_real *h,
                 size_t rows, const size_t *row, fs_real *logprob, struct fs_error *err)
{
    size_t d = model->spec.hidden;
    free(tape->row);
    tape->rows = 0;
    tape->row = fs_allocate(rows, sizeof *tape->row, "read positions", err);
    if (tape->row == NULL || fs_scratch_reserve(&tape->gathered, rows * d, "read positions", err) != 0 ||
        fs_scratch_reserve(&tape->dense, rows * d, "read positions", err) != 0) {
        return -1;
    }
    memcpy(tape->row, row, rows * sizeof *row);
    tape->rows = rows;
    fs_real *inputs;
    if (fs_head_inputs(model, workspace, h, rows, row, tape->gathered.data, tape->dense.data, &inputs, err) != 0) {
        return -1;
    }
    fs_head_distributions(model, inputs, rows, logprob);
    return 0;
}

/* ---- backward ---- */

static void norm_backward(const struct fs_model *model, const struct fs_norm *norm, const fs_real *in,
                          const fs_real *dout, fs_real *din, bool add, size_t rows)
{
    fs_kernel_norm_backward(model->spec.norm_kind, model->spec.norm_epsilon, norm, in, dout, din, add, rows,
                            model->spec.hidden);
}

int fs_tape_read_backward(const struct fs_model *model, struct fs_workspace *workspace, struct fs_tape *tape,
                          const fs_real *dlogits, fs_real *dh, struct fs_error *err)
{
    size_t d = model->spec.hidden, R = tape->rows, V = model->spec.vocabulary;
    if (fs_scratch_reserve(&workspace->rows, R * d, "gradients", err) != 0 ||
        fs_scratch_reserve(&workspace->transformed, R * d, "gradients", err) != 0) {
        return -1;
    }
    fs_real *drow = workspace->rows.data;
    fs_linear_backward(&model->head, R, dlogits, V, 0, drow);
    if (model->transform.weight != NULL) {
        fs_real *active = workspace->transformed.data;
        fs_kernel_activation(model->spec.activation, tape->dense.data, NULL, active, R * d);
        norm_backward(model, &model->transform_norm, active, drow, drow, false, R);
        fs_kernel_activation_backward(model->spec.activation, tape->dense.data, NULL, drow, active, NULL, R * d);
        fs_linear_backward(&model->transform, R, active, d, 0, drow);
    } else {
        norm_backward(model, &model->final_norm, tape->gathered.data, drow, drow, false, R);
    }
    memset(dh, 0, tape->batch->tokens * d * sizeof *dh);
    for (size_t r = 0; r < R; r++) {
        fs_kernel_add(dh + tape->row[r] * d, drow + r * d, d);
    }
    return 0;
}

/* dx (T,d) = beta dx + gradient through FFN(x) alone; up, gate: before the activation. */
static void ffn_backward(const struct fs_model *model, struct fs_workspace *workspace, size_t T, size_t layer,
                         const struct fs_activations *activations, const fs_real *dy, fs_real beta, fs_real *dx)
{
    const struct fs_layer *weights = &model->layer[layer];
    size_t F = model->spec.ffn;
    fs_real *dup = workspace->dffn.data, *dgate = workspace->dgate.data;
    fs_linear_backward(&weights->down, T, dy, model->spec.hidden, 0, dup);
    if (model->spec.gated) {
        fs_kernel_activation_backward(model->spec.activation, activations->gate, activations->up, dup, dgate, dup,
                                      T * F);
        fs_linear_backward(&weights->gate, T, dgate, F, beta, dx);
        beta = 1;
    } else {
        fs_kernel_activation_backward(model->spec.activation, activations->up, NULL, dup, dup, NULL, T * F);
    }
    fs_linear_backward(&weights->up, T, dup, F, beta, dx);
}

/* dx (T,d) = beta dx + gradient of what the projections read, given dy (T,d) at the attention output. */
static void attention_backward(const struct fs_model *model, struct fs_workspace *workspace,
                               const struct fs_batch *batch, size_t layer, const struct fs_activations *activations,
                               const fs_real *dy, fs_real beta, fs_real *dx)
{
    const struct fs_spec *spec = &model->spec;
    const struct fs_layer *weights = &model->layer[layer];
    size_t width = (spec->heads + 2 * spec->key_value_heads) * spec->head_size;
    fs_linear_backward(&weights->attention_output, batch->tokens, dy, spec->hidden, 0, workspace->dcontext.data);
    fs_attention_backward(spec, workspace, batch, activations->qkv, activations->weights, workspace->dcontext.data,
                          workspace->dqkv.data);
    fs_rotary_apply(spec, workspace, batch, workspace->dqkv.data, -1);
    const fs_real *part = workspace->dqkv.data;
    for (size_t i = 0; i < weights->projections; i++) {
        fs_linear_backward(&weights->projection[i], batch->tokens, part, width, i == 0 ? beta : 1, dx);
        part += weights->projection[i].outputs;
    }
}

/* dh (T,d): gradient of the layer's output, becomes that of its input. */
static void layer_backward(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_batch *batch,
                           size_t layer, const struct fs_activations *activations, fs_real *dh)
{
    const struct fs_layer *weights = &model->layer[layer];
    size_t T = batch->tokens;
    if (model->spec.norm_place == FS_PRE_NORM) {
        fs_real *branch = workspace->dstate.data;
        ffn_backward(model, workspace, T, layer, activations, dh, 0, branch);
        norm_backward(model, &weights->ffn_norm, activations->ffn_norm_in, branch, dh, true, T);
        attention_backward(model, workspace, batch, layer, activations, dh, 0, branch);
        norm_backward(model, &weights->attention_norm, activations->attention_norm_in, branch, dh, true, T);
    } else {
        norm_backward(model, &weights->ffn_norm, activations->ffn_norm_in, dh, dh, false, T);
        ffn_backward(model, workspace, T, layer, activations, dh, 1, dh);
        norm_backward(model, &weights->attention_norm, activations->attention_norm_in, dh, dh, false, T);
        attention_backward(model, workspace, batch, layer, activations, dh, 1, dh);
    }
}

int fs_upper_backward(const struct fs_model *model, struct fs_workspace *workspace, struct fs_tape *tape, fs_real *dh,
                      fs_real *gradient, fs_real *dx, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    const struct fs_batch *batch = tape->batch;
    size_t T = batch->tokens, layer = tape->edit->first_layer;
    size_t width = (spec->heads + 2 * spec->key_value_heads) * spec->head_size;
    struct fs_activations activations;
    if (fs_layer_prepare(model, workspace, batch, &activations, err) != 0 ||
        fs_scratch_reserve(&workspace->dffn, T * spec->ffn, "gradients", err) != 0 ||
        (spec->gated && fs_scratch_reserve(&workspace->dgate, T * spec->ffn, "gradients", err) != 0) ||
        fs_scratch_reserve(&workspace->dqkv, T * width, "gradients", err) != 0 ||
        fs_scratch_reserve(&workspace->dcontext, T * spec->heads * spec->head_size, "gradients", err) != 0 ||
        fs_scratch_reserve(&workspace->dstate, T * spec->hidden, "gradients", err) != 0 ||
        fs_scratch_reserve(&workspace->inner, T * fs_edit_inner_size(tape->edit), "gradients", err) != 0) {
        return -1;
    }
    for (size_t l = spec->layers - 1; l > layer; l--) {
        layer_backward(model, workspace, batch, l, &tape->activations[l], dh);
    }
    if (spec->norm_place == FS_POST_NORM) {
        norm_backward(model, &model->layer[layer].ffn_norm, tape->ffn_norm_in, dh, dh, false, T);
    }
    tape->edit->kind->ffn_output_backward(tape->edit, T, tape->x, tape->inner.data, dh, workspace->inner.data, gradient,
                                          dx);
    if (dx != NULL) {
        /* The FFN itself ran outside the tape: its inner values are computed again. */
        activations.active = workspace->dffn.data;
        fs_ffn_inner(model, T, layer, &activations, tape->x);
        ffn_backward(model, workspace, T, layer, &activations, dh, 1, dx);
    }
    return 0;
}

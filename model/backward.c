#include "model/backward.h"

#include <stdlib.h>
#include <string.h>

#include "model/engine_parts.h"

struct fs_tape {
    /* of the last fs_upper_forward; the callers' */
    struct fs_pass pass;
    const fs_real *x;
    /* of the last fs_upper_forward; in `memory` */
    struct fs_activations *activations; /* [layers], filled above the edit's first layer */
    fs_real *norm_in;                   /* (T,d) of each norm behind the edit, where there are any */
    struct fs_scratch memory, inner;
    struct fs_scratch key; /* (T,F) of the edit's first layer, where the edit reads them */
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
    free(tape->key.data);
    free(tape->row);
    free(tape->gathered.data);
    free(tape->dense.data);
    free(tape);
}

size_t fs_tape_bytes(const struct fs_tape *tape)
{
    return (tape->memory.capacity + tape->inner.capacity + tape->key.capacity + tape->gathered.capacity +
            tape->dense.capacity) *
           sizeof(fs_real);
}

/* ---- forward ---- */

static fs_real *take(fs_real **free_memory, size_t count)
{
    fs_real *taken = *free_memory;
    *free_memory += count;
    return taken;
}

/* Of what a norm of the edit's first layer reads, behind the edit. */
static size_t numbers_behind(const struct fs_pass *pass)
{
    const struct fs_spec *spec = &pass->model->spec;
    return (spec->layer[pass->edit->first_layer].convolved ? 2 : 1) * pass->batch->tokens * spec->hidden;
}

size_t fs_layer_kept_numbers(const struct fs_pass *pass, size_t layer)
{
    const struct fs_spec *spec = &pass->model->spec;
    const struct fs_layer_spec *own = &spec->layer[layer];
    size_t T = pass->batch->tokens, width = fs_spec_qkv_width(spec), turned = fs_spec_turned_width(spec);
    return fs_layer_norm_count(spec, own) * T * spec->hidden + T * width + (own->clip > 0 ? T * width : 0) +
           (own->head_norm != FS_NO_HEAD_NORM ? T * turned : 0) + fs_attention_weights(spec, pass->batch) +
           T * fs_layer_inner_width(own) * (own->gated ? 2 : 1) + T * own->experts;
}

/* Of the block that lay_out lays out. */
static size_t numbers_above(const struct fs_pass *pass)
{
    size_t count = numbers_behind(pass);
    for (size_t l = pass->edit->first_layer + 1; l < pass->model->spec.layers; l++) {
        count += fs_layer_kept_numbers(pass, l);
    }
    return count;
}

/* Of the keys that the edit reads. */
static size_t numbers_of_keys(const struct fs_pass *pass)
{
    size_t layer = pass->edit->first_layer;
    return fs_layer_needs_keys(pass, layer)
               ? pass->batch->tokens * fs_layer_inner_width(&pass->model->spec.layer[layer])
               : 0;
}

size_t fs_tape_numbers(const struct fs_pass *pass, size_t rows)
{
    const struct fs_spec *spec = &pass->model->spec;
    return numbers_above(pass) + pass->batch->tokens * fs_edit_inner_size(pass->edit) + numbers_of_keys(pass) +
           rows * (spec->hidden + fs_spec_embedding(spec));
}

void fs_layer_lay_out(const struct fs_pass *pass, size_t layer, fs_real *active, fs_real **place,
                      struct fs_activations *activations)
{
    const struct fs_spec *spec = &pass->model->spec;
    const struct fs_layer_spec *own = &spec->layer[layer];
    size_t T = pass->batch->tokens, width = fs_spec_qkv_width(spec), inner = T * fs_layer_inner_width(own);
    for (int norm = 0; norm < FS_LAYER_NORMS; norm++) {
        bool has = fs_layer_has_norm(spec, own, (enum fs_layer_norm)norm);
        activations->norm_in[norm] = has ? take(place, T * spec->hidden) : NULL;
    }
    activations->qkv = take(place, T * width);
    activations->clip_in = take(place, own->clip > 0 ? T * width : 0);
    activations->head_norm_in = take(place, own->head_norm != FS_NO_HEAD_NORM ? T * fs_spec_turned_width(spec) : 0);
    activations->weights = take(place, fs_attention_weights(spec, pass->batch));
    activations->up = take(place, inner);
    activations->gate = take(place, own->gated ? inner : 0);
    activations->chosen = take(place, T * own->experts);
    activations->active = active;
}

/* One block for all layers above the edit's first; `active` goes to the workspace, for the backward pass makes do without.
 */
static int lay_out(const struct fs_pass *pass, struct fs_tape *tape, const struct fs_activations *in_workspace,
                   struct fs_error *err)
{
    const struct fs_spec *spec = &pass->model->spec;
    if (fs_scratch_reserve(&tape->memory, numbers_above(pass), "the memory of a backward pass; use smaller batches",
                           err) != 0) {
        return -1;
    }
    fs_real *place = tape->memory.data;
    tape->norm_in = take(&place, numbers_behind(pass));
    for (size_t l = pass->edit->first_layer + 1; l < spec->layers; l++) {
        fs_layer_lay_out(pass, l, in_workspace->active, &place, &tape->activations[l]);
    }
    return 0;
}

fs_real *fs_layer_norm_behind(const struct fs_activations *activations)
{
    fs_real *output = activations->norm_in[FS_FFN_OUTPUT_NORM];
    return output != NULL ? output : activations->norm_in[FS_FFN_NORM];
}

int fs_upper_forward(const struct fs_pass *pass, struct fs_tape *tape, const fs_real *x, const fs_real *base,
                     fs_real *h, struct fs_error *err)
{
    const struct fs_spec *spec = &pass->model->spec;
    size_t layer = pass->edit->first_layer;
    struct fs_activations activations;
    if (fs_layer_prepare(pass, &activations, err) != 0 || fs_edit_prepare(pass, &tape->inner, err) != 0 ||
        fs_scratch_reserve(&tape->key, numbers_of_keys(pass), "the keys of an FFN", err) != 0 ||
        lay_out(pass, tape, &activations, err) != 0) {
        return -1;
    }
    tape->pass = *pass;
    tape->x = x;
    fs_real *y = fs_layer_take_base(pass, base, h, err);
    if (y == NULL) {
        return -1;
    }
    if (fs_layer_needs_keys(pass, layer)) {
        struct fs_activations kept = activations;
        kept.active = tape->key.data;
        fs_layer_keys(pass, layer, &kept, x);
    }
    fs_layer_join(pass, layer, &(const struct fs_seam){x, tape->key.data, tape->inner.data}, tape->norm_in, h, y);
    struct fs_pass above = *pass;
    above.edit = NULL;
    fs_real *x_above = pass->workspace->x.data;
    for (size_t l = layer + 1; l < spec->layers; l++) {
        fs_layer_to_ffn(&above, l, &tape->activations[l], h, y, x_above);
        fs_layer_join(&above, l, &(const struct fs_seam){.x = x_above}, fs_layer_norm_behind(&tape->activations[l]), h,
                      y);
    }
    return 0;
}

int fs_tape_read(struct fs_tape *tape, const fs_real *h, size_t rows, const size_t *row, fs_real *logprob,
                 struct fs_error *err)
{
    const struct fs_model *model = tape->pass.model;
    size_t d = model->spec.hidden;
    free(tape->row);
    tape->rows = 0;
    tape->row = fs_allocate(rows, sizeof *tape->row, "read positions", err);
    if (tape->row == NULL || fs_scratch_reserve(&tape->gathered, rows * d, "read positions", err) != 0 ||
        fs_scratch_reserve(&tape->dense, rows * fs_spec_embedding(&model->spec), "read positions", err) != 0) {
        return -1;
    }
    memcpy(tape->row, row, rows * sizeof *row);
    tape->rows = rows;
    const struct fs_head_kept kept = {tape->gathered.data, tape->dense.data};
    const fs_real *inputs = fs_head_inputs(model, tape->pass.workspace, h, rows, row, &kept, err);
    if (inputs == NULL) {
        return -1;
    }
    fs_head_distributions(model, inputs, rows, logprob);
    return 0;
}

/* ---- backward ---- */

void fs_tape_take_over(struct fs_tape *tape, struct fs_workspace *workspace)
{
    tape->pass.workspace = workspace;
}

int fs_tape_read_backward(struct fs_tape *tape, const fs_real *dlogits, fs_real *dh, struct fs_error *err)
{
    const struct fs_model *model = tape->pass.model;
    size_t d = model->spec.hidden, R = tape->rows;
    const struct fs_head_kept kept = {tape->gathered.data, tape->dense.data};
    const fs_real *drow = fs_head_backward(model, tape->pass.workspace, &kept, R, dlogits, NULL, err);
    if (drow == NULL) {
        return -1;
    }
    memset(dh, 0, tape->pass.batch->tokens * d * sizeof *dh);
    for (size_t r = 0; r < R; r++) {
        fs_kernel_add(dh + tape->row[r] * d, drow + r * d, d);
    }
    return 0;
}

int fs_layer_prepare_backward(const struct fs_pass *pass, struct fs_error *err)
{
    const struct fs_spec *spec = &pass->model->spec;
    struct fs_workspace *workspace = pass->workspace;
    size_t T = pass->batch->tokens, ffn = fs_spec_inner_width(spec), experts = fs_spec_most_experts(spec);
    return fs_scratch_reserve(&workspace->dffn, T * (ffn > experts ? ffn : experts), "gradients", err) == 0 &&
                   ((!fs_spec_gated(spec) && experts == 0) ||
                    fs_scratch_reserve(&workspace->dgate, T * ffn, "gradients", err) == 0) &&
                   fs_scratch_reserve(&workspace->dchosen, T * experts, "gradients", err) == 0 &&
                   fs_scratch_reserve(&workspace->dqkv, T * fs_spec_qkv_width(spec), "gradients", err) == 0 &&
                   fs_scratch_reserve(&workspace->dcontext, T * spec->heads * spec->head_size, "gradients", err) == 0 &&
                   fs_scratch_reserve(&workspace->dstate, T * spec->hidden, "gradients", err) == 0
               ? 0
               : -1;
}

struct fs_layer_run fs_layer_begin_backward(const struct fs_pass *pass, size_t layer,
                                            const struct fs_activations *activations, fs_real *dh)
{
    struct fs_layer_run run = fs_layer_begin(pass, layer, activations);
    fs_real *branch = pass->workspace->dstate.data;
    for (int stream = 0; stream < FS_STREAMS; stream++) {
        run.gradient[stream] = run.layer->residual[stream] ? dh : branch;
    }
    return run;
}

/* What W_out of a layer above the edit's first read, and the gradient of what it put out, to an edit that sees both. */
static void show_upper_layer(const struct fs_tape *tape, size_t layer, const struct fs_layer_run *run,
                             fs_real *gradient)
{
    const struct fs_pass *pass = &tape->pass;
    const struct fs_layer_spec *own = &pass->model->spec.layer[layer];
    const struct fs_activations *activations = run->activations;
    fs_real *key = pass->workspace->dffn.data; /* `active` is not kept: made again */
    if (!pass->edit->kind->sees_upper_layers || own->experts > 0) {
        return;
    }
    fs_kernel_activation(own->activation, own->gated ? activations->gate : activations->up,
                         own->gated ? activations->up : NULL, key, run->tokens * own->ffn);
    const struct fs_edit_run edited = {
        .backend = pass->model->backend, .layer = layer, .tokens = run->tokens, .key = key};
    pass->edit->kind->ffn_output_backward(pass->edit, &edited, run->gradient[FS_STREAM_Y], NULL, gradient, NULL);
}

int fs_upper_backward(struct fs_tape *tape, fs_real *dh, fs_real *gradient, fs_real *dx, struct fs_error *err)
{
    const struct fs_pass *pass = &tape->pass;
    const struct fs_spec *spec = &pass->model->spec;
    const struct fs_edit *edit = pass->edit;
    struct fs_workspace *workspace = pass->workspace;
    size_t T = pass->batch->tokens, layer = edit->first_layer;
    struct fs_activations activations;
    if (dx != NULL && edit->kind->reads_keys) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "the gradient of x through an edit of kind %s is not computed",
                            edit->kind->name);
    }
    if (fs_layer_prepare(pass, &activations, err) != 0 || fs_layer_prepare_backward(pass, err) != 0 ||
        fs_scratch_reserve(&workspace->inner, T * fs_edit_inner_size(edit), "gradients", err) != 0) {
        return -1;
    }
    for (size_t l = spec->layers - 1; l > layer; l--) {
        struct fs_layer_run run = fs_layer_begin_backward(pass, l, &tape->activations[l], dh);
        fs_steps_backward(&run, run.layer->seam, run.layer->steps);
        show_upper_layer(tape, l, &run, gradient);
        fs_steps_backward(&run, 0, run.layer->seam);
    }
    /* The part of the edited layer up to its seam ran outside the tape: its inner values are computed again. */
    activations.active = workspace->dffn.data;
    activations.norm_in[FS_FFN_NORM] = activations.norm_in[FS_FFN_OUTPUT_NORM] = tape->norm_in;
    if (spec->layer[layer].convolved) {
        activations.norm_in[FS_CONVOLUTION_NORM] = tape->norm_in + T * spec->hidden;
    }
    struct fs_layer_run run = fs_layer_begin_backward(pass, layer, &activations, dh);
    fs_steps_backward(&run, run.layer->seam, run.layer->steps);
    const struct fs_edit_run edited = {.backend = pass->model->backend,
                                       .layer = layer,
                                       .tokens = T,
                                       .x = tape->x,
                                       .key = tape->key.data,
                                       .inner = tape->inner.data};
    const fs_real *dy = run.gradient[FS_STREAM_Y];
    edit->kind->ffn_output_backward(edit, &edited, dy, workspace->inner.data, gradient, dx);
    if (dx != NULL) {
        run.layer->ffn->inner(&run, tape->x);
        run.layer->ffn->backward(&run, dy, 1, dx);
    }
    return 0;
}

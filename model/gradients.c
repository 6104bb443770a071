#include "model/gradients.h"

#include <stdlib.h>
#include <string.h>

#include "model/engine_parts.h"
#include "model/steps/scores.h"

struct fs_gradients {
    struct fs_pass pass;      /* of the last forward call */
    struct fs_scratch states; /* (layers + 1,T,d): what enters each layer, and the top */
    struct fs_scratch now;    /* (2,T,d): the layer's output, computed again; the gradient of the residual stream */
    struct fs_scratch layer;  /* what the backward pass of one layer needs */
    struct fs_scratch gathered, dense;
    size_t rows;
    size_t *row; /* [rows] */
};

/* Parts of a layer's FFN: 1; with experts each of them, of fs_layer_spec.ffn neurons, and their biases. */
static size_t ffn_parts(const struct fs_layer_spec *layer)
{
    return layer->experts > 0 ? layer->experts + 1 : 1;
}

int fs_gradients_create(const struct fs_model *model, struct fs_gradients **gradients, struct fs_error *err)
{
    *gradients = fs_allocate(1, sizeof **gradients, "the states of a backward pass", err);
    if (*gradients == NULL) {
        return -1;
    }
    (*gradients)->pass.model = model;
    return 0;
}

void fs_gradients_destroy(struct fs_gradients *gradients)
{
    if (gradients == NULL) {
        return;
    }
    free(gradients->states.data);
    free(gradients->now.data);
    free(gradients->layer.data);
    free(gradients->gathered.data);
    free(gradients->dense.data);
    free(gradients->row);
    free(gradients);
}

size_t fs_gradients_bytes(const struct fs_gradients *gradients)
{
    return (gradients->states.capacity + gradients->now.capacity + gradients->layer.capacity +
            gradients->gathered.capacity + gradients->dense.capacity) *
           sizeof(fs_real);
}

/* Of the layer that keeps most. */
static size_t layer_numbers(const struct fs_pass *pass)
{
    size_t most = 0;
    for (size_t l = 0; l < pass->model->spec.layers; l++) {
        size_t count = fs_layer_kept_numbers(pass, l);
        most = count > most ? count : most;
    }
    return most;
}

size_t fs_gradients_numbers(const struct fs_pass *pass, size_t rows)
{
    const struct fs_spec *spec = &pass->model->spec;
    return (spec->layers + 3) * pass->batch->tokens * spec->hidden + layer_numbers(pass) +
           rows * (spec->hidden + fs_spec_embedding(spec));
}

static int reserve(struct fs_gradients *gradients, size_t rows, struct fs_error *err)
{
    static const char purpose[] = "the states of a backward pass";
    const struct fs_pass *pass = &gradients->pass;
    const struct fs_spec *spec = &pass->model->spec;
    size_t numbers = pass->batch->tokens * spec->hidden;
    free(gradients->row);
    gradients->rows = rows;
    gradients->row = fs_allocate(rows, sizeof *gradients->row, purpose, err);
    return gradients->row != NULL &&
                   fs_scratch_reserve(&gradients->states, (spec->layers + 1) * numbers, purpose, err) == 0 &&
                   fs_scratch_reserve(&gradients->now, 2 * numbers, purpose, err) == 0 &&
                   fs_scratch_reserve(&gradients->layer, layer_numbers(pass), purpose, err) == 0 &&
                   fs_scratch_reserve(&gradients->gathered, rows * spec->hidden, purpose, err) == 0 &&
                   fs_scratch_reserve(&gradients->dense, rows * fs_spec_embedding(spec), purpose, err) == 0
               ? 0
               : -1;
}

int fs_gradients_forward(struct fs_gradients *gradients, const struct fs_pass *pass, const fs_real *noise, size_t rows,
                         const size_t *row, fs_real *logprob, struct fs_error *err)
{
    const struct fs_model *model = pass->model;
    size_t numbers = pass->batch->tokens * model->spec.hidden, V = model->spec.vocabulary;
    gradients->pass = *pass;
    if (reserve(gradients, rows, err) != 0) {
        return -1;
    }
    memcpy(gradients->row, row, rows * sizeof *row);
    fs_real *h = gradients->states.data;
    if (fs_embed(model, pass->workspace, pass->batch, noise, h, err) != 0) {
        return -1;
    }
    for (size_t l = 0; l < model->spec.layers; l++, h += numbers) {
        memcpy(h + numbers, h, numbers * sizeof *h);
        if (fs_run_layers(pass, l, l + 1, h + numbers, err) != 0) {
            return -1;
        }
    }
    const struct fs_head_kept kept = {gradients->gathered.data, gradients->dense.data};
    const fs_real *inputs = fs_head_inputs(model, pass->workspace, h, rows, row, &kept, err);
    if (inputs == NULL) {
        return -1;
    }
    fs_head_distributions(model, inputs, rows, logprob);
    return fs_head_check(logprob, rows * V, err);
}

/* dh (T,d): the gradient of the top state. */
static int begin(struct fs_gradients *gradients, const fs_real *dlogits, const struct fs_weight_sink *sink, fs_real *dh,
                 struct fs_error *err)
{
    const struct fs_pass *pass = &gradients->pass;
    const struct fs_head_kept kept = {gradients->gathered.data, gradients->dense.data};
    size_t d = pass->model->spec.hidden;
    const fs_real *drow = fs_head_backward(pass->model, pass->workspace, &kept, gradients->rows, dlogits, sink, err);
    if (drow == NULL) {
        return -1;
    }
    memset(dh, 0, pass->batch->tokens * d * sizeof *dh);
    for (size_t r = 0; r < gradients->rows; r++) {
        fs_kernel_add(dh + gradients->row[r] * d, drow + r * d, d);
    }
    return 0;
}

/* The step that ends the attention. */
static size_t output_step(const struct fs_layer *layer)
{
    size_t step = 0;
    while (layer->step[step].kind != &fs_step_output) {
        step++;
    }
    return step;
}

static void visit_ffn(const struct fs_layer_run *run, struct fs_component_view view, fs_component_visit *visit,
                      void *context)
{
    view.component = FS_COMPONENT_FFN;
    view.gradient = run->workspace->dffn.data;
    for (view.part = 0; view.part < ffn_parts(run->layer->spec); view.part++) {
        view.width = run->layer->ffn->neurons(run, view.part, run->gradient[FS_STREAM_Y], &view.value);
        if (view.width > 0) {
            visit(context, &view);
        }
    }
}

/* What a backward pass is for. */
struct use {
    fs_component_visit *visit; /* NULL: of weights alone */
    void *context;
    const struct fs_weight_sink *sink; /* NULL: weights are frozen */
};

/* What the steps have read, for the gradients of weights. */
static void set_streams(const struct fs_gradients *gradients, size_t layer, struct fs_layer_run *run)
{
    const struct fs_pass *pass = &gradients->pass;
    run->stream[FS_STREAM_H] = gradients->states.data + layer * pass->batch->tokens * pass->model->spec.hidden;
    run->stream[FS_STREAM_NORMED] = pass->workspace->normed.data;
    run->stream[FS_STREAM_X] = pass->workspace->x.data;
}

/* Through a layer: h (T,d) its input, in the end its output; dh (T,d) the gradient of its output, in the end of its input. */
static void go_through(struct fs_gradients *gradients, size_t layer, const struct fs_activations *activations,
                       const struct use *use)
{
    const struct fs_pass *pass = &gradients->pass;
    const struct fs_spec *spec = &pass->model->spec;
    struct fs_workspace *workspace = pass->workspace;
    size_t T = pass->batch->tokens, numbers = T * spec->hidden;
    fs_real *h = gradients->now.data, *dh = h + numbers, *y = fs_layer_branch(pass, h), *x = workspace->x.data;
    memcpy(h, gradients->states.data + layer * numbers, numbers * sizeof *h);
    fs_layer_to_ffn(pass, layer, activations, h, y, x);
    fs_layer_join(pass, layer, &(const struct fs_seam){.x = x}, fs_layer_norm_behind(activations), h, y);
    struct fs_component_view view = {FS_COMPONENT_RESIDUAL, layer, 0, T, spec->hidden, h, dh};
    if (use->visit != NULL) {
        use->visit(use->context, &view);
    }
    struct fs_layer_run run = fs_layer_begin_backward(pass, layer, activations, dh);
    size_t seam = run.layer->seam, output = output_step(run.layer);
    run.sink = use->sink;
    set_streams(gradients, layer, &run);
    fs_steps_backward(&run, seam, run.layer->steps);
    if (use->visit != NULL) {
        visit_ffn(&run, view, use->visit, use->context);
    }
    fs_steps_backward(&run, output, seam);
    view = (struct fs_component_view){
        FS_COMPONENT_ATTENTION,  layer, 0, T, spec->heads * spec->head_size, workspace->context.data,
        workspace->dcontext.data};
    if (use->visit != NULL) {
        use->visit(use->context, &view);
    }
    if (layer > 0 || use->sink != NULL) { /* nothing else reads the gradient of the embeddings */
        fs_steps_backward(&run, 0, output);
    }
}

static int run_back(struct fs_gradients *gradients, const fs_real *dlogits, const struct use *use, struct fs_error *err)
{
    const struct fs_pass *pass = &gradients->pass;
    fs_real *dh = gradients->now.data + pass->batch->tokens * pass->model->spec.hidden;
    struct fs_activations in_workspace;
    if (fs_layer_prepare(pass, &in_workspace, err) != 0 || fs_layer_prepare_backward(pass, err) != 0 ||
        begin(gradients, dlogits, use->sink, dh, err) != 0) {
        return -1;
    }
    bool relative = use->sink != NULL && pass->model->spec.disentangled.span > 0;
    if (relative && fs_disentangled_begin_weights(&pass->model->spec, pass->workspace, err) != 0) {
        return -1;
    }
    for (size_t l = pass->model->spec.layers; l-- > 0;) {
        struct fs_activations activations = {0};
        fs_real *place = gradients->layer.data;
        fs_layer_lay_out(pass, l, in_workspace.active, &place, &activations);
        go_through(gradients, l, &activations, use);
    }
    if (relative) {
        fs_disentangled_end_weights(&pass->model->spec, &pass->model->score_weights, pass->workspace, use->sink);
    }
    return use->sink != NULL ? fs_embed_backward(pass, dh, use->sink, err) : 0;
}

int fs_gradients_backward(struct fs_gradients *gradients, const fs_real *dlogits, fs_component_visit *visit,
                          void *context, struct fs_error *err)
{
    return run_back(gradients, dlogits, &(const struct use){.visit = visit, .context = context}, err);
}

int fs_gradients_weights(struct fs_gradients *gradients, const fs_real *dlogits, const struct fs_weight_sink *sink,
                         struct fs_error *err)
{
    return run_back(gradients, dlogits, &(const struct use){.sink = sink}, err);
}

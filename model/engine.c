#include "model/engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine_parts.h"

/* That what a sequence begins with stands before it, and that the model computes it as it would alone. */
static int check_path(const struct fs_spec *spec, const struct fs_batch *batch, size_t s, struct fs_error *err)
{
    size_t depth = fs_batch_depth(batch, s);
    if (depth == 0) {
        return 0;
    }
    if (batch->parent[s] >= s || depth > fs_batch_length(batch, batch->parent[s])) {
        return fs_error_set(err, FS_EXIT_SOFTWARE,
                            "sequence %zu of a batch: found %zu tokens of sequence %zu, expected some of one before it",
                            s, depth, batch->parent[s]);
    }
    if (fs_batch_length(batch, s) > fs_spec_shared_length(spec)) {
        return fs_error_set(err, FS_EXIT_SOFTWARE,
                            "sequence %zu of a batch: found %zu tokens that begin with another's, expected at most %zu",
                            s, fs_batch_length(batch, s), fs_spec_shared_length(spec));
    }
    return 0;
}

int fs_batch_check(const struct fs_model *model, const struct fs_batch *batch, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    if (batch->tokens > INT_MAX / 2 || batch->start[0] != 0 || batch->start[batch->sequences] != batch->tokens) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "batch: found %zu tokens in sequences from %zu to %zu, expected 0 to the "
                            "number of tokens, below 2^30",
                            batch->tokens, batch->start[0], batch->start[batch->sequences]);
    }
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t first = batch->start[s], end = batch->start[s + 1];
        if (end <= first || fs_batch_length(batch, s) > spec->max_positions) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "sequence %zu of a batch: found %zu tokens, expected 1 to %zu, the "
                                "longest the model takes",
                                s, end < first ? 0 : fs_batch_length(batch, s), spec->max_positions);
        }
        if (check_path(spec, batch, s, err) != 0) {
            return -1;
        }
    }
    for (size_t t = 0; t < batch->tokens; t++) {
        if (batch->token[t] < 0 || (size_t)batch->token[t] >= spec->vocabulary) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "token %zu of a batch: found id %d, expected 0 to %zu, the model's "
                                "vocabulary; do tokenizer and model belong together?",
                                t, (int)batch->token[t], spec->vocabulary - 1);
        }
    }
    return 0;
}

/* Rows of E numbers, of the words alone. */
static void embed_words(const struct fs_model *model, const struct fs_batch *batch, const fs_real *noise, fs_real *rows)
{
    size_t E = fs_spec_embedding(&model->spec);
    double scale = model->spec.embedding_scale;
    for (size_t t = 0; t < batch->tokens; t++) {
        fs_real *row = rows + t * E;
        fs_model_word(model, batch->token[t], row);
        if (noise != NULL) {
            fs_kernel_add(row, noise + t * E, E);
        }
        if (scale != 0.0 && scale != 1.0) {
            fs_kernel_scale(row, E, (fs_real)scale);
        }
    }
}

/* A row of an embedding is added to a row; or, where there is a sink, this one's gradient to that one's. */
static void meet(const fs_real *embedding, fs_real *row, size_t width, const struct fs_weight_sink *sink)
{
    if (sink == NULL) {
        fs_kernel_add(row, embedding, width);
    } else {
        fs_kernel_add(fs_gradient_of(sink, embedding), row, width);
    }
}

/* Token type and position of each row. */
static void embed_places(const struct fs_model *model, const struct fs_batch *batch, fs_real *rows,
                         const struct fs_weight_sink *sink)
{
    size_t width = fs_spec_added_width(&model->spec), first = model->spec.first_position;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t next = first + model->spec.position_offset + fs_batch_depth(batch, s);
        for (size_t t = batch->start[s]; t < batch->start[s + 1]; t++) {
            fs_real *row = rows + t * width;
            if (model->token_type != NULL) {
                meet(model->token_type, row, width, sink);
            }
            if (model->position != NULL) {
                bool pads = (size_t)batch->token[t] + 1 == first;
                meet(model->position + (pads ? first - 1 : next) * width, row, width, sink);
                next += pads ? 0 : 1;
            }
        }
    }
}

int fs_embed(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_batch *batch,
             const fs_real *noise, fs_real *h, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    enum fs_projection projection = spec->projection;
    size_t T = batch->tokens, d = spec->hidden, E = fs_spec_embedding(spec);
    if (fs_batch_check(model, batch, err) != 0 ||
        (projection != FS_NO_PROJECTION && fs_scratch_reserve(&workspace->normed, T * E, "embeddings", err) != 0)) {
        return -1;
    }
    fs_real *narrow = projection == FS_NO_PROJECTION ? h : workspace->normed.data;
    fs_real *added = projection == FS_PROJECT_WORDS ? h : narrow;
    fs_real *normed = projection == FS_PROJECT_NORMED ? narrow : h;
    embed_words(model, batch, noise, narrow);
    if (projection == FS_PROJECT_WORDS) {
        fs_linear(model->backend, &model->embedding_projection, T, narrow, h, d);
    }
    embed_places(model, batch, added, NULL);
    if (projection == FS_PROJECT_SUM) {
        fs_linear(model->backend, &model->embedding_projection, T, narrow, h, d);
    }
    if (model->embedding_norm.kind != FS_NO_NORM) {
        fs_kernel_norm(&model->embedding_norm, normed, normed, T, fs_spec_embedding_norm_width(spec));
    }
    if (projection == FS_PROJECT_NORMED) {
        fs_linear(model->backend, &model->embedding_projection, T, narrow, h, d);
    }
    if (workspace->dropout != NULL) {
        fs_dropout_apply(workspace->dropout, FS_DROP_EMBEDDING, 0, 0, h, T * d);
    }
    return 0;
}

/* What fs_embed made on the way, again. */
struct embedded {
    const fs_real *projected; /* (T,E) what the projection reads before the norm, where it does */
    const fs_real *sum;       /* what the norm reads */
    const fs_real *normed;    /* what the projection reads of FS_PROJECT_NORMED */
};

static int embed_again(const struct fs_pass *pass, struct embedded *embedded, struct fs_error *err)
{
    const struct fs_model *model = pass->model;
    struct fs_workspace *workspace = pass->workspace;
    const enum fs_projection projection = model->spec.projection;
    size_t T = pass->batch->tokens, E = fs_spec_embedding(&model->spec), d = model->spec.hidden, most = d > E ? d : E;
    if (fs_scratch_reserve(&workspace->normed, T * most, "embeddings", err) != 0 ||
        fs_scratch_reserve(&workspace->x, T * most, "embeddings", err) != 0 ||
        fs_scratch_reserve(&workspace->branch, T * most, "embeddings", err) != 0 ||
        fs_scratch_reserve(&workspace->dstate, T * most, "embeddings", err) != 0) {
        return -1;
    }
    fs_real *words = workspace->normed.data, *sum = words;
    embed_words(model, pass->batch, NULL, words);
    if (projection == FS_PROJECT_WORDS) {
        sum = workspace->x.data;
        fs_linear(model->backend, &model->embedding_projection, T, words, sum, d);
    }
    embed_places(model, pass->batch, sum, NULL);
    if (projection == FS_PROJECT_SUM) {
        fs_linear(model->backend, &model->embedding_projection, T, sum, workspace->x.data, d);
        sum = workspace->x.data;
    }
    *embedded = (struct embedded){words, sum, sum};
    if (projection == FS_PROJECT_NORMED && model->embedding_norm.kind != FS_NO_NORM) {
        fs_kernel_norm(&model->embedding_norm, sum, workspace->branch.data, T, E);
        embedded->normed = workspace->branch.data;
    }
    return 0;
}

/* Through the projection, of what it has read (T,E): to its gradient, in the workspace. */
static fs_real *project_backward(const struct fs_pass *pass, const fs_real *read, const fs_real *gradient,
                                 const struct fs_weight_sink *sink)
{
    const struct fs_model *model = pass->model;
    const struct fs_linear_rows rows = {pass->batch->tokens, read, gradient, model->spec.hidden, 1};
    fs_linear_weight_gradient(model->backend, &model->embedding_projection, &rows, sink);
    fs_linear_backward(model->backend, &model->embedding_projection, rows.rows, gradient, rows.ldy, 0,
                       pass->workspace->dstate.data);
    return pass->workspace->dstate.data;
}

/* Tokens in their order, so that the sums of a word have one. */
static void words_backward(const struct fs_pass *pass, const fs_real *gradient, const struct fs_weight_sink *sink)
{
    const struct fs_model *model = pass->model;
    size_t E = fs_spec_embedding(&model->spec);
    double scale = model->spec.embedding_scale;
    fs_real *table = fs_gradient_of(sink, model->word.data);
    for (size_t t = 0; t < pass->batch->tokens; t++) {
        fs_kernel_add_scaled(table + (size_t)pass->batch->token[t] * E, gradient + t * E, E,
                             scale != 0.0 ? (fs_real)scale : 1);
    }
}

int fs_embed_backward(const struct fs_pass *pass, fs_real *dh, const struct fs_weight_sink *sink, struct fs_error *err)
{
    const struct fs_model *model = pass->model;
    const enum fs_projection projection = model->spec.projection;
    struct embedded embedded;
    fs_real *gradient = dh;
    if (embed_again(pass, &embedded, err) != 0) {
        return -1;
    }
    if (pass->workspace->dropout != NULL) {
        size_t numbers = pass->batch->tokens * model->spec.hidden;
        fs_dropout_apply(pass->workspace->dropout, FS_DROP_EMBEDDING, 0, 0, gradient, numbers);
    }
    if (projection == FS_PROJECT_NORMED) {
        gradient = project_backward(pass, embedded.normed, gradient, sink);
    }
    if (model->embedding_norm.kind != FS_NO_NORM) {
        size_t width = fs_spec_embedding_norm_width(&model->spec), T = pass->batch->tokens;
        fs_norm_weight_gradient(sink, &model->embedding_norm, embedded.sum, gradient, T, width);
        fs_kernel_norm_backward(&model->embedding_norm, embedded.sum, gradient, gradient, false, T, width);
    }
    if (projection == FS_PROJECT_SUM) {
        gradient = project_backward(pass, embedded.projected, gradient, sink);
    }
    embed_places(model, pass->batch, gradient, sink);
    if (projection == FS_PROJECT_WORDS) {
        gradient = project_backward(pass, embedded.projected, gradient, sink);
    }
    words_backward(pass, gradient, sink);
    return 0;
}

/* ---- one layer ---- */

size_t fs_base_matrices(const struct fs_spec *spec)
{
    return fs_spec_ffn_apart(spec) ? 2 : 1;
}

int fs_layer_prepare(const struct fs_pass *pass, struct fs_activations *activations, struct fs_error *err)
{
    const struct fs_spec *spec = &pass->model->spec;
    struct fs_workspace *workspace = pass->workspace;
    const struct fs_batch *batch = pass->batch;
    size_t T = batch->tokens, ffn = fs_spec_inner_width(spec);
    if (fs_scratch_reserve(&workspace->normed, T * spec->hidden, "hidden states", err) != 0 ||
        fs_scratch_reserve(&workspace->x, T * spec->hidden, "hidden states", err) != 0 ||
        (fs_spec_ffn_apart(spec) &&
         fs_scratch_reserve(&workspace->branch, T * spec->hidden, "hidden states", err) != 0) ||
        fs_scratch_reserve(&workspace->qkv, T * fs_spec_qkv_width(spec), "attention heads", err) != 0 ||
        fs_scratch_reserve(&workspace->weights, fs_attention_block(spec, batch), "attention weights", err) != 0 ||
        fs_scratch_reserve(&workspace->context, T * spec->heads * spec->head_size, "attention heads", err) != 0 ||
        fs_scratch_reserve(&workspace->up, T * ffn, "the FFN", err) != 0 ||
        (fs_spec_gated(spec) && fs_scratch_reserve(&workspace->gate, T * ffn, "the FFN", err) != 0) ||
        fs_experts_prepare(spec, workspace, T, err) != 0 || fs_positions_prepare(spec, workspace, batch, err) != 0 ||
        fs_scores_prepare(spec, &pass->model->score_weights, workspace, batch, err) != 0 ||
        fs_convolution_prepare(spec, workspace, batch, err) != 0 ||
        fs_dropout_prepare(spec, workspace, batch, err) != 0) {
        return -1;
    }
    *activations = (struct fs_activations){.qkv = workspace->qkv.data,
                                           .up = workspace->up.data,
                                           .gate = workspace->gate.data,
                                           .active = workspace->up.data,
                                           .chosen = workspace->chosen.data};
    return 0;
}

struct fs_layer_run fs_layer_begin(const struct fs_pass *pass, size_t layer, const struct fs_activations *activations)
{
    return (struct fs_layer_run){.spec = &pass->model->spec,
                                 .layer = &pass->model->layer[layer],
                                 .backend = pass->model->backend,
                                 .workspace = pass->workspace,
                                 .batch = pass->batch,
                                 .tokens = pass->batch->tokens,
                                 .activations = activations,
                                 .score_weights = &pass->model->score_weights};
}

fs_real *fs_layer_branch(const struct fs_pass *pass, fs_real *h)
{
    return fs_spec_ffn_apart(&pass->model->spec) ? pass->workspace->branch.data : h;
}

fs_real *fs_layer_take_base(const struct fs_pass *pass, const fs_real *base, fs_real *h, struct fs_error *err)
{
    size_t numbers = pass->batch->tokens * pass->model->spec.hidden;
    size_t matrices = fs_base_matrices(&pass->model->spec);
    if (matrices == 2 && fs_scratch_reserve(&pass->workspace->branch, numbers, "hidden states", err) != 0) {
        return NULL;
    }
    fs_real *y = fs_layer_branch(pass, h);
    memcpy(y, base, numbers * sizeof *y);
    if (matrices == 2) {
        memcpy(h, base + numbers, numbers * sizeof *h);
    }
    return y;
}

void fs_layer_to_ffn(const struct fs_pass *pass, size_t layer, const struct fs_activations *activations, fs_real *h,
                     fs_real *y, fs_real *x)
{
    struct fs_layer_run run = fs_layer_begin(pass, layer, activations);
    run.stream[FS_STREAM_H] = h;
    run.stream[FS_STREAM_NORMED] = pass->workspace->normed.data;
    run.stream[FS_STREAM_X] = x;
    run.stream[FS_STREAM_Y] = y;
    fs_steps_forward(&run, 0, run.layer->seam);
}

size_t fs_edit_inner_size(const struct fs_edit *edit)
{
    return edit != NULL && edit->kind->inner_size != NULL ? edit->kind->inner_size(edit) : 0;
}

int fs_edit_prepare(const struct fs_pass *pass, struct fs_scratch *inner, struct fs_error *err)
{
    const struct fs_edit *edit = pass->edit;
    size_t numbers;
    if (edit == NULL) {
        return 0;
    }
    if (edit->kind->check(edit, &pass->model->spec, err) != 0) {
        return -1;
    }
    if (fs_multiply(pass->batch->tokens, fs_edit_inner_size(edit), &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "an edit's activations");
    }
    return fs_scratch_reserve(inner, numbers, "an edit's activations", err);
}

bool fs_layer_needs_keys(const struct fs_pass *pass, size_t layer)
{
    return pass->edit != NULL && pass->edit->kind->reads_keys && pass->edit->first_layer <= layer;
}

void fs_layer_keys(const struct fs_pass *pass, size_t layer, const struct fs_activations *activations, const fs_real *x)
{
    const struct fs_layer_run run = fs_layer_begin(pass, layer, activations);
    run.layer->ffn->inner(&run, x);
}

void fs_layer_join(const struct fs_pass *pass, size_t layer, const struct fs_seam *seam, fs_real *norm_in, fs_real *h,
                   fs_real *y)
{
    const struct fs_edit *edit = pass->edit != NULL && pass->edit->first_layer <= layer ? pass->edit : NULL;
    size_t tokens = pass->batch->tokens;
    if (edit != NULL && edit->kind->ffn_output != NULL) {
        const struct fs_edit_run run = {.backend = pass->model->backend,
                                        .layer = layer,
                                        .tokens = tokens,
                                        .x = seam->x,
                                        .key = seam->key,
                                        .inner = seam->inner};
        edit->kind->ffn_output(edit, &run, y);
    }
    struct fs_activations activations = {.norm_in = {[FS_FFN_NORM] = norm_in, [FS_FFN_OUTPUT_NORM] = norm_in}};
    if (norm_in != NULL && pass->model->spec.layer[layer].convolved) {
        activations.norm_in[FS_CONVOLUTION_NORM] = norm_in + tokens * pass->model->spec.hidden;
    }
    struct fs_layer_run run = fs_layer_begin(pass, layer, &activations);
    run.stream[FS_STREAM_H] = h;
    run.stream[FS_STREAM_Y] = y;
    fs_steps_forward(&run, run.layer->seam, run.layer->steps);
    if (edit != NULL && edit->kind->hidden_state != NULL) {
        edit->kind->hidden_state(edit, layer, tokens, h);
    }
}

/* ---- the calls of engine.h ---- */

static int check_layers(const struct fs_model *model, size_t first, size_t last, struct fs_error *err)
{
    if (first > last || last > model->spec.layers) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "layers %zu to %zu of a model with %zu layers", first, last,
                            model->spec.layers);
    }
    return 0;
}

int fs_run_layers(const struct fs_pass *pass, size_t first, size_t last, fs_real *h, struct fs_error *err)
{
    struct fs_workspace *workspace = pass->workspace;
    struct fs_activations activations;
    if (check_layers(pass->model, first, last, err) != 0 || fs_layer_prepare(pass, &activations, err) != 0 ||
        fs_edit_prepare(pass, &workspace->inner, err) != 0) {
        return -1;
    }
    fs_real *x = workspace->x.data, *y = fs_layer_branch(pass, h);
    const struct fs_seam seam = {x, activations.active, workspace->inner.data};
    for (size_t layer = first; layer < last; layer++) {
        fs_layer_to_ffn(pass, layer, &activations, h, y, x);
        fs_layer_join(pass, layer, &seam, NULL, h, y);
    }
    return 0;
}

int fs_run_layer_patched(const struct fs_pass *pass, size_t layer, const struct fs_row_copies *attention,
                         const struct fs_row_copies *ffn, fs_real *h, struct fs_error *err)
{
    struct fs_pass unedited = *pass;
    struct fs_activations activations;
    unedited.edit = NULL;
    if (check_layers(pass->model, layer, layer + 1, err) != 0 || fs_layer_prepare(pass, &activations, err) != 0) {
        return -1;
    }
    activations.attention_copies = attention;
    activations.ffn_copies = ffn;
    fs_real *x = pass->workspace->x.data, *y = fs_layer_branch(pass, h);
    const struct fs_seam seam = {.x = x};
    fs_layer_to_ffn(&unedited, layer, &activations, h, y, x);
    fs_layer_join(&unedited, layer, &seam, NULL, h, y);
    return 0;
}

int fs_run_to_ffn(const struct fs_pass *pass, size_t layer, const fs_real *h, fs_real *x, fs_real *base,
                  struct fs_error *err)
{
    struct fs_activations activations;
    if (check_layers(pass->model, layer, layer + 1, err) != 0 || fs_layer_prepare(pass, &activations, err) != 0) {
        return -1;
    }
    size_t numbers = pass->batch->tokens * pass->model->spec.hidden;
    fs_real *residual = base + (fs_base_matrices(&pass->model->spec) - 1) * numbers;
    memcpy(residual, h, numbers * sizeof *h);
    fs_layer_to_ffn(pass, layer, &activations, residual, base, x);
    return 0;
}

int fs_run_ffn(const struct fs_pass *pass, size_t layer, const fs_real *x, fs_real *y, struct fs_error *err)
{
    struct fs_activations activations;
    if (check_layers(pass->model, layer, layer + 1, err) != 0 || fs_layer_prepare(pass, &activations, err) != 0) {
        return -1;
    }
    const struct fs_layer_run run = fs_layer_begin(pass, layer, &activations);
    run.layer->ffn->inner(&run, x);
    run.layer->ffn->output(&run, NULL, y);
    return 0;
}

int fs_run_keys(const struct fs_pass *pass, size_t layer, const fs_real *x, fs_real *key, struct fs_error *err)
{
    struct fs_activations activations;
    if (check_layers(pass->model, layer, layer + 1, err) != 0 || fs_layer_prepare(pass, &activations, err) != 0) {
        return -1;
    }
    if (pass->model->spec.layer[layer].experts > 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "layer %zu has experts, whose keys are not one matrix", layer);
    }
    activations.active = key;
    fs_layer_keys(pass, layer, &activations, x);
    return 0;
}

void fs_ffn_write(const struct fs_model *model, size_t layer, size_t rows, const fs_real *key, fs_real *y)
{
    struct fs_linear down = model->layer[layer].down;
    down.bias = NULL;
    fs_linear(model->backend, &down, rows, key, y, model->spec.hidden);
}

void fs_ffn_write_backward(const struct fs_model *model, size_t layer, size_t rows, const fs_real *dy, fs_real *dkey)
{
    fs_linear_backward(model->backend, &model->layer[layer].down, rows, dy, model->spec.hidden, 0, dkey);
}

int fs_join_ffn(const struct fs_pass *pass, size_t layer, const fs_real *x, const fs_real *base, fs_real *h,
                struct fs_error *err)
{
    struct fs_scratch *inner = &pass->workspace->inner;
    struct fs_activations activations = {0};
    bool needs_keys = fs_layer_needs_keys(pass, layer);
    if (check_layers(pass->model, layer, layer + 1, err) != 0 || fs_edit_prepare(pass, inner, err) != 0 ||
        (needs_keys && fs_layer_prepare(pass, &activations, err) != 0)) {
        return -1;
    }
    if (needs_keys) {
        fs_layer_keys(pass, layer, &activations, x);
    }
    fs_real *y = fs_layer_take_base(pass, base, h, err);
    if (y == NULL) {
        return -1;
    }
    const struct fs_seam seam = {x, activations.active, inner->data};
    fs_layer_join(pass, layer, &seam, NULL, h, y);
    return 0;
}

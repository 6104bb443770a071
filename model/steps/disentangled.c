/*
 * Disentangled attention: scores of a query with relative positions, and of relative positions with a key. A sequence of n
 * tokens meets the rows of the relative embedding from the bucket of 1 - n to that of n - 1, one after the other, and
 * only those are projected and multiplied by.
 */
#include <math.h>
#include <string.h>

#include "model/steps/scores.h"

/* In float, as the models were trained. Odd in `distance`; near distances are their own bucket. */
static long bucket_of(const struct fs_disentangled *spec, long distance)
{
    long middle = (long)(spec->buckets / 2), size = distance < 0 ? -distance : distance;
    if (spec->buckets == 0 || size <= middle) {
        return distance;
    }
    float whole = logf((float)((double)(spec->most_distance - 1) / (double)middle));
    long far = (long)ceilf(logf((float)size / (float)middle) / whole * (float)(middle - 1)) + middle;
    return distance < 0 ? -far : far;
}

/* The row of the relative embedding. */
static size_t row_of(const struct fs_disentangled *spec, long distance)
{
    long row = bucket_of(spec, distance) + (long)spec->span, last = 2 * (long)spec->span - 1;
    return row < 0 ? 0 : (size_t)(row > last ? last : row);
}

/* Rows that sequences of n tokens meet. */
static size_t rows_met(const struct fs_disentangled *spec, size_t n)
{
    return row_of(spec, (long)n - 1) - row_of(spec, 1 - (long)n) + 1;
}

static int fill_index(const struct fs_disentangled *spec, size_t length, struct fs_relative *relative,
                      struct fs_error *err)
{
    size_t *index = relative->row;
    relative->length = 0;
    if (fs_grow(&index, &relative->row_capacity, 2 * length - 1, sizeof *index, "relative positions", err) != 0) {
        return -1;
    }
    relative->row = index;
    for (size_t at = 0; at < 2 * length - 1; at++) {
        index[at] = row_of(spec, (long)at - (long)length + 1);
    }
    relative->length = length;
    return 0;
}

/* The embedding behind its norm; once for the same weights. */
static int fill_embedding(const struct fs_spec *spec, const struct fs_score_weights *weights,
                          struct fs_relative *relative, struct fs_error *err)
{
    size_t rows = 2 * spec->disentangled.span, d = spec->hidden;
    if (relative->filled) {
        return 0;
    }
    if (fs_scratch_reserve(&relative->embedding, rows * d, "relative positions", err) != 0) {
        return -1;
    }
    if (spec->disentangled.norm) {
        fs_kernel_norm(&weights->relative_norm, weights->relative, relative->embedding.data, rows, d);
    } else {
        memcpy(relative->embedding.data, weights->relative, rows * d * sizeof(fs_real));
    }
    relative->filled = true;
    return 0;
}

int fs_disentangled_prepare(const struct fs_spec *spec, const struct fs_score_weights *weights,
                            struct fs_workspace *workspace, const struct fs_batch *batch, struct fs_error *err)
{
    struct fs_relative *relative = &workspace->relative;
    size_t longest = fs_batch_longest(batch), rows = rows_met(&spec->disentangled, longest);
    size_t width = spec->heads * spec->head_size;
    if ((longest > relative->length && fill_index(&spec->disentangled, longest, relative, err) != 0) ||
        fill_embedding(spec, weights, relative, err) != 0 ||
        fs_scratch_reserve(&relative->key, rows * width, "relative positions", err) != 0 ||
        fs_scratch_reserve(&relative->query, rows * width, "relative positions", err) != 0 ||
        fs_scratch_reserve(&relative->scores, 2 * longest * rows, "relative positions", err) != 0) {
        return -1;
    }
    relative->first = row_of(&spec->disentangled, 1 - (long)longest);
    relative->rows = rows;
    return 0;
}

void fs_disentangled_project(const struct fs_layer_run *run)
{
    const struct fs_spec *spec = run->spec;
    const struct fs_disentangled *own = &spec->disentangled;
    struct fs_relative *relative = &run->workspace->relative;
    size_t width = spec->heads * spec->head_size;
    const fs_real *rows = relative->embedding.data + relative->first * spec->hidden;
    const struct fs_linear *key = own->shared ? &run->layer->projection[1] : &run->layer->relative_key;
    const struct fs_linear *query = own->shared ? &run->layer->projection[0] : &run->layer->relative_query;
    if (own->content_to_position) {
        fs_linear(run->backend, key, relative->rows, rows, relative->key.data, width);
    }
    if (own->position_to_content) {
        fs_linear(run->backend, query, relative->rows, rows, relative->query.data, width);
    }
}

/* A sequence of n tokens among the relative positions: what it meets of a head's, and where its distances are. */
struct view {
    struct fs_matrix key, query; /* (rows,D) */
    const size_t *row;           /* of distance 0; less `first` it is a row of the two */
    size_t first, rows;
    size_t offset; /* of the first number of the two */
};

static struct view view_of(const struct fs_layer_run *run, size_t head, size_t n)
{
    const struct fs_relative *relative = &run->workspace->relative;
    size_t D = run->spec->head_size, width = run->spec->heads * D;
    size_t first = row_of(&run->spec->disentangled, 1 - (long)n), rows = rows_met(&run->spec->disentangled, n);
    size_t offset = (first - relative->first) * width + head * D;
    return (struct view){fs_matrix_of(relative->key.data + offset, rows, D, width),
                         fs_matrix_of(relative->query.data + offset, rows, D, width),
                         relative->row + relative->length - 1,
                         first,
                         rows,
                         offset};
}

static inline size_t column_of(const struct view *view, size_t i, size_t j)
{
    return view->row[(ptrdiff_t)i - (ptrdiff_t)j] - view->first;
}

void fs_disentangled_scores(const struct fs_layer_run *run, size_t head, struct fs_matrix query, struct fs_matrix key,
                            fs_real *S)
{
    const struct fs_disentangled *own = &run->spec->disentangled;
    size_t n = query.rows;
    struct view view = view_of(run, head, n);
    fs_real scale = (fs_real)run->layer->spec->attention_scale;
    fs_real *of_query = run->workspace->relative.scores.data, *of_key = of_query + n * view.rows;
    if (own->content_to_position) {
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_B, scale, query, view.key}, 0, of_query, view.rows);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                S[i * n + j] += of_query[i * view.rows + column_of(&view, i, j)];
            }
        }
    }
    if (own->position_to_content) {
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_B, scale, key, view.query}, 0, of_key, view.rows);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                S[i * n + j] += of_key[j * view.rows + column_of(&view, i, j)];
            }
        }
    }
}

/* Gradients of the batch: of a layer's keys and queries (rows,H D), and of the embedding behind its norm (2 S,d). */
struct gradients {
    fs_real *key, *query, *embedding;
    size_t projected; /* numbers of key, and of query */
};

static struct gradients gradients_of(const struct fs_spec *spec, const struct fs_relative *relative)
{
    size_t projected = relative->rows * spec->heads * spec->head_size;
    fs_real *first = relative->gradients.data;
    return (struct gradients){first, first + projected, first + 2 * projected, projected};
}

int fs_disentangled_begin_weights(const struct fs_spec *spec, struct fs_workspace *workspace, struct fs_error *err)
{
    struct fs_relative *relative = &workspace->relative;
    size_t embedding = 2 * spec->disentangled.span * spec->hidden, width = spec->heads * spec->head_size;
    size_t numbers = 2 * relative->rows * width + embedding;
    if (fs_scratch_reserve(&relative->gradients, numbers, "relative positions", err) != 0) {
        return -1;
    }
    memset(relative->gradients.data, 0, numbers * sizeof(fs_real));
    return 0;
}

/* Through the projection of relative positions, from its output's gradient, which is cleared for the next layer. */
static void project_backward(const struct fs_layer_run *run, const struct fs_linear *linear, fs_real *gradient)
{
    const struct fs_relative *relative = &run->workspace->relative;
    const struct gradients gradients = gradients_of(run->spec, relative);
    size_t offset = relative->first * run->spec->hidden, width = run->spec->heads * run->spec->head_size;
    const struct fs_linear_rows rows = {relative->rows, relative->embedding.data + offset, gradient, width, 1};
    fs_linear_weight_gradient(run->backend, linear, &rows, run->sink);
    fs_linear_backward(run->backend, linear, relative->rows, gradient, width, 1, gradients.embedding + offset);
    memset(gradient, 0, gradients.projected * sizeof *gradient);
}

void fs_disentangled_layer_weights(const struct fs_layer_run *run)
{
    const struct fs_disentangled *own = &run->spec->disentangled;
    const struct gradients gradients = gradients_of(run->spec, &run->workspace->relative);
    if (own->content_to_position) {
        project_backward(run, own->shared ? &run->layer->projection[1] : &run->layer->relative_key, gradients.key);
    }
    if (own->position_to_content) {
        project_backward(run, own->shared ? &run->layer->projection[0] : &run->layer->relative_query, gradients.query);
    }
}

void fs_disentangled_end_weights(const struct fs_spec *spec, const struct fs_score_weights *weights,
                                 struct fs_workspace *workspace, const struct fs_weight_sink *sink)
{
    size_t rows = 2 * spec->disentangled.span, d = spec->hidden;
    fs_real *gradient = gradients_of(spec, &workspace->relative).embedding;
    if (spec->disentangled.norm) {
        fs_norm_weight_gradient(sink, &weights->relative_norm, weights->relative, gradient, rows, d);
        fs_kernel_norm_backward(&weights->relative_norm, weights->relative, gradient, gradient, false, rows, d);
    }
    fs_kernel_add(fs_gradient_of(sink, weights->relative), gradient, rows * d);
}

/* of_relative (rows,D; H D) += scale sums^T of_content, sums (n,rows). */
static void add_relative(const struct fs_layer_run *run, struct fs_matrix sums, struct fs_matrix of_content,
                         fs_real *of_relative)
{
    const struct fs_term term = {FS_TRANSPOSE_A, (fs_real)run->layer->spec->attention_scale, sums, of_content};
    fs_product(run->backend, term, 1, of_relative, run->spec->heads * run->spec->head_size);
}

void fs_disentangled_backward(const struct fs_layer_run *run, size_t head, struct fs_matrix query, struct fs_matrix key,
                              struct fs_matrix dS, fs_real *dquery, fs_real *dkey)
{
    const struct fs_disentangled *own = &run->spec->disentangled;
    const fs_real *d = dS.data;
    size_t n = dS.rows, width = fs_spec_qkv_width(run->spec);
    struct view view = view_of(run, head, n);
    fs_real scale = (fs_real)run->layer->spec->attention_scale;
    fs_real *of_query = run->workspace->relative.scores.data, *of_key = of_query + n * view.rows;
    memset(of_query, 0, 2 * n * view.rows * sizeof *of_query);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            size_t at = column_of(&view, i, j);
            of_query[i * view.rows + at] += d[i * n + j];
            of_key[j * view.rows + at] += d[i * n + j];
        }
    }
    if (own->content_to_position) {
        struct fs_matrix sums = fs_matrix_of(of_query, n, view.rows, view.rows);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, scale, sums, view.key}, 1, dquery, width);
        if (run->sink != NULL) {
            add_relative(run, sums, query, gradients_of(run->spec, &run->workspace->relative).key + view.offset);
        }
    }
    if (own->position_to_content) {
        struct fs_matrix sums = fs_matrix_of(of_key, n, view.rows, view.rows);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, scale, sums, view.query}, 1, dkey, width);
        if (run->sink != NULL) {
            add_relative(run, sums, key, gradients_of(run->spec, &run->workspace->relative).query + view.offset);
        }
    }
}

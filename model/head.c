/*
 * The output head at read positions. Its matrix is taken in panels of columns, so that the logits of a panel are still
 * in the cache when their exponentials are summed, and the sum over the vocabulary runs along:
 *
 *     log sum exp = m + log s,  (m, s) <- (max(m, m'), s exp(m - max) + s' exp(m' - max)) for each panel's (m', s')
 */
#include <math.h>
#include <string.h>

#include "model/engine.h"
#include "model/engine_parts.h"

enum { PANEL_COLUMNS = 512, CHUNK_ROWS = 512 };

_Static_assert((size_t)PANEL_COLUMNS *CHUNK_ROWS <= FS_HEAD_NUMBERS, "a panel must fit what engine.h promises");

/* The log-sum-exp of one row so far. */
struct running {
    double sum; /* of exp(logit - max) */
    fs_real max;
    int32_t top; /* where max is, the smallest on ties */
};

static void running_add(struct running *running, const fs_real *logit, size_t first, size_t columns)
{
    fs_real max = fs_kernel_max(logit, columns);
    if (max > running->max) {
        running->sum *= exp((double)running->max - (double)max);
        running->max = max;
        size_t j = 0;
        while (j + 1 < columns && logit[j] != max) {
            j++;
        }
        running->top = (int32_t)(first + j);
    }
    running->sum += fs_kernel_sum_exp(logit, columns, running->max);
}

/* The head's columns first .. first + columns - 1 alone. */
static struct fs_linear columns_of(const struct fs_model *model, size_t first, size_t columns)
{
    struct fs_linear part = model->head;
    part.weight = fs_matrix_rows(&part.weight, first, columns);
    part.bias = part.bias == NULL ? NULL : part.bias + first;
    part.outputs = columns;
    return part;
}

static double logit_scale(const struct fs_model *model)
{
    return model->spec.logit_scale != 0.0 ? model->spec.logit_scale : 1.0;
}

/* logit (rows,columns; ld) = the head's columns first .. first + columns - 1, scaled and capped */
static void panel(const struct fs_model *model, const fs_real *rows, size_t count, size_t first, size_t columns,
                  fs_real *logit, size_t ld)
{
    const struct fs_linear part = columns_of(model, first, columns);
    fs_linear(model->backend, &part, count, rows, logit, ld);
    double scale = logit_scale(model), cap = model->spec.logit_cap;
    for (size_t r = 0; r < count && (scale != 1.0 || cap != 0.0); r++) {
        if (scale != 1.0) {
            fs_kernel_scale(logit + r * ld, columns, (fs_real)scale);
        }
        if (cap != 0.0) {
            fs_kernel_cap(logit + r * ld, columns, (fs_real)cap);
        }
    }
}

/* Numbers a row of the states before the head, d or E, the most. */
static size_t most_width(const struct fs_spec *spec)
{
    size_t E = fs_spec_embedding(spec);
    return E > spec->hidden ? E : spec->hidden;
}

static int reserve_rows(const struct fs_model *model, struct fs_workspace *workspace, size_t count,
                        struct fs_error *err)
{
    size_t numbers = count * most_width(&model->spec);
    return fs_scratch_reserve(&workspace->rows, numbers, "read positions", err) == 0 &&
                   fs_scratch_reserve(&workspace->transformed, numbers, "read positions", err) == 0
               ? 0
               : -1;
}

/* What an edit (NULL: none) makes of rows of the last state, in place; there is room for it (reserve_edit). */
static void edit_state(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_edit *edit,
                       size_t rows, fs_real *state)
{
    if (edit != NULL && edit->kind->last_state != NULL) {
        edit->kind->last_state(edit, model->backend, rows, state, workspace->inner.data);
    }
}

/* Checks that it fits the model. */
static int reserve_edit(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_edit *edit,
                        size_t rows, struct fs_error *err)
{
    size_t numbers;
    if (edit == NULL || edit->kind->last_state == NULL) {
        return 0;
    }
    if (edit->kind->check(edit, &model->spec, err) != 0) {
        return -1;
    }
    if (fs_multiply(rows, fs_edit_inner_size(edit), &numbers) != 0) {
        return fs_error_memory(err, SIZE_MAX, "an edit's activations");
    }
    return fs_scratch_reserve(&workspace->inner, numbers, "an edit's activations", err);
}

/*
 * (count,E) from rows of h: final norm, then output projection or transform, where the model has them; `edit` (NULL:
 * none) acts on the last state. In workspace->rows or workspace->transformed, which are large enough; `state` may be in
 * the former, and must be with an edit. `dense` (count,E) receives the transform before its activation; NULL: not wanted.
 */
static const fs_real *head_inputs(const struct fs_model *model, struct fs_workspace *workspace, fs_real *state,
                                  size_t count, const struct fs_edit *edit, fs_real *dense)
{
    size_t E = fs_spec_embedding(&model->spec);
    fs_real *out = workspace->transformed.data;
    if (model->final_norm.kind != FS_NO_NORM) {
        fs_kernel_norm(&model->final_norm, state, workspace->rows.data, count, model->spec.hidden);
        state = workspace->rows.data;
    }
    if (model->output_projection.weight.data != NULL) {
        fs_linear(model->backend, &model->output_projection, count, state, out, E);
        state = out;
    }
    edit_state(model, workspace, edit, count, state);
    if (model->transform.weight.data == NULL) {
        return state;
    }
    dense = dense != NULL ? dense : out;
    fs_linear(model->backend, &model->transform, count, state, dense, E);
    fs_kernel_activation(model->spec.activation, dense, NULL, out, count * E);
    fs_kernel_norm(&model->transform_norm, out, out, count, E);
    return out;
}

/* state (count,d) = rows `row` of h; NULL: the first ones */
static void gather(const fs_real *h, size_t d, size_t count, const size_t *row, fs_real *state)
{
    for (size_t r = 0; r < count; r++) {
        memcpy(state + r * d, h + (row == NULL ? r : row[r]) * d, d * sizeof *state);
    }
}

const fs_real *fs_head_inputs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                              size_t count, const size_t *row, const struct fs_head_kept *kept, struct fs_error *err)
{
    if (reserve_rows(model, workspace, count, err) != 0) {
        return NULL;
    }
    fs_real *state = kept != NULL ? kept->gathered : workspace->rows.data;
    gather(h, model->spec.hidden, count, row, state);
    return head_inputs(model, workspace, state, count, NULL, kept != NULL ? kept->dense : NULL);
}

/* The same of what is to be read, through the edit. */
static const fs_real *read_inputs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                                  const struct fs_reads *reads, struct fs_error *err)
{
    if (reserve_rows(model, workspace, reads->rows, err) != 0 ||
        reserve_edit(model, workspace, reads->edit, reads->rows, err) != 0) {
        return NULL;
    }
    gather(h, model->spec.hidden, reads->rows, reads->row, workspace->rows.data);
    return head_inputs(model, workspace, workspace->rows.data, reads->rows, reads->edit, NULL);
}

/* A backward pass through the head, and all that comes before it. */
struct back {
    const struct fs_model *model;
    struct fs_workspace *workspace;
    const struct fs_head_kept *kept;
    size_t count;
    const struct fs_weight_sink *sink; /* NULL: weights are frozen */
};

/* What the head multiplies, computed again: in workspace->transformed, for the gradient takes the place of the rest. */
static void inputs_again(const struct back *back)
{
    fs_real *place = back->workspace->transformed.data;
    const fs_real *inputs = head_inputs(back->model, back->workspace, back->kept->gathered, back->count, NULL, NULL);
    if (inputs != place) {
        memcpy(place, inputs, back->count * fs_spec_embedding(&back->model->spec) * sizeof *inputs);
    }
}

/*
 * drow (count,E) from dlogits (count,V) of capped logits, which are computed again a panel at a time; in
 * workspace->rows, through workspace->transformed, which holds what the head multiplies.
 */
static int capped_backward(const struct back *back, const fs_real *dlogits, struct fs_error *err)
{
    const struct fs_model *model = back->model;
    struct fs_workspace *workspace = back->workspace;
    size_t count = back->count;
    size_t V = model->spec.vocabulary, E = fs_spec_embedding(&model->spec);
    size_t width = V < PANEL_COLUMNS ? V : PANEL_COLUMNS;
    if (fs_scratch_reserve(&workspace->logits, width * CHUNK_ROWS, "logits", err) != 0) {
        return -1;
    }
    fs_real *logit = workspace->logits.data;
    for (size_t begin = 0; begin < count; begin += CHUNK_ROWS) {
        size_t rows = count - begin < CHUNK_ROWS ? count - begin : CHUNK_ROWS;
        for (size_t first = 0; first < V; first += width) {
            size_t columns = V - first < width ? V - first : width;
            const struct fs_linear part = columns_of(model, first, columns);
            panel(model, workspace->transformed.data + begin * E, rows, first, columns, logit, width);
            for (size_t r = 0; r < rows; r++) {
                fs_kernel_cap_backward(logit + r * width, dlogits + (begin + r) * V + first, logit + r * width, columns,
                                       (fs_real)model->spec.logit_cap);
            }
            if (back->sink != NULL) {
                const struct fs_linear_rows gone = {rows, workspace->transformed.data + begin * E, logit, width,
                                                    (fs_real)logit_scale(model)};
                fs_linear_weight_gradient(model->backend, &part, &gone, back->sink);
            }
            fs_linear_backward(model->backend, &part, rows, logit, width, first > 0 ? 1 : 0,
                               workspace->rows.data + begin * E);
        }
    }
    return 0;
}

/* drow (count,E), the gradient of what the head multiplies, from dlogits (count,V); in workspace->rows. */
static int matrix_backward(const struct back *back, const fs_real *dlogits, struct fs_error *err)
{
    const struct fs_model *model = back->model;
    struct fs_workspace *workspace = back->workspace;
    size_t V = model->spec.vocabulary, E = fs_spec_embedding(&model->spec), count = back->count;
    bool capped = model->spec.logit_cap != 0.0;
    if (capped || back->sink != NULL) {
        inputs_again(back);
    }
    if (capped && capped_backward(back, dlogits, err) != 0) {
        return -1;
    }
    if (!capped && back->sink != NULL) {
        const struct fs_linear_rows gone = {count, workspace->transformed.data, dlogits, V,
                                            (fs_real)logit_scale(model)};
        fs_linear_weight_gradient(model->backend, &model->head, &gone, back->sink);
    }
    if (!capped) {
        fs_linear_backward(model->backend, &model->head, count, dlogits, V, 0, workspace->rows.data);
    }
    if (logit_scale(model) != 1.0) {
        fs_kernel_scale(workspace->rows.data, count * E, (fs_real)logit_scale(model));
    }
    return 0;
}

/* Gradients of the projection or transform whose output's gradient is dy (count,E): it has read the last states, which
 * are computed again. No work without a sink. */
static int add_weights(const struct back *back, const struct fs_linear *linear, const fs_real *dy, struct fs_error *err)
{
    const struct fs_norm *norm = &back->model->final_norm;
    struct fs_scratch *normed = &back->workspace->normed;
    size_t d = back->model->spec.hidden;
    const fs_real *state = back->kept->gathered;
    if (back->sink == NULL) {
        return 0;
    }
    if (norm->kind != FS_NO_NORM) {
        if (fs_scratch_reserve(normed, back->count * d, "read positions", err) != 0) {
            return -1;
        }
        fs_kernel_norm(norm, state, normed->data, back->count, d);
        state = normed->data;
    }
    const struct fs_linear_rows gone = {back->count, state, dy, linear->outputs, 1};
    fs_linear_weight_gradient(back->model->backend, linear, &gone, back->sink);
    return 0;
}

const fs_real *fs_head_backward(const struct fs_model *model, struct fs_workspace *workspace,
                                const struct fs_head_kept *kept, size_t count, const fs_real *dlogits,
                                const struct fs_weight_sink *sink, struct fs_error *err)
{
    const struct back back = {model, workspace, kept, count, sink};
    size_t d = model->spec.hidden, E = fs_spec_embedding(&model->spec);
    if (reserve_rows(model, workspace, count, err) != 0 || matrix_backward(&back, dlogits, err) != 0) {
        return NULL;
    }
    fs_real *drow = workspace->rows.data, *other = workspace->transformed.data;
    if (model->transform.weight.data != NULL) {
        fs_kernel_activation(model->spec.activation, kept->dense, NULL, other, count * E);
        if (sink != NULL) {
            fs_norm_weight_gradient(sink, &model->transform_norm, other, drow, count, E);
        }
        fs_kernel_norm_backward(&model->transform_norm, other, drow, drow, false, count, E);
        fs_kernel_activation_backward(model->spec.activation, kept->dense, NULL, drow, other, NULL, count * E);
        if (add_weights(&back, &model->transform, other, err) != 0) {
            return NULL;
        }
        fs_linear_backward(model->backend, &model->transform, count, other, E, 0, drow);
    } else if (model->output_projection.weight.data != NULL) {
        if (add_weights(&back, &model->output_projection, drow, err) != 0) {
            return NULL;
        }
        fs_linear_backward(model->backend, &model->output_projection, count, drow, E, 0, other);
        drow = other;
    }
    if (model->final_norm.kind != FS_NO_NORM) {
        if (sink != NULL) {
            fs_norm_weight_gradient(sink, &model->final_norm, kept->gathered, drow, count, d);
        }
        fs_kernel_norm_backward(&model->final_norm, kept->gathered, drow, drow, false, count, d);
    }
    return drow;
}

/* `what`: "a log probability". */
static int check_finite(const fs_real *numbers, size_t count, const char *what, struct fs_error *err)
{
    if (fs_kernel_finite(numbers, count)) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s is no number: the states of the model, or of an edit of it, are beyond what 32 bits hold; "
                        "do config.json and the weights belong together?",
                        what);
}

int fs_head_check(const fs_real *logprob, size_t count, struct fs_error *err)
{
    return check_finite(logprob, count, "a log probability", err);
}

int fs_read_logprobs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                     const struct fs_reads *reads, fs_real *logprob, int32_t *top1, struct fs_error *err)
{
    size_t V = model->spec.vocabulary, E = fs_spec_embedding(&model->spec);
    if (reads->rows == 0) {
        return 0;
    }
    for (size_t i = 0; i < reads->first[reads->rows]; i++) {
        if (reads->token[i] < 0 || (size_t)reads->token[i] >= V) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "read-out %zu: found id %d, expected 0 to %zu, the model's vocabulary; "
                                "do tokenizer and model belong together?",
                                i, (int)reads->token[i], V - 1);
        }
    }
    size_t width = V < PANEL_COLUMNS ? V : PANEL_COLUMNS;
    if (fs_scratch_reserve(&workspace->logits, width * CHUNK_ROWS, "logits", err) != 0) {
        return -1;
    }
    const fs_real *all = read_inputs(model, workspace, h, reads, err);
    if (all == NULL) {
        return -1;
    }
    for (size_t begin = 0; begin < reads->rows; begin += CHUNK_ROWS) {
        size_t count = reads->rows - begin < CHUNK_ROWS ? reads->rows - begin : CHUNK_ROWS;
        struct running running[CHUNK_ROWS];
        for (size_t r = 0; r < count; r++) {
            running[r] = (struct running){0.0, (fs_real)-INFINITY, 0};
        }
        for (size_t first = 0; first < V; first += width) {
            size_t columns = V - first < width ? V - first : width;
            panel(model, all + begin * E, count, first, columns, workspace->logits.data, width);
            for (size_t r = 0; r < count; r++) {
                const fs_real *logit = workspace->logits.data + r * width;
                running_add(&running[r], logit, first, columns);
                for (size_t i = reads->first[begin + r]; i < reads->first[begin + r + 1]; i++) {
                    size_t token = (size_t)reads->token[i];
                    if (token - first < columns) { /* false also where token < first: it wraps around */
                        logprob[i] = logit[token - first];
                    }
                }
            }
        }
        for (size_t r = 0; r < count; r++) {
            double total = (double)running[r].max + log(running[r].sum);
            for (size_t i = reads->first[begin + r]; i < reads->first[begin + r + 1]; i++) {
                logprob[i] = (fs_real)((double)logprob[i] - total);
            }
            if (top1 != NULL) {
                top1[begin + r] = running[r].top;
            }
        }
    }
    return fs_head_check(logprob, reads->first[reads->rows], err);
}

void fs_head_distributions(const struct fs_model *model, const fs_real *rows, size_t count, fs_real *logprob)
{
    size_t V = model->spec.vocabulary;
    panel(model, rows, count, 0, V, logprob, V);
    for (size_t r = 0; r < count; r++) {
        fs_real *row = logprob + r * V;
        struct running running = {0.0, (fs_real)-INFINITY, 0};
        running_add(&running, row, 0, V);
        fs_kernel_subtract(row, V, (double)running.max + log(running.sum));
    }
}

int fs_read_distributions(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h, size_t rows,
                          const size_t *row, fs_real *logprob, struct fs_error *err)
{
    const fs_real *inputs = rows > 0 ? fs_head_inputs(model, workspace, h, rows, row, NULL, err) : h;
    if (inputs == NULL) {
        return -1;
    }
    fs_head_distributions(model, inputs, rows, logprob);
    return fs_head_check(logprob, rows * model->spec.vocabulary, err);
}

/* The last state of the whole batch, in the workspace; NULL on failure. h itself where nothing changes it. */
static const fs_real *last_states(const struct fs_pass *pass, const fs_real *h, struct fs_error *err)
{
    const struct fs_model *model = pass->model;
    struct fs_workspace *workspace = pass->workspace;
    size_t tokens = pass->batch->tokens, d = model->spec.hidden, width = fs_spec_state_width(&model->spec);
    bool normed = model->final_norm.kind != FS_NO_NORM, projected = model->output_projection.weight.data != NULL;
    bool edited = pass->edit != NULL && pass->edit->kind->last_state != NULL;
    fs_real *state = NULL;
    if (normed || (edited && !projected)) {
        if (fs_scratch_reserve(&workspace->transformed, tokens * d, "final states", err) != 0) {
            return NULL;
        }
        state = workspace->transformed.data;
    }
    if (normed) {
        fs_kernel_norm(&model->final_norm, h, state, tokens, d);
    } else if (state != NULL) {
        memcpy(state, h, tokens * d * sizeof *state);
    }
    if (projected) {
        if (fs_scratch_reserve(&workspace->rows, tokens * width, "final states", err) != 0) {
            return NULL;
        }
        fs_linear(model->backend, &model->output_projection, tokens, state != NULL ? state : h, workspace->rows.data,
                  width);
        state = workspace->rows.data;
    }
    if (reserve_edit(model, workspace, pass->edit, tokens, err) != 0) {
        return NULL;
    }
    edit_state(model, workspace, pass->edit, tokens, state);
    return state != NULL ? state : h;
}

int fs_read_mean_states(const struct fs_pass *pass, const fs_real *h, double *mean, struct fs_error *err)
{
    const struct fs_batch *batch = pass->batch;
    size_t width = fs_spec_state_width(&pass->model->spec);
    const fs_real *state = last_states(pass, h, err);
    if (state == NULL || check_finite(state, batch->tokens * width, "a hidden state", err) != 0) {
        return -1;
    }
    for (size_t s = 0; s < batch->sequences; s++) {
        double *out = mean + s * width;
        size_t length = fs_batch_length(batch, s);
        memset(out, 0, width * sizeof *out);
        for (size_t position = 0; position < length; position++) {
            const fs_real *row = state + fs_batch_row(batch, s, position) * width;
            for (size_t i = 0; i < width; i++) {
                out[i] += (double)row[i];
            }
        }
        for (size_t i = 0; i < width; i++) {
            out[i] /= (double)length;
        }
    }
    return 0;
}

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

/* logit (rows,columns; ld) = the head's columns first .. first + columns - 1 */
static void panel(const struct fs_model *model, const fs_real *rows, size_t count, size_t first, size_t columns,
                  fs_real *logit, size_t ld)
{
    struct fs_linear part = model->head;
    part.weight = fs_matrix_rows(&part.weight, first, columns);
    part.bias = part.bias == NULL ? NULL : part.bias + first;
    part.outputs = columns;
    fs_linear(model->backend, &part, count, rows, logit, ld);
}

const fs_real *fs_head_inputs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                              size_t count, const size_t *row, const struct fs_head_kept *kept, struct fs_error *err)
{
    size_t d = model->spec.hidden;
    if (fs_scratch_reserve(&workspace->rows, count * d, "read positions", err) != 0 ||
        fs_scratch_reserve(&workspace->transformed, count * d, "read positions", err) != 0) {
        return NULL;
    }
    fs_real *state = kept != NULL ? kept->gathered : workspace->rows.data;
    for (size_t r = 0; r < count; r++) {
        memcpy(state + r * d, h + (row == NULL ? r : row[r]) * d, d * sizeof *state);
    }
    fs_real *out = workspace->transformed.data;
    if (model->transform.weight.data != NULL) {
        fs_real *dense = kept != NULL ? kept->dense : out;
        fs_linear(model->backend, &model->transform, count, state, dense, d);
        fs_kernel_activation(model->spec.activation, dense, NULL, out, count * d);
        fs_kernel_norm(&model->transform_norm, out, out, count, d);
    } else {
        fs_kernel_norm(&model->final_norm, state, out, count, d);
    }
    return out;
}

int fs_read_logprobs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                     const struct fs_reads *reads, fs_real *logprob, int32_t *top1, struct fs_error *err)
{
    size_t V = model->spec.vocabulary, d = model->spec.hidden;
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
    const fs_real *all = fs_head_inputs(model, workspace, h, reads->rows, reads->row, NULL, err);
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
            panel(model, all + begin * d, count, first, columns, workspace->logits.data, width);
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
    return 0;
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
    return 0;
}

int fs_read_mean_states(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_batch *batch,
                        const fs_real *h, double *mean, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    size_t d = spec->hidden;
    const fs_real *state = h;
    if (model->final_norm.gain != NULL) {
        if (fs_scratch_reserve(&workspace->transformed, batch->tokens * d, "final states", err) != 0) {
            return -1;
        }
        fs_kernel_norm(&model->final_norm, h, workspace->transformed.data, batch->tokens, d);
        state = workspace->transformed.data;
    }
    for (size_t s = 0; s < batch->sequences; s++) {
        double *out = mean + s * d;
        size_t length = batch->start[s + 1] - batch->start[s];
        memset(out, 0, d * sizeof *out);
        for (size_t position = batch->start[s]; position < batch->start[s + 1]; position++) {
            for (size_t i = 0; i < d; i++) {
                out[i] += (double)state[position * d + i];
            }
        }
        for (size_t i = 0; i < d; i++) {
            out[i] /= (double)length;
        }
    }
    return 0;
}

/*
 * FFN(x) as a mixture of experts (Jiang et al. 2024, Mixtral): each token goes through the few experts that its router
 * finds most probable. The tokens of one expert are gathered, so that its products are over many rows; experts follow
 * each other in order, so that a token's sum has one order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/steps/layer.h"

int fs_experts_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, size_t tokens, struct fs_error *err)
{
    size_t experts = fs_spec_most_experts(spec), used = 0;
    if (experts == 0) {
        return 0;
    }
    for (size_t i = 0; i < spec->layers; i++) {
        used = spec->layer[i].experts_used > used ? spec->layer[i].experts_used : used;
    }
    if (fs_scratch_reserve(&workspace->chosen, tokens * experts, "experts", err) != 0 ||
        fs_scratch_reserve(&workspace->expert, 3 * tokens * spec->hidden, "experts", err) != 0 ||
        fs_grow(&workspace->expert_row, &workspace->expert_rows, tokens * used, sizeof *workspace->expert_row,
                "experts", err) != 0) {
        return -1;
    }
    return fs_grow(&workspace->expert_first, &workspace->experts, experts + 1, sizeof *workspace->expert_first,
                   "experts", err);
}

/*
 * A token uses an expert that fewer than `experts_used` others are before: larger, or not smaller and of a smaller number.
 * So `experts_used` of them are even where the softmax is no number: then no expert's is.
 */
static bool is_used(const struct fs_layer_spec *layer, const fs_real *chosen, size_t expert)
{
    size_t before = 0;
    for (size_t e = 0; e < layer->experts; e++) {
        before += chosen[e] > chosen[expert] || (!(chosen[e] < chosen[expert]) && e < expert) ? 1 : 0;
    }
    return before < layer->experts_used;
}

static fs_real used_sum(const struct fs_layer_spec *layer, const fs_real *chosen)
{
    fs_real sum = 0;
    for (size_t e = 0; e < layer->experts; e++) {
        sum += is_used(layer, chosen, e) ? chosen[e] : 0;
    }
    return sum;
}

/* Lists the tokens of each expert. */
static void list_rows(const struct fs_layer_run *run)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    struct fs_workspace *workspace = run->workspace;
    size_t rows = 0;
    for (size_t e = 0; e < layer->experts; e++) {
        workspace->expert_first[e] = rows;
        for (size_t t = 0; t < run->tokens; t++) {
            if (is_used(layer, run->activations->chosen + t * layer->experts, e)) {
                workspace->expert_row[rows++] = t;
            }
        }
    }
    workspace->expert_first[layer->experts] = rows;
}

/* The rows of one expert at work. */
struct rows {
    size_t first, count; /* among those of all experts */
    const size_t *token; /* [count] */
};

static struct rows rows_of(const struct fs_layer_run *run, size_t expert)
{
    const struct fs_workspace *workspace = run->workspace;
    size_t first = workspace->expert_first[expert];
    return (struct rows){first, workspace->expert_first[expert + 1] - first, workspace->expert_row + first};
}

static fs_real *gather(const struct fs_layer_run *run, const struct rows *rows, const fs_real *from)
{
    fs_real *gathered = run->workspace->expert.data;
    size_t d = run->spec->hidden;
    for (size_t r = 0; r < rows->count; r++) {
        memcpy(gathered + r * d, from + rows->token[r] * d, d * sizeof *gathered);
    }
    return gathered;
}

static void route(const struct fs_layer_run *run, const fs_real *x)
{
    size_t experts = run->layer->spec->experts;
    fs_real *chosen = run->activations->chosen;
    fs_linear(run->backend, &run->layer->router, run->tokens, x, chosen, experts);
    for (size_t t = 0; t < run->tokens; t++, chosen += experts) {
        fs_real max = fs_kernel_max(chosen, experts), sum = 0;
        for (size_t e = 0; e < experts; e++) {
            chosen[e] = (fs_real)exp((double)(chosen[e] - max));
            sum += chosen[e];
        }
        for (size_t e = 0; e < experts; e++) {
            chosen[e] /= sum;
        }
    }
}

static void inner(const struct fs_layer_run *run, const fs_real *x)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    const struct fs_activations *activations = run->activations;
    size_t F = layer->ffn;
    route(run, x);
    list_rows(run);
    for (size_t e = 0; e < layer->experts; e++) {
        const struct fs_expert *expert = &run->layer->expert[e];
        struct rows rows = rows_of(run, e);
        size_t at = rows.first * F;
        if (rows.count == 0) {
            continue;
        }
        const fs_real *in = gather(run, &rows, x);
        fs_linear(run->backend, &expert->up, rows.count, in, activations->up + at, F);
        if (layer->gated) {
            fs_linear(run->backend, &expert->gate, rows.count, in, activations->gate + at, F);
        }
        const fs_real *before = layer->gated ? activations->gate + at : activations->up + at;
        fs_kernel_activation(layer->activation, before, layer->gated ? activations->up + at : NULL,
                             activations->active + at, rows.count * F);
    }
}

/* The experts' outputs are summed apart from the residual, for row copies are of the whole sublayer. */
static void output(const struct fs_layer_run *run, const fs_real *residual, fs_real *out)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    size_t d = run->spec->hidden, numbers = run->tokens * d;
    fs_real *each = run->workspace->expert.data + numbers, *sum = each + numbers;
    memset(sum, 0, numbers * sizeof *sum);
    for (size_t e = 0; e < layer->experts; e++) {
        struct rows rows = rows_of(run, e);
        if (rows.count == 0) {
            continue;
        }
        fs_linear(run->backend, &run->layer->expert[e].down, rows.count,
                  run->activations->active + rows.first * layer->ffn, each, d);
        for (size_t r = 0; r < rows.count; r++) {
            const fs_real *chosen = run->activations->chosen + rows.token[r] * layer->experts;
            fs_real weight = chosen[e] / used_sum(layer, chosen), *row = sum + rows.token[r] * d;
            for (size_t i = 0; i < d; i++) {
                row[i] += weight * each[r * d + i];
            }
        }
    }
    fs_copy_rows(run->activations->ffn_copies, sum, d);
    if (residual == NULL) {
        memcpy(out, sum, numbers * sizeof *out);
        return;
    }
    if (residual != out) {
        memcpy(out, residual, numbers * sizeof *out);
    }
    fs_kernel_add(out, sum, numbers);
}

static fs_real dot(const fs_real *a, const fs_real *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return (fs_real)sum;
}

/* To the gradients of a linear map's weights, from what it has read and the gradient of what it gave; no work without a sink. */
static void add_weights(const struct fs_layer_run *run, const struct fs_linear *linear, size_t count, const fs_real *x,
                        const fs_real *dy)
{
    if (run->sink != NULL) {
        const struct fs_linear_rows rows = {count, x, dy, linear->outputs, 1};
        fs_linear_weight_gradient(run->backend, linear, &rows, run->sink);
    }
}

/*
 * The rows of one expert e: with w its weight and D = dy W_down^T, dw = dy . its output = D . active + dy . bias, and the
 * rest is the backward of an FFN with w D. dweight (T,experts) gets dw; sum (T,d) what goes back to x.
 */
static void expert_backward(const struct fs_layer_run *run, size_t e, const fs_real *dy, fs_real *dweight, fs_real *sum)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    const struct fs_expert *expert = &run->layer->expert[e];
    struct rows rows = rows_of(run, e);
    size_t F = layer->ffn, d = run->spec->hidden, count = rows.count * F;
    const fs_real *up = run->activations->up + rows.first * F;
    const fs_real *gate = layer->gated ? run->activations->gate + rows.first * F : NULL;
    fs_real *D = run->workspace->dffn.data, *other = run->workspace->dgate.data, *dout = gather(run, &rows, dy);
    const fs_real *bias = expert->down.bias;
    fs_linear_backward(run->backend, &expert->down, rows.count, dout, d, 0, D);
    fs_kernel_activation(layer->activation, gate != NULL ? gate : up, gate != NULL ? up : NULL, other, count);
    for (size_t r = 0; r < rows.count; r++) {
        const fs_real *chosen = run->activations->chosen + rows.token[r] * layer->experts;
        fs_real weight = chosen[e] / used_sum(layer, chosen);
        dweight[rows.token[r] * layer->experts + e] =
            dot(D + r * F, other + r * F, F) + (bias != NULL ? dot(dout + r * d, bias, d) : 0);
        fs_kernel_scale(D + r * F, F, weight);
        fs_kernel_scale(dout + r * d, d, weight);
    }
    add_weights(run, &expert->down, rows.count, other, dout);
    const fs_real *x = run->sink != NULL ? gather(run, &rows, run->stream[FS_STREAM_X]) : NULL;
    fs_real *dx = run->workspace->expert.data + run->tokens * d;
    if (gate != NULL) {
        fs_kernel_activation_backward(layer->activation, gate, up, D, other, D, count);
        add_weights(run, &expert->gate, rows.count, x, other);
        fs_linear_backward(run->backend, &expert->gate, rows.count, other, F, 0, dx);
    } else {
        fs_kernel_activation_backward(layer->activation, up, NULL, D, D, NULL, count);
    }
    add_weights(run, &expert->up, rows.count, x, D);
    fs_linear_backward(run->backend, &expert->up, rows.count, D, F, gate != NULL ? 1 : 0, dx);
    for (size_t r = 0; r < rows.count; r++) {
        fs_kernel_add(sum + rows.token[r] * d, dx + r * d, d);
    }
}

/*
 * From the gradients of the weights w_e = p_e / S, S the sum of the used p, to those of the router's logits, in place:
 * dp_e = (dw_e - sum of w dw) / S for the used ones and 0 for the others, dz_e = p_e (dp_e - sum of p dp).
 */
static void route_backward(const struct fs_layer_spec *layer, const fs_real *chosen, fs_real *dweight)
{
    fs_real sum = used_sum(layer, chosen), mean = 0, centre = 0;
    for (size_t e = 0; e < layer->experts; e++) {
        mean += is_used(layer, chosen, e) ? chosen[e] / sum * dweight[e] : 0;
    }
    for (size_t e = 0; e < layer->experts; e++) {
        dweight[e] = is_used(layer, chosen, e) ? (dweight[e] - mean) / sum : 0;
        centre += chosen[e] * dweight[e];
    }
    for (size_t e = 0; e < layer->experts; e++) {
        dweight[e] = chosen[e] * (dweight[e] - centre);
    }
}

static void backward(const struct fs_layer_run *run, const fs_real *dy, fs_real beta, fs_real *dx)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    size_t numbers = run->tokens * run->spec->hidden;
    fs_real *sum = run->workspace->expert.data + 2 * numbers, *dweight = run->workspace->dchosen.data;
    list_rows(run);
    memset(sum, 0, numbers * sizeof *sum);
    memset(dweight, 0, run->tokens * layer->experts * sizeof *dweight);
    for (size_t e = 0; e < layer->experts; e++) {
        if (rows_of(run, e).count > 0) {
            expert_backward(run, e, dy, dweight, sum);
        }
    }
    for (size_t t = 0; t < run->tokens; t++) {
        route_backward(layer, run->activations->chosen + t * layer->experts, dweight + t * layer->experts);
    }
    add_weights(run, &run->layer->router, run->tokens, run->stream[FS_STREAM_X], dweight);
    fs_linear_backward(run->backend, &run->layer->router, run->tokens, dweight, layer->experts, 1, sum);
    if (beta == 0) {
        memcpy(dx, sum, numbers * sizeof *dx);
    } else {
        fs_kernel_add(dx, sum, numbers);
    }
}

static fs_real weight_of(const struct fs_layer_spec *layer, const fs_real *chosen, size_t expert)
{
    return is_used(layer, chosen, expert) ? chosen[expert] / used_sum(layer, chosen) : 0;
}

/* The biases of all experts, as neurons whose activation is the expert's weight. */
static size_t biases(const struct fs_layer_run *run, const fs_real *dy, const fs_real **value)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    size_t experts = layer->experts, d = run->spec->hidden;
    fs_real *weight = run->workspace->dchosen.data, *gradient = run->workspace->dffn.data;
    if (!layer->ffn_bias) {
        return 0;
    }
    for (size_t i = 0; i < run->tokens * experts; i++) {
        size_t row = i / experts, expert = i % experts;
        weight[i] = weight_of(layer, run->activations->chosen + row * experts, expert);
        gradient[i] = dot(dy + row * d, run->layer->expert[expert].down.bias, d);
    }
    *value = weight;
    return experts;
}

static size_t neurons(const struct fs_layer_run *run, size_t part, const fs_real *dy, const fs_real **value)
{
    const struct fs_layer_spec *layer = run->layer->spec;
    if (part == layer->experts) {
        return biases(run, dy, value);
    }
    struct rows rows = rows_of(run, part);
    size_t F = layer->ffn;
    fs_real *weighed = run->workspace->dgate.data;
    const fs_real *active = run->activations->active + rows.first * F;
    if (rows.count == 0) {
        return 0;
    }
    memset(weighed, 0, run->tokens * F * sizeof *weighed);
    for (size_t r = 0; r < rows.count; r++, active += F) {
        fs_real weight = weight_of(layer, run->activations->chosen + rows.token[r] * layer->experts, part);
        for (size_t i = 0; i < F; i++) {
            weighed[rows.token[r] * F + i] = weight * active[i];
        }
    }
    *value = weighed;
    fs_linear_backward(run->backend, &run->layer->expert[part].down, run->tokens, dy, run->spec->hidden, 0,
                       run->workspace->dffn.data);
    return F;
}

const struct fs_ffn_kind fs_ffn_experts = {inner, output, backward, neurons};

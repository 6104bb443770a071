/* context = softmax(scale Q K^T) V, head by head, each sequence by itself; scores.h says what else scores may go through. */
#include "model/steps/layer.h"
#include "model/steps/scores.h"

/* Heads are taken together while their weights fit the second-level cache. */
enum { BLOCK_NUMBERS = 1 << 16 };

static size_t heads_together(const struct fs_spec *spec, size_t n)
{
    size_t square = n * n;
    size_t together = square < BLOCK_NUMBERS ? BLOCK_NUMBERS / square : 1;
    return together < spec->heads ? together : spec->heads;
}

size_t fs_attention_weights(const struct fs_spec *spec, const struct fs_batch *batch)
{
    size_t numbers = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = batch->start[s + 1] - batch->start[s];
        numbers += spec->heads * n * n;
    }
    return numbers;
}

size_t fs_attention_block(const struct fs_spec *spec, const struct fs_batch *batch)
{
    size_t numbers = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = batch->start[s + 1] - batch->start[s];
        size_t needed = heads_together(spec, n) * n * n;
        numbers = needed > numbers ? needed : numbers;
    }
    return numbers;
}

/* What one sequence's heads are. */
struct heads {
    size_t start, n;     /* first row, tokens */
    size_t first, count; /* heads that are taken together */
    size_t H, D, group;  /* a key-value head serves `group` heads */
    size_t keys, values; /* columns of qkv where they begin */
    size_t width;        /* of qkv */
};

static struct heads heads_of(const struct fs_layer_run *run, size_t sequence)
{
    const struct fs_spec *spec = run->spec;
    size_t start = run->batch->start[sequence], D = spec->head_size;
    return (struct heads){.start = start,
                          .n = run->batch->start[sequence + 1] - start,
                          .H = spec->heads,
                          .D = D,
                          .group = spec->heads / spec->key_value_heads,
                          .keys = spec->heads * D,
                          .values = (spec->heads + spec->key_value_heads) * D,
                          .width = fs_spec_qkv_width(spec)};
}

/* The sequence's (n,D) part of qkv, or of its gradient, that begins in `column`. */
static struct fs_matrix part(const struct heads *heads, const fs_real *qkv, size_t column)
{
    return fs_matrix_of(qkv + heads->start * heads->width + column, heads->n, heads->D, heads->width);
}

static struct fs_matrix square(const struct heads *heads, const fs_real *numbers)
{
    return fs_matrix_of(numbers, heads->n, heads->n, heads->n);
}

/* S (n,n) = scale Q K^T of a head, and the disentangled terms. */
static void score(const struct fs_layer_run *run, const struct heads *heads, size_t head, fs_real *S)
{
    const fs_real *qkv = run->activations->qkv;
    struct fs_matrix query = part(heads, qkv, head * heads->D);
    struct fs_matrix key = part(heads, qkv, heads->keys + head / heads->group * heads->D);
    fs_real scale = (fs_real)run->layer->spec->attention_scale;
    fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_B, scale, query, key}, 0, S, heads->n);
    if (run->spec->disentangled.span > 0) {
        fs_disentangled_scores(run, head, query, key, S);
    }
}

/* Some heads of one sequence; P (count,n,n): their weights, out. */
static void attend(const struct fs_layer_run *run, const struct heads *heads, fs_real *P)
{
    const fs_real *qkv = run->activations->qkv;
    size_t n = heads->n, D = heads->D, stride = heads->H * D;
    for (size_t i = 0; i < heads->count; i++) {
        score(run, heads, heads->first + i, P + i * n * n);
    }
    fs_scores_shape(run, heads->first, heads->count, n, P);
    fs_kernel_softmax(P, heads->count, n, run->spec->kind == FS_CAUSAL, run->layer->spec->window);
    for (size_t i = 0; i < heads->count; i++) {
        size_t head = heads->first + i, shared = head / heads->group * D;
        struct fs_term context = {FS_TRANSPOSE_NONE, 1, square(heads, P + i * n * n),
                                  part(heads, qkv, heads->values + shared)};
        fs_product(run->backend, context, 0, run->workspace->context.data + heads->start * stride + head * D, stride);
    }
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    if (run->spec->disentangled.span > 0) {
        fs_disentangled_project(run);
    }
    fs_real *kept = run->activations->weights;
    for (size_t s = 0; s < run->batch->sequences; s++) {
        struct heads heads = heads_of(run, s);
        size_t n = heads.n, together = heads_together(run->spec, n);
        for (; heads.first < heads.H; heads.first += together) {
            heads.count = heads.H - heads.first < together ? heads.H - heads.first : together;
            attend(run, &heads, kept != NULL ? kept + heads.first * n * n : run->workspace->weights.data);
        }
        if (kept != NULL) {
            kept += heads.H * n * n;
        }
    }
}

/* Through the cap: dS (count,n,n) of some heads. Their scores are computed again, for only the weights were kept. */
static void cap_backward(const struct fs_layer_run *run, const struct heads *heads, fs_real *dS)
{
    size_t square = heads->n * heads->n;
    fs_real *S = run->workspace->scores.data, cap = (fs_real)run->layer->spec->score_cap;
    for (size_t i = 0; i < heads->count; i++) {
        score(run, heads, heads->first + i, S);
        fs_kernel_cap(S, square, cap);
        fs_kernel_cap_backward(S, dS + i * square, dS + i * square, square, cap);
    }
}

/*
 * Per head, with P the weights and S the scores: dV = P^T dC, dP = dC V^T, dS = P (dP - rowsum(dP P)),
 * dQ = scale dS K, dK = scale dS^T Q; the heads of a group add up in their key and value.
 */
static void attend_backward(const struct fs_layer_run *run, const struct heads *heads, const fs_real *P)
{
    const fs_real *qkv = run->activations->qkv;
    size_t n = heads->n, D = heads->D, width = heads->width;
    fs_real *out = run->workspace->dqkv.data + heads->start * width, *dP = run->workspace->weights.data;
    fs_real scale = (fs_real)run->layer->spec->attention_scale;
    for (size_t i = 0; i < heads->count; i++) {
        size_t head = heads->first + i, shared = head / heads->group * D;
        fs_real beta = head % heads->group == 0 ? 0 : 1;
        struct fs_matrix dC =
            fs_matrix_of(run->workspace->dcontext.data + heads->start * heads->H * D + head * D, n, D, heads->H * D);
        struct fs_term dweights = {FS_TRANSPOSE_B, 1, dC, part(heads, qkv, heads->values + shared)};
        struct fs_term dvalue = {FS_TRANSPOSE_A, 1, square(heads, P + i * n * n), dC};
        fs_product(run->backend, dweights, 0, dP + i * n * n, n);
        fs_product(run->backend, dvalue, beta, out + heads->values + shared, width);
    }
    fs_kernel_softmax_backward(P, dP, heads->count, n);
    if (run->layer->spec->score_cap > 0) {
        cap_backward(run, heads, dP);
    }
    for (size_t i = 0; i < heads->count; i++) {
        size_t head = heads->first + i, shared = head / heads->group * D;
        fs_real beta = head % heads->group == 0 ? 0 : 1;
        struct fs_matrix dS = square(heads, dP + i * n * n);
        struct fs_term dquery = {FS_TRANSPOSE_NONE, scale, dS, part(heads, qkv, heads->keys + shared)};
        struct fs_term dkey = {FS_TRANSPOSE_A, scale, dS, part(heads, qkv, head * D)};
        fs_product(run->backend, dquery, 0, out + head * D, width);
        fs_product(run->backend, dkey, beta, out + heads->keys + shared, width);
        if (run->spec->disentangled.span > 0) {
            fs_disentangled_backward(run, head, dS, out + head * D, out + heads->keys + shared);
        }
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    const fs_real *kept = run->activations->weights;
    if (run->spec->disentangled.span > 0) {
        fs_disentangled_project(run);
    }
    for (size_t s = 0; s < run->batch->sequences; s++) {
        struct heads heads = heads_of(run, s);
        size_t n = heads.n, together = heads_together(run->spec, n);
        for (; heads.first < heads.H; heads.first += together) {
            heads.count = heads.H - heads.first < together ? heads.H - heads.first : together;
            attend_backward(run, &heads, kept + heads.first * n * n);
        }
        kept += heads.H * n * n;
    }
}

const struct fs_step_kind fs_step_attention = {"attention", forward, backward};

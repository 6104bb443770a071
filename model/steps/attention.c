/*
 * context = softmax(scale Q K^T) V, head by head, each sequence by itself; scores.h says what else scores may go through.
 * A sequence's own n rows are queries; its whole path, of m tokens, are keys and values.
 */
#include <string.h>

#include "model/steps/layer.h"
#include "model/steps/scores.h"

/* Heads are taken together while their weights fit the second-level cache. */
enum { BLOCK_NUMBERS = 1 << 16 };

static size_t heads_together(const struct fs_spec *spec, size_t numbers)
{
    size_t together = numbers < BLOCK_NUMBERS ? BLOCK_NUMBERS / numbers : 1;
    return together < spec->heads ? together : spec->heads;
}

/* n m of a sequence. */
static size_t weights_of(const struct fs_batch *batch, size_t sequence)
{
    return (batch->start[sequence + 1] - batch->start[sequence]) * fs_batch_length(batch, sequence);
}

size_t fs_attention_weights(const struct fs_spec *spec, const struct fs_batch *batch)
{
    size_t numbers = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        numbers += spec->heads * weights_of(batch, s);
    }
    return numbers;
}

size_t fs_attention_block(const struct fs_spec *spec, const struct fs_batch *batch)
{
    size_t numbers = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t one = weights_of(batch, s), needed = heads_together(spec, one) * one;
        numbers = needed > numbers ? needed : numbers;
    }
    return numbers;
}

/* What one sequence's heads are. */
struct heads {
    size_t sequence, start, n, m; /* first of its own rows, how many, and tokens of its path */
    size_t before;                /* weights of the sequences before it */
    size_t first, count;          /* heads that are taken together */
    size_t H, D, group;           /* a key-value head serves `group` heads */
    size_t width;                 /* of qkv */
    /* (m; stride path_width) keys and values of the path, side by side; their gradient, backward */
    const fs_real *path;
    fs_real *dpath;
    size_t path_width, values; /* where a row's values begin */
};

/* The place of a head's first weight among those of the batch. */
static size_t place_of(const struct heads *heads, size_t head)
{
    return heads->before + head * heads->n * heads->m;
}

/* P (n,m), the weights of a head, without those that are dropped: in the workspace, or P itself where none is. */
static const fs_real *drop(const struct fs_layer_run *run, const struct heads *heads, size_t head, const fs_real *P)
{
    size_t count = heads->n * heads->m;
    fs_real *dropped = run->workspace->dropped.data;
    if (run->workspace->dropout == NULL) {
        return P;
    }
    memcpy(dropped, P, count * sizeof *dropped);
    fs_layer_drop(run, FS_DROP_WEIGHTS, place_of(heads, head), dropped, count);
    return dropped;
}

static bool continues(const struct heads *heads)
{
    return heads->n < heads->m;
}

/* A path that begins in other sequences is gathered; else keys and values are read where they stand. */
static struct heads heads_of(const struct fs_layer_run *run, size_t sequence)
{
    const struct fs_spec *spec = run->spec;
    size_t start = run->batch->start[sequence], D = spec->head_size, G = spec->key_value_heads;
    struct heads heads = {.sequence = sequence,
                          .start = start,
                          .n = run->batch->start[sequence + 1] - start,
                          .m = fs_batch_length(run->batch, sequence),
                          .H = spec->heads,
                          .D = D,
                          .group = spec->heads / G,
                          .width = fs_spec_qkv_width(spec),
                          .values = G * D};
    size_t keys = spec->heads * D;
    if (!continues(&heads)) {
        heads.path = run->activations->qkv + start * heads.width + keys;
        heads.path_width = heads.width;
        return heads;
    }
    fs_real *path = run->workspace->path.data;
    heads.path_width = 2 * G * D;
    for (size_t position = 0; position < heads.m; position++) {
        size_t row = fs_batch_row(run->batch, sequence, position);
        memcpy(path + position * heads.path_width, run->activations->qkv + row * heads.width + keys,
               heads.path_width * sizeof *path);
    }
    heads.path = path;
    return heads;
}

/* (n,D) of a head's queries, in qkv or its gradient. */
static struct fs_matrix queries(const struct heads *heads, const fs_real *qkv, size_t head)
{
    return fs_matrix_of(qkv + heads->start * heads->width + head * heads->D, heads->n, heads->D, heads->width);
}

/* (m,D) of the keys, and of the values, that a head reads. */
static struct fs_matrix keys(const struct heads *heads, size_t head)
{
    return fs_matrix_of(heads->path + head / heads->group * heads->D, heads->m, heads->D, heads->path_width);
}

static struct fs_matrix values(const struct heads *heads, size_t head)
{
    return fs_matrix_of(heads->path + heads->values + head / heads->group * heads->D, heads->m, heads->D,
                        heads->path_width);
}

/* Number `i` of the weights, or scores, of heads that are taken together. */
static struct fs_matrix weights(const struct heads *heads, const fs_real *numbers, size_t i)
{
    return fs_matrix_of(numbers + i * heads->n * heads->m, heads->n, heads->m, heads->m);
}

/* S (n,m) = scale Q K^T of a head, and the disentangled terms. */
static void score(const struct fs_layer_run *run, const struct heads *heads, size_t head, fs_real *S)
{
    struct fs_matrix query = queries(heads, run->activations->qkv, head), key = keys(heads, head);
    fs_real scale = (fs_real)run->layer->spec->attention_scale;
    fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_B, scale, query, key}, 0, S, heads->m);
    if (run->spec->disentangled.span > 0) {
        fs_disentangled_scores(run, head, query, key, S);
    }
}

/* Some heads of one sequence; P (count,n,m): their weights, out. */
static void attend(const struct fs_layer_run *run, const struct heads *heads, fs_real *P)
{
    size_t n = heads->n, m = heads->m, stride = heads->H * heads->D;
    for (size_t i = 0; i < heads->count; i++) {
        score(run, heads, heads->first + i, P + i * n * m);
    }
    fs_scores_shape(run, &(struct fs_score_block){heads->first, heads->count, n, m}, P);
    const struct fs_softmax softmax = {heads->count, n, m, run->spec->kind == FS_CAUSAL, run->layer->spec->window};
    fs_kernel_softmax(&softmax, P);
    for (size_t i = 0; i < heads->count; i++) {
        size_t head = heads->first + i;
        const fs_real *left = drop(run, heads, head, P + i * n * m);
        struct fs_term context = {FS_TRANSPOSE_NONE, 1, weights(heads, left, 0), values(heads, head)};
        fs_product(run->backend, context, 0, run->workspace->context.data + heads->start * stride + head * heads->D,
                   stride);
    }
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    if (run->spec->disentangled.span > 0) {
        fs_disentangled_project(run);
    }
    fs_real *kept = run->activations->weights;
    size_t before = 0;
    for (size_t s = 0; s < run->batch->sequences; s++) {
        struct heads heads = heads_of(run, s);
        size_t numbers = heads.n * heads.m, together = heads_together(run->spec, numbers);
        heads.before = before;
        before += heads.H * numbers;
        for (; heads.first < heads.H; heads.first += together) {
            heads.count = heads.H - heads.first < together ? heads.H - heads.first : together;
            attend(run, &heads, kept != NULL ? kept + heads.first * numbers : run->workspace->weights.data);
        }
        if (kept != NULL) {
            kept += heads.H * numbers;
        }
    }
}

/* ---- backward ---- */

/* Through the cap: dS (count,n,m) of some heads. Their scores are computed again, for only the weights were kept. */
static void cap_backward(const struct fs_layer_run *run, const struct heads *heads, fs_real *dS)
{
    size_t numbers = heads->n * heads->m;
    fs_real *S = run->workspace->scores.data, cap = (fs_real)run->layer->spec->score_cap;
    for (size_t i = 0; i < heads->count; i++) {
        score(run, heads, heads->first + i, S);
        fs_kernel_cap(S, numbers, cap);
        fs_kernel_cap_backward(S, dS + i * numbers, dS + i * numbers, numbers, cap);
    }
}

/*
 * Per head, with P the weights and S the scores: dV = P^T dC, dP = dC V^T, dS = P (dP - rowsum(dP P)),
 * dQ = scale dS K, dK = scale dS^T Q; the heads of a group add up in their key and value, and so do, where sequences
 * share rows (`shared`), those sequences.
 */
static void attend_backward(const struct fs_layer_run *run, const struct heads *heads, bool shared, const fs_real *P)
{
    size_t n = heads->n, m = heads->m, D = heads->D, stride = heads->H * D;
    fs_real *dP = run->workspace->weights.data, *dqkv = run->workspace->dqkv.data;
    fs_real scale = (fs_real)run->layer->spec->attention_scale;
    for (size_t i = 0; i < heads->count; i++) {
        size_t head = heads->first + i;
        fs_real beta = shared || head % heads->group != 0 ? 1 : 0;
        struct fs_matrix dC =
            fs_matrix_of(run->workspace->dcontext.data + heads->start * stride + head * D, n, D, stride);
        struct fs_term dweights = {FS_TRANSPOSE_B, 1, dC, values(heads, head)};
        const fs_real *left = drop(run, heads, head, P + i * n * m);
        struct fs_term dvalue = {FS_TRANSPOSE_A, 1, weights(heads, left, 0), dC};
        fs_product(run->backend, dweights, 0, dP + i * n * m, m);
        fs_layer_drop(run, FS_DROP_WEIGHTS, place_of(heads, head), dP + i * n * m, n * m);
        fs_product(run->backend, dvalue, beta, heads->dpath + heads->values + head / heads->group * D,
                   heads->path_width);
    }
    fs_kernel_softmax_backward(P, dP, heads->count * n, m);
    fs_scores_shape_weights(run, &(struct fs_score_block){heads->first, heads->count, n, m}, dP);
    if (run->layer->spec->score_cap > 0) {
        cap_backward(run, heads, dP);
    }
    for (size_t i = 0; i < heads->count; i++) {
        size_t head = heads->first + i;
        fs_real beta = shared || head % heads->group != 0 ? 1 : 0;
        fs_real *dquery = dqkv + heads->start * heads->width + head * D;
        fs_real *dkey = heads->dpath + head / heads->group * D;
        struct fs_matrix dS = weights(heads, dP, i);
        struct fs_term query_term = {FS_TRANSPOSE_NONE, scale, dS, keys(heads, head)};
        struct fs_term key_term = {FS_TRANSPOSE_A, scale, dS, queries(heads, run->activations->qkv, head)};
        fs_product(run->backend, query_term, 0, dquery, heads->width);
        fs_product(run->backend, key_term, beta, dkey, heads->path_width);
        if (run->spec->disentangled.span > 0) {
            fs_disentangled_backward(run, head, queries(heads, run->activations->qkv, head), keys(heads, head), dS,
                                     dquery, dkey);
        }
    }
}

/* Keys and values of sequences that share rows get their gradients one sequence after the other. */
static void clear_keys(const struct fs_layer_run *run)
{
    size_t width = fs_spec_qkv_width(run->spec), queries_width = run->spec->heads * run->spec->head_size;
    for (size_t t = 0; t < run->tokens; t++) {
        memset(run->workspace->dqkv.data + t * width + queries_width, 0,
               (width - queries_width) * sizeof *run->workspace->dqkv.data);
    }
}

/* Where the gradient of the path goes: to where it stands, or, gathered, to a place of its own. */
static void begin_path(const struct fs_layer_run *run, struct heads *heads)
{
    size_t numbers = heads->m * heads->path_width;
    if (!continues(heads)) {
        heads->dpath = run->workspace->dqkv.data + heads->start * heads->width + heads->H * heads->D;
        return;
    }
    heads->dpath = run->workspace->path.data + numbers;
    memset(heads->dpath, 0, numbers * sizeof *heads->dpath);
}

static void end_path(const struct fs_layer_run *run, const struct heads *heads)
{
    for (size_t position = 0; continues(heads) && position < heads->m; position++) {
        size_t row = fs_batch_row(run->batch, heads->sequence, position);
        fs_kernel_add(run->workspace->dqkv.data + row * heads->width + heads->H * heads->D,
                      heads->dpath + position * heads->path_width, heads->path_width);
    }
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    const fs_real *kept = run->activations->weights;
    bool shared = run->batch->depth != NULL;
    if (run->spec->disentangled.span > 0) {
        fs_disentangled_project(run);
    }
    if (shared) {
        clear_keys(run);
    }
    for (size_t s = 0; s < run->batch->sequences; s++) {
        struct heads heads = heads_of(run, s);
        size_t numbers = heads.n * heads.m, together = heads_together(run->spec, numbers);
        heads.before = (size_t)(kept - run->activations->weights);
        begin_path(run, &heads);
        for (; heads.first < heads.H; heads.first += together) {
            heads.count = heads.H - heads.first < together ? heads.H - heads.first : together;
            attend_backward(run, &heads, shared, kept + heads.first * numbers);
        }
        end_path(run, &heads);
        kept += heads.H * numbers;
    }
    if (run->spec->disentangled.span > 0 && run->sink != NULL) {
        fs_disentangled_layer_weights(run);
    }
}

const struct fs_step_kind fs_step_attention = {"attention", forward, backward};

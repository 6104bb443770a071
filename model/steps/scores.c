/*
 * Soft caps, and biases by head and position. A bias depends on j - i alone (query i, key j), or on j, so there is one row
 * of numbers a head and a query takes its part of it. Of these only the buckets are weights.
 *
 *     ALiBi (Press et al. 2022)   slope_h (j - i): softmax takes no notice of what a row has in common, so j - i, j and
 *                                 j - n + 1 are the same, and j - i loses least
 *     bfloat16                    the same with slope_h j, slope, j and product rounded, before the scale
 *     buckets                     table[bucket(j - i)][h], Raffel et al. 2020
 */
#include "model/steps/scores.h"

#include <math.h>
#include <string.h>

enum { FARTHEST_BUCKET = 128 }; /* distances from here on share one */

/* To the nearest bfloat16, ties to even. */
static float bfloat16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1);
    bits &= 0xffff0000u;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

/* The slopes of P heads, a power of two, are 2^(-8 h / P), h = 1 .. P. */
static double slope_of(size_t h, size_t P)
{
    return exp2(-8.0 * (double)h / (double)P);
}

/* With P the power of two at most H, the heads above it take every second slope of 2 P. */
static double alibi_slope(size_t heads, size_t head)
{
    size_t P = 1;
    while (2 * P <= heads) {
        P *= 2;
    }
    return head < P ? slope_of(head + 1, P) : slope_of(2 * (head - P) + 1, 2 * P);
}

/* Of both directions, half of the buckets each: near distances have their own, far ones share by the logarithm. In float,
 * as the models were trained. */
static size_t bucket_of(size_t buckets, size_t distance, bool after)
{
    size_t half = buckets / 2, exact = half / 2, bucket = distance;
    if (distance >= exact) {
        float part = logf((float)distance / (float)exact) / (float)log((double)FARTHEST_BUCKET / (double)exact);
        bucket = exact + (size_t)(part * (float)(half - exact));
        bucket = bucket < half ? bucket : half - 1;
    }
    return bucket + (after ? half : 0);
}

static fs_real bias_at(const struct fs_spec *spec, const struct fs_score_weights *weights, size_t head,
                       ptrdiff_t distance)
{
    if (spec->score_bias == FS_BUCKET_BIAS) {
        size_t bucket = bucket_of(spec->score_buckets, (size_t)(distance < 0 ? -distance : distance), distance > 0);
        return weights->bias[bucket * spec->heads + head];
    }
    double slope = alibi_slope(spec->heads, head);
    if (spec->score_bias == FS_ALIBI_BFLOAT16) {
        float product = bfloat16(bfloat16((float)slope) * bfloat16((float)distance));
        return (fs_real)((double)product / sqrt((double)spec->head_size));
    }
    return (fs_real)(slope * (double)distance);
}

static bool is_by_key(const struct fs_spec *spec)
{
    return spec->score_bias == FS_ALIBI_BFLOAT16;
}

/* Numbers of a head's row, and which of them is distance 0 or position 0. */
static size_t row_length(const struct fs_spec *spec, size_t length)
{
    return is_by_key(spec) ? length : 2 * length - 1;
}

static size_t row_zero(const struct fs_spec *spec, size_t length)
{
    return is_by_key(spec) ? 0 : length - 1;
}

static int fill_bias(const struct fs_spec *spec, const struct fs_score_weights *weights, size_t length,
                     struct fs_score_bias_table *table, struct fs_error *err)
{
    size_t stride = row_length(spec, length), zero = row_zero(spec, length);
    table->length = 0;
    if (fs_scratch_reserve(&table->rows, spec->heads * stride, "biases of attention", err) != 0) {
        return -1;
    }
    for (size_t head = 0; head < spec->heads; head++) {
        for (size_t at = 0; at < stride; at++) {
            table->rows.data[head * stride + at] = bias_at(spec, weights, head, (ptrdiff_t)at - (ptrdiff_t)zero);
        }
    }
    table->length = length;
    return 0;
}

static bool has_cap(const struct fs_spec *spec)
{
    for (size_t i = 0; i < spec->layers; i++) {
        if (spec->layer[i].score_cap > 0) {
            return true;
        }
    }
    return false;
}

int fs_scores_prepare(const struct fs_spec *spec, const struct fs_score_weights *weights,
                      struct fs_workspace *workspace, const struct fs_batch *batch, struct fs_error *err)
{
    size_t longest = fs_batch_longest(batch);
    size_t path = batch->depth != NULL ? 2 * longest * 2 * spec->key_value_heads * spec->head_size : 0;
    if (fs_scratch_reserve(&workspace->path, path, "attention heads", err) != 0) {
        return -1;
    }
    if ((spec->qkv_layout == FS_QKV_GROUPS &&
         fs_scratch_reserve(&workspace->row, fs_spec_qkv_width(spec), "attention heads", err) != 0) ||
        (has_cap(spec) && fs_scratch_reserve(&workspace->scores, longest * longest, "attention scores", err) != 0) ||
        (spec->score_bias != FS_NO_SCORE_BIAS && longest > workspace->bias.length &&
         fill_bias(spec, weights, longest, &workspace->bias, err) != 0)) {
        return -1;
    }
    return spec->disentangled.span > 0 ? fs_disentangled_prepare(spec, weights, workspace, batch, err) : 0;
}

void fs_scores_shape(const struct fs_layer_run *run, const struct fs_score_block *block, fs_real *S)
{
    const struct fs_spec *spec = run->spec;
    size_t n = block->n, m = block->m;
    if (run->layer->spec->score_cap > 0) {
        fs_kernel_cap(S, block->count * n * m, (fs_real)run->layer->spec->score_cap);
    }
    if (spec->score_bias == FS_NO_SCORE_BIAS) {
        return;
    }
    const struct fs_score_bias_table *table = &run->workspace->bias;
    size_t stride = row_length(spec, table->length), zero = row_zero(spec, table->length);
    for (size_t r = 0; r < block->count * n; r++) {
        const fs_real *row = table->rows.data + (block->first + r / n) * stride + zero;
        fs_kernel_add(S + r * m, is_by_key(spec) ? row : row - (m - n + r % n), m);
    }
}

void fs_scores_shape_weights(const struct fs_layer_run *run, const struct fs_score_block *block, const fs_real *dS)
{
    const struct fs_spec *spec = run->spec;
    size_t n = block->n, m = block->m;
    if (run->sink == NULL || spec->score_bias != FS_BUCKET_BIAS) {
        return;
    }
    fs_real *table = fs_gradient_of(run->sink, run->score_weights->bias);
    for (size_t r = 0; r < block->count * n; r++) {
        size_t head = block->first + r / n, i = m - n + r % n;
        for (size_t j = 0; j < m; j++) {
            size_t bucket = bucket_of(spec->score_buckets, j > i ? j - i : i - j, j > i);
            table[bucket * spec->heads + head] += dS[r * m + j];
        }
    }
}

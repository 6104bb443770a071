#include <math.h>

#include "model/engine_parts.h"
#include "model/kernels.h"

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

/*
 * Inverse frequency of a pair, and Llama 3's scaling, as transformers computes them: in the engine's own precision, for
 * the angles of far positions feel each rounding.
 */
static fs_real inverse_frequency(const struct fs_spec *spec, size_t pair)
{
    const double turn = 6.283185307179586;
    fs_real exponent = (fs_real)(2 * pair) / (fs_real)spec->head_size;
    fs_real inverse = (fs_real)1 / (fs_real)pow(spec->rope_theta, (double)exponent);
    if (spec->rope_scaling == FS_ROPE_LINEAR) {
        inverse /= (fs_real)spec->rope_factor;
    } else if (spec->rope_scaling == FS_ROPE_LLAMA3) {
        double wavelength = turn / (double)inverse, original = (double)spec->rope_original_positions;
        if (wavelength > original / spec->rope_low_frequency) {
            inverse /= (fs_real)spec->rope_factor;
        } else if (wavelength >= original / spec->rope_high_frequency) {
            double smooth = (original / wavelength - spec->rope_low_frequency) /
                            (spec->rope_high_frequency - spec->rope_low_frequency);
            inverse = (fs_real)((1.0 - smooth) * (double)inverse / spec->rope_factor + smooth * (double)inverse);
        }
    }
    return inverse;
}

int fs_rotary_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                      struct fs_error *err)
{
    if (spec->position_kind != FS_ROTARY_POSITIONS) {
        return 0;
    }
    size_t longest = 0, half = spec->head_size / 2;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = batch->start[s + 1] - batch->start[s];
        longest = n > longest ? n : longest;
    }
    if (longest <= workspace->rotary_length) {
        return 0;
    }
    workspace->rotary_length = 0;
    if (fs_scratch_reserve(&workspace->rotary, longest * spec->head_size, "rotary positions", err) != 0) {
        return -1;
    }
    for (size_t pair = 0; pair < half; pair++) {
        fs_real inverse = inverse_frequency(spec, pair);
        for (size_t position = 0; position < longest; position++) {
            double angle = (double)((fs_real)position * inverse);
            fs_real *table = workspace->rotary.data + position * spec->head_size;
            table[pair] = (fs_real)cos(angle);
            table[half + pair] = (fs_real)sin(angle);
        }
    }
    workspace->rotary_length = longest;
    return 0;
}

void fs_rotary_apply(const struct fs_spec *spec, const struct fs_workspace *workspace, const struct fs_batch *batch,
                     fs_real *qkv, fs_real sign)
{
    if (spec->position_kind != FS_ROTARY_POSITIONS) {
        return;
    }
    size_t half = spec->head_size / 2, turned = spec->heads + spec->key_value_heads;
    size_t width = (spec->heads + 2 * spec->key_value_heads) * spec->head_size;
    for (size_t s = 0; s < batch->sequences; s++) {
        for (size_t t = batch->start[s]; t < batch->start[s + 1]; t++) {
            const fs_real *table = workspace->rotary.data + (t - batch->start[s]) * spec->head_size;
            fs_kernel_rotate(qkv + t * width, turned, half, table, table + half, sign);
        }
    }
}

void fs_attention(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                  const fs_real *qkv, fs_real *weights, fs_real *context)
{
    size_t D = spec->head_size, H = spec->heads, group = H / spec->key_value_heads;
    size_t width = (H + 2 * spec->key_value_heads) * D;
    fs_real scale = (fs_real)(1.0 / sqrt((double)D));
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t start = batch->start[s], n = batch->start[s + 1] - start;
        size_t together = heads_together(spec, n);
        const fs_real *query = qkv + start * width;
        const fs_real *key = query + H * D, *value = key + spec->key_value_heads * D;
        for (size_t first = 0; first < H; first += together) {
            size_t count = H - first < together ? H - first : together;
            fs_real *block = weights != NULL ? weights + first * n * n : workspace->weights.data;
            for (size_t i = 0; i < count; i++) {
                size_t head = first + i;
                fs_gemm(false, true, n, n, D, scale, query + head * D, width, key + head / group * D, width, 0,
                        block + i * n * n, n);
            }
            fs_kernel_softmax(block, count, n, spec->kind == FS_CAUSAL);
            for (size_t i = 0; i < count; i++) {
                size_t head = first + i;
                fs_gemm(false, false, n, D, n, 1, block + i * n * n, n, value + head / group * D, width, 0,
                        context + start * H * D + head * D, H * D);
            }
        }
        if (weights != NULL) {
            weights += H * n * n;
        }
    }
}

/*
 * Per head, with P the weights and S the scores: dV = P^T dC, dP = dC V^T, dS = P (dP - rowsum(dP P)),
 * dQ = scale dS K, dK = scale dS^T Q; the heads of a group add up in their key and value.
 */
void fs_attention_backward(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                           const fs_real *qkv, const fs_real *weights, const fs_real *dcontext, fs_real *dqkv)
{
    size_t D = spec->head_size, H = spec->heads, group = H / spec->key_value_heads;
    size_t width = (H + 2 * spec->key_value_heads) * D, keys = H * D, values = keys + spec->key_value_heads * D;
    fs_real scale = (fs_real)(1.0 / sqrt((double)D));
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t start = batch->start[s], n = batch->start[s + 1] - start;
        size_t together = heads_together(spec, n);
        const fs_real *in = qkv + start * width;
        fs_real *out = dqkv + start * width;
        for (size_t first = 0; first < H; first += together) {
            size_t count = H - first < together ? H - first : together;
            const fs_real *P = weights + first * n * n;
            fs_real *dP = workspace->weights.data;
            for (size_t i = 0; i < count; i++) {
                size_t head = first + i;
                const fs_real *dC = dcontext + start * H * D + head * D;
                size_t shared = head / group * D;
                fs_real beta = head % group == 0 ? 0 : 1;
                fs_gemm(false, true, n, n, D, 1, dC, H * D, in + values + shared, width, 0, dP + i * n * n, n);
                fs_gemm(true, false, n, D, n, 1, P + i * n * n, n, dC, H * D, beta, out + values + shared, width);
            }
            fs_kernel_softmax_backward(P, dP, count, n);
            for (size_t i = 0; i < count; i++) {
                size_t head = first + i;
                size_t shared = head / group * D;
                fs_real beta = head % group == 0 ? 0 : 1;
                fs_gemm(false, false, n, D, n, scale, dP + i * n * n, n, in + keys + shared, width, 0, out + head * D,
                        width);
                fs_gemm(true, false, n, D, n, scale, dP + i * n * n, n, in + head * D, width, beta, out + keys + shared,
                        width);
            }
        }
        weights += H * n * n;
    }
}

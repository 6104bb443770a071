#include "model/flops.h"

#include <math.h>

#include "model/families/family.h"

/* Numbers of the matrices of one layer, with so many experts where it has them; each takes part in one product a token. */
static double layer_matrices(const struct fs_spec *spec, size_t layer, double experts)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    double d = (double)spec->hidden, F = (double)own->ffn, D = (double)spec->head_size;
    double queries = (double)spec->heads * D, keys = (double)spec->key_value_heads * D;
    double ffn = (own->gated ? 3 : 2) * d * F;
    double convolution = own->convolved ? d * d * (double)spec->convolution.kernel : 0;
    return convolution + d * (queries + 2 * keys) + queries * d +
           (own->experts > 0 ? experts * ffn + d * (double)own->experts : ffn);
}

/* Of disentangled attention, beside the query's with the key. */
static double relative_terms(const struct fs_spec *spec)
{
    const struct fs_disentangled *own = &spec->disentangled;
    return own->span > 0 ? (own->content_to_position ? 1.0 : 0.0) + (own->position_to_content ? 1.0 : 0.0) : 0.0;
}

/* Its products with relative positions, of which n tokens meet 2 n, and at most 2 S. */
static double relative_products(const struct fs_spec *spec, double tokens, double squares)
{
    double met = fmin(2 * squares, 2 * (double)spec->disentangled.span * tokens);
    return relative_terms(spec) * (double)(spec->heads * spec->head_size) * met;
}

static double attention(const struct fs_spec *spec, double squares)
{
    return (double)(spec->heads * spec->head_size) * squares;
}

double fs_flops_layers(const struct fs_spec *spec, size_t first, size_t last, double tokens, double squares)
{
    double flops = 0;
    for (size_t layer = first; layer < last; layer++) {
        flops += 2 * tokens * layer_matrices(spec, layer, (double)spec->layer[layer].experts_used) +
                 4 * attention(spec, squares) + 2 * relative_products(spec, tokens, squares);
    }
    return flops;
}

double fs_flops_layers_backward(const struct fs_spec *spec, size_t first, size_t last, double tokens, double squares)
{
    double flops = fs_flops_layers(spec, first, last, tokens, squares);
    for (size_t layer = first; layer < last; layer++) { /* a cap needs the scores once more */
        flops += (spec->layer[layer].score_cap > 0 ? 6 : 4) * attention(spec, squares);
    }
    return flops;
}

double fs_flops_head(const struct fs_spec *spec, double rows)
{
    double d = (double)spec->hidden, E = (double)fs_spec_embedding(spec);
    double before = spec->family->head.transform != NULL || spec->output_projection ? d * E : 0;
    return 2 * rows * (E * (double)spec->vocabulary + before);
}

double fs_batch_squares(const struct fs_batch *batch)
{
    double squares = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        double n = (double)(batch->start[s + 1] - batch->start[s]);
        squares += n * (double)fs_batch_length(batch, s);
    }
    return squares;
}

static double norm_numbers(const struct fs_spec *spec, size_t size)
{
    return spec->norm_parameters == FS_NO_PARAMETERS ? 0 : (double)size * (fs_spec_norm_bias(spec) ? 2 : 1);
}

static double head_norm_numbers(const struct fs_spec *spec, const struct fs_layer_spec *own)
{
    double one = own->head_norm_no_bias ? 1 : norm_numbers(spec, 1), D = (double)spec->head_size;
    switch (own->head_norm) {
    case FS_NO_HEAD_NORM:
        return 0;
    case FS_HEAD_NORM_SHARED:
        return 2 * one * D;
    default:
        return one * (double)fs_spec_turned_width(spec);
    }
}

/* Of a layer's projections of relative positions. */
static double relative_numbers(const struct fs_spec *spec)
{
    const struct fs_disentangled *own = &spec->disentangled;
    double outputs = (double)(spec->heads * spec->head_size), inputs = (double)spec->hidden;
    return own->span > 0 && !own->shared ? relative_terms(spec) * outputs * (inputs + 1) : 0;
}

static double layer_numbers(const struct fs_spec *spec, size_t layer)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    double d = (double)spec->hidden, F = (double)own->ffn, heads = (double)fs_spec_qkv_width(spec);
    double ffn_biases =
        (own->ffn_bias ? F * (own->gated ? 2 : 1) + d : 0) * (own->experts > 0 ? (double)own->experts : 1);
    double biases = (own->qkv_bias ? heads : 0) + (own->output_bias ? d : 0) + (own->convolved ? d : 0) + ffn_biases;
    double norms = (double)fs_layer_norm_count(spec, own) * norm_numbers(spec, spec->hidden);
    return layer_matrices(spec, layer, (double)own->experts) + biases + norms + head_norm_numbers(spec, own) +
           relative_numbers(spec);
}

static double embedding_numbers(const struct fs_spec *spec)
{
    double d = (double)spec->hidden, E = (double)fs_spec_embedding(spec), width = (double)fs_spec_added_width(spec);
    double numbers = (double)spec->vocabulary * E;
    numbers += fs_spec_has_positions(spec) ? (double)fs_spec_position_rows(spec) * width : 0;
    numbers += (double)spec->token_types * width;
    numbers += spec->projection != FS_NO_PROJECTION ? E * d + (spec->projection_bias ? d : 0) : 0;
    bool norm = fs_spec_body(spec)->embedding_norm != NULL;
    return numbers + (norm ? norm_numbers(spec, fs_spec_embedding_norm_width(spec)) : 0);
}

static double head_numbers(const struct fs_spec *spec)
{
    double d = (double)spec->hidden, E = (double)fs_spec_embedding(spec), V = (double)spec->vocabulary;
    double numbers = spec->tied_head ? 0 : V * E;
    numbers += fs_spec_has_final_norm(spec) ? norm_numbers(spec, spec->hidden) : 0;
    numbers += spec->output_projection ? d * E : 0;
    bool transform = spec->family->head.transform != NULL;
    numbers += transform ? d * E + (spec->no_transform_bias ? 0 : E) + norm_numbers(spec, fs_spec_embedding(spec)) : 0;
    return numbers + (fs_spec_head_bias(spec) ? V : 0);
}

/* Of what the attention of all layers reads. */
static double score_numbers(const struct fs_spec *spec)
{
    double numbers = (double)(spec->score_bias == FS_BUCKET_BIAS ? spec->score_buckets * spec->heads : 0);
    numbers += 2 * (double)spec->disentangled.span * (double)spec->hidden;
    return numbers + (spec->disentangled.norm ? norm_numbers(spec, spec->hidden) : 0);
}

double fs_spec_numbers(const struct fs_spec *spec)
{
    double numbers = embedding_numbers(spec) + head_numbers(spec);
    for (size_t layer = 0; layer < spec->layers; layer++) {
        numbers += fs_spec_first_like(spec, layer) == layer ? layer_numbers(spec, layer) : 0;
    }
    return numbers + score_numbers(spec);
}

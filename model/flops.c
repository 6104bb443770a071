#include "model/flops.h"

#include "model/families/family.h"

/* Numbers of the matrices of one layer, with so many experts where it has them; each takes part in one product a token. */
static double layer_matrices(const struct fs_spec *spec, size_t layer, double experts)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    double d = (double)spec->hidden, F = (double)own->ffn, D = (double)spec->head_size;
    double queries = (double)spec->heads * D, keys = (double)spec->key_value_heads * D;
    double ffn = (own->gated ? 3 : 2) * d * F;
    return d * (queries + 2 * keys) + queries * d + (own->experts > 0 ? experts * ffn + d * (double)own->experts : ffn);
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
                 4 * attention(spec, squares);
    }
    return flops;
}

double fs_flops_layers_backward(const struct fs_spec *spec, size_t first, size_t last, double tokens, double squares)
{
    return fs_flops_layers(spec, first, last, tokens, squares) + (double)(last - first) * 4 * attention(spec, squares);
}

double fs_flops_head(const struct fs_spec *spec, double rows)
{
    double d = (double)spec->hidden;
    double transform = spec->family->head.transform != NULL ? d * d : 0;
    return 2 * rows * (d * (double)spec->vocabulary + transform);
}

double fs_batch_squares(const struct fs_batch *batch)
{
    double squares = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        double n = (double)(batch->start[s + 1] - batch->start[s]);
        squares += n * n;
    }
    return squares;
}

static double norm_numbers(const struct fs_spec *spec, size_t size)
{
    return (double)size * (spec->norm_kind == FS_LAYER_NORM ? 2 : 1);
}

static double layer_numbers(const struct fs_spec *spec, size_t layer)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    double d = (double)spec->hidden, F = (double)own->ffn, heads = (double)fs_spec_qkv_width(spec);
    double ffn_biases =
        (own->ffn_bias ? F * (own->gated ? 2 : 1) + d : 0) * (own->experts > 0 ? (double)own->experts : 1);
    double biases = (own->qkv_bias ? heads : 0) + (own->output_bias ? d : 0) + ffn_biases;
    double head_norms = own->head_norm ? 2 * norm_numbers(spec, spec->head_size) : 0;
    double norms = (double)fs_layer_norm_count(spec, own) * norm_numbers(spec, spec->hidden);
    return layer_matrices(spec, layer, (double)own->experts) + biases + norms + head_norms;
}

double fs_spec_numbers(const struct fs_spec *spec)
{
    const struct fs_family *family = spec->family;
    double d = (double)spec->hidden, V = (double)spec->vocabulary;
    double numbers = V * d * (spec->tied_head ? 1 : 2);
    for (size_t layer = 0; layer < spec->layers; layer++) {
        numbers += layer_numbers(spec, layer);
    }
    numbers += family->body.position != NULL ? (double)fs_spec_position_rows(spec) * d : 0;
    numbers += (double)spec->token_types * d;
    numbers += family->body.embedding_norm != NULL ? norm_numbers(spec, spec->hidden) : 0;
    numbers += family->body.final_norm != NULL ? norm_numbers(spec, spec->hidden) : 0;
    numbers += family->head.transform != NULL ? d * d + d + norm_numbers(spec, spec->hidden) : 0;
    return numbers + (family->head.bias != NULL ? V : 0);
}

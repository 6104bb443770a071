/* Models for timing: random weights of a spec, and models cut down to their first layers. */
#include <stdlib.h>
#include <string.h>

#include "model/families/family.h"
#include "model/model_internal.h"
#include "model/numbers/random.h"

#define PATTERN ((size_t)1 << 16) /* random numbers repeat after this many */
#define DEVIATION 0.02

/* The block that is handed out: first all sizes are added up, then every part gets its place. */
struct block {
    fs_real *data; /* NULL while sizes are added up */
    size_t used;
};

static const fs_real *part(struct block *block, size_t count)
{
    const size_t line = 64 / sizeof(fs_real);
    const fs_real *place = block->data != NULL ? block->data + block->used : NULL;
    block->used += (count + line - 1) / line * line;
    return place;
}

static void make_linear(struct block *block, const struct fs_spec *spec, size_t inputs, size_t outputs, bool bias,
                        struct fs_linear *linear)
{
    const fs_real *weight = part(block, inputs * outputs);
    *linear = fs_linear_of(weight, bias ? part(block, outputs) : NULL, inputs, outputs, spec->family->inputs_first);
}

static void make_norm(struct block *block, const struct fs_spec *spec, const fs_real *ones, size_t size,
                      struct fs_norm *norm)
{
    *norm =
        (struct fs_norm){spec->norm_kind, spec->norm_epsilon, spec->norm_parameters != FS_NO_PARAMETERS ? ones : NULL,
                         fs_spec_norm_bias(spec) ? part(block, size) : NULL};
}

static size_t longest_norm(const struct fs_spec *spec)
{
    size_t heads = spec->heads * spec->head_size, E = fs_spec_embedding(spec);
    size_t most = spec->hidden > heads ? spec->hidden : heads;
    return E > most ? E : most;
}

static void make_head_norms(struct block *block, const struct fs_spec *spec, const struct fs_layer_spec *own,
                            const fs_real *ones, struct fs_layer *layer)
{
    size_t D = spec->head_size, heads = spec->heads, groups = spec->key_value_heads;
    if (own->head_norm == FS_HEAD_NORM_SHARED) {
        make_norm(block, spec, ones, D, &layer->query_norm);
        make_norm(block, spec, ones, D, &layer->key_norm);
    } else if (own->head_norm == FS_HEAD_NORM_WHOLE) {
        make_norm(block, spec, ones, heads * D, &layer->query_norm);
        make_norm(block, spec, ones, groups * D, &layer->key_norm);
    }
    for (size_t i = 0; own->head_norm == FS_HEAD_NORM_OWN && i < heads + groups; i++) {
        make_norm(block, spec, ones, D, &layer->own_norm[i]);
    }
}

static void make_scores(struct block *block, const struct fs_spec *spec, const fs_real *ones,
                        struct fs_score_weights *weights)
{
    if (spec->score_bias == FS_BUCKET_BIAS) {
        weights->bias = part(block, spec->score_buckets * spec->heads);
    }
    if (spec->disentangled.span > 0) {
        weights->relative = part(block, 2 * spec->disentangled.span * spec->hidden);
        make_norm(block, spec, ones, spec->hidden, &weights->relative_norm);
    }
}

struct ffn {
    struct fs_linear *gate, *up, *down;
};

static void make_ffn(struct block *block, const struct fs_spec *spec, const struct fs_layer_spec *own,
                     const struct ffn *ffn)
{
    size_t d = spec->hidden;
    if (own->gated) {
        make_linear(block, spec, d, own->ffn, own->ffn_bias, ffn->gate);
    }
    make_linear(block, spec, d, own->ffn, own->ffn_bias, ffn->up);
    make_linear(block, spec, own->ffn, d, own->ffn_bias, ffn->down);
}

static void make_layer(struct block *block, const struct fs_spec *spec, const struct fs_layer_spec *own,
                       const fs_real *ones, struct fs_layer *layer)
{
    size_t d = spec->hidden, queries = spec->heads * spec->head_size, keys = spec->key_value_heads * spec->head_size;
    layer->projections = fs_spec_body(spec)->projections[1] == NULL ? 1 : 3;
    size_t outputs[3] = {layer->projections == 1 ? queries + 2 * keys : queries, keys, keys};
    for (size_t i = 0; i < layer->projections; i++) {
        make_linear(block, spec, d, outputs[i], own->qkv_bias, &layer->projection[i]);
    }
    make_linear(block, spec, queries, d, own->output_bias, &layer->attention_output);
    if (own->experts > 0) {
        make_linear(block, spec, d, own->experts, false, &layer->router);
    } else {
        make_ffn(block, spec, own, &(struct ffn){&layer->gate, &layer->up, &layer->down});
    }
    for (size_t e = 0; e < own->experts; e++) {
        struct fs_expert *expert = &layer->expert[e];
        make_ffn(block, spec, own, &(struct ffn){&expert->gate, &expert->up, &expert->down});
    }
    for (int norm = 0; norm < FS_LAYER_NORMS; norm++) {
        if (fs_layer_has_norm(spec, own, (enum fs_layer_norm)norm)) {
            make_norm(block, spec, ones, d, &layer->norm[norm]);
        }
    }
    make_head_norms(block, spec, own, ones, layer);
    if (own->convolved) {
        make_linear(block, spec, d * spec->convolution.kernel, d, true, &layer->convolution);
    }
    const struct fs_disentangled *relative = &spec->disentangled;
    if (relative->span > 0 && !relative->shared && relative->content_to_position) {
        make_linear(block, spec, d, queries, true, &layer->relative_key);
    }
    if (relative->span > 0 && !relative->shared && relative->position_to_content) {
        make_linear(block, spec, d, queries, true, &layer->relative_query);
    }
}

static bool has_weights_of(const struct fs_layer_spec *a, const struct fs_layer_spec *b)
{
    return a->ffn == b->ffn && a->experts == b->experts && a->gated == b->gated && a->qkv_bias == b->qkv_bias &&
           a->output_bias == b->output_bias && a->ffn_bias == b->ffn_bias && a->head_norm == b->head_norm &&
           a->no_attention_norm == b->no_attention_norm && a->convolved == b->convolved;
}

static void make_embeddings(struct block *block, const fs_real *ones, struct fs_model *model)
{
    const struct fs_spec *spec = &model->spec;
    size_t E = fs_spec_embedding(spec), width = fs_spec_added_width(spec);
    model->word = fs_matrix_of(part(block, spec->vocabulary * E), spec->vocabulary, E, E);
    model->position = fs_spec_has_positions(spec) ? part(block, fs_spec_position_rows(spec) * width) : NULL;
    model->token_type = spec->token_types > 0 ? part(block, width) : NULL;
    if (fs_spec_body(spec)->embedding_norm != NULL) {
        make_norm(block, spec, ones, fs_spec_embedding_norm_width(spec), &model->embedding_norm);
    }
    if (spec->projection != FS_NO_PROJECTION) {
        make_linear(block, spec, E, spec->hidden, spec->projection_bias, &model->embedding_projection);
    }
}

static void make_head(struct block *block, const fs_real *ones, struct fs_model *model)
{
    const struct fs_spec *spec = &model->spec;
    const struct fs_family *family = spec->family;
    size_t d = spec->hidden, E = fs_spec_embedding(spec);
    if (fs_spec_has_final_norm(spec)) {
        make_norm(block, spec, ones, d, &model->final_norm);
    }
    if (spec->output_projection) {
        make_linear(block, spec, d, E, false, &model->output_projection);
    }
    if (family->head.transform != NULL) {
        make_linear(block, spec, d, E, !spec->no_transform_bias, &model->transform);
        make_norm(block, spec, ones, E, &model->transform_norm);
    }
    const fs_real *matrix = spec->tied_head ? model->word.data : part(block, spec->vocabulary * E);
    const fs_real *bias = fs_spec_head_bias(spec) ? part(block, spec->vocabulary) : NULL;
    model->head = fs_linear_of(matrix, bias, E, spec->vocabulary, false);
}

static void make_all(struct block *block, struct fs_model *model)
{
    const struct fs_spec *spec = &model->spec;
    const fs_real *ones = part(block, longest_norm(spec));
    make_embeddings(block, ones, model);
    make_scores(block, spec, ones, &model->score_weights);
    make_head(block, ones, model);
    for (size_t i = 0; i < spec->layers; i++) {
        size_t like = 0;
        while (like < i && !has_weights_of(&spec->layer[i], &spec->layer[like])) {
            like++;
        }
        if (like < i) {
            model->layer[i] = model->layer[like];
        } else {
            make_layer(block, spec, &spec->layer[i], ones, &model->layer[i]);
        }
        fs_layer_choose_steps(spec, &spec->layer[i], &model->layer[i]);
    }
}

static void fill(fs_real *data, size_t count, size_t ones)
{
    struct fs_random random = fs_random_start(1, 0);
    size_t made = count < PATTERN ? count : PATTERN;
    for (size_t i = 0; i < made; i++) {
        data[i] = (fs_real)(DEVIATION * fs_random_normal(&random));
    }
    for (size_t at = made; at < count; at += made) {
        memcpy(data + at, data, (count - at < made ? count - at : made) * sizeof *data);
    }
    for (size_t i = 0; i < ones; i++) {
        data[i] = 1;
    }
}

int fs_model_random(const struct fs_spec *spec, struct fs_model **result, struct fs_error *err)
{
    *result = NULL;
    struct fs_model *model = fs_allocate(1, sizeof *model, "a model", err);
    if (model == NULL) {
        return -1;
    }
    struct block block = {NULL, 0};
    if (fs_spec_copy(spec, &model->spec, err) == 0 && fs_model_begin(model, err) == 0) {
        make_all(&block, model);
        model->own_block = block.data = fs_allocate_aligned(block.used, sizeof(fs_real), "random weights", err);
    }
    if (block.data == NULL) {
        fs_model_destroy(model);
        return -1;
    }
    fill(block.data, block.used, longest_norm(spec));
    block.used = 0;
    make_all(&block, model);
    *result = model;
    return 0;
}

void fs_model_limit_layers(struct fs_model *model, size_t layers)
{
    model->spec.layers = layers;
}

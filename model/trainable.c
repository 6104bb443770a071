#include "model/trainable.h"

#include <string.h>

#include "model/engine_parts.h"
#include "model/families/family.h"
#include "model/flops.h"

/* A pointer to weights: a matrix's, or a vector's. */
struct slot {
    struct fs_matrix *matrix; /* NULL: a vector */
    const fs_real **vector;
    size_t count;
};
typedef int visit_slot(void *context, const struct slot *slot);

/* Over all weights of a model, in an order that its spec determines, until `visit` returns other than 0. */
struct walk {
    visit_slot *visit;
    void *context;
    int status;
};

static void matrix(struct walk *walk, struct fs_matrix *at)
{
    const struct slot slot = {.matrix = at, .count = at->rows * at->columns};
    if (at->data != NULL && walk->status == 0) {
        walk->status = walk->visit(walk->context, &slot);
    }
}

static void vector(struct walk *walk, const fs_real **at, size_t count)
{
    const struct slot slot = {.vector = at, .count = count};
    if (*at != NULL && walk->status == 0) {
        walk->status = walk->visit(walk->context, &slot);
    }
}

static void linear(struct walk *walk, struct fs_linear *at)
{
    matrix(walk, &at->weight);
    vector(walk, &at->bias, at->outputs);
}

static void norm(struct walk *walk, struct fs_norm *at, size_t size)
{
    vector(walk, &at->gain, size);
    vector(walk, &at->bias, size);
}

static void layer(struct walk *walk, const struct fs_spec *spec, struct fs_layer *at)
{
    const struct fs_layer_spec *own = at->spec;
    size_t D = spec->head_size, heads = spec->heads, groups = spec->key_value_heads;
    bool whole = own->head_norm == FS_HEAD_NORM_WHOLE;
    for (int i = 0; i < FS_LAYER_NORMS; i++) {
        norm(walk, &at->norm[i], spec->hidden);
    }
    norm(walk, &at->query_norm, whole ? heads * D : D);
    norm(walk, &at->key_norm, whole ? groups * D : D);
    for (size_t i = 0; own->head_norm == FS_HEAD_NORM_OWN && i < heads + groups; i++) {
        norm(walk, &at->own_norm[i], D);
    }
    for (size_t i = 0; i < at->projections; i++) {
        linear(walk, &at->projection[i]);
    }
    linear(walk, &at->attention_output);
    linear(walk, &at->gate);
    linear(walk, &at->up);
    linear(walk, &at->down);
    linear(walk, &at->convolution);
    linear(walk, &at->relative_key);
    linear(walk, &at->relative_query);
    linear(walk, &at->router);
    for (size_t e = 0; e < own->experts; e++) {
        linear(walk, &at->expert[e].gate);
        linear(walk, &at->expert[e].up);
        linear(walk, &at->expert[e].down);
    }
}

static int walk_over(struct fs_model *model, visit_slot *visit, void *context)
{
    const struct fs_spec *spec = &model->spec;
    size_t d = spec->hidden, E = fs_spec_embedding(spec), added = fs_spec_added_width(spec);
    struct walk walk = {visit, context, 0};
    matrix(&walk, &model->word);
    vector(&walk, &model->position, fs_spec_has_positions(spec) ? fs_spec_position_rows(spec) * added : 0);
    vector(&walk, &model->token_type, added); /* the one that is read */
    norm(&walk, &model->embedding_norm, fs_spec_embedding_norm_width(spec));
    linear(&walk, &model->embedding_projection);
    vector(&walk, &model->score_weights.bias, spec->score_buckets * spec->heads);
    vector(&walk, &model->score_weights.relative, 2 * spec->disentangled.span * d);
    norm(&walk, &model->score_weights.relative_norm, d);
    for (size_t i = 0; i < spec->layers; i++) {
        if (fs_spec_first_like(spec, i) == i) {
            layer(&walk, spec, &model->layer[i]);
        }
    }
    norm(&walk, &model->final_norm, d);
    linear(&walk, &model->output_projection);
    linear(&walk, &model->transform);
    norm(&walk, &model->transform_norm, E);
    if (!spec->tied_head) {
        matrix(&walk, &model->head.weight);
    }
    vector(&walk, &model->head.bias, spec->vocabulary);
    return walk.status;
}

/* Nothing of it is changed by a visit that does not. */
static int walk_over_const(const struct fs_model *model, visit_slot *visit, void *context)
{
    return walk_over((struct fs_model *)(uintptr_t)model, visit, context);
}

size_t fs_trainable_numbers(const struct fs_spec *spec)
{
    size_t types = spec->token_types > 0 ? spec->token_types - 1 : 0; /* rows that nothing reads */
    return (size_t)fs_spec_numbers(spec) - types * fs_spec_added_width(spec);
}

/* ---- the copy ---- */

fs_real *fs_trainable_weights(const struct fs_model *copy)
{
    return copy->own_block;
}

/* Where a walk is in the block. */
struct cursor {
    fs_real *place;
};

/* What is set: numbers first .. end-1 of the block. */
struct setting {
    fs_real *block;
    size_t met; /* numbers of the slots before */
    size_t first, end;
    const fs_real *delta; /* [end - first] */
};

static int point(void *context, const struct slot *slot)
{
    struct cursor *cursor = context;
    if (slot->matrix != NULL) {
        *slot->matrix = fs_matrix_of(cursor->place, slot->matrix->rows, slot->matrix->columns, slot->matrix->columns);
    } else {
        *slot->vector = cursor->place;
    }
    cursor->place += slot->count;
    return 0;
}

/* `count` numbers of a matrix, from number `from` on, row by row. */
static void widen(const struct fs_matrix *matrix, size_t from, size_t count, fs_real *out)
{
    while (count > 0) {
        size_t row = from / matrix->columns, column = from % matrix->columns, rows = 1;
        size_t columns = matrix->columns - column < count ? matrix->columns - column : count;
        if (columns == matrix->columns) {
            rows = count / columns;
        }
        const struct fs_matrix part = fs_matrix_part(matrix, row, column, rows, columns);
        fs_matrix_widen(&part, out, columns);
        from += rows * columns;
        out += rows * columns;
        count -= rows * columns;
    }
}

static int set(void *context, const struct slot *slot)
{
    struct setting *setting = context;
    size_t begin = setting->met, end = begin + slot->count;
    setting->met = end;
    begin = begin > setting->first ? begin : setting->first;
    end = end < setting->end ? end : setting->end;
    if (begin >= end) {
        return 0;
    }
    size_t from = begin - (setting->met - slot->count);
    fs_real *place = setting->block + begin;
    if (slot->matrix != NULL) {
        widen(slot->matrix, from, end - begin, place);
    } else {
        memcpy(place, *slot->vector + from, (end - begin) * sizeof *place);
    }
    if (setting->delta != NULL) {
        fs_kernel_add(place, setting->delta + (begin - setting->first), end - begin);
    }
    return 0;
}

void fs_trainable_set(struct fs_model *copy, size_t first, size_t count, const fs_real *delta)
{
    struct setting setting = {fs_trainable_weights(copy), 0, first, first + count, delta};
    walk_over_const(copy->origin, set, &setting);
}

static int count_slot(void *context, const struct slot *slot)
{
    *(size_t *)context += slot->count;
    return 0;
}

/* The layers, with norms of heads and experts in the places that fs_model_begin has made. */
static void copy_layers(const struct fs_model *model, struct fs_model *copy)
{
    const struct fs_spec *spec = &copy->spec;
    size_t heads = spec->heads + spec->key_value_heads;
    for (size_t i = 0; i < spec->layers; i++) {
        struct fs_layer *to = &copy->layer[i];
        struct fs_norm *own_norm = to->own_norm;
        struct fs_expert *expert = to->expert;
        *to = model->layer[i];
        to->own_norm = own_norm;
        to->expert = expert;
        if (spec->layer[i].head_norm == FS_HEAD_NORM_OWN) {
            memcpy(own_norm, model->layer[i].own_norm, heads * sizeof *own_norm);
        }
        if (spec->layer[i].experts > 0) {
            memcpy(expert, model->layer[i].expert, spec->layer[i].experts * sizeof *expert);
        }
        fs_layer_choose_steps(spec, &spec->layer[i], to);
    }
}

/* Layers that share the weights of an earlier one get its pointers. */
static void share_layers(struct fs_model *copy)
{
    for (size_t i = 0; i < copy->spec.layers; i++) {
        size_t like = fs_spec_first_like(&copy->spec, i);
        if (like != i) {
            copy->layer[i] = copy->layer[like];
            fs_layer_choose_steps(&copy->spec, &copy->spec.layer[i], &copy->layer[i]);
        }
    }
}

int fs_trainable_copy(const struct fs_model *model, struct fs_model **result, struct fs_error *err)
{
    struct fs_model *copy = fs_allocate(1, sizeof *copy, "a model", err);
    size_t numbers = 0;
    *result = NULL;
    if (copy == NULL || fs_spec_copy(&model->spec, &copy->spec, err) != 0 || fs_model_begin(copy, err) != 0) {
        fs_model_destroy(copy);
        return -1;
    }
    copy->origin = model;
    copy->backend = model->backend;
    copy->word = model->word;
    copy->position = model->position;
    copy->token_type = model->token_type;
    copy->embedding_norm = model->embedding_norm;
    copy->embedding_projection = model->embedding_projection;
    copy->final_norm = model->final_norm;
    copy->output_projection = model->output_projection;
    copy->transform = model->transform;
    copy->transform_norm = model->transform_norm;
    copy->head = model->head;
    copy->score_weights = model->score_weights;
    copy_layers(model, copy);
    walk_over(copy, count_slot, &numbers);
    copy->own_block = fs_allocate_aligned(numbers, sizeof(fs_real), "a copy of all weights", err);
    if (copy->own_block == NULL) {
        fs_model_destroy(copy);
        return -1;
    }
    walk_over(copy, point, &(struct cursor){.place = fs_trainable_weights(copy)});
    share_layers(copy);
    if (copy->spec.tied_head) {
        copy->head.weight = copy->word;
    }
    fs_trainable_set(copy, 0, numbers, NULL);
    *result = copy;
    return 0;
}

struct fs_weight_sink fs_trainable_sink(const struct fs_model *copy, fs_real *gradient)
{
    return (struct fs_weight_sink){fs_trainable_weights(copy), gradient};
}

/* ---- names ---- */

struct list {
    const struct fs_model *model;
    struct fs_trainable_piece *piece;
    size_t count, first;
};

static int count_piece(void *context, const struct slot *slot)
{
    (void)slot;
    ++*(size_t *)context;
    return 0;
}

static int name_piece(void *context, const struct slot *slot)
{
    struct list *list = context;
    const void *pointer = slot->matrix != NULL ? (const void *)&slot->matrix->data : (const void *)slot->vector;
    struct fs_trainable_piece *piece = &list->piece[list->count++];
    *piece = (struct fs_trainable_piece){.tensor = "", .first = list->first, .count = slot->count};
    for (size_t i = 0; i < list->model->bindings; i++) {
        if (list->model->binding[i].slot == pointer) {
            piece->tensor = list->model->binding[i].tensor->name;
            piece->offset = list->model->binding[i].first;
        }
    }
    list->first += slot->count;
    return 0;
}

struct fs_trainable_piece *fs_trainable_pieces(const struct fs_model *copy, size_t *count, struct fs_error *err)
{
    *count = 0;
    walk_over_const(copy->origin, count_piece, count);
    struct list list = {.model = copy->origin, .piece = fs_allocate(*count, sizeof *list.piece, "weights", err)};
    if (list.piece != NULL) {
        walk_over_const(copy->origin, name_piece, &list);
    }
    return list.piece;
}

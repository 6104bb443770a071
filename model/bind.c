/* Looks up the tensors of a model, part by part, and checks their types and shapes. */
#include <stdio.h>
#include <string.h>

#include "model/convert.h"
#include "model/families/family.h"
#include "model/folder/folder.h"
#include "model/model_internal.h"
#include "model/tensor_names.h"

/* What is needed while the tensors are looked up. */
struct binder {
    struct fs_model *model;
    const char *folder;
    struct fs_tensor_names *names;
    struct fs_error *err;
};

/* Where a part of the model is among the tensors: its name is prefix, stem with numbers put in, and an end. */
struct place {
    const char *prefix, *stem;
    size_t number[2];
};

/* A part of the body, in `layer` where it is of one. */
static struct place in_body(const struct binder *binder, const char *stem, size_t layer)
{
    struct place place = {binder->names->prefix, stem, {0, 0}};
    fs_spec_stored_layer(&binder->model->spec, layer, place.number);
    return place;
}

static struct place in_head(const char *stem)
{
    return (struct place){"", stem, {0, 0}};
}

static void shape_text(size_t dimensions, const size_t *shape, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (size_t i = 0; i < dimensions && used + 24 < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i == 0 ? "" : ", ", shape[i]);
    }
    snprintf(text + used, size - used, ")");
}

/* Of a whole tensor; `columns` 0: a vector. */
struct extent {
    size_t rows, columns;
    size_t first; /* the row that is pointed to */
    size_t depth; /* numbers in place of each; 0: one, and the tensor has a dimension less */
};

/* A binding of the tensor's numbers in `type`: several share one conversion. */
static struct fs_binding binding_of(struct fs_model *model, const struct fs_tensor *tensor, enum fs_matrix_type type)
{
    const size_t line = 64; /* each tensor begins on a cache line */
    struct fs_binding binding = {.tensor = tensor, .type = type, .offset = SIZE_MAX, .is_first = true};
    for (size_t i = 0; i < model->bindings; i++) {
        if (model->binding[i].tensor == tensor && model->binding[i].type == type) {
            binding.offset = model->binding[i].offset;
            binding.is_first = false;
            return binding;
        }
    }
    if (!fs_tensor_lies_as(tensor, type)) {
        binding.offset = model->converted;
        model->converted += (tensor->elements * fs_matrix_number_bytes(type) + line - 1) / line * line;
    }
    return binding;
}

/* Checks type and shape of `tensor`, and notes that the pointer at `slot` shall point to its numbers in `type`. */
static int bind_part(struct binder *binder, const struct fs_tensor *tensor, struct extent extent,
                     enum fs_matrix_type type, void *slot)
{
    struct fs_model *model = binder->model;
    size_t shape[3] = {extent.rows, extent.columns, extent.depth};
    size_t dimensions = extent.depth > 0 ? 3 : extent.columns > 0 ? 2 : 1;
    if (tensor->dimensions != dimensions || memcmp(tensor->shape, shape, dimensions * sizeof *shape) != 0) {
        char found[256], expected[96];
        shape_text(tensor->dimensions, tensor->shape, found, sizeof found);
        shape_text(dimensions, shape, expected, sizeof expected);
        return fs_error_set(binder->err, FS_EXIT_DATA,
                            "%s: tensor %s: found shape %s, expected %s after config.json; do the two belong together?",
                            tensor->file, tensor->name, found, expected);
    }
    if (!fs_dtype_is_real(tensor->dtype)) {
        return fs_error_set(
            binder->err, FS_EXIT_DATA,
            "%s: tensor %s: found type %s, expected F32, F16, BF16 or F64; quantised models are read from GGUF alone",
            tensor->file, tensor->name, fs_dtype_name(tensor->dtype));
    }
    if (fs_grow(&model->binding, &model->binding_capacity, model->bindings + 1, sizeof *model->binding,
                "the list of tensors", binder->err) != 0) {
        return -1;
    }
    struct fs_binding binding = binding_of(model, tensor, type);
    binding.slot = slot;
    binding.first = extent.first * (dimensions == 2 ? extent.columns : 1);
    model->binding[model->bindings++] = binding;
    return 0;
}

/* The whole tensor, in the engine's own type. `columns` 0: a vector. */
static int bind(struct binder *binder, const struct fs_tensor *tensor, size_t rows, size_t columns, void *slot)
{
    return bind_part(binder, tensor, (struct extent){.rows = rows, .columns = columns}, FS_MATRIX_REAL, slot);
}

/* What products alone read keeps its 16 bits. */
static int bind_matrix(struct binder *binder, const struct fs_tensor *tensor, struct extent extent,
                       struct fs_matrix *matrix)
{
    matrix->type = fs_tensor_matrix_type(tensor);
    return bind_part(binder, tensor, extent, matrix->type, &matrix->data);
}

static const struct fs_tensor *find(const struct binder *binder, struct place place, const char *end)
{
    char name[FS_TENSOR_NAME];
    fs_tensor_name(name, place.prefix, place.stem, place.number, end);
    return fs_tensor_names_find(binder->names, name);
}

/* A part of the head is missing: mostly the folder was saved from a class that has none. */
static int missing_head(const struct binder *binder, const char *name)
{
    const struct fs_spec *spec = &binder->model->spec;
    const char *whole = spec->family->architectures[0], *from = spec->saved_from;
    bool other = strcmp(from, whole) != 0;
    return fs_error_set(binder->err, FS_EXIT_DATA,
                        "%s: tensor %s: not found among the %zu of the model, expected for the head that predicts "
                        "tokens; %s%s%s; %s %s, or take the checkpoint that it came from",
                        binder->folder, name, fs_tensor_store_count(binder->model->store),
                        from[0] != '\0' ? "the folder was saved from " : "config.json names no class", from,
                        from[0] != '\0' && other ? ", which has none" : "",
                        other ? "save the model from" : "save the whole", whole);
}

static int missing(const struct binder *binder, struct place place, const char *end)
{
    char name[FS_TENSOR_NAME];
    const struct fs_family *family = binder->model->spec.family;
    fs_tensor_name(name, place.prefix, place.stem, place.number, end);
    if (place.stem == family->head.transform || place.stem == family->head.transform_norm ||
        place.stem == family->head.matrix || place.stem == family->head.bias) {
        return missing_head(binder, name);
    }
    return fs_error_set(binder->err, FS_EXIT_DATA,
                        "%s: tensor %s: not found among the %zu of the model, expected by its config.json; is "
                        "model_type %s the right one, and do the two belong together?",
                        binder->folder, name, fs_tensor_store_count(binder->model->store),
                        binder->model->spec.family_name);
}

static int require_part(struct binder *binder, struct place place, const char *end, struct extent extent, void *slot)
{
    const struct fs_tensor *tensor = find(binder, place, end);
    if (tensor == NULL) {
        return missing(binder, place, end);
    }
    return bind_part(binder, tensor, extent, FS_MATRIX_REAL, slot);
}

static int require_matrix(struct binder *binder, struct place place, struct extent extent, struct fs_matrix *matrix)
{
    const struct fs_tensor *tensor = find(binder, place, ".weight");
    return tensor == NULL ? missing(binder, place, ".weight") : bind_matrix(binder, tensor, extent, matrix);
}

static int require(struct binder *binder, struct place place, const char *end, size_t rows, size_t columns, void *slot)
{
    return require_part(binder, place, end, (struct extent){.rows = rows, .columns = columns}, slot);
}

/* gain and bias, `size` numbers each, where the model's norms have them; old BERT checkpoints call them gamma and beta.
 * `stem` NULL: the family has no such norm. */
static int bind_norm(struct binder *binder, struct place place, size_t size, struct fs_norm *norm)
{
    const struct fs_spec *spec = &binder->model->spec;
    if (place.stem == NULL) {
        return 0;
    }
    norm->kind = spec->norm_kind;
    norm->epsilon = spec->norm_epsilon;
    if (spec->norm_parameters == FS_NO_PARAMETERS) {
        return 0;
    }
    bool old = find(binder, place, ".gamma") != NULL;
    if (require(binder, place, old ? ".gamma" : ".weight", size, 0, &norm->gain) != 0) {
        return -1;
    }
    return fs_spec_norm_bias(spec) ? require(binder, place, old ? ".beta" : ".bias", size, 0, &norm->bias) : 0;
}

/* As bind_norm, without a bias. */
static int bind_gain(struct binder *binder, struct place place, size_t size, struct fs_norm *norm)
{
    norm->kind = binder->model->spec.norm_kind;
    norm->epsilon = binder->model->spec.norm_epsilon;
    return require(binder, place, ".weight", size, 0, &norm->gain);
}

static int bind_linear(struct binder *binder, struct place place, size_t inputs, size_t outputs, bool bias,
                       struct fs_linear *linear)
{
    if (place.stem == NULL) {
        return 0;
    }
    *linear = fs_linear_of(NULL, NULL, inputs, outputs, binder->model->spec.family->inputs_first);
    const struct extent whole = {.rows = linear->weight.rows, .columns = linear->weight.columns};
    if (require_matrix(binder, place, whole, &linear->weight) != 0) {
        return -1;
    }
    return bias ? require(binder, place, ".bias", outputs, 0, &linear->bias) : 0;
}

/* Row `head` of the gains (heads,D) of all heads. */
static int bind_gain_row(struct binder *binder, struct place place, size_t head, size_t heads, struct fs_norm *norm)
{
    const struct fs_spec *spec = &binder->model->spec;
    norm->kind = spec->norm_kind;
    norm->epsilon = spec->norm_epsilon;
    return require_part(binder, place, ".weight", (struct extent){heads, spec->head_size, head, 0}, &norm->gain);
}

/* Of query and key heads. */
static int bind_head_norms(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_body_names *body = fs_spec_body(spec);
    struct fs_layer *layer = &binder->model->layer[index];
    enum fs_head_norm kind = spec->layer[index].head_norm;
    int (*bind_one)(struct binder *, struct place, size_t, struct fs_norm *) =
        spec->layer[index].head_norm_no_bias ? bind_gain : bind_norm;
    size_t D = spec->head_size;
    bool whole = kind == FS_HEAD_NORM_WHOLE;
    struct place query = in_body(binder, body->query_norm, index);
    struct place key = in_body(binder, body->key_norm, index);
    if (kind == FS_NO_HEAD_NORM) {
        return 0;
    }
    if (kind != FS_HEAD_NORM_OWN) {
        return bind_one(binder, query, (whole ? spec->heads : 1) * D, &layer->query_norm) == 0
                   ? bind_one(binder, key, (whole ? spec->key_value_heads : 1) * D, &layer->key_norm)
                   : -1;
    }
    bool apart = strstr(strstr(query.stem, "%zu") + 1, "%zu") != NULL;
    for (size_t i = 0; i < spec->heads + spec->key_value_heads; i++) {
        bool is_query = i < spec->heads;
        struct place place = is_query ? query : key;
        place.number[1] = is_query ? i : i - spec->heads;
        int status = apart ? bind_one(binder, place, D, &layer->own_norm[i])
                           : bind_gain_row(binder, place, place.number[1],
                                           is_query ? spec->heads : spec->key_value_heads, &layer->own_norm[i]);
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

static int bind_experts(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_layer_spec *own = &spec->layer[index];
    const struct fs_body_names *body = fs_spec_body(spec);
    struct fs_layer *layer = &binder->model->layer[index];
    size_t d = spec->hidden, F = own->ffn;
    if (bind_linear(binder, in_body(binder, body->router, index), d, own->experts, false, &layer->router) != 0) {
        return -1;
    }
    for (size_t e = 0; e < own->experts; e++) {
        struct fs_expert *expert = &layer->expert[e];
        struct place gate = in_body(binder, body->gate, index), up = in_body(binder, body->up, index);
        struct place down = in_body(binder, body->down, index);
        gate.number[1] = up.number[1] = down.number[1] = e;
        if (bind_linear(binder, gate, d, F, own->ffn_bias, &expert->gate) != 0 ||
            bind_linear(binder, up, d, F, own->ffn_bias, &expert->up) != 0 ||
            bind_linear(binder, down, F, d, own->ffn_bias, &expert->down) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Gate and up, whole matrices each or the halves of one. */
static int bind_gate_and_up(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_layer_spec *own = &spec->layer[index];
    const struct fs_body_names *body = fs_spec_body(spec);
    struct fs_layer *layer = &binder->model->layer[index];
    size_t d = spec->hidden, F = own->ffn;
    if (body->gate_up == NULL) {
        return bind_linear(binder, in_body(binder, body->gate, index), d, F, own->ffn_bias, &layer->gate) == 0
                   ? bind_linear(binder, in_body(binder, body->up, index), d, F, own->ffn_bias, &layer->up)
                   : -1;
    }
    struct place place = in_body(binder, body->gate_up, index);
    layer->gate = layer->up = fs_linear_of(NULL, NULL, d, F, false);
    if (require_matrix(binder, place, (struct extent){2 * F, d, 0, 0}, &layer->gate.weight) != 0 ||
        require_matrix(binder, place, (struct extent){2 * F, d, F, 0}, &layer->up.weight) != 0) {
        return -1;
    }
    if (!own->ffn_bias) {
        return 0;
    }
    return require_part(binder, place, ".bias", (struct extent){2 * F, 0, 0, 0}, &layer->gate.bias) == 0
               ? require_part(binder, place, ".bias", (struct extent){2 * F, 0, F, 0}, &layer->up.bias)
               : -1;
}

/* Its weight (d,d,kernel) is the matrix of d kernel inputs. */
static int bind_convolution(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    struct fs_layer *layer = &binder->model->layer[index];
    struct place place = in_body(binder, fs_spec_body(spec)->convolution, index);
    size_t d = spec->hidden, kernel = spec->convolution.kernel;
    if (!spec->layer[index].convolved) {
        return 0;
    }
    layer->convolution = fs_linear_of(NULL, NULL, d * kernel, d, false);
    return require_matrix(binder, place, (struct extent){d, d, 0, kernel}, &layer->convolution.weight) == 0
               ? require(binder, place, ".bias", d, 0, &layer->convolution.bias)
               : -1;
}

static int bind_norms(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_body_names *body = fs_spec_body(spec);
    const char *const name[FS_LAYER_NORMS] = {body->attention_norm, body->ffn_norm, body->attention_output_norm,
                                              body->ffn_output_norm, body->convolution_norm};
    for (int norm = 0; norm < FS_LAYER_NORMS; norm++) {
        if (fs_layer_has_norm(spec, &spec->layer[index], (enum fs_layer_norm)norm) &&
            bind_norm(binder, in_body(binder, name[norm], index), spec->hidden,
                      &binder->model->layer[index].norm[norm]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* A layer's own projections of relative positions. */
static int bind_relative(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_disentangled *own = &spec->disentangled;
    struct fs_layer *layer = &binder->model->layer[index];
    size_t d = spec->hidden, width = spec->heads * spec->head_size;
    struct place key = in_body(binder, fs_spec_body(spec)->relative_key, index);
    struct place query = in_body(binder, fs_spec_body(spec)->relative_query, index);
    if (own->span == 0 || own->shared) {
        return 0;
    }
    if (own->content_to_position && bind_linear(binder, key, d, width, true, &layer->relative_key) != 0) {
        return -1;
    }
    return own->position_to_content ? bind_linear(binder, query, d, width, true, &layer->relative_query) : 0;
}

/* What the attention of all layers reads. */
static int bind_score_weights(struct binder *binder)
{
    const struct fs_spec *spec = &binder->model->spec;
    struct fs_score_weights *weights = &binder->model->score_weights;
    const struct fs_body_names *body = fs_spec_body(spec);
    if (spec->score_bias == FS_BUCKET_BIAS && require(binder, in_body(binder, body->score_bias, 0), ".weight",
                                                      spec->score_buckets, spec->heads, &weights->bias) != 0) {
        return -1;
    }
    if (spec->disentangled.span == 0) {
        return 0;
    }
    if (require(binder, in_body(binder, body->relative, 0), ".weight", 2 * spec->disentangled.span, spec->hidden,
                &weights->relative) != 0) {
        return -1;
    }
    return spec->disentangled.norm
               ? bind_norm(binder, in_body(binder, body->relative_norm, 0), spec->hidden, &weights->relative_norm)
               : 0;
}

static int bind_layer(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_layer_spec *own = &spec->layer[index];
    const struct fs_body_names *body = fs_spec_body(spec);
    struct fs_layer *layer = &binder->model->layer[index];
    size_t d = spec->hidden, queries = spec->heads * spec->head_size, keys = spec->key_value_heads * spec->head_size;
    size_t outputs[3] = {queries, keys, keys};
    layer->projections = body->projections[1] == NULL ? 1 : 3;
    if (layer->projections == 1) {
        outputs[0] = queries + 2 * keys;
    }
    for (size_t i = 0; i < layer->projections; i++) {
        if (bind_linear(binder, in_body(binder, body->projections[i], index), d, outputs[i], own->qkv_bias,
                        &layer->projection[i]) != 0) {
            return -1;
        }
    }
    if (bind_head_norms(binder, index) != 0 || bind_relative(binder, index) != 0 ||
        bind_convolution(binder, index) != 0 || bind_norms(binder, index) != 0 ||
        bind_linear(binder, in_body(binder, body->attention_output, index), queries, d, own->output_bias,
                    &layer->attention_output) != 0) {
        return -1;
    }
    if (own->experts > 0) {
        return bind_experts(binder, index);
    }
    return bind_gate_and_up(binder, index) == 0
               ? bind_linear(binder, in_body(binder, body->down, index), own->ffn, d, own->ffn_bias, &layer->down)
               : -1;
}

/* The embeddings that are added to the words'. */
static int bind_added(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_spec *spec = &model->spec;
    const struct fs_body_names *body = fs_spec_body(spec);
    size_t width = fs_spec_added_width(spec);
    if (fs_spec_has_positions(spec) && require(binder, in_body(binder, body->position, 0), ".weight",
                                               fs_spec_position_rows(spec), width, &model->position) != 0) {
        return -1;
    }
    if (spec->token_types == 0) {
        return 0;
    }
    const struct fs_tensor *types = find(binder, in_body(binder, body->token_type, 0), ".weight");
    if (types == NULL) {
        return missing(binder, in_body(binder, body->token_type, 0), ".weight");
    }
    /* Only row 0 is used; the number of rows is the checkpoint's affair. */
    size_t rows = types->dimensions == 2 && types->shape[0] > 0 ? types->shape[0] : 1;
    return bind(binder, types, rows, width, &model->token_type);
}

static int bind_embeddings(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_spec *spec = &model->spec;
    const struct fs_family *family = spec->family;
    const struct fs_body_names *body = fs_spec_body(spec);
    const struct fs_tensor *word = find(binder, in_body(binder, body->word, 0), ".weight");
    if (word == NULL && spec->tied_head) {
        word = find(binder, in_head(family->head.matrix), ".weight");
    }
    if (word == NULL) {
        return missing(binder, in_body(binder, body->word, 0), ".weight");
    }
    size_t V = spec->vocabulary, E = fs_spec_embedding(spec);
    model->word_tensor = word;
    model->word = fs_matrix_of(NULL, V, E, E);
    if (bind_matrix(binder, word, (struct extent){.rows = V, .columns = E}, &model->word) != 0 ||
        bind_added(binder) != 0) {
        return -1;
    }
    const char *projection = spec->projection != FS_NO_PROJECTION ? body->embedding_projection : NULL;
    if (bind_linear(binder, in_body(binder, projection, 0), E, spec->hidden, spec->projection_bias,
                    &model->embedding_projection) != 0) {
        return -1;
    }
    return bind_norm(binder, in_body(binder, body->embedding_norm, 0), fs_spec_embedding_norm_width(spec),
                     &model->embedding_norm);
}

/* What comes between the last layer and the head's matrix. */
static int bind_head_inputs(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_spec *spec = &model->spec;
    const struct fs_family *family = spec->family;
    const struct fs_body_names *body = fs_spec_body(spec);
    const char *final_norm = fs_spec_has_final_norm(spec) ? body->final_norm : NULL;
    const char *projection = spec->output_projection ? body->output_projection : NULL;
    size_t d = spec->hidden, E = fs_spec_embedding(spec);
    if (bind_norm(binder, in_body(binder, final_norm, 0), d, &model->final_norm) != 0 ||
        bind_linear(binder, in_body(binder, projection, 0), d, E, false, &model->output_projection) != 0 ||
        bind_linear(binder, in_head(family->head.transform), d, E, !spec->no_transform_bias, &model->transform) != 0) {
        return -1;
    }
    return bind_norm(binder, in_head(family->head.transform_norm), E, &model->transform_norm);
}

static int bind_head(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_spec *spec = &model->spec;
    const struct fs_family *family = spec->family;
    size_t E = fs_spec_embedding(spec);
    if (bind_head_inputs(binder) != 0) {
        return -1;
    }
    model->head = fs_linear_of(NULL, NULL, E, spec->vocabulary, false);
    const struct fs_tensor *own = find(binder, in_head(family->head.matrix), ".weight");
    if (spec->tied_head) {
        model->stored_head = own == model->word_tensor ? NULL : own;
    } else if (own == NULL) {
        return missing(binder, in_head(family->head.matrix), ".weight");
    } else if (bind_matrix(binder, own, (struct extent){.rows = spec->vocabulary, .columns = E}, &model->head.weight) !=
               0) {
        return -1;
    }
    if (!fs_spec_head_bias(spec)) {
        return 0;
    }
    /* The bias has two names. Tied they are one tensor; an own head uses the decoder's. */
    const struct fs_tensor *bias = fs_tensor_names_find(binder->names, family->head.bias);
    const struct fs_tensor *decoder = find(binder, in_head(family->head.matrix), ".bias");
    if (bias == NULL || (!spec->tied_head && decoder != NULL)) {
        bias = decoder;
    }
    if (bias == NULL) {
        return missing(binder, in_head(family->head.bias), "");
    }
    return bind(binder, bias, spec->vocabulary, 0, &model->head.bias);
}

static int bind_all(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_family *family = model->spec.family;
    if (fs_tensor_names_make(model->store, family, binder->names, &model->notes, binder->err) != 0 ||
        bind_embeddings(binder) != 0 || bind_score_weights(binder) != 0) {
        return -1;
    }
    for (size_t i = 0; i < model->spec.layers; i++) {
        if (bind_layer(binder, i) != 0) {
            return -1;
        }
        fs_layer_choose_steps(&model->spec, &model->spec.layer[i], &model->layer[i]);
    }
    if (bind_head(binder) != 0) {
        return -1;
    }
    fs_model_folder_note_weights(binder->folder, &model->notes);
    return fs_tensor_names_check_unused(binder->names, family, &model->notes, binder->err);
}

int fs_model_bind(struct fs_model *model, const char *folder, struct fs_error *err)
{
    struct fs_tensor_names names = {0};
    struct binder binder = {model, folder, &names, err};
    int status = bind_all(&binder);
    fs_tensor_names_release(&names);
    return status;
}

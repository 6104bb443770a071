#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/config.h"
#include "model/families/family.h"
#include "model/folder/folder.h"
#include "model/model_internal.h"
#include "model/tensor_names.h"

#ifdef FS_DOUBLE
#define NATIVE_DTYPE FS_F64
#else
#define NATIVE_DTYPE FS_F32
#endif

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
    return (struct place){binder->names->prefix, stem, {layer, 0}};
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
};

/* A binding of the tensor's: several share one conversion. */
static struct fs_binding binding_of(struct fs_model *model, const struct fs_tensor *tensor)
{
    const size_t line = 64 / sizeof(fs_real); /* each tensor begins on a cache line */
    struct fs_binding binding = {.tensor = tensor, .offset = SIZE_MAX, .is_first = true};
    for (size_t i = 0; i < model->bindings; i++) {
        if (model->binding[i].tensor == tensor) {
            binding.offset = model->binding[i].offset;
            binding.is_first = false;
            return binding;
        }
    }
    if (tensor->dtype != NATIVE_DTYPE || tensor->strided || (uintptr_t)tensor->data % _Alignof(fs_real) != 0) {
        binding.offset = model->converted;
        model->converted += (tensor->elements + line - 1) / line * line;
    }
    return binding;
}

/* Checks type and shape of `tensor`, and notes that the pointer at `slot` shall point to its numbers. */
static int bind_part(struct binder *binder, const struct fs_tensor *tensor, struct extent extent, void *slot)
{
    struct fs_model *model = binder->model;
    size_t shape[2] = {extent.rows, extent.columns};
    size_t dimensions = extent.columns == 0 ? 1 : 2;
    if (tensor->dimensions != dimensions || tensor->shape[0] != extent.rows ||
        (dimensions == 2 && tensor->shape[1] != extent.columns)) {
        char found[256], expected[64];
        shape_text(tensor->dimensions, tensor->shape, found, sizeof found);
        shape_text(dimensions, shape, expected, sizeof expected);
        return fs_error_set(binder->err, FS_EXIT_DATA,
                            "%s: tensor %s: found shape %s, expected %s after config.json; do the two belong together?",
                            tensor->file, tensor->name, found, expected);
    }
    if (tensor->dtype != FS_F32 && tensor->dtype != FS_F16 && tensor->dtype != FS_BF16 && tensor->dtype != FS_F64) {
        return fs_error_set(
            binder->err, FS_EXIT_DATA,
            "%s: tensor %s: found type %s, expected F32, F16, BF16 or F64; quantised models are not read", tensor->file,
            tensor->name, fs_dtype_name(tensor->dtype));
    }
    if (fs_grow(&model->binding, &model->binding_capacity, model->bindings + 1, sizeof *model->binding,
                "the list of tensors", binder->err) != 0) {
        return -1;
    }
    struct fs_binding binding = binding_of(model, tensor);
    binding.slot = slot;
    binding.first = extent.first * (dimensions == 2 ? extent.columns : 1);
    model->binding[model->bindings++] = binding;
    return 0;
}

/* The whole tensor. `columns` 0: a vector. */
static int bind(struct binder *binder, const struct fs_tensor *tensor, size_t rows, size_t columns, void *slot)
{
    return bind_part(binder, tensor, (struct extent){rows, columns, 0}, slot);
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
    return bind_part(binder, tensor, extent, slot);
}

static int require(struct binder *binder, struct place place, const char *end, size_t rows, size_t columns, void *slot)
{
    return require_part(binder, place, end, (struct extent){rows, columns, 0}, slot);
}

/* gain and bias, `size` numbers each; old BERT checkpoints call them gamma and beta. `stem` NULL: the family has no such
 * norm. */
static int bind_norm(struct binder *binder, struct place place, size_t size, struct fs_norm *norm)
{
    const struct fs_spec *spec = &binder->model->spec;
    if (place.stem == NULL) {
        return 0;
    }
    norm->kind = spec->norm_kind;
    norm->epsilon = spec->norm_epsilon;
    bool old = find(binder, place, ".gamma") != NULL;
    if (require(binder, place, old ? ".gamma" : ".weight", size, 0, &norm->gain) != 0) {
        return -1;
    }
    if (spec->norm_kind == FS_RMS_NORM) {
        return 0;
    }
    return require(binder, place, old ? ".beta" : ".bias", size, 0, &norm->bias);
}

static int bind_linear(struct binder *binder, struct place place, size_t inputs, size_t outputs, bool bias,
                       struct fs_linear *linear)
{
    if (place.stem == NULL) {
        return 0;
    }
    *linear = fs_linear_of(NULL, NULL, inputs, outputs, binder->model->spec.family->inputs_first);
    if (require(binder, place, ".weight", linear->weight.rows, linear->weight.columns, &linear->weight.data) != 0) {
        return -1;
    }
    return bias ? require(binder, place, ".bias", outputs, 0, &linear->bias) : 0;
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
    if (require_part(binder, place, ".weight", (struct extent){2 * F, d, 0}, &layer->gate.weight.data) != 0 ||
        require_part(binder, place, ".weight", (struct extent){2 * F, d, F}, &layer->up.weight.data) != 0) {
        return -1;
    }
    if (!own->ffn_bias) {
        return 0;
    }
    return require_part(binder, place, ".bias", (struct extent){2 * F, 0, 0}, &layer->gate.bias) == 0
               ? require_part(binder, place, ".bias", (struct extent){2 * F, 0, F}, &layer->up.bias)
               : -1;
}

static int bind_norms(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_body_names *body = fs_spec_body(spec);
    const char *const name[FS_LAYER_NORMS] = {body->attention_norm, body->ffn_norm, body->attention_output_norm,
                                              body->ffn_output_norm};
    for (int norm = 0; norm < FS_LAYER_NORMS; norm++) {
        if (fs_layer_has_norm(spec, &spec->layer[index], (enum fs_layer_norm)norm) &&
            bind_norm(binder, in_body(binder, name[norm], index), spec->hidden,
                      &binder->model->layer[index].norm[norm]) != 0) {
            return -1;
        }
    }
    return 0;
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
    if (own->head_norm &&
        (bind_norm(binder, in_body(binder, body->query_norm, index), spec->head_size, &layer->query_norm) != 0 ||
         bind_norm(binder, in_body(binder, body->key_norm, index), spec->head_size, &layer->key_norm) != 0)) {
        return -1;
    }
    if (bind_norms(binder, index) != 0 || bind_linear(binder, in_body(binder, body->attention_output, index), queries,
                                                      d, own->output_bias, &layer->attention_output) != 0) {
        return -1;
    }
    if (own->experts > 0) {
        return bind_experts(binder, index);
    }
    return bind_gate_and_up(binder, index) == 0
               ? bind_linear(binder, in_body(binder, body->down, index), own->ffn, d, own->ffn_bias, &layer->down)
               : -1;
}

static int bind_embeddings(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_family *family = model->spec.family;
    const struct fs_tensor *word = find(binder, in_body(binder, family->body.word, 0), ".weight");
    if (word == NULL && model->spec.tied_head) {
        word = find(binder, in_head(family->head.matrix), ".weight");
    }
    if (word == NULL) {
        return missing(binder, in_body(binder, family->body.word, 0), ".weight");
    }
    model->word_tensor = word;
    if (bind(binder, word, model->spec.vocabulary, model->spec.hidden, &model->word) != 0) {
        return -1;
    }
    if (family->body.position != NULL &&
        require(binder, in_body(binder, family->body.position, 0), ".weight", fs_spec_position_rows(&model->spec),
                model->spec.hidden, &model->position) != 0) {
        return -1;
    }
    if (family->body.token_type != NULL) {
        const struct fs_tensor *types = find(binder, in_body(binder, family->body.token_type, 0), ".weight");
        if (types == NULL) {
            return missing(binder, in_body(binder, family->body.token_type, 0), ".weight");
        }
        /* Only row 0 is used; the number of rows is the checkpoint's affair. */
        size_t rows = types->dimensions == 2 && types->shape[0] > 0 ? types->shape[0] : 1;
        if (bind(binder, types, rows, model->spec.hidden, &model->token_type) != 0) {
            return -1;
        }
    }
    return bind_norm(binder, in_body(binder, family->body.embedding_norm, 0), model->spec.hidden,
                     &model->embedding_norm);
}

static int bind_head(struct binder *binder)
{
    struct fs_model *model = binder->model;
    const struct fs_spec *spec = &model->spec;
    const struct fs_family *family = spec->family;
    if (bind_norm(binder, in_body(binder, family->body.final_norm, 0), spec->hidden, &model->final_norm) != 0 ||
        bind_linear(binder, in_head(family->head.transform), spec->hidden, spec->hidden, true, &model->transform) !=
            0 ||
        bind_norm(binder, in_head(family->head.transform_norm), spec->hidden, &model->transform_norm) != 0) {
        return -1;
    }
    model->head = fs_linear_of(NULL, NULL, spec->hidden, spec->vocabulary, false);
    const struct fs_tensor *own = find(binder, in_head(family->head.matrix), ".weight");
    if (spec->tied_head) {
        model->stored_head = own == model->word_tensor ? NULL : own;
    } else if (own == NULL) {
        return missing(binder, in_head(family->head.matrix), ".weight");
    } else if (bind(binder, own, spec->vocabulary, spec->hidden, &model->head.weight.data) != 0) {
        return -1;
    }
    if (family->head.bias == NULL) {
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
    if (fs_model_begin(model, binder->err) != 0) {
        return -1;
    }
    if (fs_tensor_names_make(model->store, family, binder->names, &model->notes, binder->err) != 0 ||
        bind_embeddings(binder) != 0) {
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

static int list_files(struct fs_model *model, const char *folder, struct fs_error *err)
{
    size_t weights;
    const char *const *file = fs_tensor_store_files(model->store, &weights);
    size_t length = strlen(folder) + sizeof "/config.json";
    model->config_path = fs_allocate(length, 1, "a path", err);
    model->files = fs_allocate(weights + 1, sizeof *model->files, "a list of files", err);
    if (model->config_path == NULL || model->files == NULL) {
        return -1;
    }
    snprintf(model->config_path, length, "%s/config.json", folder);
    model->files[0] = model->config_path;
    for (size_t i = 0; i < weights; i++) {
        model->files[i + 1] = file[i];
    }
    model->file_count = weights + 1;
    return 0;
}

int fs_model_open(const char *folder, struct fs_model **model, struct fs_error *err)
{
    *model = NULL;
    struct fs_model *opened = fs_allocate(1, sizeof *opened, "a model", err);
    if (opened == NULL) {
        return -1;
    }
    struct fs_tensor_names names = {0};
    struct binder binder = {opened, folder, &names, err};
    int status = fs_model_folder_check(folder, FS_FOLDER_CONFIG | FS_FOLDER_WEIGHTS, err);
    status = status == 0 ? fs_spec_read(folder, &opened->spec, &opened->notes, err) : -1;
    status = status == 0 ? fs_tensor_store_open(folder, &opened->store, err) : -1;
    status = status == 0 ? bind_all(&binder) : -1;
    status = status == 0 ? list_files(opened, folder, err) : -1;
    fs_tensor_names_release(&names);
    if (status != 0) {
        fs_model_destroy(opened);
        return -1;
    }
    *model = opened;
    return 0;
}

void fs_model_destroy(struct fs_model *model)
{
    if (model == NULL) {
        return;
    }
    fs_tensor_store_destroy(model->store);
    fs_spec_release(&model->spec);
    free(model->layer);
    free(model->expert);
    free(model->binding);
    free(model->own_block);
    free(model->config_path);
    free(model->files);
    free(model);
}

int fs_model_begin(struct fs_model *model, struct fs_error *err)
{
    model->backend = fs_backend_find(NULL);
    model->backend->begin();
    model->layer = fs_allocate(model->spec.layers, sizeof *model->layer, "the layers", err);
    if (model->layer == NULL) {
        return -1;
    }
    size_t experts = 0;
    for (size_t i = 0; i < model->spec.layers; i++) {
        experts += model->spec.layer[i].experts;
    }
    if (experts == 0) {
        return 0;
    }
    model->expert = fs_allocate(experts, sizeof *model->expert, "the experts", err);
    for (size_t i = 0, next = 0; model->expert != NULL && i < model->spec.layers; i++) {
        model->layer[i].expert = model->expert + next;
        next += model->spec.layer[i].experts;
    }
    return model->expert == NULL ? -1 : 0;
}

const char *fs_model_backend_name(const struct fs_model *model)
{
    return model->backend->name;
}

const struct fs_notes *fs_model_notes(const struct fs_model *model)
{
    return &model->notes;
}

const struct fs_spec *fs_model_spec(const struct fs_model *model)
{
    return &model->spec;
}

size_t fs_model_converted_bytes(const struct fs_model *model)
{
    return model->converted * sizeof(fs_real);
}

const char *const *fs_model_files(const struct fs_model *model, size_t *count)
{
    *count = model->file_count;
    return model->files;
}

int fs_model_word_embedding(const struct fs_model *model, int32_t token, fs_real *row, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    if (token < 0 || (size_t)token >= spec->vocabulary) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "token %d: the model's vocabulary has %zu; the tokenizer belongs to another model", token,
                            spec->vocabulary);
    }
    memcpy(row, model->word + (size_t)token * spec->hidden, spec->hidden * sizeof *row);
    return 0;
}

int fs_model_load(const char *folder, struct fs_model **model, struct fs_error *err)
{
    if (fs_model_open(folder, model, err) != 0) {
        return -1;
    }
    (*model)->own_block = fs_allocate_aligned((*model)->converted, sizeof(fs_real), "converted weights", err);
    if ((*model)->own_block == NULL || fs_model_convert(*model, (*model)->own_block, true, err) != 0) {
        fs_model_destroy(*model);
        *model = NULL;
        return -1;
    }
    return 0;
}

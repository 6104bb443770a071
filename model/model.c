#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert.h"
#include "model/families/config.h"
#include "model/families/family.h"
#include "model/folder/folder.h"
#include "model/gguf/architecture.h"
#include "model/model_internal.h"
#include "model/tensor_names.h"

#ifdef FS_DOUBLE
#define NATIVE_DTYPE FS_F64
#else
#define NATIVE_DTYPE FS_F32
#endif

enum { NAME_SIZE = 192 };

/* What is needed while the tensors are looked up. */
struct binder {
    struct fs_model *model;
    const char *folder;
    struct fs_tensor_names *names;
    struct fs_error *err;
};

/* Where a part of the model is among the tensors: its name is prefix, stem with the layer put in, and an end. */
struct place {
    const char *prefix, *stem;
    size_t layer;
};

/* A part of the body, in `layer` where it is of one. */
static struct place in_body(const struct binder *binder, const char *stem, size_t layer)
{
    return (struct place){binder->names->prefix, stem, layer};
}

static struct place in_head(const char *stem)
{
    return (struct place){"", stem, 0};
}

static void tensor_name(struct place place, const char *end, char name[NAME_SIZE])
{
    const char *number = strstr(place.stem, "%zu");
    if (number == NULL) {
        snprintf(name, NAME_SIZE, "%s%s%s", place.prefix, place.stem, end);
    } else {
        snprintf(name, NAME_SIZE, "%s%.*s%zu%s%s", place.prefix, (int)(number - place.stem), place.stem, place.layer,
                 number + 3, end);
    }
}

static void shape_text(size_t dimensions, const size_t *shape, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (size_t i = 0; i < dimensions && used + 24 < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i == 0 ? "" : ", ", shape[i]);
    }
    snprintf(text + used, size - used, ")");
}

/* Checks type and shape of `tensor`, and notes that the pointer at `slot` shall point to its numbers. `columns` 0: a
 * vector. */
static int bind(struct binder *binder, const struct fs_tensor *tensor, size_t rows, size_t columns, void *slot)
{
    struct fs_model *model = binder->model;
    size_t shape[2] = {rows, columns};
    size_t dimensions = columns == 0 ? 1 : 2;
    if (tensor->dimensions != dimensions || tensor->shape[0] != rows ||
        (dimensions == 2 && tensor->shape[1] != columns)) {
        char found[256], expected[64];
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
    size_t offset = SIZE_MAX;
    if (tensor->dtype != NATIVE_DTYPE || (uintptr_t)tensor->data % _Alignof(fs_real) != 0 || tensor->paired_heads > 0) {
        const size_t line = 64 / sizeof(fs_real); /* each tensor begins on a cache line */
        offset = model->converted;
        model->converted += (tensor->elements + line - 1) / line * line;
    }
    model->binding[model->bindings++] = (struct fs_binding){tensor, slot, offset};
    return 0;
}

static const struct fs_tensor *find(const struct binder *binder, struct place place, const char *end)
{
    char name[NAME_SIZE];
    tensor_name(place, end, name);
    return fs_tensor_names_find(binder->names, name);
}

static int missing(const struct binder *binder, struct place place, const char *end)
{
    char name[NAME_SIZE];
    tensor_name(place, end, name);
    return fs_error_set(binder->err, FS_EXIT_DATA,
                        "%s: tensor %s: not found among the %zu of the model, expected by its config.json (family %s); "
                        "is this the checkpoint of a language model with its head?",
                        binder->folder, name, fs_tensor_store_count(binder->model->store),
                        binder->model->spec.family_name);
}

static int require(struct binder *binder, struct place place, const char *end, size_t rows, size_t columns, void *slot)
{
    const struct fs_tensor *tensor = find(binder, place, end);
    if (tensor == NULL) {
        return missing(binder, place, end);
    }
    return bind(binder, tensor, rows, columns, slot);
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

static int bind_layer(struct binder *binder, size_t index)
{
    const struct fs_spec *spec = &binder->model->spec;
    const struct fs_layer_spec *own = &spec->layer[index];
    const struct fs_family *family = spec->family;
    struct fs_layer *layer = &binder->model->layer[index];
    size_t d = spec->hidden, queries = spec->heads * spec->head_size, keys = spec->key_value_heads * spec->head_size;
    size_t outputs[3] = {queries, keys, keys};
    layer->projections = family->body.projections[1] == NULL ? 1 : 3;
    if (layer->projections == 1) {
        outputs[0] = queries + 2 * keys;
    }
    for (size_t i = 0; i < layer->projections; i++) {
        if (bind_linear(binder, in_body(binder, family->body.projections[i], index), d, outputs[i], own->qkv_bias,
                        &layer->projection[i]) != 0) {
            return -1;
        }
    }
    if (own->head_norm &&
        (bind_norm(binder, in_body(binder, family->body.query_norm, index), spec->head_size, &layer->query_norm) != 0 ||
         bind_norm(binder, in_body(binder, family->body.key_norm, index), spec->head_size, &layer->key_norm) != 0)) {
        return -1;
    }
    if (bind_norm(binder, in_body(binder, family->body.attention_norm, index), d, &layer->norm[FS_ATTENTION_NORM]) !=
            0 ||
        bind_linear(binder, in_body(binder, family->body.attention_output, index), queries, d, own->output_bias,
                    &layer->attention_output) != 0 ||
        bind_norm(binder, in_body(binder, family->body.ffn_norm, index), d, &layer->norm[FS_FFN_NORM]) != 0 ||
        bind_linear(binder, in_body(binder, family->body.gate, index), d, own->ffn, own->ffn_bias, &layer->gate) != 0 ||
        bind_linear(binder, in_body(binder, family->body.up, index), d, own->ffn, own->ffn_bias, &layer->up) != 0 ||
        bind_linear(binder, in_body(binder, family->body.down, index), own->ffn, d, own->ffn_bias, &layer->down) != 0) {
        return -1;
    }
    return 0;
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
    fs_tensor_names_note_unused(binder->names, family, &model->notes);
    return 0;
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
    if (!model->whole_file) {
        model->files[model->file_count++] = model->config_path;
    }
    for (size_t i = 0; i < weights; i++) {
        model->files[model->file_count++] = file[i];
    }
    return 0;
}

static int open_weights(struct fs_model *model, const char *folder, struct fs_error *err)
{
    char *gguf;
    if (fs_model_gguf_file(folder, &gguf, err) != 0) {
        return -1;
    }
    model->whole_file = gguf != NULL;
    int status = gguf != NULL ? fs_gguf_weights_open(gguf, &model->store, err)
                              : fs_tensor_store_open(folder, &model->store, err);
    free(gguf);
    return status;
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
    status = status == 0 ? open_weights(opened, folder, err) : -1;
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
    return model->layer == NULL ? -1 : 0;
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

/* A tied head that is stored a second time must hold the same numbers: transformers 4 and 5 treat others differently.
 */
static int compare_stored_head(const struct fs_model *model, struct fs_error *err)
{
    const struct fs_tensor *stored_head = model->stored_head, *word = model->word_tensor;
    if (stored_head == NULL || (stored_head->dtype == word->dtype && stored_head->elements == word->elements &&
                                memcmp(stored_head->data, word->data, fs_tensor_bytes(word)) == 0)) {
        return 0;
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: tensor %s: found numbers other than in %s, expected the same, for config.json says that the "
        "head is tied; set tie_word_embeddings to false if it is not",
        stored_head->file, stored_head->name, word->name);
}

int fs_model_convert(struct fs_model *model, void *block, bool write, struct fs_error *err)
{
    fs_real *number = block;
    for (size_t i = 0; i < model->bindings; i++) {
        const struct fs_binding *binding = &model->binding[i];
        const fs_real *place;
        if (binding->offset == SIZE_MAX) {
            place = (const fs_real *)(const void *)binding->tensor->data;
        } else {
            place = number + binding->offset;
            if (write) {
                fs_tensor_convert(binding->tensor, number + binding->offset);
            }
        }
        if (write && !fs_kernel_finite(place, binding->tensor->elements)) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: tensor %s: found a number that is infinite or not a number, expected finite weights; "
                "the checkpoint is damaged",
                binding->tensor->file, binding->tensor->name);
        }
        memcpy(binding->slot, &place, sizeof place);
    }
    if (model->spec.tied_head) {
        model->head.weight.data = model->word;
    }
    return write ? compare_stored_head(model, err) : 0;
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

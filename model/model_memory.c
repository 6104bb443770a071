/* What a model holds in memory beside its weights, made when it is bound and freed at its end; and what is asked of it. */
#include <stdlib.h>
#include <string.h>

#include "model/backends/panels.h"
#include "model/model_internal.h"

/* Room for the norms of layers whose heads have one each. */
static int make_own_norms(struct fs_model *model, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    size_t heads = spec->heads + spec->key_value_heads, norms = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        norms += spec->layer[i].head_norm == FS_HEAD_NORM_OWN ? heads : 0;
    }
    if (norms == 0) {
        return 0;
    }
    model->own_norm = fs_allocate(norms, sizeof *model->own_norm, "norms of heads", err);
    for (size_t i = 0, next = 0; model->own_norm != NULL && i < spec->layers; i++) {
        model->layer[i].own_norm = model->own_norm + next;
        next += spec->layer[i].head_norm == FS_HEAD_NORM_OWN ? heads : 0;
    }
    return model->own_norm == NULL ? -1 : 0;
}

static int make_experts(struct fs_model *model, struct fs_error *err)
{
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

int fs_model_begin(struct fs_model *model, struct fs_error *err)
{
    model->backend = fs_backend_find(NULL);
    model->backend->begin();
    model->layer = fs_allocate(model->spec.layers, sizeof *model->layer, "the layers", err);
    return model->layer != NULL && make_own_norms(model, err) == 0 && make_experts(model, err) == 0 ? 0 : -1;
}

void fs_model_destroy(struct fs_model *model)
{
    if (model == NULL) {
        return;
    }
    fs_tensor_store_destroy(model->store);
    fs_spec_release(&model->spec);
    free(model->layer);
    free(model->own_norm);
    free(model->expert);
    free(model->binding);
    free(model->own_block);
    free(model->config_path);
    free(model->files);
    free(model);
}

const struct fs_backend *fs_model_backend(const struct fs_model *model)
{
    return model->backend;
}

/* The type of most of its matrices is that of the word embedding, mostly. */
static int check_has_bf16(const struct fs_model *model, struct fs_error *err)
{
    for (size_t i = 0; i < model->bindings; i++) {
        if (model->binding[i].type == FS_MATRIX_BF16) {
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_CONFIG,
                        "compute.type bf16: %s: found tensor %s of %s, and none of BF16 that is multiplied, expected a "
                        "model whose weights are BF16; leave compute.type at auto, or save the model in BF16",
                        model->word_tensor->file, model->word_tensor->name, fs_dtype_name(model->word_tensor->dtype));
}

int fs_model_compute(struct fs_model *model, const struct fs_compute *compute, struct fs_error *err)
{
    const char *type = fs_compute_type_name(compute->type), *name = compute->backend;
    const struct fs_backend *backend = fs_backend_choose(compute);
    if (backend == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "compute.backend %s: does not multiply in compute.type %s; leave one of the two at auto",
                            name, type);
    }
    if (backend->type == FS_COMPUTE_BF16 && check_has_bf16(model, err) != 0) {
        return -1;
    }
    const char *why = fs_backend_unusable(backend);
    if (why != NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "compute.type %s, compute.backend %s: cannot be used here: %s; leave both at auto, or run "
                            "where it is",
                            type, backend->name, why);
    }
    backend->begin();
    model->backend = backend;
    return 0;
}

size_t fs_model_panel_bytes(const struct fs_model *model)
{
    bool panels = false;
    for (size_t i = 0; i < model->bindings; i++) {
        panels = panels || model->binding[i].type != FS_MATRIX_REAL;
    }
    return panels ? FS_PANEL_BYTES : 0;
}

const struct fs_notes *fs_model_notes(const struct fs_model *model)
{
    return &model->notes;
}

const struct fs_spec *fs_model_spec(const struct fs_model *model)
{
    return &model->spec;
}

void fs_model_share_prefixes(struct fs_model *model, bool share)
{
    model->spec.apart = !share;
}

size_t fs_model_converted_bytes(const struct fs_model *model)
{
    return model->converted;
}

const char *const *fs_model_files(const struct fs_model *model, size_t *count)
{
    *count = model->file_count;
    return model->files;
}

void fs_model_word(const struct fs_model *model, int32_t token, fs_real *row)
{
    const struct fs_matrix word = fs_matrix_rows(&model->word, (size_t)token, 1);
    fs_matrix_widen(&word, row, word.columns);
}

int fs_model_word_embedding(const struct fs_model *model, int32_t token, fs_real *row, struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    if (token < 0 || (size_t)token >= spec->vocabulary) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "token %d: the model's vocabulary has %zu; the tokenizer belongs to another model", token,
                            spec->vocabulary);
    }
    fs_model_word(model, token, row);
    return 0;
}

int fs_model_load(const char *folder, struct fs_model **model, struct fs_error *err)
{
    if (fs_model_open(folder, model, err) != 0) {
        return -1;
    }
    (*model)->own_block = fs_allocate_aligned((*model)->converted, 1, "converted weights", err);
    if ((*model)->own_block == NULL || fs_model_convert(*model, (*model)->own_block, true, err) != 0) {
        fs_model_destroy(*model);
        *model = NULL;
        return -1;
    }
    return 0;
}

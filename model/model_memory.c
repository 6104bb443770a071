/* What a model holds in memory beside its weights, made when it is bound and freed at its end; and what is asked of it. */
#include <stdlib.h>
#include <string.h>

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

void fs_model_share_prefixes(struct fs_model *model, bool share)
{
    model->spec.apart = !share;
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
    size_t E = fs_spec_embedding(spec);
    memcpy(row, model->word + (size_t)token * E, E * sizeof *row);
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

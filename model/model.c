#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/config.h"
#include "model/folder/folder.h"
#include "model/gguf/architecture.h"
#include "model/model_internal.h"

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
    int status = fs_model_folder_check(folder, FS_FOLDER_CONFIG | FS_FOLDER_WEIGHTS, err);
    status = status == 0 ? fs_spec_read(folder, &opened->spec, &opened->notes, err) : -1;
    status = status == 0 ? open_weights(opened, folder, err) : -1;
    status = status == 0 ? fs_model_begin(opened, err) : -1;
    status = status == 0 ? fs_model_bind(opened, folder, err) : -1;
    status = status == 0 ? list_files(opened, folder, err) : -1;
    if (status != 0) {
        fs_model_destroy(opened);
        return -1;
    }
    *model = opened;
    return 0;
}

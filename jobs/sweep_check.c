#include "jobs/sweep_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/console/progress.h"
#include "jobs/job_keys.h"
#include "model/families/config.h"
#include "model/folder/folder.h"

/* A model folder that was looked at. */
struct looked {
    char *path;
    struct fs_spec spec;
    struct fs_error wrong; /* code 0: nothing */
};

struct fault {
    char *what; /* the same for all cells that have it */
    char *text;
    int code;
};

struct fs_sweep_check {
    struct looked **model; /* [models] */
    size_t models, model_room;
    struct fault *fault; /* [faults] */
    size_t faults, fault_room;
};

struct fs_sweep_check *fs_sweep_check_create(struct fs_error *err)
{
    return fs_allocate(1, sizeof(struct fs_sweep_check), "the check of a sweep", err);
}

void fs_sweep_check_destroy(struct fs_sweep_check *check)
{
    if (check == NULL) {
        return;
    }
    for (size_t i = 0; i < check->models; i++) {
        fs_spec_release(&check->model[i]->spec);
        free(check->model[i]->path);
        free(check->model[i]);
    }
    for (size_t i = 0; i < check->faults; i++) {
        free(check->fault[i].what);
        free(check->fault[i].text);
    }
    free(check->model);
    free(check->fault);
    free(check);
}

/* The latest first: cells of one model follow one another. */
static struct looked *find_model(const struct fs_sweep_check *check, const char *path)
{
    for (size_t i = check->models; i-- > 0;) {
        if (strcmp(check->model[i]->path, path) == 0) {
            return check->model[i];
        }
    }
    return NULL;
}

static struct looked *look_at_model(struct fs_sweep_check *check, const char *path, struct fs_error *err)
{
    struct looked *model = find_model(check, path);
    if (model != NULL) {
        return model;
    }
    if (fs_grow(&check->model, &check->model_room, check->models + 1, sizeof(struct looked *), "the check of a sweep",
                err) != 0) {
        return NULL;
    }
    model = fs_allocate(1, sizeof *model, "the check of a sweep", err);
    if (model == NULL) {
        return NULL;
    }
    model->path = strdup(path);
    if (model->path == NULL) {
        free(model);
        fs_error_memory(err, strlen(path), "a path");
        return NULL;
    }
    check->model[check->models++] = model;
    if (fs_model_folder_check(path, FS_FOLDER_CONFIG, &model->wrong) == 0) {
        (void)fs_spec_read(path, &model->spec, NULL, &model->wrong);
    }
    return model;
}

/* Notes what is wrong with `key` of the cell, unless another cell has the same. */
static int note(struct fs_sweep_check *check, const char *id, const char *key, const struct fs_error *wrong,
                struct fs_error *err)
{
    char *what = NULL, *text = NULL;
    if (asprintf(&what, "%s: %s", key, wrong->text) < 0) {
        return fs_error_memory(err, 256, "the check of a sweep");
    }
    for (size_t i = check->faults; i-- > 0;) {
        if (strcmp(check->fault[i].what, what) == 0) {
            free(what);
            return 0;
        }
    }
    if (fs_grow(&check->fault, &check->fault_room, check->faults + 1, sizeof *check->fault, "the check of a sweep",
                err) != 0 ||
        asprintf(&text, "cell %s: %s", id, what) < 0) {
        free(what);
        return fs_error_memory(err, 256, "the check of a sweep");
    }
    check->fault[check->faults++] = (struct fault){what, text, wrong->code};
    return 0;
}

/* Other models that methods take. */
static int check_methods(struct fs_sweep_check *check, const char *id, const struct fs_job *job, struct fs_error *err)
{
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    for (size_t i = 0; i < methods; i++) {
        struct looked *model = method[i].path != NULL ? look_at_model(check, method[i].path, err) : NULL;
        if (method[i].path != NULL &&
            (model == NULL || (model->wrong.code != 0 && note(check, id, "methods", &model->wrong, err) != 0))) {
            return -1;
        }
    }
    return 0;
}

static int check_data(struct fs_sweep_check *check, const char *id, const struct fs_job *job, struct fs_error *err)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        const char *path = fs_job_value(job, setting)->text;
        struct fs_error wrong = FS_ERROR_INIT;
        bool is_read = setting->kind == FS_SETTING_PATH && key[i].stages != 0 && strcmp(setting->key, "model") != 0;
        if (!is_read || path == NULL || access(path, R_OK) == 0) {
            continue;
        }
        fs_error_set(&wrong, FS_EXIT_NO_INPUT, "%s: cannot be read: %s", path, strerror(errno));
        if (note(check, id, setting->key, &wrong, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_sweep_check_job(struct fs_sweep_check *check, const char *id, const struct fs_job *job, struct fs_error *err)
{
    struct looked *model = look_at_model(check, fs_job_settings(job)->model, err);
    struct fs_error wrong = FS_ERROR_INIT;
    if (model == NULL) {
        return -1;
    }
    if (model->wrong.code == 0 && fs_job_check_layer(job, &model->spec, &wrong) != 0) {
        fs_error_prepend(&wrong, "%s", model->path);
    }
    const struct fs_error *of_model = model->wrong.code != 0 ? &model->wrong : &wrong;
    if (of_model->code != 0 && note(check, id, "model", of_model, err) != 0) {
        return -1;
    }
    return check_methods(check, id, job, err) == 0 ? check_data(check, id, job, err) : -1;
}

int fs_sweep_check_end(struct fs_sweep_check *check, const char *path, struct fs_error *err)
{
    const char *hint = "";
    for (size_t i = 0; i < check->faults; i++) {
        hint = check->fault[i].code == FS_EXIT_NO_INPUT ? "; --no-check plans where models and data are not at hand"
                                                        : hint;
        if (check->faults > 1) {
            fs_warn("sweep: %s", check->fault[i].text);
        }
    }
    if (check->faults == 0) {
        return 0;
    }
    const struct fault *first = &check->fault[0];
    return check->faults == 1
               ? fs_error_set(err, (enum fs_exit)first->code, "%s: %s%s", path, first->text, hint)
               : fs_error_set(err, (enum fs_exit)first->code, "%s: not planned: the %zu faults named above%s", path,
                              check->faults, hint);
}

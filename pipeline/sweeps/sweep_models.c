#include "pipeline/sweeps/sweep_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/folder.h"
#include "jobs/fingerprint.h"
#include "jobs/job_keys.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/run/input_hashes.h"

/* What the root finds in the jobs. */
struct finding {
    const struct fs_sweep *sweep;
    struct fs_job **job;    /* [cells] NULL: complete, or it cannot be read */
    struct fs_folder model; /* folders, or files, of models */
    struct fs_folder seen;  /* texts of all paths of jobs whose files are listed */
    struct fs_folder files; /* that are hashed */
    size_t *bytes;          /* [models] converted */
};

static void release(struct finding *finding)
{
    for (size_t i = 0; finding->job != NULL && i < finding->sweep->cells; i++) {
        fs_job_destroy(finding->job[i]);
    }
    free(finding->job);
    fs_folder_release(&finding->model);
    fs_folder_release(&finding->seen);
    fs_folder_release(&finding->files);
    free(finding->bytes);
}

static size_t place_of(const struct fs_folder *list, const char *text)
{
    size_t place = 0;
    while (place < list->count && strcmp(list->path[place], text) != 0) {
        place++;
    }
    return place;
}

/* Adds `text` where it is not there; `*is_new`: whether it was not. */
static int add_once(struct fs_folder *list, const char *text, bool *is_new, struct fs_error *err)
{
    *is_new = place_of(list, text) == list->count;
    return *is_new ? fs_folder_add(list, text, err) : 0;
}

/* All paths that the job reads, a line each; the caller frees. */
static char *paths_of(const struct fs_job *job, struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0, count, methods;
    const struct fs_job_key *key = fs_job_keys(&count);
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    FILE *stream = open_memstream(&text, &size);
    for (size_t i = 0; stream != NULL && i < count; i++) {
        const char *path = fs_job_value(job, key[i].setting)->text;
        if (key[i].setting->kind == FS_SETTING_PATH && key[i].stages != 0 && path != NULL) {
            fprintf(stream, "%s=%s\n", key[i].setting->key, path);
        }
    }
    for (size_t i = 0; stream != NULL && i < methods; i++) {
        fprintf(stream, "%s\n", method[i].path != NULL ? method[i].path : "");
    }
    if (stream == NULL || fclose(stream) != 0) {
        free(text);
        fs_error_memory(err, size, "the paths of a job");
        return NULL;
    }
    return text;
}

static int add_files(struct finding *finding, const struct fs_job *job, struct fs_error *err)
{
    struct fs_error ignored = FS_ERROR_INIT; /* the cell's own run has it */
    struct fs_folder files;
    size_t models;
    bool is_new = false;
    char *paths = paths_of(job, err);
    int status = paths != NULL ? add_once(&finding->seen, paths, &is_new, err) : -1;
    free(paths);
    if (status != 0 || !is_new || fs_fingerprint_files(job, &files, &models, &ignored) != 0) {
        return status;
    }
    for (size_t i = 0; status == 0 && i < files.count; i++) {
        status = add_once(&finding->files, files.path[i], &is_new, err);
    }
    fs_folder_release(&files);
    return status;
}

static int add_job(struct finding *finding, const struct fs_job *job, struct fs_error *err)
{
    bool is_new;
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    int status = add_once(&finding->model, fs_job_settings(job)->model, &is_new, err);
    for (size_t i = 0; status == 0 && i < methods; i++) {
        status = method[i].path != NULL ? add_once(&finding->model, method[i].path, &is_new, err) : 0;
    }
    return status == 0 ? add_files(finding, job, err) : -1;
}

/* How much of each model is converted; 0 where it cannot be opened, as a cell will say. */
static int measure_models(struct finding *finding, struct fs_error *err)
{
    finding->bytes = fs_allocate(finding->model.count, sizeof *finding->bytes, "the models of a sweep", err);
    for (size_t i = 0; finding->bytes != NULL && i < finding->model.count; i++) {
        struct fs_error ignored = FS_ERROR_INIT;
        struct fs_model *model = NULL;
        if (fs_model_open(finding->model.path[i], &model, &ignored) == 0) {
            finding->bytes[i] = fs_model_converted_bytes(model);
            fs_model_destroy(model);
        }
    }
    return finding->bytes != NULL ? 0 : -1;
}

/* Root. */
static int find(struct finding *finding, const unsigned char *complete, struct fs_cell_list *list, struct fs_error *err)
{
    const struct fs_sweep *sweep = finding->sweep;
    finding->job = fs_allocate(sweep->cells, sizeof *finding->job, "the jobs of a sweep", err);
    int status = finding->job != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) {
        struct fs_error ignored = FS_ERROR_INIT;
        if (!complete[i] && fs_job_load(sweep->cell[i].job, NULL, 0, &finding->job[i], &ignored) == 0) {
            status = add_job(finding, finding->job[i], err);
        }
    }
    if (status == 0) {
        status = measure_models(finding, err) == 0 ? fs_cell_list_create(sweep, finding->model.count, list, err) : -1;
    }
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) {
        list->turn[i] = complete[i] ? FS_TURN_OVER : FS_TURN_BEFORE;
        if (finding->job[i] == NULL) {
            continue;
        }
        size_t methods;
        const struct fs_job_method *method = fs_job_methods(finding->job[i], &methods);
        unsigned char *uses = list->uses + i * list->models;
        list->model[i] = place_of(&finding->model, fs_job_settings(finding->job[i])->model);
        uses[list->model[i]] = 1;
        for (size_t k = 0; k < methods; k++) {
            if (method[k].path != NULL) {
                uses[place_of(&finding->model, method[k].path)] = 1;
            }
        }
    }
    return status;
}

/* The root's models to all. */
static int spread(struct fs_session *world, const struct finding *finding, struct fs_sweep_models *models,
                  size_t **bytes, struct fs_error *err)
{
    size_t sizes[2] = {finding->model.count, 0}; /* models, bytes of their folders */
    for (size_t i = 0; i < sizes[0]; i++) {
        sizes[1] += strlen(finding->model.path[i]) + 1;
    }
    fs_mpi_broadcast(sizes, sizeof sizes, 0, world->communicator);
    models->text = fs_allocate(sizes[1], 1, "the models of a sweep", err);
    models->folder = fs_allocate(sizes[0], sizeof *models->folder, "the models of a sweep", err);
    *bytes = fs_allocate(sizes[0], sizeof **bytes, "the models of a sweep", err);
    int status = models->text != NULL && models->folder != NULL && *bytes != NULL ? 0 : -1;
    if (fs_session_agree(world, status, err) != 0) {
        return -1;
    }
    char *next = models->text;
    for (size_t i = 0; i < finding->model.count; i++) {
        next = stpcpy(next, finding->model.path[i]) + 1;
        (*bytes)[i] = finding->bytes[i];
    }
    fs_mpi_broadcast(models->text, sizes[1], 0, world->communicator);
    fs_mpi_broadcast(*bytes, sizes[0] * sizeof **bytes, 0, world->communicator);
    next = models->text;
    for (size_t i = 0; i < sizes[0]; i++, next += strlen(next) + 1) {
        models->folder[i] = next;
    }
    models->shared = (struct fs_shared_models){.folder = models->folder, .count = sizes[0]};
    return 0;
}

/* Whether `path` is the model `folder`, or a file in it. */
static bool is_of(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') {
        length--;
    }
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* One line: the files of `model`; NULL: those of none. */
static void tell_hashes(const struct fs_input_file *file, size_t count, const struct finding *finding,
                        const char *model, unsigned char *ranks)
{
    size_t files = 0, several = 0;
    double ready = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_own = model != NULL && is_of(file[i].path, model);
        for (size_t m = 0; model == NULL && m < finding->model.count; m++) {
            is_own = is_own || is_of(file[i].path, finding->model.path[m]);
        }
        if ((model != NULL) != is_own || file[i].owner == SIZE_MAX) {
            continue;
        }
        files++;
        ready = file[i].ready > ready ? file[i].ready : ready;
        several += !ranks[file[i].owner];
        ranks[file[i].owner] = 1;
    }
    if (files > 0) {
        fs_announce("%s%s: %zu file%s hashed by %zu rank%s in %.1f s", model != NULL ? "model " : "data",
                    model != NULL ? model : "", files, files == 1 ? "" : "s", several, several == 1 ? "" : "s", ready);
    }
}

static int hash(struct fs_session *world, const struct finding *finding, struct fs_error *err)
{
    size_t count = finding->files.count, ranks = world->runner->ranks;
    struct fs_input_file *file = fs_allocate(count, sizeof *file, "input files", err);
    unsigned char *seen = fs_allocate(ranks, 1, "input files", err);
    int status = fs_session_agree(world, file != NULL && seen != NULL ? 0 : -1, err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        file[i].path = finding->files.path[i];
    }
    status = status == 0 ? fs_hash_inputs(world, file, count, err) : -1;
    for (size_t m = 0; status == 0 && fs_session_is_root(world) && m <= finding->model.count; m++) {
        memset(seen, 0, ranks);
        tell_hashes(file, count, finding, m < finding->model.count ? finding->model.path[m] : NULL, seen);
    }
    free(file);
    free(seen);
    return status;
}

int fs_sweep_models_open(struct fs_session *world, const struct fs_sweep *sweep, const unsigned char *complete,
                         struct fs_sweep_models *models, struct fs_cell_list *list, struct fs_error *err)
{
    struct finding finding = {.sweep = sweep};
    size_t *bytes = NULL;
    *models = (struct fs_sweep_models){0};
    int status = fs_session_is_root(world) ? find(&finding, complete, list, err) : 0;
    status = fs_session_agree(world, status, err) == 0 ? hash(world, &finding, err) : -1;
    status = status == 0 ? spread(world, &finding, models, &bytes, err) : -1;
    if (status == 0) {
        status = fs_node_store_create(world->communicator, bytes, models->shared.count, &models->shared.store, err);
    }
    free(bytes);
    release(&finding);
    return status;
}

void fs_sweep_models_close(struct fs_sweep_models *models)
{
    fs_node_store_destroy(models->shared.store);
    free(models->text);
    free(models->folder);
    *models = (struct fs_sweep_models){0};
}

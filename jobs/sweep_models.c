#include "jobs/sweep_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *fs_sweep_absolute(const char *base, const char *path)
{
    char *text = NULL;
    if (path[0] == '/' || path[0] == '$' || path[0] == '~') { /* a job takes these as they are, or refuses them */
        return strdup(path);
    }
    return asprintf(&text, "%s/%s", base, path) >= 0 ? text : NULL;
}

/* "path", or {"name", "path"}; `*name` NULL: none is given. */
static int read_entry(const struct fs_sweep_models *models, const cJSON *entry, const char **name, const char **path,
                      struct fs_error *err)
{
    static const char *const known[] = {"name", "path", NULL};
    *name = NULL;
    if (cJSON_IsString(entry) && entry->valuestring[0] != '\0') {
        *path = entry->valuestring;
        return 0;
    }
    if (!cJSON_IsObject(entry)) {
        return fs_error_set(
            err, FS_EXIT_CONFIG, "%s: models: found %s, expected a folder, or {\"name\": ..., \"path\": ...}",
            fs_json_name(models->document), cJSON_IsString(entry) ? "an empty text" : fs_json_kind(entry));
    }
    if (fs_json_refuse_unknown(models->document, entry, "models", known, err) != 0 ||
        fs_json_text(models->document, entry, "models", "name", name, err) != 0 ||
        fs_json_text(models->document, entry, "models", "path", path, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return -1;
    }
    if ((*name)[0] == '\0' || (*path)[0] == '\0') {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: models: %s: found an empty text, expected a %s",
                            fs_json_name(models->document), (*name)[0] == '\0' ? "name" : "path",
                            (*name)[0] == '\0' ? "name" : "folder");
    }
    return 0;
}

static int add(const struct fs_sweep_models *models, const cJSON *entry, size_t *place, struct fs_error *err)
{
    struct fs_model_id id = {0};
    const char *path;
    if (read_entry(models, entry, &id.name, &path, err) != 0) {
        return -1;
    }
    char *absolute = fs_sweep_absolute(models->base, path);
    id.path = absolute;
    int status = absolute != NULL ? fs_model_names_add(models->names, &id, place, err)
                                  : fs_error_memory(err, strlen(path), "a path");
    free(absolute);
    return status;
}

/* The next model behind `entry` (NULL: the first): of "models", then of "include". */
static const cJSON *next_model(const cJSON *root, const cJSON *entry, const cJSON **include)
{
    const cJSON *models = cJSON_GetObjectItemCaseSensitive(root, "models");
    const cJSON *next = entry == NULL ? (models != NULL ? models->child : NULL) : *include == NULL ? entry->next : NULL;
    while (next == NULL) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "include");
        *include = *include != NULL ? (*include)->next : list != NULL ? list->child : NULL;
        if (*include == NULL) {
            return NULL;
        }
        next = cJSON_GetObjectItemCaseSensitive(*include, "model");
    }
    return next;
}

static int refuse_name(const struct fs_sweep_models *models, const cJSON *wrong, struct fs_error *err)
{
    const cJSON *root = fs_json_root(models->document), *include = NULL, *entry = NULL;
    const char *name, *path, *other_name = NULL, *other_path = "";
    if (read_entry(models, wrong, &name, &path, err) != 0) {
        return -1;
    }
    while ((entry = next_model(root, entry, &include)) != NULL) {
        if (read_entry(models, entry, &other_name, &other_path, err) != 0) {
            return -1;
        }
        if (other_name != NULL && strcmp(other_name, name) == 0 && strcmp(other_path, path) != 0) {
            break;
        }
    }
    return fs_error_set(err, FS_EXIT_CONFIG,
                        "%s: models: \"%s\" is the name of %s and of %s; give each a name of its own",
                        fs_json_name(models->document), name, path, other_path);
}

/* That no model stands in "models" twice. Adds those of "include" too. */
static int add_all(const struct fs_sweep_models *models, const cJSON *root, struct fs_error *err)
{
    const cJSON *include = NULL, *entry = NULL;
    size_t count = 0, place = 0;
    while ((entry = next_model(root, entry, &include)) != NULL) {
        count++;
    }
    bool *seen = fs_allocate(count + 1, sizeof *seen, "the models of a sweep", err);
    int status = seen != NULL ? 0 : -1;
    include = NULL;
    while (status == 0 && (entry = next_model(root, entry, &include)) != NULL) {
        status = add(models, entry, &place, err);
        if (status == 0 && include == NULL && seen[place]) {
            const char *name = NULL, *path = NULL;
            (void)read_entry(models, entry, &name, &path, err); /* as before */
            status = fs_error_set(err, FS_EXIT_CONFIG, "%s: models: \"%s\" stands there twice; leave one out",
                                  fs_json_name(models->document), name != NULL ? name : path);
        }
        if (status == 0) {
            seen[place] = true;
        }
    }
    free(seen);
    return status;
}

int fs_sweep_models_read(const struct fs_json_document *document, const char *base, struct fs_sweep_models *models,
                         struct fs_error *err)
{
    const cJSON *root = fs_json_root(document), *include = NULL, *entry = NULL;
    *models = (struct fs_sweep_models){.document = document, .base = base, .names = fs_model_names_create(err)};
    if (models->names == NULL || add_all(models, root, err) != 0 || fs_model_names_resolve(models->names, err) != 0) {
        return -1;
    }
    while ((entry = next_model(root, entry, &include)) != NULL) {
        struct fs_sweep_model model;
        const char *given, *path;
        if (fs_sweep_models_find(models, entry, &model, err) != 0 ||
            read_entry(models, entry, &given, &path, err) != 0) {
            return -1;
        }
        if (given != NULL && strcmp(given, model.name) != 0) {
            return refuse_name(models, entry, err);
        }
    }
    return 0;
}

void fs_sweep_models_release(struct fs_sweep_models *models)
{
    fs_model_names_destroy(models->names);
    *models = (struct fs_sweep_models){0};
}

int fs_sweep_models_find(const struct fs_sweep_models *models, const cJSON *entry, struct fs_sweep_model *model,
                         struct fs_error *err)
{
    const char *given;
    size_t place;
    if (read_entry(models, entry, &given, &model->path, err) != 0 || add(models, entry, &place, err) != 0) {
        return -1;
    }
    model->name = fs_model_names_get(models->names, place);
    model->named = given != NULL || strcmp(model->name, fs_model_names_own(models->names, place)) != 0;
    return 0;
}

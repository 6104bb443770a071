#include "io/formats/tensor_store.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "io/formats/gguf.h"
#include "io/formats/json.h"
#include "io/formats/tensor_format.h"

#define MAX_SHARDS 10000

struct fs_tensor_store {
    const struct fs_tensor_format *format;
    size_t files;            /* all read: the index, where there is one, and then the shards */
    char **path;             /* [files] */
    struct fs_file_map *map; /* [files]; zeroed for the index */
    struct fs_tensors list;  /* by name */
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct fs_tensor *)a)->name, ((const struct fs_tensor *)b)->name);
}

/* Maps file `index` of the store and adds its tensors. */
static int open_shard(struct fs_tensor_store *store, size_t index, struct fs_error *err)
{
    const char *path = store->path[index];
    struct fs_file_map *map = &store->map[index];
    if (fs_file_map_open(path, map, err) != 0) {
        return -1;
    }
    char fix[FS_KIND_FIX];
    const char *kind = store->format->may_be(map->data, map->size)
                           ? NULL
                           : fs_file_kind(path, map->data, map->size, FS_PLACE_MODEL, fix);
    if (kind != NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is %s; %s", path, kind, fix);
    }
    return store->format->read(path, map, &store->list, err);
}

/* Appends `folder`/`name` to the files of the store, which has room for it. */
static int add_file(struct fs_tensor_store *store, const char *folder, const char *name, struct fs_error *err)
{
    if (asprintf(&store->path[store->files], "%s/%s", folder, name) < 0) {
        store->path[store->files] = NULL;
        return fs_error_memory(err, strlen(folder) + strlen(name) + 2, "a path");
    }
    store->files++;
    return 0;
}

static int make_room(struct fs_tensor_store *store, size_t files, struct fs_error *err)
{
    store->path = fs_allocate(files, sizeof *store->path, "the list of model files", err);
    store->map = store->path == NULL ? NULL : fs_allocate(files, sizeof *store->map, "the list of model files", err);
    return store->map == NULL ? -1 : 0;
}

/* An entry of the index's weight_map. */
struct place {
    const char *tensor;
    const char *file;
};

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->file, ((const struct place *)b)->file);
}

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->tensor, ((const struct place *)b)->tensor);
}

/* The weight_map as an array, its file names checked: an index must not lead outside its folder. */
static int read_weight_map(const struct fs_json_document *index, struct place **places, size_t *count,
                           struct fs_error *err)
{
    const cJSON *weight_map;
    const cJSON *entry;
    const char *path = fs_json_name(index);
    if (fs_json_object(index, fs_json_root(index), "", "weight_map", &weight_map, err) != 0) {
        return -1;
    }
    *count = 0;
    cJSON_ArrayForEach(entry, weight_map)
    {
        (*count)++;
        if (!cJSON_IsString(entry)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: weight_map.%s: found %s, expected a file name", path,
                                entry->string, fs_json_kind(entry));
        }
        const char *file = entry->valuestring;
        if (file[0] == '\0' || strchr(file, '/') != NULL || strcmp(file, ".") == 0 || strcmp(file, "..") == 0) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: weight_map.%s: found \"%s\", expected the plain name of a file in the folder",
                                path, entry->string, file);
        }
    }
    if (*count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: weight_map: found no tensor", path);
    }
    *places = fs_allocate(*count, sizeof **places, "the weight map", err);
    if (*places == NULL) {
        return -1;
    }
    size_t used = 0;
    cJSON_ArrayForEach(entry, weight_map)
    {
        (*places)[used++] = (struct place){entry->string, entry->valuestring};
    }
    return 0;
}

/* Whether the sorted `places` and the sorted tensors of the store are the same. */
static int check_agreement(const struct fs_tensor_store *store, const struct place *places, size_t count,
                           const char *path, struct fs_error *err)
{
    for (size_t i = 0, j = 0; i < count || j < store->list.count;) {
        int order = i == count ? 1 : j == store->list.count ? -1 : strcmp(places[i].tensor, store->list.tensor[j].name);
        if (order > 0) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: tensor %s: not in weight_map of %s; index and shards are of different saves",
                                store->list.tensor[j].file, store->list.tensor[j].name, path);
        }
        const char *file = order < 0 ? NULL : strrchr(store->list.tensor[j].file, '/') + 1;
        if (file == NULL || strcmp(file, places[i].file) != 0) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: weight_map.%s: names %s, but the tensor is %s%s; index and shards are of different saves", path,
                places[i].tensor, places[i].file, file == NULL ? "in no shard" : "in ", file == NULL ? "" : file);
        }
        i++;
        j++;
    }
    return 0;
}

/* No name twice over all files; sorts the tensors by name. */
static int sort_tensors(struct fs_tensor_store *store, struct fs_error *err)
{
    if (store->list.count > 0) {
        qsort(store->list.tensor, store->list.count, sizeof *store->list.tensor, compare_names);
    }
    for (size_t i = 1; i < store->list.count; i++) {
        if (strcmp(store->list.tensor[i - 1].name, store->list.tensor[i].name) == 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: is also in %s", store->list.tensor[i].file,
                                store->list.tensor[i].name, store->list.tensor[i - 1].file);
        }
    }
    return 0;
}

static int has_file(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        return 0;
    }
    int there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static int open_places(struct fs_tensor_store *store, const char *folder, const char *index_path, struct place *places,
                       size_t count, struct fs_error *err)
{
    qsort(places, count, sizeof *places, compare_files);
    size_t shards = 1;
    for (size_t i = 1; i < count; i++) {
        shards += strcmp(places[i - 1].file, places[i].file) != 0 ? 1 : 0;
    }
    if (shards > MAX_SHARDS) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: weight_map: names %zu files, expected at most %d", index_path,
                            shards, MAX_SHARDS);
    }
    const char *base = strrchr(index_path, '/') + 1;
    if (make_room(store, shards + 1, err) != 0 || add_file(store, folder, base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(places[i - 1].file, places[i].file) == 0) {
            continue;
        }
        if (add_file(store, folder, places[i].file, err) != 0) {
            return -1;
        }
        if (!has_file(folder, places[i].file)) {
            return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: weight_map.%s: %s: is not there; download or copy it too",
                                index_path, places[i].tensor, store->path[store->files - 1]);
        }
        if (open_shard(store, store->files - 1, err) != 0) {
            return fs_error_prepend(err, "%s: weight_map.%s", index_path, places[i].tensor);
        }
    }
    if (sort_tensors(store, err) != 0) {
        return -1;
    }
    qsort(places, count, sizeof *places, compare_tensors);
    return check_agreement(store, places, count, index_path, err);
}

static int open_index(struct fs_tensor_store *store, const char *folder, const char *index_path, struct fs_error *err)
{
    struct fs_json_document *index;
    if (fs_json_load(index_path, &index, err) != 0) {
        return -1;
    }
    struct place *places = NULL;
    size_t count = 0;
    int result = read_weight_map(index, &places, &count, err);
    if (result == 0) {
        result = open_places(store, folder, index_path, places, count, err);
    }
    free(places);
    fs_json_destroy(index);
    return result;
}

static int nothing_to_open(const char *folder, struct fs_error *err)
{
    struct stat status;
    if (stat(folder, &status) != 0) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s; give the folder of a HuggingFace model", folder,
                            strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is no folder; give the folder of a HuggingFace model", folder);
    }
    char names[256];
    fs_tensor_format_names(names, sizeof names);
    return fs_error_set(err, FS_EXIT_NO_INPUT,
                        "%s: found no weights, expected %s, or the index of their shards; give the folder of a "
                        "HuggingFace model",
                        folder, names);
}

/* A file that is a whole model. */
static int open_file(struct fs_tensor_store *store, const char *path, struct fs_error *err)
{
    store->format = &fs_tensor_format_gguf;
    if (make_room(store, 1, err) != 0) {
        return -1;
    }
    store->path[0] = strdup(path);
    if (store->path[0] == NULL) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    store->files = 1;
    return open_shard(store, 0, err) == 0 ? sort_tensors(store, err) : -1;
}

static int open_folder(struct fs_tensor_store *store, const char *folder, struct fs_error *err)
{
    if (fs_is_gguf_file(folder)) {
        return open_file(store, folder, err);
    }
    store->format = fs_tensor_format_in(folder);
    const char *entry = store->format == NULL ? NULL : fs_tensor_format_entry(store->format, folder);
    if (entry == NULL) {
        return nothing_to_open(folder, err);
    }
    if (strcmp(entry, store->format->file) == 0) {
        if (make_room(store, 1, err) != 0 || add_file(store, folder, entry, err) != 0 ||
            open_shard(store, 0, err) != 0) {
            return -1;
        }
        return sort_tensors(store, err);
    }
    char *index_path;
    if (asprintf(&index_path, "%s/%s", folder, entry) < 0) {
        return fs_error_memory(err, strlen(folder) + 32, "a path");
    }
    int result = open_index(store, folder, index_path, err);
    free(index_path);
    return result;
}

int fs_tensor_store_open(const char *folder, struct fs_tensor_store **store, struct fs_error *err)
{
    *store = NULL;
    struct fs_tensor_store *made = fs_allocate(1, sizeof *made, "a tensor store", err);
    if (made == NULL) {
        return -1;
    }
    if (open_folder(made, folder, err) != 0) {
        fs_tensor_store_destroy(made);
        return -1;
    }
    *store = made;
    return 0;
}

void fs_tensor_store_destroy(struct fs_tensor_store *store)
{
    if (store == NULL) {
        return;
    }
    fs_tensors_release(&store->list);
    for (size_t i = 0; i < store->files; i++) {
        fs_file_map_close(&store->map[i]);
        free(store->path[i]);
    }
    free(store->map);
    free(store->path);
    free(store);
}

int fs_tensor_store_translate(struct fs_tensor_store *store, fs_tensor_translate *translate, const void *context,
                              struct fs_error *err)
{
    size_t count = store->list.count;
    for (size_t i = 0; i < count; i++) {
        if (translate(context, &store->list, i, err) != 0) {
            return -1;
        }
    }
    return sort_tensors(store, err);
}

size_t fs_tensor_store_count(const struct fs_tensor_store *store)
{
    return store->list.count;
}

const struct fs_tensor *fs_tensor_store_at(const struct fs_tensor_store *store, size_t index)
{
    return &store->list.tensor[index];
}

const struct fs_tensor *fs_tensor_store_find(const struct fs_tensor_store *store, const char *name)
{
    struct fs_tensor wanted = {.name = name};
    return store->list.count == 0
               ? NULL
               : bsearch(&wanted, store->list.tensor, store->list.count, sizeof wanted, compare_names);
}

const char *const *fs_tensor_store_files(const struct fs_tensor_store *store, size_t *count)
{
    *count = store->files;
    return (const char *const *)store->path;
}

#include "io/formats/safetensors.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "io/formats/json.h"

/* As the reference implementation (huggingface/safetensors, MAX_HEADER_SIZE). */
#define MAX_HEADER ((size_t)100000000)
#define MAX_SHARDS 10000

struct fs_tensor_store {
    size_t files;            /* all read: the index, where there is one, and then the shards */
    char **path;             /* [files] */
    struct fs_file_map *map; /* [files]; zeroed for the index */
    size_t count;
    struct fs_tensor *tensor; /* [count], by name */
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [FS_F64] = {"F64", 8}, [FS_F32] = {"F32", 4},   [FS_F16] = {"F16", 2}, [FS_BF16] = {"BF16", 2},
    [FS_I64] = {"I64", 8}, [FS_I32] = {"I32", 4},   [FS_I16] = {"I16", 2}, [FS_I8] = {"I8", 1},
    [FS_U8] = {"U8", 1},   [FS_BOOL] = {"BOOL", 1},
};

const char *fs_dtype_name(enum fs_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t fs_dtype_size(enum fs_dtype dtype)
{
    return dtypes[dtype].size;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct fs_tensor *)a)->name, ((const struct fs_tensor *)b)->name);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct fs_tensor *x = a;
    const struct fs_tensor *y = b;
    /* A tensor without elements sorts before the one that begins where it does. */
    return x->data != y->data ? (x->data < y->data ? -1 : 1)
                              : (x->elements > y->elements) - (x->elements < y->elements);
}

static int read_dtype(const struct fs_json_document *header, const cJSON *entry, struct fs_tensor *tensor,
                      struct fs_error *err)
{
    const char *name;
    if (fs_json_text(header, entry, tensor->name, "dtype", &name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            tensor->dtype = (enum fs_dtype)i;
            return 0;
        }
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: tensor %s: found dtype \"%s\", expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL; "
        "save the model in one of them",
        tensor->file, tensor->name, name);
}

static int read_shape(const struct fs_json_document *header, const cJSON *entry, struct fs_tensor *tensor,
                      struct fs_error *err)
{
    const cJSON *shape;
    const cJSON *size;
    if (fs_json_array(header, entry, tensor->name, "shape", &shape, err) != 0) {
        return -1;
    }
    tensor->elements = 1;
    cJSON_ArrayForEach(size, shape)
    {
        if (tensor->dimensions == FS_TENSOR_MAX_DIMENSIONS) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: found a shape of more than %d dimensions",
                                tensor->file, tensor->name, FS_TENSOR_MAX_DIMENSIONS);
        }
        size_t *at = &tensor->shape[tensor->dimensions++];
        if (fs_json_exact_size(size, at) != 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: shape: found %s, expected sizes from 0 to 2^53 - 1",
                                tensor->file, tensor->name,
                                cJSON_IsNumber(size) ? "another number" : fs_json_kind(size));
        }
        if (fs_multiply(tensor->elements, *at, &tensor->elements) != 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: the sizes of its shape multiply beyond 2^64",
                                tensor->file, tensor->name);
        }
    }
    return 0;
}

/* `data` of `available` bytes is what follows the header. */
static int read_place(const struct fs_json_document *header, const cJSON *entry, const unsigned char *data,
                      size_t available, struct fs_tensor *tensor, struct fs_error *err)
{
    const cJSON *offsets;
    size_t begin;
    size_t end;
    size_t bytes;
    if (fs_json_array(header, entry, tensor->name, "data_offsets", &offsets, err) != 0) {
        return -1;
    }
    const cJSON *first = offsets->child;
    if (first == NULL || first->next == NULL || first->next->next != NULL || fs_json_exact_size(first, &begin) != 0 ||
        fs_json_exact_size(first->next, &end) != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: data_offsets: expected two integers from 0",
                            tensor->file, tensor->name);
    }
    if (begin > end || end > available) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tensor %s: data_offsets: found %zu to %zu, expected a range within the %zu bytes of data; "
            "the file is cut short or damaged, fetch it again",
            tensor->file, tensor->name, begin, end, available);
    }
    if (fs_multiply(tensor->elements, fs_dtype_size(tensor->dtype), &bytes) != 0 || bytes != end - begin) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tensor %s: found %zu bytes of data for %zu elements of %s; the file is damaged, fetch it again",
            tensor->file, tensor->name, end - begin, tensor->elements, fs_dtype_name(tensor->dtype));
    }
    tensor->data = data + begin;
    return 0;
}

/* Whether `tensors`, in order of place, fill `data` of `available` bytes without overlap or hole. */
static int check_places(const struct fs_tensor *tensors, size_t count, const char *path, const unsigned char *data,
                        size_t available, struct fs_error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t begin = (size_t)(tensors[i].data - data);
        if (begin != used) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: tensor %s: data_offsets: begins at %zu, expected %zu: %s; the file is damaged, fetch it again",
                path, tensors[i].name, begin, used,
                begin < used ? "it overlaps another tensor" : "there is a hole before it");
        }
        used += tensors[i].elements * fs_dtype_size(tensors[i].dtype);
    }
    if (used != available) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu bytes of data, expected %zu; the file is damaged, fetch it again", path,
                            available, used);
    }
    return 0;
}

/* Adds the tensors of a header to the store; `data` of `available` bytes is what follows it. */
static int add_tensors(struct fs_tensor_store *store, const struct fs_json_document *header, const char *path,
                       const unsigned char *data, size_t available, struct fs_error *err)
{
    const cJSON *root = fs_json_root(header);
    if (!cJSON_IsObject(root)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: header: found %s, expected an object", path, fs_json_kind(root));
    }
    const cJSON *entry;
    size_t added = 0;
    cJSON_ArrayForEach(entry, root)
    {
        added++;
    }
    size_t begin = store->count, room = begin; /* once a file */
    if (fs_grow(&store->tensor, &room, begin + added + 1, sizeof *store->tensor, "the list of tensors", err) != 0) {
        return -1;
    }
    cJSON_ArrayForEach(entry, root)
    {
        if (strcmp(entry->string, "__metadata__") == 0) {
            continue;
        }
        struct fs_tensor *tensor = &store->tensor[store->count];
        *tensor = (struct fs_tensor){.name = strdup(entry->string), .file = path};
        if (tensor->name == NULL) {
            return fs_error_memory(err, strlen(entry->string) + 1, "the name of a tensor");
        }
        store->count++;
        if (!cJSON_IsObject(entry)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: found %s, expected an object", path, tensor->name,
                                fs_json_kind(entry));
        }
        if (read_dtype(header, entry, tensor, err) != 0 || read_shape(header, entry, tensor, err) != 0 ||
            read_place(header, entry, data, available, tensor, err) != 0) {
            return -1;
        }
    }
    qsort(store->tensor + begin, store->count - begin, sizeof *store->tensor, compare_offsets);
    return check_places(store->tensor + begin, store->count - begin, path, data, available, err);
}

static uint64_t header_length(const unsigned char bytes[8])
{
    uint64_t length = 0;
    for (size_t i = 0; i < 8; i++) {
        length |= (uint64_t)bytes[i] << (8 * i);
    }
    return length;
}

bool fs_may_be_safetensors(const unsigned char *data, size_t size)
{
    return size >= 8 && header_length(data) <= MAX_HEADER;
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
    const char *kind = fs_may_be_safetensors(map->data, map->size)
                           ? NULL
                           : fs_file_kind(path, map->data, map->size, FS_PLACE_MODEL, fix);
    if (kind != NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is %s; %s", path, kind, fix);
    }
    if (map->size < 8) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu bytes, expected a safetensors file; fetch it again", path,
                            map->size);
    }
    uint64_t length = header_length(map->data);
    if (length > MAX_HEADER || length > map->size - 8) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: found a header of %llu bytes in a file of %zu, expected at most %zu; the file is cut short or "
            "no safetensors file",
            path, (unsigned long long)length, map->size, MAX_HEADER);
    }
    const unsigned char *data = map->data + 8 + length;
    char *name;
    if (asprintf(&name, "%s: header", path) < 0) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    struct fs_json_document *header;
    int result = fs_json_parse(name, (const char *)map->data + 8, (size_t)length, &header, err);
    free(name);
    if (result == 0) {
        result = add_tensors(store, header, path, data, map->size - 8 - (size_t)length, err);
        fs_json_destroy(header);
    }
    return result;
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
    for (size_t i = 0, j = 0; i < count || j < store->count;) {
        int order = i == count ? 1 : j == store->count ? -1 : strcmp(places[i].tensor, store->tensor[j].name);
        if (order > 0) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: tensor %s: not in weight_map of %s; index and shards are of different saves",
                                store->tensor[j].file, store->tensor[j].name, path);
        }
        const char *file = order < 0 ? NULL : strrchr(store->tensor[j].file, '/') + 1;
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
    qsort(store->tensor, store->count, sizeof *store->tensor, compare_names);
    for (size_t i = 1; i < store->count; i++) {
        if (strcmp(store->tensor[i - 1].name, store->tensor[i].name) == 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: tensor %s: is also in %s", store->tensor[i].file,
                                store->tensor[i].name, store->tensor[i - 1].file);
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
    return fs_error_set(
        err, FS_EXIT_NO_INPUT,
        "%s: found neither model.safetensors nor model.safetensors.index.json; give the folder of a HuggingFace model",
        folder);
}

static int open_folder(struct fs_tensor_store *store, const char *folder, struct fs_error *err)
{
    if (has_file(folder, "model.safetensors")) {
        if (make_room(store, 1, err) != 0 || add_file(store, folder, "model.safetensors", err) != 0 ||
            open_shard(store, 0, err) != 0) {
            return -1;
        }
        return sort_tensors(store, err);
    }
    if (!has_file(folder, "model.safetensors.index.json")) {
        return nothing_to_open(folder, err);
    }
    char *index_path;
    if (asprintf(&index_path, "%s/model.safetensors.index.json", folder) < 0) {
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
    for (size_t i = 0; i < store->count; i++) {
        free((void *)(uintptr_t)store->tensor[i].name);
    }
    free(store->tensor);
    for (size_t i = 0; i < store->files; i++) {
        fs_file_map_close(&store->map[i]);
        free(store->path[i]);
    }
    free(store->map);
    free(store->path);
    free(store);
}

size_t fs_tensor_store_count(const struct fs_tensor_store *store)
{
    return store->count;
}

const struct fs_tensor *fs_tensor_store_at(const struct fs_tensor_store *store, size_t index)
{
    return &store->tensor[index];
}

const struct fs_tensor *fs_tensor_store_find(const struct fs_tensor_store *store, const char *name)
{
    struct fs_tensor wanted = {.name = name};
    return store->count == 0 ? NULL : bsearch(&wanted, store->tensor, store->count, sizeof wanted, compare_names);
}

const char *const *fs_tensor_store_files(const struct fs_tensor_store *store, size_t *count)
{
    *count = store->files;
    return (const char *const *)store->path;
}

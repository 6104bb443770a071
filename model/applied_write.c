/* Files of an applied edit. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file_map.h"
#include "io/folder.h"
#include "io/formats/json.h"
#include "io/formats/quantised.h"
#include "io/formats/tensor_format.h"
#include "io/little_endian.h"
#include "io/publish.h"
#include "model/applied.h"
#include "model/families/family.h"
#include "model/model_internal.h"
#include "model/numbers/halves.h"

#define PANEL_ROWS ((size_t)64)

/* ---- a file that is written ---- */

struct file {
    const char *path;
    FILE *stream;
};

static int put(void *context, const void *bytes, size_t size, struct fs_error *err)
{
    const struct file *file = context;
    return fwrite(bytes, 1, size, file->stream) == size
               ? 0
               : fs_error_set(err, FS_EXIT_IO, "%s: writing failed: %s; is the disk full?", file->path,
                              strerror(errno));
}

static int open_file(const char *path, struct file *file, struct fs_error *err)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *file = (struct file){path, descriptor >= 0 ? fdopen(descriptor, "wb") : NULL};
    return file->stream != NULL
               ? 0
               : fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be made: %s", path, strerror(errno));
}

/* On disk when it returns. */
static int close_file(struct file *file, int status, struct fs_error *err)
{
    bool failed = status == 0 && (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0);
    int cause = errno;
    if (fclose(file->stream) != 0 && status == 0 && !failed) {
        cause = errno;
        failed = true;
    }
    return failed
               ? fs_error_set(err, FS_EXIT_IO, "%s: writing failed: %s; is the disk full?", file->path, strerror(cause))
               : status;
}

int fs_applied_write_file(struct fs_applied *applied, const char *path, struct fs_error *err)
{
    struct file file;
    struct fs_tensor_sink sink = {put, &file};
    if (fs_applied_note(applied, "format", "pt", err) != 0 || open_file(path, &file, err) != 0) {
        return -1;
    }
    int status =
        fs_safetensors_put_header(applied->own.tensor, applied->own.count, applied->note, applied->notes, &sink, err);
    for (size_t i = 0; status == 0 && i < applied->own.count; i++) {
        status = fs_safetensors_put_data(&applied->own.tensor[i], &sink, err);
    }
    return close_file(&file, status, err);
}

int fs_applied_write_notes(const struct fs_applied *applied, const char *path, struct fs_error *err)
{
    cJSON *json = cJSON_CreateObject();
    bool made = json != NULL;
    for (size_t i = 0; i < applied->notes; i++) {
        made = cJSON_AddStringToObject(json, applied->note[i].name, applied->note[i].value) != NULL && made;
    }
    char *text = made ? cJSON_Print(json) : NULL;
    cJSON_Delete(json);
    struct file file;
    int status = text == NULL ? fs_error_memory(err, 4096, "metadata") : open_file(path, &file, err);
    if (status == 0) {
        status = put(&file, text, strlen(text), err) == 0 ? put(&file, "\n", 1, err) : -1;
        status = close_file(&file, status, err);
    }
    cJSON_free(text);
    return status;
}

/* ---- changed numbers ---- */

static double read_number(enum fs_dtype dtype, const unsigned char *at)
{
    double wide;
    float single;
    uint16_t half;
    uint32_t bits;
    switch (dtype) {
    case FS_F64:
        memcpy(&wide, at, sizeof wide);
        return wide;
    case FS_F32:
        memcpy(&single, at, sizeof single);
        return single;
    case FS_F16:
        memcpy(&half, at, sizeof half);
        return fs_from_half(half);
    default: /* BF16: the upper half of a float32 */
        memcpy(&half, at, sizeof half);
        bits = (uint32_t)half << 16;
        memcpy(&single, &bits, sizeof single);
        return single;
    }
}

/* The nearest number of the type, ties to even. */
static void store_number(enum fs_dtype dtype, double value, unsigned char *at)
{
    float single = (float)value;
    uint16_t half;
    if (dtype == FS_F64) {
        memcpy(at, &value, sizeof value);
    } else if (dtype == FS_F32) {
        memcpy(at, &single, sizeof single);
    } else {
        half = fs_to_half(single);
        if (dtype == FS_BF16) {
            fs_round_bf16(&single, &half, 1);
        }
        memcpy(at, &half, sizeof half);
    }
}

/* What is added to rows `first` and the `rows` - 1 behind it of the tensor, of outputs or, where it is stored the other way
 * round, of inputs. */
static void change_rows(const struct fs_weight_change *change, const struct fs_backend *backend, bool inputs_first,
                        size_t first, size_t rows, fs_real *out)
{
    size_t columns = inputs_first ? change->outputs : change->inputs, r = change->rank;
    if (change->delta == NULL) {
        const fs_real *row = inputs_first ? change->right : change->left;
        const fs_real *column = inputs_first ? change->left : change->right;
        struct fs_matrix a = fs_matrix_of(row + first * r, rows, r, r), b = fs_matrix_of(column, columns, r, r);
        fs_product(backend, (struct fs_term){FS_TRANSPOSE_B, 1, a, b}, 0, out, columns);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            size_t output = inputs_first ? j : first + i, input = inputs_first ? first + i : j;
            out[i * columns + j] = change->delta[output * change->inputs + input];
        }
    }
}

/* Stores the number and its change at `at`; -1 where the type cannot hold it. */
static int put_number(const struct fs_tensor *tensor, size_t index, double change, enum fs_dtype dtype,
                      unsigned char *at, struct fs_applied_rounding *rounding)
{
    double before = read_number(tensor->dtype, fs_tensor_element(tensor, index));
    store_number(dtype, before + change, at);
    double after = read_number(dtype, at), lost = before + change - after;
    rounding->change += change * change;
    rounding->lost += change != 0 ? lost * lost : 0;
    rounding->numbers += change != 0 ? 1 : 0;
    rounding->kept += change != 0 && after == before ? 1 : 0;
    return isfinite(after) ? 0 : -1;
}

/* The numbers of a tensor in another type, or changed (`change` NULL: not). */
static int put_numbers(const struct fs_applied *applied, const struct fs_weight_change *change,
                       const struct fs_tensor *tensor, enum fs_dtype dtype, const struct fs_tensor_sink *sink,
                       struct fs_applied_rounding *rounding, struct fs_error *err)
{
    bool inputs_first = change != NULL && change->inputs > 1 && fs_model_spec(applied->model)->family->inputs_first;
    size_t columns = change != NULL           ? (inputs_first ? change->outputs : change->inputs)
                     : tensor->dimensions > 0 ? tensor->shape[tensor->dimensions - 1]
                                              : 1;
    size_t rows = columns > 0 ? tensor->elements / columns : 0, size = fs_dtype_size(dtype);
    fs_real *added = fs_allocate_aligned(PANEL_ROWS * columns, sizeof *added, "changed weights", err);
    unsigned char *bytes = fs_allocate(PANEL_ROWS * columns, size, "changed weights", err);
    int status = added == NULL || bytes == NULL ? -1 : 0;
    for (size_t first = 0; status == 0 && first < rows; first += PANEL_ROWS) {
        size_t count = rows - first < PANEL_ROWS ? rows - first : PANEL_ROWS;
        if (change != NULL) {
            change_rows(change, fs_model_backend(applied->model), inputs_first, first, count, added);
        }
        for (size_t i = 0; status == 0 && i < count * columns; i++) {
            status = put_number(tensor, first * columns + i, change != NULL ? (double)added[i] : 0, dtype,
                                bytes + i * size, rounding);
        }
        status = status == 0
                     ? sink->put(sink->context, bytes, count * columns * size, err)
                     : fs_error_set(err, FS_EXIT_DATA,
                                    "tensor %s: a changed number is beyond the type %s, expected one that it can hold; "
                                    "store the weights as F32 (--weights f32), or take a lower strength",
                                    tensor->name, fs_dtype_name(dtype));
    }
    free(added);
    free(bytes);
    return status;
}

/* The same numbers may have several names in one file. */
static const struct fs_applied_change *change_of(const struct fs_applied *applied, const struct fs_tensor *tensor)
{
    for (size_t i = 0; i < applied->changes; i++) {
        if (applied->change[i].tensor->data == tensor->data &&
            applied->change[i].tensor->elements == tensor->elements) {
            return &applied->change[i];
        }
    }
    return NULL;
}

/* ---- the files of weights ---- */

/* `tensor` [count] has the types of the file; those of the store may be others. */
static int put_tensors(const struct fs_applied *applied, const struct fs_tensor *tensor, size_t count,
                       const struct fs_tensor_sink *sink, struct fs_applied_rounding *rounding, struct fs_error *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        const struct fs_tensor *source = fs_tensor_store_find(applied->model->store, tensor[i].name);
        const struct fs_applied_change *change = change_of(applied, source);
        if (change == NULL && source->dtype == tensor[i].dtype) {
            status = fs_safetensors_put_data(source, sink, err);
            continue;
        }
        rounding->dtype = change != NULL ? fs_dtype_name(tensor[i].dtype) : rounding->dtype;
        status =
            put_numbers(applied, change != NULL ? &change->what : NULL, source, tensor[i].dtype, sink, rounding, err);
    }
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const struct fs_tensor *x = a, *y = b;
    return x->data != y->data ? (x->data < y->data ? -1 : 1)
                              : (x->elements > y->elements) - (x->elements < y->elements);
}

/* The tensors of the store that `file` holds (NULL: all), which the caller frees. */
static struct fs_tensor *tensors_of(const struct fs_model *model, const char *file, size_t *count, struct fs_error *err)
{
    size_t all = fs_tensor_store_count(model->store);
    struct fs_tensor *list = fs_allocate(all, sizeof *list, "a list of tensors", err);
    *count = 0;
    for (size_t i = 0; list != NULL && i < all; i++) {
        const struct fs_tensor *tensor = fs_tensor_store_at(model->store, i);
        if (file == NULL || strcmp(tensor->file, file) == 0) {
            list[(*count)++] = *tensor;
        }
    }
    return list;
}

/* A file of a format in which the data follow a head that stays as it is. */
static int write_same(const struct fs_applied *applied, const char *from, size_t head, const char *to,
                      struct fs_applied_rounding *rounding, struct fs_error *err)
{
    struct fs_file_map map = {0};
    struct file file;
    struct fs_tensor_sink sink = {put, &file};
    size_t count;
    struct fs_tensor *list = tensors_of(applied->model, from, &count, err);
    if (list == NULL || fs_file_map_open(from, &map, err) != 0 || open_file(to, &file, err) != 0) {
        free(list);
        fs_file_map_close(&map);
        return -1;
    }
    if (count > 0) {
        qsort(list, count, sizeof *list, compare_places);
    }
    int status = put(&file, map.data, head, err) == 0 ? put_tensors(applied, list, count, &sink, rounding, err) : -1;
    fs_file_map_close(&map);
    free(list);
    return close_file(&file, status, err);
}

/* All tensors in one file. */
static int write_anew(const struct fs_applied *applied, const char *to, struct fs_applied_rounding *rounding,
                      struct fs_error *err)
{
    struct file file;
    struct fs_tensor_sink sink = {put, &file};
    char name[] = "format", value[] = "pt";
    const struct fs_tensor_note note = {name, value};
    size_t count;
    struct fs_tensor *list = tensors_of(applied->model, NULL, &count, err);
    if (list == NULL || open_file(to, &file, err) != 0) {
        free(list);
        return -1;
    }
    for (size_t i = 0; applied->widened && i < count; i++) {
        list[i].dtype = list[i].dtype == FS_F16 || list[i].dtype == FS_BF16 ? FS_F32 : list[i].dtype;
    }
    int status = fs_safetensors_put_header(list, count, &note, 1, &sink, err) == 0
                     ? put_tensors(applied, list, count, &sink, rounding, err)
                     : -1;
    free(list);
    return close_file(&file, status, err);
}

static char *path_in(const char *folder, const char *name, struct fs_error *err)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        fs_error_memory(err, strlen(folder) + strlen(name), "a path");
        return NULL;
    }
    return path;
}

static int copy_file(const char *from, const char *to, struct fs_error *err)
{
    struct fs_file_map map;
    struct file file;
    if (fs_file_map_open(from, &map, err) != 0) {
        return -1;
    }
    int status = open_file(to, &file, err);
    if (status == 0) {
        status = close_file(&file, put(&file, map.data, map.size, err), err);
    }
    fs_file_map_close(&map);
    return status;
}

/* config.json with the type of the numbers that are written, wherever it names one. */
static int copy_config(const char *from, const char *to, struct fs_error *err)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    struct fs_json_document *config;
    struct file file;
    if (fs_json_load(from, &config, err) != 0) {
        return -1;
    }
    cJSON *root = fs_json_edit(config);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (cJSON_GetObjectItemCaseSensitive(root, keys[i]) != NULL) {
            cJSON_ReplaceItemInObjectCaseSensitive(root, keys[i], cJSON_CreateString("float32"));
        }
    }
    char *text = cJSON_Print(root);
    fs_json_destroy(config);
    int status = text == NULL ? fs_error_memory(err, 4096, "config.json") : open_file(to, &file, err);
    status = status == 0 ? close_file(&file, put(&file, text, strlen(text), err), err) : -1;
    cJSON_free(text);
    return status;
}

/* The bytes of a file before its data, where these may be written anew behind them; 0: it has no such head. */
static size_t head_of(const struct fs_tensor_format *format, const char *path)
{
    struct fs_file_map map;
    if (format->head == NULL || fs_file_map_open(path, &map, NULL) != 0) {
        return 0;
    }
    size_t head = format->head(map.data, map.size);
    fs_file_map_close(&map);
    return head;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int write_weights(const struct fs_applied *applied, const char *folder, const char *out,
                         struct fs_applied_rounding *rounding, struct fs_error *err)
{
    const struct fs_tensor_format *format = fs_tensor_format_in(folder);
    size_t files;
    const char *const *file = fs_tensor_store_files(applied->model->store, &files);
    int status = 0;
    if (format == NULL || format->head == NULL || applied->widened) {
        char *path = path_in(out, fs_tensor_formats[0]->file, err);
        status = path != NULL ? write_anew(applied, path, rounding, err) : -1;
        free(path);
        return status;
    }
    for (size_t i = 0; status == 0 && i < files; i++) {
        char *path = path_in(out, base_of(file[i]), err);
        bool index = strcmp(base_of(file[i]), format->index) == 0;
        status = path == NULL ? -1
                 : index      ? copy_file(file[i], path, err)
                              : write_same(applied, file[i], head_of(format, file[i]), path, rounding, err);
        free(path);
    }
    return status;
}

/* ---- all other files ---- */

/* Weights of any kind, and what describes them: those that are not read would still be the unedited model's. */
static bool is_of_weights(const char *name)
{
    static const char *const ends[] = {".safetensors", ".bin", ".index.json", ".gguf",     ".h5", ".msgpack",
                                       ".onnx",        ".pt",  ".pth",        ".ckpt",     ".ot", ".mlmodel",
                                       ".tflite",      ".npz", ".pkl",        ".llamafile"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t end = strlen(ends[i]);
        if (length >= end && strcmp(name + length - end, ends[i]) == 0) {
            return true;
        }
    }
    return strstr(name, ".ckpt.") != NULL;
}

/* Names in `folder` that are folders, and files of weights but those that were read. */
static int list_left_out(const struct fs_applied *applied, const struct fs_folder *files, FILE *stream)
{
    size_t own, count = 0;
    const char *const *file = fs_tensor_store_files(applied->model->store, &own);
    for (size_t i = 0; i < files->count; i++) {
        bool read = !is_of_weights(base_of(files->path[i]));
        for (size_t k = 0; k < own && !read; k++) {
            read = strcmp(base_of(file[k]), base_of(files->path[i])) == 0;
        }
        if (!read) {
            fprintf(stream, "%s%s", count++ > 0 ? ", " : "", base_of(files->path[i]));
        }
    }
    return ferror(stream);
}

int fs_applied_write_folder(const struct fs_applied *applied, const char *folder, const char *out,
                            struct fs_applied_rounding *rounding, char **left_out, struct fs_error *err)
{
    struct fs_folder files = {0};
    size_t size;
    *rounding = (struct fs_applied_rounding){0};
    *left_out = NULL;
    if (applied->model->whole_file) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: is a GGUF file, expected a HuggingFace folder: its weights cannot be changed in place; "
            "train the edit on the folder that it was made from",
            folder);
    }
    int status =
        write_weights(applied, folder, out, rounding, err) == 0 ? fs_folder_list(folder, NULL, &files, err) : -1;
    for (size_t i = 0; status == 0 && i < files.count; i++) {
        if (is_of_weights(base_of(files.path[i]))) {
            continue;
        }
        char *path = path_in(out, base_of(files.path[i]), err);
        bool config = applied->widened && strcmp(base_of(files.path[i]), "config.json") == 0;
        status = path == NULL ? -1
                 : config     ? copy_config(files.path[i], path, err)
                              : copy_file(files.path[i], path, err);
        free(path);
    }
    FILE *stream = status == 0 ? open_memstream(left_out, &size) : NULL;
    if (status == 0 && (stream == NULL || list_left_out(applied, &files, stream) != 0 || fclose(stream) != 0)) {
        status = fs_error_memory(err, 256, "a list of files");
    }
    fs_folder_release(&files);
    return status;
}

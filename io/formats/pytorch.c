#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/pickle.h"
#include "io/formats/tensor_format.h"
#include "io/formats/zip.h"

/*
 * pytorch_model.bin: a state dict as torch.save writes it since PyTorch 1.6, a zip archive of stored entries:
 *
 *     NAME/data.pkl   the pickle of names, types, shapes and strides
 *     NAME/data/N     the numbers of storage N; several tensors may share one
 *     NAME/byteorder  "little", since PyTorch 2.1
 *     NAME/version    of the form
 *
 * Other records say how the file was written. The CRC-32 of the pickle and of the small records is checked, unless it is 0,
 * as where PyTorch was told to compute none; that of the numbers is not, as reading all of them would take away what mapping
 * them gives, and safetensors have none.
 */

enum { NAME_ROOM = 1024, LATEST_VERSION = 10 };

#define CONVERT                                                                                                        \
    "convert the model with Python: transformers.AutoModelForMaskedLM (or AutoModelForCausalLM).from_pretrained(DIR)." \
    "save_pretrained(DIR, safe_serialization=True)"

struct archive {
    struct fs_zip zip;
    int root; /* length of NAME, and NAME */
    const char *name;
    struct fs_tensors *tensors;
    struct fs_error *err;
};

/* NAME/`record`; NULL where it is not there. */
static const struct fs_zip_entry *find(const struct archive *archive, const char *folder, const char *record)
{
    char name[NAME_ROOM];
    snprintf(name, sizeof name, "%.*s/%s%s", archive->root, archive->name, folder, record);
    return fs_zip_find(&archive->zip, name);
}

/* NAME is what all entries begin with. */
static int find_root(struct archive *archive)
{
    const struct fs_zip_entry *first = &archive->zip.entry[0];
    const char *slash = memchr(first->name, '/', first->name_length);
    archive->name = first->name;
    archive->root = slash == NULL ? 0 : (int)(slash - first->name);
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct fs_zip_entry *entry = &archive->zip.entry[i];
        if (slash == NULL || archive->root > NAME_ROOM - 64 || entry->name_length <= (size_t)archive->root ||
            memcmp(entry->name, first->name, (size_t)archive->root + 1) != 0) {
            return fs_error_set(
                archive->err, FS_EXIT_DATA,
                "%s: found the entry %.*s, expected all of the zip archive in one folder, as torch.save writes "
                "them; " CONVERT,
                archive->zip.path, (int)(entry->name_length < 200 ? entry->name_length : 200), entry->name);
        }
    }
    return 0;
}

static int refuse_script(const struct archive *archive)
{
    return fs_error_set(archive->err, FS_EXIT_DATA,
                        "%s: is a TorchScript archive, a program and not weights alone; save the weights of it: "
                        "torch.save(torch.jit.load(FILE).state_dict(), \"pytorch_model.bin\")",
                        archive->zip.path);
}

static int check_entries(const struct archive *archive)
{
    const struct fs_zip_entry *packed = NULL;
    for (size_t i = 0; i < archive->zip.count; i++) {
        const struct fs_zip_entry *entry = &archive->zip.entry[i];
        const char *record = entry->name + archive->root + 1;
        size_t length = entry->name_length - (size_t)archive->root - 1;
        if ((length == 13 && memcmp(record, "constants.pkl", 13) == 0) ||
            (length >= 5 && memcmp(record, "code/", 5) == 0)) {
            return refuse_script(archive);
        }
        packed = entry->method != FS_ZIP_STORED ? entry : packed;
    }
    return packed == NULL
               ? 0
               : fs_error_set(archive->err, FS_EXIT_DATA,
                              "%s: entry %.*s of the zip archive: is compressed (method %u), expected stored as "
                              "torch.save does; " CONVERT,
                              archive->zip.path, (int)(packed->name_length < 200 ? packed->name_length : 200),
                              packed->name, packed->method);
}

/* A record whose bytes are checked, but those of one too large, which is refused as such; NULL where it is not there or,
 * with *status -1, damaged. */
static const struct fs_zip_entry *checked(const struct archive *archive, const char *record, int *status)
{
    const struct fs_zip_entry *entry = find(archive, "", record);
    bool has_crc = entry != NULL && entry->crc != 0 && entry->size <= FS_PICKLE_MOST_BYTES;
    *status = has_crc ? fs_zip_check_crc(&archive->zip, entry, archive->err) : 0;
    return *status == 0 ? entry : NULL;
}

static int check_records(const struct archive *archive)
{
    int status;
    const struct fs_zip_entry *order = checked(archive, "byteorder", &status);
    if (status == 0 && order != NULL && (order->size != 6 || memcmp(order->data, "little", 6) != 0)) {
        return fs_error_set(
            archive->err, FS_EXIT_DATA,
            "%s: byteorder: found \"%.*s\", expected \"little\"; load the file with PyTorch on this machine and "
            "save it again",
            archive->zip.path, (int)(order->size < 20 ? order->size : 20), (const char *)order->data);
    }
    const struct fs_zip_entry *version = status == 0 ? checked(archive, "version", &status) : NULL;
    if (status != 0) {
        return -1;
    }
    unsigned number = 0;
    for (size_t i = 0; version != NULL && version->size <= 4 && i < version->size; i++) {
        unsigned char byte = version->data[i];
        number = byte >= '0' && byte <= '9' ? 10 * number + (byte - '0') : byte == '\n' ? number : 10000;
    }
    return number >= 1 && number <= LATEST_VERSION
               ? 0
               : fs_error_set(
                     archive->err, FS_EXIT_DATA,
                     "%s: version: found %s, expected 1 to %d: the archive was not written by torch.save, or by a "
                     "later one; " CONVERT,
                     archive->zip.path, version == NULL ? "none" : "another one", LATEST_VERSION);
}

static int refuse_place(const struct archive *archive, const struct fs_pickled_tensor *pickled)
{
    return fs_error_set(
        archive->err, FS_EXIT_DATA,
        "%s: tensor %.200s: its sizes and strides reach from element %zu beyond the %zu of storage %s; the "
        "file is damaged, fetch it again",
        archive->zip.path, pickled->name, pickled->offset, pickled->numel, pickled->key);
}

/* How far the last element is from the first, in `reach`, and whether the elements follow each other row by row. */
static int measure(const struct archive *archive, const struct fs_pickled_tensor *pickled, struct fs_tensor *tensor,
                   size_t *reach)
{
    *reach = 0;
    tensor->elements = 1;
    for (size_t i = pickled->dimensions; i > 0; i--) {
        size_t size = pickled->shape[i - 1], stride = pickled->stride[i - 1], way;
        if (size != 1 && stride != tensor->elements) {
            tensor->strided = true; /* the stride of a single row is never used */
        }
        if (fs_multiply(tensor->elements, size, &tensor->elements) != 0) {
            return fs_error_set(archive->err, FS_EXIT_DATA,
                                "%s: tensor %.200s: the sizes of its shape multiply beyond 2^64", archive->zip.path,
                                pickled->name);
        }
        if (size > 1 && (fs_multiply(size - 1, stride, &way) != 0 || way > SIZE_MAX - *reach)) {
            return refuse_place(archive, pickled);
        }
        *reach += size > 1 ? way : 0;
    }
    return 0;
}

/* The bytes of the tensor's storage. */
static const struct fs_zip_entry *find_storage(const struct archive *archive, const struct fs_pickled_tensor *pickled)
{
    size_t bytes;
    const struct fs_zip_entry *entry = find(archive, "data/", pickled->key);
    if (entry == NULL) {
        fs_error_set(
            archive->err, FS_EXIT_DATA,
            "%s: tensor %.200s: its storage data/%s is not in the archive; the file is damaged, fetch it again",
            archive->zip.path, pickled->name, pickled->key);
        return NULL;
    }
    if (fs_multiply(pickled->numel, fs_dtype_size(pickled->dtype), &bytes) != 0 || bytes != entry->size) {
        fs_error_set(
            archive->err, FS_EXIT_DATA,
            "%s: tensor %.200s: found %zu bytes in its storage data/%s, expected %zu elements of %s; the file is "
            "damaged, fetch it again",
            archive->zip.path, pickled->name, entry->size, pickled->key, pickled->numel, fs_dtype_name(pickled->dtype));
        return NULL;
    }
    return entry;
}

static int add_tensor(void *context, const struct fs_pickled_tensor *pickled, struct fs_error *err)
{
    struct archive *archive = context;
    const struct fs_zip_entry *storage = find_storage(archive, pickled);
    struct fs_tensor made = {0};
    size_t reach;
    if (storage == NULL || measure(archive, pickled, &made, &reach) != 0) {
        return -1;
    }
    made.data = storage->data;
    made.strided = made.strided && made.elements > 0;
    if (made.elements > 0) {
        if (pickled->offset >= pickled->numel || reach >= pickled->numel - pickled->offset) {
            return refuse_place(archive, pickled);
        }
        if (made.elements > pickled->numel) { /* so that memory is in proportion to the file */
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: tensor %.200s: its %zu elements repeat the %zu of its storage, as expand() makes them; "
                "save it with .contiguous(), or " CONVERT,
                archive->zip.path, pickled->name, made.elements, pickled->numel);
        }
        made.data += pickled->offset * fs_dtype_size(pickled->dtype);
    }
    struct fs_tensor *tensor = fs_tensors_add(archive->tensors, archive->zip.path, pickled->name, err);
    if (tensor == NULL) {
        return -1;
    }
    made.name = tensor->name;
    made.file = tensor->file;
    made.dtype = pickled->dtype;
    made.dimensions = pickled->dimensions;
    memcpy(made.shape, pickled->shape, sizeof made.shape);
    memcpy(made.stride, pickled->stride, sizeof made.stride);
    *tensor = made;
    return 0;
}

static int read_archive(struct archive *archive)
{
    if (find_root(archive) != 0 || check_entries(archive) != 0) {
        return -1;
    }
    int status;
    const struct fs_zip_entry *pickle = checked(archive, "data.pkl", &status);
    if (pickle == NULL) {
        return status != 0
                   ? -1
                   : fs_error_set(archive->err, FS_EXIT_DATA,
                                  "%s: found no %.*s/data.pkl in the zip archive, expected a file of torch.save",
                                  archive->zip.path, archive->root, archive->name);
    }
    char *where = NULL;
    if (check_records(archive) != 0) {
        return -1;
    }
    if (asprintf(&where, "%s: data.pkl", archive->zip.path) < 0) {
        return fs_error_memory(archive->err, strlen(archive->zip.path), "a path");
    }
    status = fs_pickle_read(where, pickle->data, pickle->size, add_tensor, archive, archive->err);
    free(where);
    return status;
}

static bool may_be(const unsigned char *data, size_t size)
{
    return size >= 4 && (memcmp(data, "PK\3\4", 4) == 0 || memcmp(data, "\x80\2\x8a\x0a", 4) == 0);
}

static int read_file(const char *path, const struct fs_file_map *map, struct fs_tensors *tensors, struct fs_error *err)
{
    if (map->size < 4 || memcmp(map->data, "PK\3\4", 4) != 0) {
        bool old = may_be(map->data, map->size);
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s, expected the zip archive that torch.save writes since 1.6; " CONVERT, path,
                            old ? "found the form of PyTorch before 1.6" : "found no file of torch.save");
    }
    struct archive archive = {.tensors = tensors, .err = err};
    if (fs_zip_open(path, map->data, map->size, &archive.zip, err) != 0) {
        return -1;
    }
    int status = read_archive(&archive);
    fs_zip_release(&archive.zip);
    return status;
}

const struct fs_tensor_format fs_tensor_format_pytorch = {
    .file = "pytorch_model.bin",
    .index = "pytorch_model.bin.index.json",
    .pattern = "pytorch_model*.bin",
    .shards = "pytorch_model-*-of-*.bin",
    .may_be = may_be,
    .read = read_file,
};

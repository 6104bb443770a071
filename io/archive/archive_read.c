#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"
#include "io/utf8.h"

/* Deflate makes no more than 1032 bytes of one. */
#define MAX_EXPANSION 1040

static int foreign(const struct fs_archive *archive, const char *name, const char *found, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s: found %s, which fairstamp never writes; the file is not from fairstamp", archive->path,
                        name, found);
}

static int failed(const struct fs_archive *archive, const char *name, const char *what, struct fs_error *err)
{
    return fs_archive_hdf5_error(archive->path, name, FS_EXIT_DATA, what, err);
}

static int describe_type(const struct fs_archive *archive, const char *name, hid_t type, struct fs_archive_item *item,
                         struct fs_error *err)
{
    item->item_size = H5Tget_size(type);
    if (H5Tget_class(type) == H5T_STRING) {
        item->is_text = true;
        if (H5Tis_variable_str(type) != 0 || H5Tget_cset(type) != H5T_CSET_UTF8 ||
            H5Tget_strpad(type) != H5T_STR_NULLPAD || item->item_size == 0) {
            return foreign(archive, name, "a text that is no padded UTF-8", err);
        }
        return 0;
    }
    for (int i = FS_ARCHIVE_F32; i <= FS_ARCHIVE_U8; i++) {
        if (H5Tequal(type, fs_archive_file_type((enum fs_archive_type)i)) > 0) {
            item->type = (enum fs_archive_type)i;
            return 0;
        }
    }
    return foreign(archive, name, "an element type", err);
}

static int describe_space(const struct fs_archive *archive, const char *name, hid_t space, struct fs_archive_item *item,
                          struct fs_error *err)
{
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    int dimensions = H5Sget_simple_extent_ndims(space);
    hsize_t shape[H5S_MAX_RANK];
    if ((kind != H5S_SIMPLE && kind != H5S_SCALAR) || dimensions < 0 || dimensions > FS_ARCHIVE_MAX_DIMENSIONS) {
        return foreign(archive, name, "a shape", err);
    }
    if (kind == H5S_SIMPLE && H5Sget_simple_extent_dims(space, shape, NULL) < 0) {
        return failed(archive, name, "no shape", err);
    }
    item->dimensions = (size_t)dimensions;
    item->elements = 1;
    for (size_t i = 0; i < item->dimensions; i++) {
        item->shape[i] = (size_t)shape[i];
        if (shape[i] > SIZE_MAX || fs_multiply(item->elements, item->shape[i], &item->elements) != 0) {
            return foreign(archive, name, "a shape whose sizes multiply beyond 2^64", err);
        }
    }
    if (fs_multiply(item->elements, item->item_size, &item->bytes) != 0) {
        return foreign(archive, name, "a shape whose sizes multiply beyond 2^64", err);
    }
    return 0;
}

/* Plain or chunked with our filters, in this file, and of a size that what is stored can give. */
static int check_storage(const struct fs_archive *archive, const char *name, hid_t dataset,
                         const struct fs_archive_item *item, struct fs_error *err)
{
    hid_t properties = H5Dget_create_plist(dataset);
    if (properties < 0) {
        return failed(archive, name, "no description of its storage", err);
    }
    H5D_layout_t layout = H5Pget_layout(properties);
    int external = H5Pget_external_count(properties);
    int filters = H5Pget_nfilters(properties);
    bool known = (layout == H5D_CHUNKED || layout == H5D_CONTIGUOUS) && external == 0 && filters >= 0;
    for (int i = 0; i < filters && known; i++) {
        unsigned flags;
        unsigned settings;
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, &settings);
        known = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32;
    }
    if (known && layout == H5D_CHUNKED) {
        /* A chunk is held in memory whole; ours are no larger than their dataset. */
        hsize_t chunk[FS_ARCHIVE_MAX_DIMENSIONS];
        known = H5Pget_chunk(properties, FS_ARCHIVE_MAX_DIMENSIONS, chunk) == (int)item->dimensions;
        for (size_t i = 0; i < item->dimensions && known; i++) {
            known = chunk[i] <= item->shape[i];
        }
    }
    H5Pclose(properties);
    if (!known) {
        return foreign(archive, name, "a kind of storage", err);
    }
    hsize_t stored = H5Dget_storage_size(dataset);
    if (archive->temporary == NULL &&
        (stored > archive->file_size || item->bytes / MAX_EXPANSION > stored || (item->bytes > 0 && stored == 0))) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: found %llu stored bytes for %zu bytes of data in a file of %zu; the file is not "
                            "from fairstamp",
                            archive->path, name, (unsigned long long)stored, item->bytes, archive->file_size);
    }
    return 0;
}

int fs_archive_describe(const struct fs_archive *archive, const char *name, hid_t id, bool is_attribute,
                        struct fs_archive_item *item, struct fs_error *err)
{
    *item = (struct fs_archive_item){0};
    hid_t type = is_attribute ? H5Aget_type(id) : H5Dget_type(id);
    hid_t space = is_attribute ? H5Aget_space(id) : H5Dget_space(id);
    int result = type >= 0 && space >= 0 ? 0 : failed(archive, name, "no type or shape", err);
    if (result == 0) {
        result = describe_type(archive, name, type, item, err);
    }
    if (result == 0) {
        result = describe_space(archive, name, space, item, err);
    }
    if (result == 0 && is_attribute) {
        hsize_t stored = H5Aget_storage_size(id);
        bool holds = archive->temporary != NULL || (item->bytes <= archive->file_size && item->bytes <= stored);
        result = holds ? 0 : foreign(archive, name, "an attribute larger than what is stored", err);
    }
    if (result == 0 && !is_attribute) {
        result = check_storage(archive, name, id, item, err);
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Eclear2(H5E_DEFAULT);
    return result;
}

void *fs_archive_load(const struct fs_archive *archive, const char *name, hid_t id, bool is_attribute,
                      const struct fs_archive_item *item, struct fs_error *err)
{
    void *data = fs_allocate(item->bytes, 1, name, err);
    if (data == NULL || item->bytes == 0) {
        return data;
    }
    hid_t type = item->is_text ? fs_archive_text_type(item->item_size) : H5Tcopy(fs_archive_memory_type(item->type));
    herr_t status = is_attribute ? H5Aread(id, type, data) : H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Tclose(type);
    if (status < 0) {
        failed(archive, name, "reading failed, the file is damaged", err);
        free(data);
        return NULL;
    }
    return data;
}

char **fs_archive_split_texts(const struct fs_archive *archive, const char *name, const struct fs_archive_item *item,
                              const char *fields, struct fs_error *err)
{
    size_t pointers;
    size_t bytes;
    size_t field = item->item_size + 1;
    if (fs_multiply(item->elements, sizeof(char *), &pointers) != 0 ||
        fs_multiply(item->elements, field, &bytes) != 0 || __builtin_add_overflow(bytes, pointers, &bytes)) {
        fs_error_memory(err, SIZE_MAX, name);
        return NULL;
    }
    char **texts = fs_allocate(bytes, 1, name, err);
    if (texts == NULL) {
        return NULL;
    }
    char *text = (char *)(texts + item->elements);
    for (size_t i = 0; i < item->elements; i++, text += field) {
        texts[i] = text;
        memcpy(text, fields + i * item->item_size, item->item_size);
        size_t length = strlen(text);
        if (fs_utf8_invalid((const unsigned char *)text, length) < length) {
            fs_error_set(err, FS_EXIT_DATA, "%s: %s: text %zu is not UTF-8", archive->path, name, i);
            free(texts);
            return NULL;
        }
    }
    return texts;
}

/* Whether each part of `name` is there; every link is a hard one, fs_archive_check_links has seen to it. */
bool fs_archive_has(const struct fs_archive *archive, const char *name)
{
    char part[FS_ARCHIVE_MAX_NAME + 1];
    if (!fs_archive_valid_name(name)) {
        return false;
    }
    bool there = true;
    for (size_t end = 1; name[end] != '\0' && there; end += name[end] == '/' ? 1 : 0) {
        end += strcspn(name + end, "/");
        memcpy(part, name, end);
        part[end] = '\0';
        there = H5Lexists(archive->file, part, H5P_DEFAULT) > 0;
    }
    H5Eclear2(H5E_DEFAULT);
    return there;
}

/* Opens a dataset that must be there; negative with `err` set. */
static hid_t open_dataset(const struct fs_archive *archive, const char *name, struct fs_error *err)
{
    if (!fs_archive_has(archive, name)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found no such dataset; the file is of another stage or version",
                            archive->path, name);
    }
    hid_t dataset = H5Dopen2(archive->file, name, H5P_DEFAULT);
    return dataset >= 0 ? dataset : failed(archive, name, "is no dataset", err);
}

int fs_archive_shape(const struct fs_archive *archive, const char *name, size_t *dimensions, size_t shape[4],
                     struct fs_error *err)
{
    struct fs_archive_item item;
    hid_t dataset = open_dataset(archive, name, err);
    if (dataset < 0) {
        return -1;
    }
    int result = fs_archive_describe(archive, name, dataset, false, &item, err);
    H5Dclose(dataset);
    if (result == 0) {
        *dimensions = item.dimensions;
        memcpy(shape, item.shape, sizeof item.shape);
    }
    return result;
}

int fs_archive_read(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t elements,
                    void *data, struct fs_error *err)
{
    struct fs_archive_item item;
    hid_t dataset = open_dataset(archive, name, err);
    if (dataset < 0) {
        return -1;
    }
    int result = fs_archive_describe(archive, name, dataset, false, &item, err);
    if (result == 0 && (item.is_text || item.type != type || item.elements != elements)) {
        result =
            fs_error_set(err, FS_EXIT_DATA,
                         "%s: %s: found %zu elements of %s, expected %zu of %s; the file is of another job or stage",
                         archive->path, name, item.elements, item.is_text ? "text" : fs_archive_type_name(item.type),
                         elements, fs_archive_type_name(type));
    }
    if (result == 0 && item.bytes > 0 &&
        H5Dread(dataset, fs_archive_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        result = failed(archive, name, "reading failed, the file is damaged", err);
    }
    H5Dclose(dataset);
    return result;
}

int fs_archive_read_part(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t first,
                         size_t count, void *data, struct fs_error *err)
{
    struct fs_archive_item item;
    hid_t dataset = open_dataset(archive, name, err);
    if (dataset < 0) {
        return -1;
    }
    int result = fs_archive_describe(archive, name, dataset, false, &item, err);
    if (result == 0 && (item.is_text || item.type != type || item.dimensions != 1 || first > item.elements ||
                        count > item.elements - first)) {
        result =
            fs_error_set(err, FS_EXIT_DATA,
                         "%s: %s: found %zu elements of %s, expected at least %zu of %s; the file is of another job or "
                         "stage",
                         archive->path, name, item.elements, item.is_text ? "text" : fs_archive_type_name(item.type),
                         first + count, fs_archive_type_name(type));
    }
    if (result == 0 && count > 0) {
        hid_t part = fs_archive_select(dataset, first, count), memory = H5Screate_simple(1, &(hsize_t){count}, NULL);
        if (part < 0 || memory < 0 ||
            H5Dread(dataset, fs_archive_memory_type(type), memory, part, H5P_DEFAULT, data) < 0) {
            result = failed(archive, name, "reading failed, the file is damaged", err);
        }
        H5Sclose(memory);
        H5Sclose(part);
    }
    H5Dclose(dataset);
    return result;
}

int fs_archive_read_texts(const struct fs_archive *archive, const char *name, size_t *count, char ***texts,
                          struct fs_error *err)
{
    struct fs_archive_item item;
    *texts = NULL;
    hid_t dataset = open_dataset(archive, name, err);
    if (dataset < 0) {
        return -1;
    }
    int result = fs_archive_describe(archive, name, dataset, false, &item, err);
    if (result == 0 && (!item.is_text || item.dimensions != 1)) {
        result = fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s of %zu dimensions, expected a list of texts",
                              archive->path, name, item.is_text ? "texts" : fs_archive_type_name(item.type),
                              item.dimensions);
    }
    if (result == 0) {
        char *fields = fs_archive_load(archive, name, dataset, false, &item, err);
        *texts = fields == NULL ? NULL : fs_archive_split_texts(archive, name, &item, fields, err);
        free(fields);
        *count = item.elements;
        result = *texts == NULL ? -1 : 0;
    }
    H5Dclose(dataset);
    return result;
}

/* Opens and describes a scalar attribute that must be there; negative with `err` set. */
static hid_t open_attribute(const struct fs_archive *archive, const char *object, const char *name,
                            struct fs_archive_item *item, struct fs_error *err)
{
    hid_t attribute = -1;
    if (fs_archive_has(archive, object) && H5Aexists_by_name(archive->file, object, name, H5P_DEFAULT) > 0) {
        attribute = H5Aopen_by_name(archive->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    }
    H5Eclear2(H5E_DEFAULT);
    if (attribute < 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s@%s: found no such attribute; the file is of another stage or version",
                            archive->path, object, name);
    }
    int result = fs_archive_describe(archive, object, attribute, true, item, err);
    if (result == 0 && item->dimensions != 0) {
        result = foreign(archive, object, "an attribute with a shape", err);
    }
    if (result != 0) {
        H5Aclose(attribute);
        return -1;
    }
    return attribute;
}

int fs_archive_read_attribute_text(const struct fs_archive *archive, const char *object, const char *name, char **value,
                                   struct fs_error *err)
{
    struct fs_archive_item item;
    *value = NULL;
    hid_t attribute = open_attribute(archive, object, name, &item, err);
    if (attribute < 0) {
        return -1;
    }
    if (!item.is_text) {
        fs_error_set(err, FS_EXIT_DATA, "%s: %s@%s: found a number, expected a text", archive->path, object, name);
    } else {
        char *field = fs_archive_load(archive, object, attribute, true, &item, err);
        char **texts = field == NULL ? NULL : fs_archive_split_texts(archive, object, &item, field, err);
        if (texts != NULL && (*value = strdup(texts[0])) == NULL) {
            fs_error_memory(err, item.bytes, name);
        }
        free(texts);
        free(field);
    }
    H5Aclose(attribute);
    return *value == NULL ? -1 : 0;
}

static int read_scalar(const struct fs_archive *archive, const char *object, const char *name,
                       enum fs_archive_type type, void *value, struct fs_error *err)
{
    struct fs_archive_item item;
    hid_t attribute = open_attribute(archive, object, name, &item, err);
    if (attribute < 0) {
        return -1;
    }
    int result = 0;
    if (item.is_text || item.type != type) {
        result = fs_error_set(err, FS_EXIT_DATA, "%s: %s@%s: found %s, expected %s", archive->path, object, name,
                              item.is_text ? "a text" : fs_archive_type_name(item.type), fs_archive_type_name(type));
    } else if (H5Aread(attribute, fs_archive_memory_type(type), value) < 0) {
        result = failed(archive, object, "reading an attribute failed, the file is damaged", err);
    }
    H5Aclose(attribute);
    return result;
}

int fs_archive_read_attribute_number(const struct fs_archive *archive, const char *object, const char *name,
                                     double *value, struct fs_error *err)
{
    return read_scalar(archive, object, name, FS_ARCHIVE_F64, value, err);
}

int fs_archive_read_attribute_integer(const struct fs_archive *archive, const char *object, const char *name,
                                      int64_t *value, struct fs_error *err)
{
    return read_scalar(archive, object, name, FS_ARCHIVE_I64, value, err);
}

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"

/* Below this size, compression saves less than its bookkeeping costs. */
#define DEFLATE_FROM 4096
#define DEFLATE_LEVEL 1

static int failed(const struct fs_archive *archive, const char *name, const char *what, struct fs_error *err)
{
    return fs_archive_hdf5_error(archive->path, name, FS_EXIT_IO, what, err);
}

static int check_name(const struct fs_archive *archive, const char *name, struct fs_error *err)
{
    if (archive->temporary == NULL) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s: the archive is open for reading", archive->path, name);
    }
    if (!fs_archive_valid_name(name)) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: \"%s\" is no name for an archive, expected \"/part/part\"",
                            archive->path, name);
    }
    return 0;
}

/* Makes the groups of `name` up to its `length`-th byte, one after another, as HDF5 offers no way to make them without
 * times. */
static int make_groups(const struct fs_archive *archive, const char *name, size_t length, struct fs_error *err)
{
    char part[FS_ARCHIVE_MAX_NAME + 1];
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    int result = creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 ? 0 : failed(archive, name, "no group", err);
    for (size_t end = 1; end < length && result == 0; end++) {
        end += strcspn(name + end, "/");
        if (end > length) {
            break;
        }
        memcpy(part, name, end);
        part[end] = '\0';
        if (H5Lexists(archive->file, part, H5P_DEFAULT) == 0) {
            hid_t group = H5Gcreate2(archive->file, part, H5P_DEFAULT, creation, H5P_DEFAULT);
            if (group < 0) {
                result = failed(archive, part, "the group cannot be made", err);
            }
            H5Gclose(group);
        }
    }
    H5Pclose(creation);
    return result;
}

/* A dataspace of the shape; negative on failure. */
static hid_t make_space(size_t dimensions, const size_t *shape)
{
    hsize_t sizes[FS_ARCHIVE_MAX_DIMENSIONS] = {0};
    for (size_t i = 0; i < dimensions; i++) {
        sizes[i] = shape[i];
    }
    return dimensions == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple((int)dimensions, sizes, NULL);
}

/* Chunks of whole rows where they fit into FS_ARCHIVE_PIECE, with checksums, and compressed where that pays: not in partial
 * results, which live until their stage is done while all ranks wait for them. */
static hid_t creation_properties(const struct fs_archive *archive, size_t dimensions, const size_t *shape,
                                 size_t item_size, size_t bytes)
{
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (properties < 0 || H5Pset_obj_track_times(properties, 0) < 0) {
        return -1;
    }
    if (dimensions == 0 || bytes == 0) { /* chunks need a size */
        return properties;
    }
    hsize_t chunk[FS_ARCHIVE_MAX_DIMENSIONS];
    size_t row = item_size;
    for (size_t i = dimensions; i-- > 0;) {
        size_t rows = FS_ARCHIVE_PIECE / row > 0 ? FS_ARCHIVE_PIECE / row : 1;
        chunk[i] = shape[i] < rows ? shape[i] : rows;
        row *= (size_t)chunk[i];
    }
    bool deflate = bytes > DEFLATE_FROM && strcmp(archive->format, FS_ARCHIVE_PARTIAL) != 0;
    if (H5Pset_chunk(properties, (int)dimensions, chunk) < 0 || (deflate && H5Pset_shuffle(properties) < 0) ||
        (deflate && H5Pset_deflate(properties, DEFLATE_LEVEL) < 0) || H5Pset_fletcher32(properties) < 0) {
        return -1;
    }
    return properties;
}

struct dataset {
    const char *name; /* checked */
    hid_t file_type, memory_type;
    size_t item_size, dimensions;
    const size_t *shape;
    size_t bytes;     /* of `data` */
    const void *data; /* NULL: nothing yet */
};

static int write_dataset(struct fs_archive *archive, const struct dataset *set, struct fs_error *err)
{
    const char *name = set->name;
    size_t parent = (size_t)(strrchr(name, '/') - name);
    if (make_groups(archive, name, parent, err) != 0) {
        return -1;
    }
    if (H5Lexists(archive->file, name, H5P_DEFAULT) > 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s: is written twice", archive->path, name);
    }
    hid_t space = make_space(set->dimensions, set->shape);
    hid_t creation = creation_properties(archive, set->dimensions, set->shape, set->item_size, set->bytes);
    hid_t dataset = space >= 0 && creation >= 0
                        ? H5Dcreate2(archive->file, name, set->file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT)
                        : -1;
    int result = 0;
    if (dataset < 0) {
        result = failed(archive, name, "the dataset cannot be made", err);
    } else if (set->bytes > 0 && set->data != NULL &&
               H5Dwrite(dataset, set->memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, set->data) < 0) {
        result = failed(archive, name, "writing failed; is the disk full?", err);
    }
    if (dataset >= 0 && H5Dclose(dataset) < 0 && result == 0) {
        result = failed(archive, name, "writing failed; is the disk full?", err);
    }
    H5Pclose(creation);
    H5Sclose(space);
    return result;
}

int fs_archive_write(struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t dimensions,
                     const size_t *shape, const void *data, struct fs_error *err)
{
    if (check_name(archive, name, err) != 0) {
        return -1;
    }
    if (dimensions > FS_ARCHIVE_MAX_DIMENSIONS || name[1] == '\0') {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s: found %zu dimensions, expected a name and at most %d",
                            archive->path, name, dimensions, FS_ARCHIVE_MAX_DIMENSIONS);
    }
    size_t item_size = fs_archive_type_size(type);
    size_t bytes = item_size;
    for (size_t i = 0; i < dimensions; i++) {
        if (fs_multiply(bytes, shape[i], &bytes) != 0) {
            return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s: the sizes of its shape multiply beyond 2^64",
                                archive->path, name);
        }
    }
    const struct dataset set = {
        name, fs_archive_file_type(type), fs_archive_memory_type(type), item_size, dimensions, shape, bytes, data};
    return write_dataset(archive, &set, err);
}

int fs_archive_reserve(struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t count,
                       struct fs_error *err)
{
    return fs_archive_write(archive, name, type, 1, &count, NULL, err);
}

int fs_archive_write_part(struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t first,
                          size_t count, const void *data, struct fs_error *err)
{
    if (check_name(archive, name, err) != 0) {
        return -1;
    }
    hid_t dataset = H5Dopen2(archive->file, name, H5P_DEFAULT);
    hid_t part = fs_archive_select(dataset, first, count), memory = H5Screate_simple(1, &(hsize_t){count}, NULL);
    hid_t number = fs_archive_memory_type(type);
    int result = 0;
    if (part < 0) {
        result = failed(archive, name, "has no such part", err);
    } else if (memory < 0 || H5Dwrite(dataset, number, memory, part, H5P_DEFAULT, data) < 0) {
        result = failed(archive, name, "writing failed; is the disk full?", err);
    }
    H5Sclose(memory);
    H5Sclose(part);
    if (dataset >= 0 && H5Dclose(dataset) < 0 && result == 0) {
        result = failed(archive, name, "writing failed; is the disk full?", err);
    }
    return result;
}

int fs_archive_write_texts(struct fs_archive *archive, const char *name, size_t count, const char *const *texts,
                           struct fs_error *err)
{
    if (check_name(archive, name, err) != 0) {
        return -1;
    }
    size_t size = 1;
    size_t bytes;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(texts[i]);
        size = length > size ? length : size;
    }
    if (fs_multiply(count, size, &bytes) != 0) {
        return fs_error_memory(err, SIZE_MAX, name);
    }
    char *fields = fs_allocate(count, size, "texts of an archive", err);
    if (fields == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(fields + i * size, texts[i], strlen(texts[i]));
    }
    hid_t type = fs_archive_text_type(size);
    const struct dataset set = {name, type, type, size, 1, &count, bytes, fields};
    int result = type < 0 ? failed(archive, name, "no type for texts", err) : write_dataset(archive, &set, err);
    H5Tclose(type);
    free(fields);
    return result;
}

static int write_attribute(struct fs_archive *archive, const char *object, const char *name, hid_t file_type,
                           hid_t memory_type, const void *value, struct fs_error *err)
{
    if (check_name(archive, object, err) != 0) {
        return -1;
    }
    if (name[0] == '\0' || strchr(name, '@') != NULL) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s@%s: is no name for an attribute", archive->path, object,
                            name);
    }
    size_t length = strlen(object);
    if (length > 1 && make_groups(archive, object, length, err) != 0) {
        return -1;
    }
    if (H5Aexists_by_name(archive->file, object, name, H5P_DEFAULT) > 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s@%s: is written twice", archive->path, object, name);
    }
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        H5Acreate_by_name(archive->file, object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    int result = attribute >= 0 && H5Awrite(attribute, memory_type, value) >= 0
                     ? 0
                     : failed(archive, object, "an attribute cannot be written", err);
    if (attribute >= 0 && H5Aclose(attribute) < 0 && result == 0) {
        result = failed(archive, object, "an attribute cannot be written", err);
    }
    H5Sclose(space);
    return result;
}

int fs_archive_attribute_text(struct fs_archive *archive, const char *object, const char *name, const char *value,
                              struct fs_error *err)
{
    size_t length = strlen(value);
    hid_t type = fs_archive_text_type(length == 0 ? 1 : length);
    int result = type < 0 ? failed(archive, object, "no type for a text", err)
                          : write_attribute(archive, object, name, type, type, value, err);
    H5Tclose(type);
    return result;
}

int fs_archive_attribute_number(struct fs_archive *archive, const char *object, const char *name, double value,
                                struct fs_error *err)
{
    return write_attribute(archive, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, err);
}

int fs_archive_attribute_integer(struct fs_archive *archive, const char *object, const char *name, int64_t value,
                                 struct fs_error *err)
{
    return write_attribute(archive, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, err);
}

static int write_attribute_entry(struct fs_archive *archive, const char *name, const struct fs_archive_entry *entry,
                                 struct fs_error *err)
{
    const char *at = strrchr(name, '@');
    size_t length = (size_t)(at - name);
    char object[FS_ARCHIVE_MAX_NAME + 1];
    if (entry->dimensions != 0 || length > FS_ARCHIVE_MAX_NAME) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: an attribute with a shape or too long a name cannot be copied",
                            archive->path, name);
    }
    memcpy(object, name, length);
    object[length] = '\0';
    if (entry->is_text) {
        return fs_archive_attribute_text(archive, object, at + 1, *(char *const *)entry->data, err);
    }
    return write_attribute(archive, object, at + 1, fs_archive_file_type(entry->type),
                           fs_archive_memory_type(entry->type), entry->data, err);
}

int fs_archive_write_entry(struct fs_archive *archive, const char *name, const struct fs_archive_entry *entry,
                           struct fs_error *err)
{
    if (entry->is_attribute) {
        return write_attribute_entry(archive, name, entry, err);
    }
    if (!entry->is_text) {
        return fs_archive_write(archive, name, entry->type, entry->dimensions, entry->shape, entry->data, err);
    }
    if (entry->dimensions != 1) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: texts of %zu dimensions cannot be copied, expected a list",
                            archive->path, name, entry->dimensions);
    }
    return fs_archive_write_texts(archive, name, entry->shape[0], entry->data, err);
}

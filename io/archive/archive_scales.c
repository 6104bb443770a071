/* HDF5 dimension scales, made of the attributes "dimensions". */
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"

#define DIMENSIONS "dimensions"

/* A dataset and the text of its attribute. */
struct named {
    char *name;
    char *dimensions;
};

struct named_list {
    struct named *item;
    size_t count, room;
};

static int add_named(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct named_list *list = context;
    const char *at = strrchr(entry->name, '@');
    if (!entry->is_attribute || !entry->is_text || strcmp(at + 1, DIMENSIONS) != 0) {
        return 0;
    }
    if (fs_grow(&list->item, &list->room, list->count + 1, sizeof *list->item, "dimension scales", err) != 0) {
        return -1;
    }
    struct named *item = &list->item[list->count++];
    item->name = strndup(entry->name, (size_t)(at - entry->name));
    item->dimensions = strdup(*(char *const *)entry->data);
    return item->name != NULL && item->dimensions != NULL
               ? 0
               : fs_error_memory(err, strlen(entry->name), "dimension scales");
}

static int write_index(struct fs_archive *archive, const char *name, size_t length, struct fs_error *err)
{
    int64_t *index = fs_allocate(length, sizeof *index, "a dimension scale", err);
    if (index == NULL) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        index[i] = (int64_t)i;
    }
    int status = fs_archive_write(archive, name, FS_ARCHIVE_I64, 1, &length, index, err);
    free(index);
    return status;
}

static int wrong(const struct fs_archive *archive, const char *name, const char *dimensions, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_SOFTWARE, "%s: %s@" DIMENSIONS ": \"%s\" does not name its dimensions",
                        archive->path, name, dimensions);
}

/* The scale `name` of `length`, made where it is not there. */
static int find_scale(struct fs_archive *archive, const char *name, size_t length, struct fs_error *err)
{
    size_t dimensions, shape[4];
    if (!fs_archive_has(archive, name)) {
        return write_index(archive, name, length, err);
    }
    if (fs_archive_shape(archive, name, &dimensions, shape, err) != 0) {
        return -1;
    }
    return dimensions == 1 && shape[0] == length ? 0 : wrong(archive, name, "another length", err);
}

/* `dataset` negative: the scale is only made one. */
static int attach(const struct fs_archive *archive, hid_t dataset, const char *name, unsigned dimension,
                  struct fs_error *err)
{
    hid_t scale = H5Dopen2(archive->file, name, H5P_DEFAULT);
    htri_t is_scale = scale < 0 ? -1 : H5DSis_scale(scale);
    bool done = is_scale > 0 || (is_scale == 0 && H5DSset_scale(scale, strrchr(name, '/') + 1) >= 0);
    if (done && dataset >= 0) {
        done = H5DSattach_scale(dataset, scale, dimension) >= 0;
    }
    H5Dclose(scale);
    H5Eclear2(H5E_DEFAULT);
    return done ? 0 : fs_archive_hdf5_error(archive->path, name, FS_EXIT_SOFTWARE, "no dimension scale", err);
}

static int write_scales_of(struct fs_archive *archive, const struct named *item, struct fs_error *err)
{
    size_t dimensions, shape[4];
    char scale[2 * FS_ARCHIVE_MAX_NAME + 2];
    size_t group = (size_t)(strrchr(item->name, '/') - item->name);
    if (fs_archive_shape(archive, item->name, &dimensions, shape, err) != 0) {
        return -1;
    }
    hid_t dataset = H5Dopen2(archive->file, item->name, H5P_DEFAULT);
    const char *word = item->dimensions;
    int status = dataset < 0 ? wrong(archive, item->name, item->dimensions, err) : 0;
    for (size_t i = 0; status == 0 && i < dimensions; i++) {
        size_t length = strcspn(word, " ");
        if (length == 0 || length + group >= FS_ARCHIVE_MAX_NAME) {
            status = wrong(archive, item->name, item->dimensions, err);
            break;
        }
        snprintf(scale, sizeof scale, "%.*s/%.*s", (int)group, item->name, (int)length, word);
        word += length + (word[length] == ' ');
        status = find_scale(archive, scale, shape[i], err);
        if (status == 0) {
            bool own = strcmp(scale, item->name) == 0;
            status = attach(archive, own ? -1 : dataset, scale, (unsigned)i, err);
        }
    }
    if (status == 0 && *word != '\0') {
        status = wrong(archive, item->name, item->dimensions, err);
    }
    H5Dclose(dataset);
    return status;
}

int fs_archive_write_scales(struct fs_archive *archive, struct fs_error *err)
{
    struct named_list list = {0};
    int status = fs_archive_visit_lazily(archive, add_named, &list, err);
    for (size_t i = 0; status == 0 && i < list.count; i++) {
        status = write_scales_of(archive, &list.item[i], err);
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.item[i].name);
        free(list.item[i].dimensions);
    }
    free(list.item);
    return status;
}

int fs_archive_make_scale(struct fs_archive *archive, const char *name, struct fs_error *err)
{
    return attach(archive, -1, name, 0, err);
}

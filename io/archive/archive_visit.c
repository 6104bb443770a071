/* Walks an archive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"
#include "io/digest.h"

#if H5_VERSION_GE(1, 12, 0)
#define visit_objects H5Ovisit3
#else
#define visit_objects H5Ovisit2
#endif

void fs_release_names(struct fs_name_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->item[i].name);
    }
    free(list->item);
    list->item = NULL;
    list->count = 0;
}

int fs_add_name(struct fs_name_list *list, const char *name, bool is_dataset, const char *digest)
{
    if (fs_grow(&list->item, &list->room, list->count + 1, sizeof *list->item, "the names of an archive", list->err) !=
        0) {
        return -1;
    }
    struct fs_entry_name *item = &list->item[list->count];
    item->is_dataset = is_dataset;
    snprintf(item->digest, sizeof item->digest, "%s", digest);
    item->name = strdup(name);
    if (item->name == NULL) {
        return fs_error_memory(list->err, strlen(name), "the names of an archive");
    }
    list->count++;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct fs_entry_name *)a)->name, ((const struct fs_entry_name *)b)->name);
}

void fs_sort_names(struct fs_name_list *list)
{
    if (list->count > 1) {
        qsort(list->item, list->count, sizeof *list->item, compare_names);
    }
}

static int foreign(const struct fs_name_list *list, const char *name, const char *found)
{
    return fs_error_set(list->err, FS_EXIT_DATA,
                        "%s: %s: found %s, which fairstamp never writes; the file is not from fairstamp",
                        list->archive->path, name, found);
}

static herr_t check_link(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    (void)group;
    struct fs_name_list *list = context;
    if (info->type != H5L_TYPE_HARD) {
        return foreign(list, name, "a link to elsewhere");
    }
    return strlen(name) < FS_ARCHIVE_MAX_NAME ? 0 : foreign(list, name, "a name of more than 1024 bytes");
}

/* `name` is "." for the group itself and relative to it otherwise. */
static herr_t collect_object(hid_t group, const char *name, const H5O_info_t *info, void *context)
{
    (void)group;
    struct fs_name_list *list = context;
    char full[2 * FS_ARCHIVE_MAX_NAME + 2];
    bool in_root = list->group[1] == '\0';
    if (strcmp(name, ".") == 0) {
        snprintf(full, sizeof full, "%s", list->group);
    } else {
        snprintf(full, sizeof full, "%s/%s", in_root ? "" : list->group, name);
    }
    if (info->type != H5O_TYPE_GROUP && info->type != H5O_TYPE_DATASET) {
        return foreign(list, full, "a named type");
    }
    if (strcmp(full, FS_ARCHIVE_MANIFEST) == 0) {
        return 0;
    }
    if (!fs_archive_valid_name(full)) {
        return foreign(list, full, "a name");
    }
    return fs_add_name(list, full, info->type == H5O_TYPE_DATASET, "");
}

int fs_archive_check_links(const struct fs_archive *archive, struct fs_error *err)
{
    struct fs_error inner = FS_ERROR_INIT;
    struct fs_name_list list = {.archive = archive, .err = &inner};
    if (H5Lvisit(archive->file, H5_INDEX_NAME, H5_ITER_INC, check_link, &list) < 0) {
        return inner.code != 0
                   ? fs_error_set(err, (enum fs_exit)inner.code, "%s", inner.text)
                   : fs_archive_hdf5_error(archive->path, "/", FS_EXIT_DATA, "its links cannot be read", err);
    }
    return 0;
}

/* All groups and datasets of `group` but /manifest, sorted by name. The caller releases, also on failure. */
static int collect_objects(const struct fs_archive *archive, const char *group, struct fs_name_list *list,
                           struct fs_error *err)
{
    struct fs_error inner = FS_ERROR_INIT;
    *list = (struct fs_name_list){.archive = archive, .group = group, .err = &inner};
    if (!fs_archive_has(archive, group)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found no such group", archive->path, group);
    }
    hid_t root = H5Oopen(archive->file, group, H5P_DEFAULT);
    herr_t status =
        root < 0 ? -1 : visit_objects(root, H5_INDEX_NAME, H5_ITER_INC, collect_object, list, H5O_INFO_BASIC);
    H5Oclose(root);
    list->err = err;
    if (status < 0) {
        return inner.code != 0
                   ? fs_error_set(err, (enum fs_exit)inner.code, "%s", inner.text)
                   : fs_archive_hdf5_error(archive->path, "/", FS_EXIT_DATA, "its objects cannot be read", err);
    }
    fs_sort_names(list);
    return 0;
}

static herr_t collect_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    (void)object;
    (void)info;
    return fs_add_name(context, name, false, "");
}

struct visitor {
    int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err);
    void *context;
    bool lazily;
};

/* Reads the open dataset or attribute `id` and shows it to the visitor. */
static int show(const struct fs_archive *archive, const char *name, hid_t id, bool is_attribute,
                const struct visitor *visitor, struct fs_error *err)
{
    struct fs_archive_item item;
    if (fs_archive_describe(archive, name, id, is_attribute, &item, err) != 0) {
        return -1;
    }
    bool later =
        visitor->lazily && !is_attribute && !item.is_text && item.dimensions == 1 && item.bytes > FS_ARCHIVE_PIECE;
    void *data = later ? NULL : fs_archive_load(archive, name, id, is_attribute, &item, err);
    char **texts = data != NULL && item.is_text ? fs_archive_split_texts(archive, name, &item, data, err) : NULL;
    int result = -1;
    if (later || (data != NULL && (texts != NULL || !item.is_text))) {
        struct fs_archive_entry entry = {.name = name,
                                         .is_attribute = is_attribute,
                                         .is_text = item.is_text,
                                         .type = item.type,
                                         .dimensions = item.dimensions,
                                         .data = item.is_text ? (const void *)texts : data};
        memcpy(entry.shape, item.shape, sizeof entry.shape);
        result = visitor->visit(visitor->context, &entry, err);
    }
    free(texts);
    free(data);
    return result;
}

static int show_attributes(const struct fs_archive *archive, const char *object_name, hid_t object, bool is_dataset,
                           const struct visitor *visitor, struct fs_error *err)
{
    struct fs_name_list list = {.archive = archive, .err = err};
    int result = 0;
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, collect_attribute, &list) < 0) {
        result = fs_archive_hdf5_error(archive->path, object_name, FS_EXIT_DATA, "its attributes cannot be read", err);
    }
    fs_sort_names(&list);
    for (size_t i = 0; i < list.count && result == 0; i++) {
        char *name;
        if (asprintf(&name, "%s@%s", object_name, list.item[i].name) < 0) {
            result = fs_error_memory(err, strlen(list.item[i].name), "the name of an attribute");
            break;
        }
        hid_t attribute = H5Aopen(object, list.item[i].name, H5P_DEFAULT);
        if (attribute < 0) {
            result = fs_archive_hdf5_error(archive->path, name, FS_EXIT_DATA, "cannot be opened", err);
        } else if (is_dataset && fs_archive_is_scale_note(list.item[i].name)) {
            result = fs_archive_check_scale_note(archive, name, list.item[i].name, attribute, err);
        } else {
            result = show(archive, name, attribute, true, visitor, err);
        }
        H5Aclose(attribute);
        free(name);
    }
    fs_release_names(&list);
    return result;
}

static int visit_group(const struct fs_archive *archive, const char *group, const struct visitor *visitor,
                       struct fs_error *err)
{
    struct fs_name_list list;
    int result = collect_objects(archive, group, &list, err);
    for (size_t i = 0; i < list.count && result == 0; i++) {
        const char *name = list.item[i].name;
        hid_t object = H5Oopen(archive->file, name, H5P_DEFAULT);
        if (object < 0) {
            result = fs_archive_hdf5_error(archive->path, name, FS_EXIT_DATA, "cannot be opened", err);
            break;
        }
        if (list.item[i].is_dataset) {
            result = show(archive, name, object, false, visitor, err);
        }
        if (result == 0) {
            result = show_attributes(archive, name, object, list.item[i].is_dataset, visitor, err);
        }
        H5Oclose(object);
    }
    fs_release_names(&list);
    return result;
}

int fs_archive_visit_group(const struct fs_archive *archive, const char *group,
                           int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                           void *context, struct fs_error *err)
{
    const struct visitor visitor = {visit, context, false};
    return visit_group(archive, group, &visitor, err);
}

int fs_archive_visit(const struct fs_archive *archive,
                     int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                     void *context, struct fs_error *err)
{
    return fs_archive_visit_group(archive, "/", visit, context, err);
}

int fs_archive_visit_lazily(const struct fs_archive *archive,
                            int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                            void *context, struct fs_error *err)
{
    const struct visitor visitor = {visit, context, true};
    return visit_group(archive, "/", &visitor, err);
}

bool fs_archive_is_scale_note(const char *name)
{
    static const char *const notes[] = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        if (strcmp(name, notes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A list of lists of object references, one a dimension. */
static bool is_dimension_list(hid_t type)
{
    hid_t base = H5Tget_class(type) == H5T_VLEN ? H5Tget_super(type) : -1;
    bool is = base >= 0 && H5Tequal(base, H5T_STD_REF_OBJ) > 0;
    H5Tclose(base);
    return is;
}

/* Records of an object reference and a dimension's number. */
static bool is_reference_list(hid_t type)
{
    if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) {
        return false;
    }
    hid_t object = H5Tget_member_type(type, 0);
    bool is = object >= 0 && H5Tequal(object, H5T_STD_REF_OBJ) > 0 && H5Tget_member_class(type, 1) == H5T_INTEGER;
    H5Tclose(object);
    return is;
}

int fs_archive_check_scale_note(const struct fs_archive *archive, const char *name, const char *attribute, hid_t id,
                                struct fs_error *err)
{
    hid_t type = H5Aget_type(id);
    bool known;
    if (strcmp(attribute, "DIMENSION_LIST") == 0) {
        known = type >= 0 && is_dimension_list(type);
    } else if (strcmp(attribute, "REFERENCE_LIST") == 0) {
        known = type >= 0 && is_reference_list(type);
    } else {
        known = type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
                H5Tget_size(type) <= FS_ARCHIVE_MAX_NAME + 1;
    }
    H5Tclose(type);
    H5Eclear2(H5E_DEFAULT);
    return known ? 0
                 : fs_error_set(err, FS_EXIT_DATA,
                                "%s: %s: found no note of a dimension scale; the file is not from fairstamp",
                                archive->path, name);
}

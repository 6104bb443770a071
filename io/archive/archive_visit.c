/* Walks an archive: visit, /manifest, verify, equal. */
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

/* A growing list of names; `digest` is used by the manifest alone. */
struct entry_name {
    char *name;
    bool is_dataset;
    char digest[FS_DIGEST_SIZE];
};

struct name_list {
    size_t count;
    size_t room;
    struct entry_name *item;
    const struct fs_archive *archive;
    const char *group; /* in which objects are collected */
    struct fs_error *err;
};

static void release_names(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->item[i].name);
    }
    free(list->item);
    list->item = NULL;
    list->count = 0;
}

static int add_name(struct name_list *list, const char *name, bool is_dataset, const char *digest)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : 2 * list->room;
        struct entry_name *grown = realloc(list->item, room * sizeof *grown);
        if (grown == NULL) {
            return fs_error_memory(list->err, room * sizeof *grown, "the names of an archive");
        }
        list->item = grown;
        list->room = room;
    }
    struct entry_name *item = &list->item[list->count];
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
    return strcmp(((const struct entry_name *)a)->name, ((const struct entry_name *)b)->name);
}

static void sort_names(struct name_list *list)
{
    if (list->count > 1) {
        qsort(list->item, list->count, sizeof *list->item, compare_names);
    }
}

static int foreign(const struct name_list *list, const char *name, const char *found)
{
    return fs_error_set(list->err, FS_EXIT_DATA,
                        "%s: %s: found %s, which fairstamp never writes; the file is not from fairstamp",
                        list->archive->path, name, found);
}

static herr_t check_link(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    (void)group;
    struct name_list *list = context;
    if (info->type != H5L_TYPE_HARD) {
        return foreign(list, name, "a link to elsewhere");
    }
    return strlen(name) < FS_ARCHIVE_MAX_NAME ? 0 : foreign(list, name, "a name of more than 1024 bytes");
}

/* `name` is "." for the group itself and relative to it otherwise. */
static herr_t collect_object(hid_t group, const char *name, const H5O_info_t *info, void *context)
{
    (void)group;
    struct name_list *list = context;
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
    return add_name(list, full, info->type == H5O_TYPE_DATASET, "");
}

int fs_archive_check_links(const struct fs_archive *archive, struct fs_error *err)
{
    struct fs_error inner = FS_ERROR_INIT;
    struct name_list list = {.archive = archive, .err = &inner};
    if (H5Lvisit(archive->file, H5_INDEX_NAME, H5_ITER_INC, check_link, &list) < 0) {
        return inner.code != 0
                   ? fs_error_set(err, (enum fs_exit)inner.code, "%s", inner.text)
                   : fs_archive_hdf5_error(archive->path, "/", FS_EXIT_DATA, "its links cannot be read", err);
    }
    return 0;
}

/* All groups and datasets of `group` but /manifest, sorted by name. The caller releases, also on failure. */
static int collect_objects(const struct fs_archive *archive, const char *group, struct name_list *list,
                           struct fs_error *err)
{
    struct fs_error inner = FS_ERROR_INIT;
    *list = (struct name_list){.archive = archive, .group = group, .err = &inner};
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
    sort_names(list);
    return 0;
}

static herr_t collect_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    (void)object;
    (void)info;
    return add_name(context, name, false, "");
}

struct visitor {
    int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err);
    void *context;
};

/* Reads the open dataset or attribute `id` and shows it to the visitor. */
static int show(const struct fs_archive *archive, const char *name, hid_t id, bool is_attribute,
                const struct visitor *visitor, struct fs_error *err)
{
    struct fs_archive_item item;
    if (fs_archive_describe(archive, name, id, is_attribute, &item, err) != 0) {
        return -1;
    }
    void *data = fs_archive_load(archive, name, id, is_attribute, &item, err);
    char **texts = data != NULL && item.is_text ? fs_archive_split_texts(archive, name, &item, data, err) : NULL;
    int result = -1;
    if (data != NULL && (texts != NULL || !item.is_text)) {
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
    struct name_list list = {.archive = archive, .err = err};
    int result = 0;
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, collect_attribute, &list) < 0) {
        result = fs_archive_hdf5_error(archive->path, object_name, FS_EXIT_DATA, "its attributes cannot be read", err);
    }
    sort_names(&list);
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
    release_names(&list);
    return result;
}

int fs_archive_visit_group(const struct fs_archive *archive, const char *group,
                           int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                           void *context, struct fs_error *err)
{
    struct visitor visitor = {visit, context};
    struct name_list list;
    int result = collect_objects(archive, group, &list, err);
    for (size_t i = 0; i < list.count && result == 0; i++) {
        const char *name = list.item[i].name;
        hid_t object = H5Oopen(archive->file, name, H5P_DEFAULT);
        if (object < 0) {
            result = fs_archive_hdf5_error(archive->path, name, FS_EXIT_DATA, "cannot be opened", err);
            break;
        }
        if (list.item[i].is_dataset) {
            result = show(archive, name, object, false, &visitor, err);
        }
        if (result == 0) {
            result = show_attributes(archive, name, object, list.item[i].is_dataset, &visitor, err);
        }
        H5Oclose(object);
    }
    release_names(&list);
    return result;
}

int fs_archive_visit(const struct fs_archive *archive,
                     int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                     void *context, struct fs_error *err)
{
    return fs_archive_visit_group(archive, "/", visit, context, err);
}

static void add_number(struct fs_digest *digest, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    fs_digest_add(digest, bytes, sizeof bytes);
}

/* Texts without their padding. */
int fs_archive_entry_digest(const struct fs_archive_entry *entry, const char *name, char hex[FS_DIGEST_SIZE],
                            struct fs_error *err)
{
    struct fs_digest *digest;
    if (fs_digest_begin(&digest, err) != 0) {
        return -1;
    }
    size_t elements = 1;
    fs_digest_add_text(digest, name);
    fs_digest_add_text(digest, entry->is_text ? "text" : fs_archive_type_name(entry->type));
    add_number(digest, entry->dimensions);
    for (size_t i = 0; i < entry->dimensions; i++) {
        add_number(digest, entry->shape[i]);
        elements *= entry->shape[i];
    }
    if (entry->is_text) {
        char *const *texts = entry->data;
        for (size_t i = 0; i < elements; i++) {
            fs_digest_add_text(digest, texts[i]);
        }
    } else {
        fs_digest_add(digest, entry->data, elements * fs_archive_type_size(entry->type));
    }
    fs_digest_end(digest, hex);
    return 0;
}

static int list_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    char hex[FS_DIGEST_SIZE];
    return fs_archive_entry_digest(entry, entry->name, hex, err) != 0
               ? -1
               : add_name(context, entry->name, !entry->is_attribute, hex);
}

/* Names and digests of all there is but /manifest, sorted by name. The caller releases, also on failure. */
static int list_digests(const struct fs_archive *archive, struct name_list *list, struct fs_error *err)
{
    *list = (struct name_list){.archive = archive, .err = err};
    int result = fs_archive_visit(archive, list_entry, list, err);
    sort_names(list);
    return result;
}

int fs_archive_write_manifest(struct fs_archive *archive, struct fs_error *err)
{
    struct name_list list;
    char **lines = NULL;
    int result = list_digests(archive, &list, err);
    if (result == 0) {
        lines = fs_allocate(list.count, sizeof *lines, "the manifest", err);
        result = lines == NULL ? -1 : 0;
    }
    for (size_t i = 0; i < list.count && result == 0; i++) {
        if (asprintf(&lines[i], "%s %s", list.item[i].digest, list.item[i].name) < 0) {
            lines[i] = NULL;
            result = fs_error_memory(err, strlen(list.item[i].name), "the manifest");
        }
    }
    if (result == 0) {
        result = fs_archive_write_texts(archive, FS_ARCHIVE_MANIFEST, list.count, (const char *const *)lines, err);
    }
    if (result == 0) {
        result = fs_archive_make_scale(archive, FS_ARCHIVE_MANIFEST, err);
    }
    for (size_t i = 0; lines != NULL && i < list.count; i++) {
        free(lines[i]);
    }
    free(lines);
    release_names(&list);
    return result;
}

static int compare_with_manifest(const struct fs_archive *archive, const struct name_list *list, size_t lines,
                                 char *const *line, struct fs_error *err)
{
    for (size_t i = 0; i < list->count && i < lines; i++) {
        const struct entry_name *entry = &list->item[i];
        size_t length = FS_DIGEST_SIZE - 1;
        bool named =
            strlen(line[i]) > length && line[i][length] == ' ' && strcmp(line[i] + length + 1, entry->name) == 0;
        if (!named) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: /manifest: line %zu: found \"%.200s\", expected one for %s",
                                archive->path, i, line[i], entry->name);
        }
        if (strncmp(line[i], entry->digest, length) != 0) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: %s: its content has SHA-256 %s, expected %.64s as in /manifest; run its stage again",
                archive->path, entry->name, entry->digest, line[i]);
        }
    }
    if (list->count != lines) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: /manifest: found %zu lines, expected %zu as there are datasets and attributes",
                            archive->path, lines, list->count);
    }
    return 0;
}

int fs_archive_verify(const struct fs_archive *archive, struct fs_error *err)
{
    size_t lines;
    char **line;
    if (fs_archive_read_texts(archive, FS_ARCHIVE_MANIFEST, &lines, &line, err) != 0) {
        return -1;
    }
    struct name_list list;
    int result = list_digests(archive, &list, err);
    if (result == 0) {
        result = compare_with_manifest(archive, &list, lines, line, err);
    }
    release_names(&list);
    free(line);
    return result;
}

static bool is_compared(const char *name)
{
    static const char provenance[] = "/provenance";
    size_t length = sizeof provenance - 1;
    return strncmp(name, provenance, length) != 0 || (name[length] != '@' && name[length] != '/');
}

/* The next entry from `at` on that is compared, or NULL. */
static const struct entry_name *next_compared(const struct name_list *list, size_t *at)
{
    while (*at < list->count && !is_compared(list->item[*at].name)) {
        (*at)++;
    }
    return *at < list->count ? &list->item[*at] : NULL;
}

static bool compare_lists(const struct name_list *a, const struct name_list *b, char *difference, size_t size)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        const struct entry_name *x = next_compared(a, &i);
        const struct entry_name *y = next_compared(b, &j);
        if (x == NULL && y == NULL) {
            return true;
        }
        int order = x == NULL ? 1 : y == NULL ? -1 : strcmp(x->name, y->name);
        if (order != 0) {
            snprintf(difference, size, "%s is only in %s", order < 0 ? x->name : y->name,
                     order < 0 ? a->archive->path : b->archive->path);
            return false;
        }
        if (strcmp(x->digest, y->digest) != 0) {
            snprintf(difference, size, "%s differs", x->name);
            return false;
        }
        i++;
        j++;
    }
}

int fs_archive_equal(const struct fs_archive *a, const struct fs_archive *b, bool *equal, char *difference, size_t size,
                     struct fs_error *err)
{
    struct name_list list_a;
    struct name_list list_b = {0};
    int result = list_digests(a, &list_a, err);
    if (result == 0) {
        result = list_digests(b, &list_b, err);
    }
    if (result == 0) {
        *equal = compare_lists(&list_a, &list_b, difference, size);
    }
    release_names(&list_a);
    release_names(&list_b);
    return result;
}

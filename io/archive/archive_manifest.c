/* /manifest, and what is checked by it: verify, equal. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"
#include "io/digest.h"

static void add_number(struct fs_digest *digest, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    fs_digest_add(digest, bytes, sizeof bytes);
}

/* Of all but the content; elements in *elements. */
static void add_form(struct fs_digest *digest, const struct fs_archive_entry *entry, const char *name, size_t *elements)
{
    *elements = 1;
    fs_digest_add_text(digest, name);
    fs_digest_add_text(digest, entry->is_text ? "text" : fs_archive_type_name(entry->type));
    add_number(digest, entry->dimensions);
    for (size_t i = 0; i < entry->dimensions; i++) {
        add_number(digest, entry->shape[i]);
        *elements *= entry->shape[i];
    }
}

/* Texts without their padding. */
int fs_archive_entry_digest(const struct fs_archive_entry *entry, const char *name, char hex[FS_DIGEST_SIZE],
                            struct fs_error *err)
{
    struct fs_digest *digest;
    size_t elements;
    if (fs_digest_begin(&digest, err) != 0) {
        return -1;
    }
    add_form(digest, entry, name, &elements);
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

/* The same of a long vector, of which a piece is held at a time. */
static int digest_pieces(const struct fs_archive *archive, const struct fs_archive_entry *entry,
                         char hex[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct fs_digest *digest;
    size_t elements, size = fs_archive_type_size(entry->type), most = FS_ARCHIVE_PIECE / size;
    void *piece = fs_allocate(most, size, entry->name, err);
    if (piece == NULL || fs_digest_begin(&digest, err) != 0) {
        free(piece);
        return -1;
    }
    int status = 0;
    add_form(digest, entry, entry->name, &elements);
    for (size_t first = 0; status == 0 && first < elements; first += most) {
        size_t count = elements - first < most ? elements - first : most;
        status = fs_archive_read_part(archive, entry->name, entry->type, first, count, piece, err);
        if (status == 0) {
            fs_digest_add(digest, piece, count * size);
        }
    }
    fs_digest_end(digest, hex);
    free(piece);
    return status;
}

static int list_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct fs_name_list *list = context;
    char hex[FS_DIGEST_SIZE];
    int status = entry->data != NULL ? fs_archive_entry_digest(entry, entry->name, hex, err)
                                     : digest_pieces(list->archive, entry, hex, err);
    return status == 0 ? fs_add_name(list, entry->name, !entry->is_attribute, hex) : -1;
}

/* Names and digests of all there is but /manifest, sorted by name. The caller releases, also on failure. */
static int list_digests(const struct fs_archive *archive, struct fs_name_list *list, struct fs_error *err)
{
    *list = (struct fs_name_list){.archive = archive, .err = err};
    int result = fs_archive_visit_lazily(archive, list_entry, list, err);
    fs_sort_names(list);
    return result;
}

int fs_archive_write_manifest(struct fs_archive *archive, struct fs_error *err)
{
    struct fs_name_list list;
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
    fs_release_names(&list);
    return result;
}

static int compare_with_manifest(const struct fs_archive *archive, const struct fs_name_list *list, size_t lines,
                                 char *const *line, struct fs_error *err)
{
    for (size_t i = 0; i < list->count && i < lines; i++) {
        const struct fs_entry_name *entry = &list->item[i];
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
    struct fs_name_list list;
    int result = list_digests(archive, &list, err);
    if (result == 0) {
        result = compare_with_manifest(archive, &list, lines, line, err);
    }
    fs_release_names(&list);
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
static const struct fs_entry_name *next_compared(const struct fs_name_list *list, size_t *at)
{
    while (*at < list->count && !is_compared(list->item[*at].name)) {
        (*at)++;
    }
    return *at < list->count ? &list->item[*at] : NULL;
}

static bool compare_lists(const struct fs_name_list *a, const struct fs_name_list *b, char *difference, size_t size)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        const struct fs_entry_name *x = next_compared(a, &i);
        const struct fs_entry_name *y = next_compared(b, &j);
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
    struct fs_name_list list_a;
    struct fs_name_list list_b = {0};
    int result = list_digests(a, &list_a, err);
    if (result == 0) {
        result = list_digests(b, &list_b, err);
    }
    if (result == 0) {
        *equal = compare_lists(&list_a, &list_b, difference, size);
    }
    fs_release_names(&list_a);
    fs_release_names(&list_b);
    return result;
}

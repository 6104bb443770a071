#include "io/benchmarks/record_items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"
#include "io/folder.h"

/* Adds the file's records to *count. */
static int read_file(const char *path, const char *whole, const struct fs_record_taker *taker,
                     struct fs_item_report *report, size_t *count, struct fs_error *err)
{
    struct fs_records records;
    const cJSON *object;
    char place[FS_RECORD_PLACE];
    size_t index = 0;
    if (fs_records_load(path, taker->kind, &records, err) != 0) {
        return -1;
    }
    int status = 0;
    for (object = records.list->child; status == 0 && object != NULL; object = object->next) {
        const struct fs_record record = {records.document, object, fs_records_place(&records, index++, place)};
        struct fs_error why = FS_ERROR_INIT;
        enum fs_skip reason = FS_KEPT;
        if (taker->take(taker->context, &record, &reason, &why) != 0) {
            if (reason == FS_KEPT) {
                *err = why;
                status = -1;
            } else {
                status = fs_item_skip(report, whole, reason, &why, err);
            }
        }
    }
    *count += records.count;
    fs_records_release(&records);
    return status;
}

int fs_record_items_read(const char *path, const struct fs_record_taker *taker, struct fs_item_report *report,
                         struct fs_error *err)
{
    struct fs_folder folder;
    if (fs_folder_list(path, ".jsonl", &folder, err) != 0) {
        return -1;
    }
    int status = 0;
    size_t records = 0;
    for (size_t i = 0; status == 0 && i < folder.count; i++) {
        status = read_file(folder.path[i], path, taker, report, &records, err);
    }
    fs_folder_release(&folder);
    if (status == 0 && records == 0) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found no record, expected items", path);
    }
    return status == 0 ? fs_item_report_check(report, path, err) : -1;
}

int fs_record_text(const struct fs_record *record, const char *key, const char **text, enum fs_skip *reason,
                   struct fs_error *err)
{
    *reason = FS_SKIP_BAD_RECORD;
    if (fs_json_text(record->document, record->object, record->place, key, text, err) != 0) {
        return -1;
    }
    if ((*text)[strspn(*text, " \t\r\n")] == '\0') {
        *reason = FS_SKIP_EMPTY_TEXT;
        return fs_json_wrong(record->document, record->place, key, "an empty text", "a text", err);
    }
    *reason = FS_KEPT;
    return 0;
}

int fs_record_name(const struct fs_record *record, const char *key, const char **text, enum fs_skip *reason,
                   struct fs_error *err)
{
    if (fs_record_text(record, key, text, reason, err) != 0) {
        return -1;
    }
    const char *fault = fs_category_fault(*text);
    if (fault != NULL) {
        *reason = FS_SKIP_BAD_LABEL;
        return fs_json_wrong(record->document, record->place, key, fault, "a name", err);
    }
    return 0;
}

int fs_parts_find(struct fs_parts *parts, const char *name, const struct fs_record *record, const char *key,
                  size_t *part, struct fs_error *err)
{
    if (parts->last < parts->count && strcmp(parts->name[parts->last], name) == 0) {
        *part = parts->last; /* records of one part stand side by side mostly */
        return 0;
    }
    for (*part = 0; *part < parts->count; (*part)++) {
        if (strcmp(parts->name[*part], name) == 0) {
            parts->last = *part;
            return 0;
        }
    }
    if (parts->count == FS_MOST_PARTS) {
        char found[64];
        (void)snprintf(found, sizeof found, "more than %d different ones", FS_MOST_PARTS);
        return fs_json_wrong(record->document, record->place, key, found, "the name of one of few parts", err);
    }
    if (fs_grow(&parts->name, &parts->room, parts->count + 1, sizeof *parts->name, "parts of a suite", err) != 0 ||
        fs_grow(&parts->items, &parts->items_room, parts->count + 1, sizeof *parts->items, "parts of a suite", err) !=
            0) {
        return -1;
    }
    parts->name[parts->count] = strdup(name);
    if (parts->name[parts->count] == NULL) {
        return fs_error_memory(err, strlen(name), "the name of a part");
    }
    parts->items[parts->count] = 0;
    parts->last = parts->count++;
    return 0;
}

void fs_parts_release(struct fs_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        free(parts->name[i]);
    }
    free(parts->name);
    free(parts->items);
    *parts = (struct fs_parts){0};
}

#include "io/formats/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of a list of keys an error text shows. */
enum { SHOWN_KEYS = 8, SHOWN = 320 };

static bool has_key(const cJSON *object, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (cJSON_GetObjectItemCaseSensitive(object, *keys) != NULL) {
            return true;
        }
    }
    return false;
}

const char *fs_records_describe(const cJSON *object, char *text, size_t room)
{
    if (!cJSON_IsObject(object) || object->child == NULL) {
        snprintf(text, room, "%s", cJSON_IsObject(object) ? "an empty object" : fs_json_kind(object));
        return text;
    }
    size_t used = (size_t)snprintf(text, room, "the keys "), shown = 0;
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        bool more = shown == SHOWN_KEYS;
        int written =
            snprintf(text + used, room - used, "%s%.60s", shown == 0 ? "" : ", ", more ? "..." : member->string);
        if (written < 0 || (size_t)written >= room - used || more) {
            break;
        }
        used += (size_t)written;
        shown++;
    }
    return text;
}

/* "context", "sentences" or ...: what a record is known by. */
static const char *list_keys(const char *const *keys, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; keys[i] != NULL && used < room; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s\"%s\"",
                                 i == 0                ? ""
                                 : keys[i + 1] == NULL ? " or "
                                                       : ", ",
                                 keys[i]);
    }
    return text;
}

static int refuse(const struct fs_json_document *document, const char *where, const cJSON *found,
                  const char *const *keys, struct fs_error *err)
{
    char is[SHOWN], wanted[SHOWN];
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s%sfound %s, expected a record with %s: JSON lines, an array of records, or columns",
                        fs_json_name(document), where, where[0] == '\0' ? "" : " ",
                        fs_records_describe(found, is, sizeof is), list_keys(keys, wanted, sizeof wanted));
}

static bool all_members(const cJSON *object, cJSON_bool (*is)(const cJSON *))
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        if (!is(member)) {
            return false;
        }
    }
    return object->child != NULL;
}

/* Whether each column has as many rows as the first, and the same names of rows in pandas' layout. */
static int check_columns(const struct fs_json_document *document, const cJSON *columns, struct fs_error *err)
{
    const cJSON *first = columns->child, *column;
    cJSON_ArrayForEach(column, columns)
    {
        const cJSON *expected = first->child, *cell;
        cJSON_ArrayForEach(cell, column)
        {
            if (expected == NULL) {
                break;
            }
            if (cell->string != NULL && strcmp(cell->string, expected->string) != 0) {
                return fs_error_set(err, FS_EXIT_DATA,
                                    "%s: column \"%.60s\": found row \"%.60s\", expected \"%.60s\" as in column "
                                    "\"%.60s\"",
                                    fs_json_name(document), column->string, cell->string, expected->string,
                                    first->string);
            }
            expected = expected->next;
        }
        if (cell != NULL || expected != NULL) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: column \"%.60s\": found %d values, expected %d as in \"%.60s\"",
                                fs_json_name(document), column->string, cJSON_GetArraySize(column),
                                cJSON_GetArraySize(first), first->string);
        }
    }
    return 0;
}

/* Moves the cells of `columns`, which were checked, into records; NULL where memory lacks. */
static cJSON *turn_columns(cJSON *columns)
{
    cJSON *list = cJSON_CreateArray();
    while (list != NULL && columns->child->child != NULL) {
        cJSON *record = cJSON_CreateObject(), *column;
        bool made = record != NULL && cJSON_AddItemToArray(list, record);
        cJSON_ArrayForEach(column, columns)
        {
            cJSON *cell = made ? cJSON_DetachItemFromArray(column, 0) : NULL;
            if (made && !cJSON_AddItemToObject(record, column->string, cell)) {
                cJSON_Delete(cell);
                made = false;
            }
        }
        if (!made) {
            cJSON_Delete(list);
            list = NULL;
        }
    }
    return list;
}

/* Moves the members of `from`, an array or an object, into an array. */
static cJSON *move_members(cJSON *from)
{
    cJSON *list = cJSON_CreateArray();
    while (list != NULL && from->child != NULL) {
        cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(from, 0));
    }
    return list;
}

/* The list of records of the only value of a file; NULL with `err` set. */
static cJSON *records_of(const struct fs_json_document *document, cJSON *value, const char *const *keys,
                         struct fs_error *err)
{
    cJSON *list = NULL;
    if (cJSON_IsArray(value) ||
        (!has_key(value, keys) && all_members(value, cJSON_IsObject) && has_key(value->child, keys))) {
        list = move_members(value);
    } else if (!has_key(value, keys)) {
        refuse(document, "", value, keys, err);
        return NULL;
    } else if (all_members(value, cJSON_IsArray) || all_members(value, cJSON_IsObject)) {
        if (check_columns(document, value, err) != 0) {
            return NULL;
        }
        list = turn_columns(value);
    }
    if (list == NULL) {
        fs_error_memory(err, sizeof *list, "records");
    }
    return list;
}

static bool is_single_record(const cJSON *value, const char *const *keys)
{
    return has_key(value, keys) && !all_members(value, cJSON_IsArray) && !all_members(value, cJSON_IsObject);
}

static int arrange(struct fs_records *records, const char *const *keys, struct fs_error *err)
{
    struct fs_json_document *document = records->document;
    cJSON *root = fs_json_edit(document);
    if (root->child == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is empty, expected records in JSON", fs_json_name(document));
    }
    records->lines = root->child->next != NULL || is_single_record(root->child, keys);
    if (!records->lines) {
        cJSON *list = records_of(document, root->child, keys, err);
        if (list == NULL) {
            return -1;
        }
        fs_json_replace(document, list);
    }
    records->list = fs_json_root(document);
    const cJSON *record;
    cJSON_ArrayForEach(record, records->list)
    {
        if (!has_key(record, keys)) {
            char place[FS_RECORD_PLACE];
            return refuse(document, fs_records_place(records, records->count, place), record, keys, err);
        }
        records->count++;
    }
    return 0;
}

int fs_records_take(struct fs_json_document *document, const char *const *keys, struct fs_records *records,
                    struct fs_error *err)
{
    *records = (struct fs_records){.document = document};
    if (arrange(records, keys, err) != 0) {
        fs_records_release(records);
        return -1;
    }
    return 0;
}

int fs_records_load(const char *path, const char *const *keys, struct fs_records *records, struct fs_error *err)
{
    struct fs_json_document *document;
    *records = (struct fs_records){0};
    return fs_json_load_values(path, &document, err) != 0 ? -1 : fs_records_take(document, keys, records, err);
}

void fs_records_release(struct fs_records *records)
{
    fs_json_destroy(records->document);
    *records = (struct fs_records){0};
}

const char *fs_records_place(const struct fs_records *records, size_t index, char place[FS_RECORD_PLACE])
{
    if (records->lines) {
        snprintf(place, FS_RECORD_PLACE, "line %zu:", fs_json_line(records->document, index));
    } else {
        snprintf(place, FS_RECORD_PLACE, "[%zu]", index);
    }
    return place;
}

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
                  const struct fs_record_kind *kind, struct fs_error *err)
{
    char is[SHOWN], wanted[SHOWN];
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s%sfound %s, expected a record with %s: JSON lines, an array of records, or columns%s%s",
                        fs_json_name(document), where, where[0] == '\0' ? "" : " ",
                        fs_records_describe(found, is, sizeof is), list_keys(kind->keys, wanted, sizeof wanted),
                        kind->otherwise != NULL ? "; or " : "", kind->otherwise != NULL ? kind->otherwise : "");
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

static bool is_one_of(const char *key, const char *const *keys)
{
    while (*keys != NULL && strcmp(*keys, key) != 0) {
        keys++;
    }
    return *keys != NULL;
}

cJSON *fs_records_turn(cJSON *columns, const char *const *keys, struct fs_error *err)
{
    const cJSON *first = keys != NULL ? cJSON_GetObjectItemCaseSensitive(columns, keys[0]) : columns->child;
    cJSON *list = cJSON_CreateArray();
    while (list != NULL && first->child != NULL) {
        cJSON *record = cJSON_CreateObject(), *column;
        bool made = record != NULL && cJSON_AddItemToArray(list, record);
        cJSON_ArrayForEach(column, columns)
        {
            bool wanted = made && (keys == NULL || is_one_of(column->string, keys));
            cJSON *cell = wanted ? cJSON_DetachItemFromArray(column, 0) : NULL;
            if (wanted && !cJSON_AddItemToObject(record, column->string, cell)) {
                cJSON_Delete(cell);
                made = false;
            }
        }
        if (!made) {
            cJSON_Delete(list);
            list = NULL;
        }
    }
    if (list == NULL) {
        fs_error_memory(err, sizeof *list, "records");
    }
    return list;
}

/* Moves the members of `from`, an array or an object, into an array; NULL with `err` set. */
static cJSON *move_members(cJSON *from, struct fs_error *err)
{
    cJSON *list = cJSON_CreateArray();
    while (list != NULL && from->child != NULL) {
        cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(from, 0));
    }
    if (list == NULL) {
        fs_error_memory(err, sizeof *list, "records");
    }
    return list;
}

/* No name twice that a record is known by. */
static int check_names(const struct fs_json_document *document, const cJSON *columns, const char *const *keys,
                       struct fs_error *err)
{
    for (; *keys != NULL; keys++) {
        size_t count = 0;
        const cJSON *name;
        cJSON_ArrayForEach(name, columns)
        {
            count += strcmp(name->valuestring, *keys) == 0 ? 1 : 0;
        }
        if (count > 1) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: columns: found \"%s\" %zu times, expected it once",
                                fs_json_name(document), *keys, count);
        }
    }
    return 0;
}

/* Gives the cells of each row of `rows` the names in `columns`; NULL with `err` set. */
static cJSON *name_cells(const struct fs_json_document *document, const cJSON *columns, cJSON *rows,
                         struct fs_error *err)
{
    cJSON *list = cJSON_CreateArray(), *row;
    size_t index = 0;
    cJSON_ArrayForEach(row, rows)
    {
        if (!cJSON_IsArray(row) || cJSON_GetArraySize(row) != cJSON_GetArraySize(columns)) {
            fs_error_set(err, FS_EXIT_DATA, "%s: data[%zu]: found %s, expected an array of %d values as in \"columns\"",
                         fs_json_name(document), index, cJSON_IsArray(row) ? "another number" : fs_json_kind(row),
                         cJSON_GetArraySize(columns));
            cJSON_Delete(list);
            return NULL;
        }
        cJSON *record = cJSON_CreateObject();
        bool made = list != NULL && record != NULL && cJSON_AddItemToArray(list, record);
        const cJSON *name;
        cJSON_ArrayForEach(name, columns)
        {
            cJSON *cell = made ? cJSON_DetachItemFromArray(row, 0) : NULL;
            made = made && cJSON_AddItemToObject(record, name->valuestring, cell);
        }
        if (!made) {
            fs_error_memory(err, sizeof *record, "records");
            cJSON_Delete(list);
            return NULL;
        }
        index++;
    }
    return list;
}

/* pandas' split and table; NULL with `err` set. */
static cJSON *records_of_data(const struct fs_json_document *document, const cJSON *value,
                              const struct fs_record_kind *kind, struct fs_error *err)
{
    const cJSON *columns = cJSON_GetObjectItemCaseSensitive(value, "columns");
    cJSON *data = cJSON_GetObjectItemCaseSensitive(value, "data");
    if (cJSON_IsArray(data) && cJSON_GetObjectItemCaseSensitive(value, "schema") != NULL) {
        return move_members(data, err);
    }
    if (cJSON_IsArray(data) && cJSON_IsArray(columns) && all_members(columns, cJSON_IsString)) {
        return check_names(document, columns, kind->keys, err) == 0 ? name_cells(document, columns, data, err) : NULL;
    }
    refuse(document, "", value, kind, err);
    return NULL;
}

/* The list of records of the only value of a file; NULL with `err` set. */
static cJSON *records_of(const struct fs_json_document *document, cJSON *value, const struct fs_record_kind *kind,
                         struct fs_error *err)
{
    if (cJSON_IsArray(value) ||
        (!has_key(value, kind->keys) && all_members(value, cJSON_IsObject) && has_key(value->child, kind->keys))) {
        return move_members(value, err);
    }
    if (!has_key(value, kind->keys)) {
        return records_of_data(document, value, kind, err);
    }
    return check_columns(document, value, err) == 0 ? fs_records_turn(value, NULL, err) : NULL;
}

static bool is_single_record(const cJSON *value, const struct fs_record_kind *kind)
{
    return has_key(value, kind->keys) && !all_members(value, cJSON_IsArray) && !all_members(value, cJSON_IsObject);
}

static int arrange(struct fs_records *records, const struct fs_record_kind *kind, struct fs_error *err)
{
    struct fs_json_document *document = records->document;
    cJSON *root = fs_json_edit(document);
    if (root->child == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is empty, expected records in JSON", fs_json_name(document));
    }
    records->lines = root->child->next != NULL || is_single_record(root->child, kind);
    if (!records->lines) {
        cJSON *list = records_of(document, root->child, kind, err);
        if (list == NULL) {
            return -1;
        }
        fs_json_replace(document, list);
    }
    records->list = fs_json_root(document);
    const cJSON *record;
    cJSON_ArrayForEach(record, records->list)
    {
        if (!has_key(record, kind->keys)) {
            char place[FS_RECORD_PLACE];
            return refuse(document, fs_records_place(records, records->count, place), record, kind, err);
        }
        records->count++;
    }
    return 0;
}

int fs_records_take(struct fs_json_document *document, const struct fs_record_kind *kind, struct fs_records *records,
                    struct fs_error *err)
{
    *records = (struct fs_records){.document = document};
    if (arrange(records, kind, err) != 0) {
        fs_records_release(records);
        return -1;
    }
    return 0;
}

int fs_records_load(const char *path, const struct fs_record_kind *kind, struct fs_records *records,
                    struct fs_error *err)
{
    struct fs_json_document *document;
    *records = (struct fs_records){0};
    return fs_json_load_values(path, &document, err) != 0 ? -1 : fs_records_take(document, kind, records, err);
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

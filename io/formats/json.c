#include "io/formats/json.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "io/formats/json_scan.h"

#define MAX_SIZE ((size_t)1 << 30)

/* The largest integer that a double holds and that no neighbouring integer rounds to. */
#define MAX_EXACT_INTEGER 9007199254740991.0

struct fs_json_document {
    char *name;
    cJSON *root;
    size_t *line; /* of each element of the root, where the file has several values; or NULL */
    bool *asked;  /* fs_json_note_asked's, or NULL */
};

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No key twice in `object`; sorted, since a vocabulary is one object of 100,000 keys and more. */
static int check_keys(const char *name, const cJSON *object, struct fs_error *err)
{
    size_t count = 0;
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        count++;
    }
    if (count < 2) {
        return 0;
    }
    const char **keys = fs_allocate(count, sizeof *keys, "the keys of a JSON object", err);
    if (keys == NULL) {
        return -1;
    }
    size_t used = 0;
    cJSON_ArrayForEach(member, object)
    {
        keys[used++] = member->string;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    int result = 0;
    for (size_t i = 1; i < count && result == 0; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            result =
                fs_error_set(err, FS_EXIT_DATA, "%s: key \"%.200s\" occurs twice in one object; remove one of the two",
                             name, keys[i]);
        }
    }
    free(keys);
    return result;
}

/* Recursion is bounded by FS_JSON_MAX_DEPTH. */
static int check_objects(const char *name, const cJSON *value, struct fs_error *err)
{
    if (cJSON_IsObject(value) && check_keys(name, value, err) != 0) {
        return -1;
    }
    const cJSON *member;
    cJSON_ArrayForEach(member, value)
    {
        if (member->child != NULL && check_objects(name, member, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* A document without a root, of a text that *text and *length give without a byte order mark. */
static int begin(const char *name, const char **text, size_t *length, struct fs_json_document **document,
                 struct fs_error *err)
{
    *document = NULL;
    if (*length > MAX_SIZE) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu bytes of JSON, expected at most %zu", name, *length,
                            MAX_SIZE);
    }
    size_t mark = fs_byte_order_mark((const unsigned char *)*text, *length); /* as some editors write */
    *text += mark;
    *length -= mark;
    struct fs_json_document *made = fs_allocate(1, sizeof *made, "a JSON document", err);
    if (made == NULL) {
        return -1;
    }
    made->name = strdup(name);
    if (made->name == NULL) {
        free(made);
        return fs_error_memory(err, strlen(name) + 1, "a JSON document");
    }
    *document = made;
    return 0;
}

/* The value that `text` is, which was scanned. */
static cJSON *parse_scanned(const char *name, const char *text, size_t length, struct fs_error *err)
{
    cJSON *value = cJSON_ParseWithLengthOpts(text, length, NULL, 0);
    if (value == NULL) {
        /* The scan found nothing wrong, so what is left is a lack of memory. */
        fs_error_memory(err, length, "a JSON document");
    } else if (check_objects(name, value, err) != 0) {
        cJSON_Delete(value);
        value = NULL;
    }
    return value;
}

/* The text with each \u0000 as FS_JSON_NUL, which is no UTF-8 and so stands for nothing else. The caller frees. */
static char *replace_nul(const char *text, size_t length, size_t *replaced, struct fs_error *err)
{
    char *out = fs_allocate(length + 1, 1, "a JSON document", err);
    size_t used = 0;
    for (size_t at = 0; out != NULL && at < length;) {
        if (text[at] != '\\' || length - at < 2) {
            out[used++] = text[at++];
        } else if (length - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0) {
            memcpy(out + used, FS_JSON_NUL, sizeof FS_JSON_NUL - 1);
            used += sizeof FS_JSON_NUL - 1;
            at += 6;
        } else { /* an escape that is no NUL, its second character with it */
            memcpy(out + used, text + at, 2);
            used += 2;
            at += 2;
        }
    }
    *replaced = used;
    return out;
}

/* `nul`: \u0000 may stand in it. */
static int parse_one(const char *name, const char *text, size_t length, bool nul, struct fs_json_document **document,
                     struct fs_error *err)
{
    char *copy = NULL;
    if (begin(name, &text, &length, document, err) != 0) {
        return -1;
    }
    int status = fs_json_scan(name, (const unsigned char *)text, length, nul, err);
    if (status == 0 && nul && memmem(text, length, "\\u0000", 6) != NULL) {
        copy = replace_nul(text, length, &length, err);
        text = copy;
        status = copy == NULL ? -1 : 0;
    }
    (*document)->root = status == 0 ? parse_scanned(name, text, length, err) : NULL;
    free(copy);
    if ((*document)->root == NULL) {
        fs_json_destroy(*document);
        *document = NULL;
        return -1;
    }
    return 0;
}

int fs_json_parse(const char *name, const char *text, size_t length, struct fs_json_document **document,
                  struct fs_error *err)
{
    return parse_one(name, text, length, false, document, err);
}

static int parse_with_nul(const char *name, const char *text, size_t length, struct fs_json_document **document,
                          struct fs_error *err)
{
    return parse_one(name, text, length, true, document, err);
}

static int add_values(struct fs_json_document *document, const char *text, size_t length, struct fs_error *err)
{
    size_t room = 0, count = 0, line = 1, end = 0;
    while (end < length && memchr(" \t\r\n", text[end], 4) != NULL) {
        end++;
    }
    for (size_t counted = 0, at = end; at < length; at = end) {
        if (fs_json_scan_next(document->name, (const unsigned char *)text, length, &end, err) != 0 ||
            fs_grow(&document->line, &room, count + 1, sizeof *document->line, "a JSON document", err) != 0) {
            return -1;
        }
        for (; counted < at; counted++) {
            line += text[counted] == '\n' ? 1 : 0;
        }
        document->line[count++] = line;
        cJSON *value = parse_scanned(document->name, text + at, end - at, err);
        if (value == NULL) {
            return -1;
        }
        cJSON_AddItemToArray(document->root, value);
    }
    return 0;
}

int fs_json_parse_values(const char *name, const char *text, size_t length, struct fs_json_document **document,
                         struct fs_error *err)
{
    if (begin(name, &text, &length, document, err) != 0) {
        return -1;
    }
    (*document)->root = cJSON_CreateArray();
    int result = (*document)->root == NULL ? fs_error_memory(err, length, "a JSON document")
                                           : add_values(*document, text, length, err);
    if (result != 0) {
        fs_json_destroy(*document);
        *document = NULL;
    }
    return result;
}

static int load(const char *path,
                int (*parse)(const char *, const char *, size_t, struct fs_json_document **, struct fs_error *),
                struct fs_json_document **document, struct fs_error *err)
{
    *document = NULL;
    struct fs_file_map map;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    int result = fs_refuse_file_kind(path, map.data, map.size, err) != 0
                     ? -1
                     : parse(path, (const char *)map.data, map.size, document, err);
    fs_file_map_close(&map);
    return result;
}

int fs_json_load(const char *path, struct fs_json_document **document, struct fs_error *err)
{
    return load(path, fs_json_parse, document, err);
}

int fs_json_load_with_nul(const char *path, struct fs_json_document **document, struct fs_error *err)
{
    return load(path, parse_with_nul, document, err);
}

int fs_json_bytes(const char *text, char **bytes, size_t *length, struct fs_error *err)
{
    size_t used = 0, size = strlen(text);
    *bytes = fs_allocate(size + 1, 1, "a text", err);
    for (size_t at = 0; *bytes != NULL && at < size; used++) {
        bool nul = strncmp(text + at, FS_JSON_NUL, sizeof FS_JSON_NUL - 1) == 0;
        (*bytes)[used] = text[at];
        if (nul) {
            (*bytes)[used] = '\0';
        }
        at += nul ? sizeof FS_JSON_NUL - 1 : 1;
    }
    *length = used;
    return *bytes != NULL ? 0 : -1;
}

int fs_json_load_values(const char *path, struct fs_json_document **document, struct fs_error *err)
{
    return load(path, fs_json_parse_values, document, err);
}

size_t fs_json_line(const struct fs_json_document *document, size_t index)
{
    return document->line[index];
}

cJSON *fs_json_edit(struct fs_json_document *document)
{
    return document->root;
}

void fs_json_replace(struct fs_json_document *document, cJSON *root)
{
    cJSON_Delete(document->root);
    document->root = root;
}

const cJSON *fs_json_root(const struct fs_json_document *document)
{
    return document->root;
}

const char *fs_json_name(const struct fs_json_document *document)
{
    return document->name;
}

void fs_json_destroy(struct fs_json_document *document)
{
    if (document != NULL) {
        cJSON_Delete(document->root);
        free(document->name);
        free(document->line);
        free(document);
    }
}

const char *fs_json_kind(const cJSON *value)
{
    return value == NULL           ? "nothing"
           : cJSON_IsObject(value) ? "an object"
           : cJSON_IsArray(value)  ? "an array"
           : cJSON_IsString(value) ? "a string"
           : cJSON_IsNumber(value) ? "a number"
           : cJSON_IsBool(value)   ? "true or false"
                                   : "null";
}

size_t fs_json_members(const struct fs_json_document *document)
{
    size_t count = 0;
    for (const cJSON *member = document->root->child; member != NULL; member = member->next) {
        count++;
    }
    return count;
}

void fs_json_note_asked(struct fs_json_document *document, bool *asked)
{
    document->asked = asked;
}

const cJSON *fs_json_member(const struct fs_json_document *document, const cJSON *object, const char *key)
{
    size_t index = 0;
    const cJSON *member = cJSON_IsObject(object) ? object->child : NULL;
    while (member != NULL && strcmp(member->string, key) != 0) {
        member = member->next;
        index++;
    }
    if (member != NULL && object == document->root && document->asked != NULL) {
        document->asked[index] = true;
    }
    return member;
}

/* The member `key`, or NULL where it is missing or null. */
static const cJSON *member_of(const struct fs_json_document *document, const cJSON *object, const char *key)
{
    const cJSON *value = fs_json_member(document, object, key);
    return cJSON_IsNull(value) ? NULL : value;
}

/* What stands between the place of an object and a key of it: "data.items[3].key", "line 4: key". */
static const char *joint(const char *where)
{
    size_t length = strlen(where);
    return length == 0 ? "" : where[length - 1] == ':' ? " " : ".";
}

int fs_json_wrong(const struct fs_json_document *document, const char *where, const char *key, const char *found,
                  const char *expected, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s%s%s: found %s, expected %s", document->name, where, joint(where),
                        key, found, expected);
}

int fs_json_object(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                   const cJSON **value, struct fs_error *err)
{
    const cJSON *found = member_of(document, object, key);
    if (!cJSON_IsObject(found)) {
        return fs_json_wrong(document, where, key, fs_json_kind(found), "an object", err);
    }
    *value = found;
    return 0;
}

int fs_json_array(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                  const cJSON **value, struct fs_error *err)
{
    const cJSON *found = member_of(document, object, key);
    if (!cJSON_IsArray(found)) {
        return fs_json_wrong(document, where, key, fs_json_kind(found), "an array", err);
    }
    *value = found;
    return 0;
}

int fs_json_text(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                 const char **value, struct fs_error *err)
{
    const cJSON *found = member_of(document, object, key);
    if (!cJSON_IsString(found)) {
        return fs_json_wrong(document, where, key, fs_json_kind(found), "a string", err);
    }
    if (strstr(found->valuestring, FS_JSON_NUL) != NULL) {
        return fs_json_wrong(document, where, key, "text with \\u0000", "a string without it", err);
    }
    *value = found->valuestring;
    return 0;
}

int fs_json_text_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                          const char *key, const char **value, struct fs_error *err)
{
    return member_of(document, object, key) == NULL ? 0 : fs_json_text(document, object, where, key, value, err);
}

int fs_json_size(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                 struct fs_size_range range, size_t *value, struct fs_error *err)
{
    const cJSON *found = member_of(document, object, key);
    char expected[96];
    snprintf(expected, sizeof expected, "an integer from %zu to %zu", range.least, range.most);
    if (!cJSON_IsNumber(found)) {
        return fs_json_wrong(document, where, key, fs_json_kind(found), expected, err);
    }
    size_t size = 0;
    if (fs_json_exact_size(found, &size) != 0 || size < range.least || size > range.most) {
        char number[48];
        snprintf(number, sizeof number, "%.17g", found->valuedouble);
        return fs_json_wrong(document, where, key, number, expected, err);
    }
    *value = size;
    return 0;
}

int fs_json_exact_size(const cJSON *value, size_t *size)
{
    if (!cJSON_IsNumber(value)) {
        return -1;
    }
    double number = value->valuedouble;
    if (!(number >= 0) || number > MAX_EXACT_INTEGER || number != floor(number) || number > (double)(SIZE_MAX / 2)) {
        return -1;
    }
    *size = (size_t)number;
    return 0;
}

int fs_json_size_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                          const char *key, struct fs_size_range range, size_t *value, struct fs_error *err)
{
    return member_of(document, object, key) == NULL ? 0 : fs_json_size(document, object, where, key, range, value, err);
}

int fs_json_number_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                            const char *key, struct fs_number_range range, double *value, struct fs_error *err)
{
    const cJSON *found = member_of(document, object, key);
    if (found == NULL) {
        return 0;
    }
    char expected[96];
    snprintf(expected, sizeof expected, "a number from %g to %g", range.least, range.most);
    if (!cJSON_IsNumber(found)) {
        return fs_json_wrong(document, where, key, fs_json_kind(found), expected, err);
    }
    if (!(found->valuedouble >= range.least && found->valuedouble <= range.most)) {
        char number[48];
        snprintf(number, sizeof number, "%.17g", found->valuedouble);
        return fs_json_wrong(document, where, key, number, expected, err);
    }
    *value = found->valuedouble;
    return 0;
}

int fs_json_bool_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                          const char *key, bool *value, struct fs_error *err)
{
    const cJSON *found = member_of(document, object, key);
    if (found == NULL) {
        return 0;
    }
    if (!cJSON_IsBool(found)) {
        return fs_json_wrong(document, where, key, fs_json_kind(found), "true or false", err);
    }
    *value = cJSON_IsTrue(found) != 0;
    return 0;
}

/* Levenshtein's distance; names beyond 63 bytes are cut, which only a suggestion suffers from. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[64];
    size_t length = strnlen(b, sizeof row / sizeof row[0] - 1);
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0' && i < sizeof row / sizeof row[0]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t best = diagonal + (a[i] != b[j] ? 1 : 0);
            best = row[j + 1] + 1 < best ? row[j + 1] + 1 : best;
            best = row[j] + 1 < best ? row[j] + 1 : best;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[length];
}

const char *fs_nearest_name(const char *name, const char *const *known)
{
    const char *nearest = NULL;
    size_t best = 0;
    for (; *known != NULL; known++) {
        size_t distance = edit_distance(name, *known);
        if (nearest == NULL || distance < best) {
            nearest = *known;
            best = distance;
        }
    }
    return nearest;
}

const char *fs_near_name(const char *name, const char *const *known)
{
    const char *nearest = fs_nearest_name(name, known);
    return edit_distance(name, nearest) <= strlen(name) / 3 + 1 ? nearest : NULL;
}

int fs_json_refuse_unknown(const struct fs_json_document *document, const cJSON *object, const char *where,
                           const char *const *known, struct fs_error *err)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        const char *const *name = known;
        while (*name != NULL && strcmp(*name, member->string) != 0) {
            name++;
        }
        if (*name == NULL) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s%s%.200s: unknown key; the nearest known one is \"%s\"",
                                document->name, where, joint(where), member->string,
                                fs_nearest_name(member->string, known));
        }
    }
    return 0;
}

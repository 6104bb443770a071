#include "model/tokenizer/json_part.h"

#include <stdio.h>
#include <string.h>

#include "io/utf8.h"

int fs_json_part_type(const struct fs_json_document *document, const cJSON *object, const char *where,
                      const char **type, struct fs_error *err)
{
    if (!cJSON_IsObject(object)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected an object with a type",
                            fs_json_name(document), where, fs_json_kind(object));
    }
    return fs_json_text(document, object, where, "type", type, err);
}

int fs_json_part_keys(const struct fs_json_document *document, const cJSON *object, const char *where,
                      const char *const *keys, struct fs_error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        const char *const *key = keys;
        while (*key != NULL && strcmp(*key, item->string) != 0) {
            key++;
        }
        if (*key == NULL) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s: key \"%.100s\" is not supported", fs_json_name(document),
                                where, item->string);
        }
    }
    return 0;
}

int fs_json_part_character(const struct fs_json_document *document, const cJSON *object, const char *where,
                           const char *key, const char **text, struct fs_error *err)
{
    if (fs_json_text(document, object, where, key, text, err) != 0) {
        return -1;
    }
    if (**text == '\0' || fs_utf8_length((unsigned char)**text) != strlen(*text)) {
        return fs_json_wrong(document, where, key, **text != '\0' ? "several characters" : "an empty string",
                             "one character", err);
    }
    return 0;
}

int fs_json_part_pattern(struct fs_pattern *pattern, const struct fs_json_document *document, const cJSON *object,
                         const char *where, struct fs_error *err)
{
    char name[512];
    const cJSON *choice;
    const char *text;
    snprintf(name, sizeof name, "%s: %s.pattern", fs_json_name(document), where);
    if (fs_json_object(document, object, where, "pattern", &choice, err)) {
        return -1;
    }
    if (cJSON_GetObjectItemCaseSensitive(choice, "String") != NULL) {
        if (fs_json_text(document, choice, where, "String", &text, err)) {
            return -1;
        }
        return fs_pattern_literal(pattern, name, text, err);
    }
    if (fs_json_text(document, choice, where, "Regex", &text, err)) {
        return -1;
    }
    return fs_pattern_regex(pattern, name, text, err);
}

int fs_json_part_unsupported(const struct fs_json_document *document, const char *where, const char *type,
                             const char *supported, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s: type \"%.100s\" is not supported; supported: %s",
                        fs_json_name(document), where, type, supported);
}

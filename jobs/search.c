#include "jobs/search.h"

#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "io/values.h"

const char *fs_tried_next(const char *entry, char text[FS_SEARCH_SETTING_SIZE])
{
    entry += strspn(entry, " ");
    size_t length = strcspn(entry, " ");
    snprintf(text, FS_SEARCH_SETTING_SIZE, "%.*s",
             (int)(length < FS_SEARCH_SETTING_SIZE ? length : FS_SEARCH_SETTING_SIZE - 1), entry);
    return entry + length;
}

/* The row of "key=value", and the method whose it is; NULL: a method has no such key. */
static const struct fs_setting *find(const char *text, const struct fs_method **method)
{
    size_t length = strcspn(text, "=");
    for (size_t m = 0; m < fs_method_count; m++) {
        const struct fs_settings *settings = fs_methods[m]->settings;
        for (size_t i = 0; settings != NULL && fs_methods[m]->trainer != NULL && i < settings->count; i++) {
            if (strlen(settings->row[i].key) == length && strncmp(settings->row[i].key, text, length) == 0) {
                *method = fs_methods[m];
                return &settings->row[i];
            }
        }
    }
    return NULL;
}

const struct fs_method *fs_tried_method(const char *entry)
{
    char text[FS_SEARCH_SETTING_SIZE];
    const struct fs_method *method = NULL;
    (void)fs_tried_next(entry, text);
    return find(text, &method) != NULL ? method : NULL;
}

static int check_value(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                       struct fs_error *err)
{
    const char *equals = strchr(text, '=');
    struct fs_setting_value value = {0};
    int status = fs_setting_read_text(setting, origin, equals + 1, &value, err);
    fs_setting_release(&value);
    return status;
}

static int write_text(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                      FILE *stream, struct fs_error *err)
{
    char one[FS_SEARCH_SETTING_SIZE];
    const struct fs_method *method = NULL;
    for (const char *rest = fs_tried_next(text, one); one[0] != '\0'; rest = fs_tried_next(rest, one)) {
        const struct fs_method *own = NULL;
        const struct fs_setting *row = find(one, &own);
        if (row == NULL || strchr(one, '=') == NULL) {
            return fs_error_set(
                err, FS_EXIT_CONFIG,
                "%s: %s: found \"%.100s\", expected KEY=VALUE with a key of a method that trains, such as "
                "%s",
                origin->name, setting->key, one, fs_methods[0]->settings->row[0].key);
        }
        if (method != NULL && own != method) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "%s: %s: found keys of %s and of %s in one entry, expected one method's", origin->name,
                                setting->key, method->name, own->name);
        }
        if (check_value(row, origin, one, err) != 0) {
            return fs_error_prepend(err, "%s", setting->key);
        }
        fprintf(stream, "%s%s", method != NULL ? " " : "", one);
        method = own;
    }
    return method != NULL
               ? 0
               : fs_error_set(err, FS_EXIT_CONFIG,
                              "%s: %s: found an empty entry, expected settings of a method; its own of the job are "
                              "tried in any case",
                              origin->name, setting->key);
}

static int write_object(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *object,
                        FILE *stream, struct fs_error *err)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        char number[FS_NUMBER_SIZE] = "";
        const char *text = cJSON_IsString(member) ? member->valuestring
                           : cJSON_IsBool(member) ? (cJSON_IsTrue(member) ? "true" : "false")
                                                  : number;
        if (cJSON_IsNumber(member)) {
            fs_number_text(member->valuedouble, number);
        }
        if (text[0] == '\0' || strpbrk(text, " ,") != NULL) {
            return fs_error_set(
                err, FS_EXIT_CONFIG,
                "%s: %s: %.100s: found %s, expected a number, true or false, or a text without blanks and "
                "commas",
                origin->name, setting->key, member->string, fs_json_kind(member));
        }
        fprintf(stream, "%s%s=%s", member != object->child ? " " : "", member->string, text);
    }
    return 0;
}

const struct fs_setting_entry fs_tried_entry = {
    .write_text = write_text,
    .write_object = write_object,
    .schema = "{\"anyOf\": [{\"type\": \"string\", \"minLength\": 1}, {\"type\": \"object\", \"minProperties\": 1, "
              "\"additionalProperties\": {\"type\": [\"string\", \"number\", \"boolean\"]}}]}",
};

static size_t count_of(const char *const *entry, const struct fs_method *method)
{
    size_t count = 0;
    for (size_t i = 0; entry[i] != NULL; i++) {
        count += fs_tried_method(entry[i]) == method ? 1 : 0;
    }
    return count;
}

int fs_tried_check(const char *const *entry, const struct fs_job_method *method, size_t methods, struct fs_error *err)
{
    const struct fs_method *first = NULL;
    size_t expected = 0, used = 0, all = 0;
    for (size_t i = 0; i < methods; i++) {
        const struct fs_method *own = method[i].method;
        bool again = false; /* at another strength: one training */
        for (size_t before = 0; before < i; before++) {
            again = again || method[before].method == own;
        }
        if (own->trainer == NULL || again) {
            continue;
        }
        size_t count = count_of(entry, own);
        if (first != NULL && count != expected) {
            return fs_error_set(
                err, FS_EXIT_CONFIG,
                "search.settings: found %zu of %s and %zu of %s, expected as many of each method that trains", expected,
                first->name, count, own->name);
        }
        first = own;
        expected = count;
        used += count;
    }
    while (entry[all] != NULL) {
        all++;
    }
    for (size_t k = 0; used < all && k < all; k++) {
        bool trained = false;
        for (size_t i = 0; i < methods; i++) {
            trained = trained || method[i].method == fs_tried_method(entry[k]);
        }
        if (!trained) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "search.settings: found \"%.100s\", and the job has no method %s; add it to methods",
                                entry[k], fs_tried_method(entry[k])->name);
        }
    }
    return 0;
}

#include "jobs/methods.h"

#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "io/values.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

#define STRONGEST 10.0 /* times what a trained edit adds */

/* The parts of "NAME=METHOD:PATH" or "NAME=METHOD:STRENGTH"; NULL where not given. */
struct parts {
    char *text; /* the block behind them */
    const char *name, *method, *rest;
};

static int split(const char *text, struct parts *parts, struct fs_error *err)
{
    *parts = (struct parts){.text = strdup(text)};
    if (parts->text == NULL) {
        return fs_error_memory(err, strlen(text), "a method");
    }
    char *rest = parts->text, *colon = strchr(rest, ':'), *equals = strchr(rest, '=');
    if (equals != NULL && (colon == NULL || equals < colon)) {
        *equals = '\0';
        parts->name = rest;
        rest = equals + 1;
    }
    if (colon != NULL) {
        *colon = '\0';
        parts->rest = colon + 1;
    }
    parts->method = rest;
    return 0;
}

/* The last component of a path, as a name; "" where there is none. The caller frees. */
static char *name_of_path(const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    char *name = strndup(path + begin, end - begin);
    for (char *c = name; c != NULL && *c != '\0'; c++) {
        if (strchr(NAME_CHARACTERS, *c) == NULL) {
            *c = '-';
        }
    }
    return name;
}

static int check_name(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *name,
                      struct fs_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length >= FS_COLUMN_NAME_SIZE || strspn(name, NAME_CHARACTERS) != length ||
        strcmp(name, "unedited") == 0) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: %s: found the name \"%.100s\", expected 1 to %d letters, digits and . _ -, and not "
                            "\"unedited\"",
                            origin->name, setting->key, name, FS_COLUMN_NAME_SIZE - 1);
    }
    return 0;
}

static const struct fs_method *find(const struct fs_setting *setting, const struct fs_setting_origin *origin,
                                    const char *name, struct fs_error *err)
{
    const struct fs_method *method = fs_method_find(name);
    char known[256];
    size_t used = 0;
    for (size_t i = 0; method == NULL && i < fs_method_count && used < sizeof known; i++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s%s", i > 0 ? ", " : "", fs_methods[i]->name,
                                 fs_methods[i]->takes_model ? ":DIR" : "");
    }
    if (method == NULL) {
        fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found \"%.100s\", expected one of the methods %s", origin->name,
                     setting->key, name, known);
    }
    return method;
}

static int check_strength(const struct fs_setting *setting, const struct fs_setting_origin *origin,
                          const struct parts *parts, struct fs_error *err)
{
    double strength;
    if (fs_parse_number(setting->key, parts->rest, 0, STRONGEST, &strength, NULL) != 0 || strength <= 0) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "%s: %s: found \"%s:%.100s\", expected %s alone, or %s:STRENGTH, a number above 0 and up to %g "
            "by which what it adds is multiplied",
            origin->name, setting->key, parts->method, parts->rest, parts->method, parts->method, STRONGEST);
    }
    return 0;
}

static int write_parts(const struct fs_setting *setting, const struct fs_setting_origin *origin,
                       const struct parts *parts, FILE *stream, struct fs_error *err)
{
    const struct fs_method *method = find(setting, origin, parts->method, err);
    if (method == NULL) {
        return -1;
    }
    if (!method->takes_model) {
        if ((parts->name != NULL && check_name(setting, origin, parts->name, err) != 0) ||
            (parts->rest != NULL && check_strength(setting, origin, parts, err) != 0)) {
            return -1;
        }
        fprintf(stream, "%s%s%s%s%s", parts->name != NULL ? parts->name : "", parts->name != NULL ? "=" : "",
                method->name, parts->rest != NULL ? ":" : "", parts->rest != NULL ? parts->rest : "");
        return 0;
    }
    if (parts->rest == NULL || parts->rest[0] == '\0') {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: %s: found \"%s\" without a folder, expected %s:DIR, the folder of a model",
                            origin->name, setting->key, method->name, method->name);
    }
    char *path = fs_setting_absolute(origin, strdup(parts->rest), err);
    char *name = path == NULL ? NULL : parts->name != NULL ? strdup(parts->name) : name_of_path(path);
    int status = -1;
    if (path != NULL && name == NULL) {
        fs_error_memory(err, strlen(path), "a method");
    } else if (path != NULL && check_name(setting, origin, name, err) == 0) {
        fprintf(stream, "%s=%s:%s", name, method->name, path);
        status = 0;
    }
    free(path);
    free(name);
    return status;
}

static int write_text(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                      FILE *stream, struct fs_error *err)
{
    struct parts parts;
    int status = split(text, &parts, err) == 0 ? write_parts(setting, origin, &parts, stream, err) : -1;
    free(parts.text);
    return status;
}

/* {"checkpoint": "DIR", "name": "NAME"}, {"stamp": 0.5} */
static int write_object(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *object,
                        FILE *stream, struct fs_error *err)
{
    const cJSON *member, *method = NULL;
    const char *name = NULL;
    cJSON_ArrayForEach(member, object)
    {
        const struct fs_method *known = fs_method_find(member->string);
        bool number = cJSON_IsNumber(member) && known != NULL && !known->takes_model;
        if (!number && (!cJSON_IsString(member) || strchr(member->valuestring, ',') != NULL)) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: %.100s: found %s, expected a text without commas",
                                origin->name, setting->key, member->string, fs_json_kind(member));
        }
        if (strcmp(member->string, "name") == 0) {
            name = member->valuestring;
        } else if (method != NULL) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "%s: %s: found \"%.100s\" and \"%.100s\" in one object, expected one method and its "
                                "\"name\"",
                                origin->name, setting->key, method->string, member->string);
        } else {
            method = member;
        }
    }
    if (method == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: %s: found an object without a method, expected {\"checkpoint\": \"DIR\", \"name\": "
                            "\"NAME\"}",
                            origin->name, setting->key);
    }
    char number[FS_NUMBER_SIZE];
    fs_number_text(cJSON_IsNumber(method) ? method->valuedouble : 0, number);
    fprintf(stream, "%s%s%s:%s", name != NULL ? name : "", name != NULL ? "=" : "", method->string,
            cJSON_IsNumber(method) ? number : method->valuestring);
    return 0;
}

const struct fs_setting_entry fs_method_entry = {
    .write_text = write_text,
    .write_object = write_object,
    .schema = "{\"anyOf\": [{\"type\": \"string\", \"minLength\": 1}, {\"type\": \"object\", \"minProperties\": 1, "
              "\"additionalProperties\": {\"type\": [\"string\", \"number\"], \"minLength\": 1}}]}",
};

static int check_unique(const struct fs_job_method *method, size_t count, struct fs_error *err)
{
    const struct fs_job_method *own = &method[count];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(method[i].name, own->name) == 0) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "methods: two columns would be called \"%s\"; give one of them another \"name\"",
                                own->name);
        }
        if (!method[i].method->takes_model && method[i].method == own->method && method[i].strength == own->strength) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "methods: found \"%s\" and \"%s\", which are one column twice; expected a method "
                                "once, or at several strengths",
                                method[i].name, own->name);
        }
    }
    return 0;
}

int fs_methods_read(const char *const *entry, struct fs_job_method **list, size_t *count, struct fs_error *err)
{
    size_t entries = 0;
    while (entry[entries] != NULL) {
        entries++;
    }
    struct fs_job_method *method = fs_allocate(entries, sizeof *method, "the methods", err);
    int status = method == NULL ? -1 : 0;
    *count = 0;
    for (size_t i = 0; status == 0 && i < entries; i++) {
        struct parts parts;
        status = split(entry[i], &parts, err);
        if (status == 0) {
            method[i].method = fs_method_find(parts.method); /* write_text has checked the entry */
            bool takes_model = method[i].method->takes_model;
            method[i].path = takes_model ? entry[i] + (parts.rest - parts.text) : NULL;
            method[i].strength = !takes_model && parts.rest != NULL ? strtod(parts.rest, NULL) : 1;
            snprintf(method[i].name, FS_COLUMN_NAME_SIZE, "%s%s%s", parts.name != NULL ? parts.name : parts.method,
                     parts.name == NULL && method[i].strength != 1 ? "-" : "",
                     parts.name == NULL && method[i].strength != 1 ? parts.rest : "");
            status = check_unique(method, i, err);
        }
        free(parts.text);
    }
    if (status != 0) {
        free(method);
        return -1;
    }
    *list = method;
    *count = entries;
    return 0;
}

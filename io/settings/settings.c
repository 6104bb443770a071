#include "io/settings/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/formats/json.h"
#include "io/values.h"

#define LONGEST_NAME 200 /* bytes */

const char *fs_setting_choices(const struct fs_setting *setting)
{
    return setting->kind == FS_SETTING_FLAG ? "true|false" : setting->choices;
}

static bool is_number(const struct fs_setting *setting)
{
    return setting->kind == FS_SETTING_INTEGER || setting->kind == FS_SETTING_NUMBER;
}

static int wrong(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *found,
                 const char *expected, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found %s, expected %s", origin->name, setting->key, found,
                        expected);
}

/* Writes the variable of "${NAME}" at `text`. The end of the name, or NULL with `err` set. */
static const char *expand_variable(const struct fs_setting *setting, const struct fs_setting_origin *origin,
                                   const char *text, FILE *stream, struct fs_error *err)
{
    const char *name = text + 2, *end = strchr(name, '}');
    if (end == NULL || end == name) {
        fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found \"${\" without a name and \"}\"", origin->name, setting->key);
        return NULL;
    }
    char *variable = strndup(name, (size_t)(end - name));
    const char *replacement = variable != NULL ? getenv(variable) : NULL;
    if (replacement != NULL) {
        fputs(replacement, stream);
    } else {
        fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: the environment has no variable %s; export it", origin->name,
                     setting->key, variable != NULL ? variable : "");
    }
    free(variable);
    return replacement != NULL ? end + 1 : NULL;
}

/* A copy of `text` with every ${NAME} replaced; the caller frees. */
static char *expand(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                    struct fs_error *err)
{
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    if (stream == NULL) {
        fs_error_memory(err, strlen(text), "a setting");
        return NULL;
    }
    while (text != NULL && *text != '\0') {
        if (text[0] == '$' && text[1] == '{') {
            text = expand_variable(setting, origin, text, stream, err);
        } else {
            fputc(*text++, stream);
        }
    }
    if (fclose(stream) != 0 && text != NULL) {
        fs_error_memory(err, size, "a setting");
        text = NULL;
    }
    if (text == NULL) {
        free(out);
        return NULL;
    }
    return out;
}

static int assign_number(const struct fs_setting *setting, const struct fs_setting_origin *origin, double number,
                         struct fs_setting_value *value, struct fs_error *err)
{
    char text[FS_NUMBER_SIZE];
    fs_number_text(number, text);
    bool whole = setting->kind != FS_SETTING_NUMBER;
    if (!(number >= setting->least && number <= setting->most) || (whole && number != floor(number))) {
        char expected[128], low[FS_NUMBER_SIZE], high[FS_NUMBER_SIZE];
        fs_number_text(setting->least, low);
        fs_number_text(setting->most, high);
        snprintf(expected, sizeof expected, "a %s from %s to %s%s", whole ? "whole number" : "number", low, high,
                 setting->kind == FS_SETTING_AUTO ? ", or \"auto\"" : "");
        return wrong(setting, origin, text, expected, err);
    }
    fs_setting_release(value);
    value->number = number;
    value->text = strdup(text);
    return value->text != NULL ? 0 : fs_error_memory(err, sizeof text, "a setting");
}

char *fs_setting_absolute(const struct fs_setting_origin *origin, char *path, struct fs_error *err)
{
    if (path == NULL) {
        fs_error_memory(err, 1, "a path");
        return NULL;
    }
    if (path[0] == '/') {
        return path;
    }
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
        fs_error_set(err, FS_EXIT_CONFIG,
                     "%s: found the path %s; ~ stands for the home folder in a shell alone, write ${HOME}%s",
                     origin->name, path, path + 1);
        free(path);
        return NULL;
    }
    char *joined = NULL, *working = NULL;
    const char *folder = origin->folder;
    if (folder == NULL || folder[0] != '/') {
        working = getcwd(NULL, 0);
    }
    int length = -1;
    if (folder != NULL && folder[0] == '/') {
        length = asprintf(&joined, "%s/%s", folder, path);
    } else if (working != NULL) {
        length = folder == NULL || folder[0] == '\0' ? asprintf(&joined, "%s/%s", working, path)
                                                     : asprintf(&joined, "%s/%s/%s", working, folder, path);
    }
    free(working);
    free(path);
    if (length < 0) {
        fs_error_set(err, FS_EXIT_OS, "%s: the path of the working directory cannot be found", origin->name);
        return NULL;
    }
    return joined;
}

static int read_number(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                       struct fs_setting_value *value, struct fs_error *err)
{
    char *end, quoted[128];
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || strspn(text, "+-0123456789.eE") != strlen(text)) {
        snprintf(quoted, sizeof quoted, "\"%.100s\"", text);
        return wrong(setting, origin, quoted, setting->kind == FS_SETTING_AUTO ? "a number or \"auto\"" : "a number",
                     err);
    }
    return assign_number(setting, origin, number, value, err);
}

/* Each entry as the setting's hook keeps it. */
static int read_entries(const struct fs_setting *setting, const struct fs_setting_origin *origin,
                        struct fs_setting_value *value, struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 1, "a setting");
    }
    int status = 0;
    for (size_t i = 0; status == 0 && value->list[i] != NULL; i++) {
        fprintf(stream, "%s", i > 0 ? "," : "");
        status = setting->entry->write_text(setting, origin, value->list[i], stream, err);
    }
    if (fclose(stream) != 0 && status == 0) {
        status = fs_error_memory(err, size, "a setting");
    }
    fs_setting_release(value);
    value->text = text;
    return status == 0 ? fs_split_list(setting->key, text, &value->list, err) : -1;
}

static int read_list_text(const struct fs_setting *setting, const struct fs_setting_origin *origin,
                          struct fs_setting_value *value, struct fs_error *err)
{
    if (fs_split_list(setting->key, value->text, &value->list, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return fs_error_prepend(err, "%s", origin->name);
    }
    if (setting->single && value->list[1] != NULL) {
        char quoted[128];
        snprintf(quoted, sizeof quoted, "\"%.100s\"", value->text);
        return wrong(setting, origin, quoted, "one entry", err);
    }
    return setting->entry != NULL ? read_entries(setting, origin, value, err) : 0;
}

/* Lists part names at commas, tables at the end of a line. */
static int check_name(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                      struct fs_error *err)
{
    char quoted[128];
    bool plain = strlen(text) <= LONGEST_NAME && strchr(text, ',') == NULL;
    for (const char *c = text; plain && *c != '\0'; c++) {
        plain = (unsigned char)*c >= ' ' && *c != 0x7f;
    }
    snprintf(quoted, sizeof quoted, "\"%.100s\"", text);
    return plain ? 0 : wrong(setting, origin, quoted, "a name of one line and at most 200 bytes, without commas", err);
}

/* `text` is expanded. */
static int read_expanded(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                         struct fs_setting_value *value, struct fs_error *err)
{
    const char *choices = fs_setting_choices(setting);
    char quoted[128];
    if (is_number(setting) || (setting->kind == FS_SETTING_AUTO && strcmp(text, "auto") != 0)) {
        return read_number(setting, origin, text, value, err);
    }
    if (text[0] == '\0') {
        return wrong(setting, origin, "an empty text", "a value", err);
    }
    if (choices != NULL && !fs_is_choice(choices, text)) {
        snprintf(quoted, sizeof quoted, "\"%.100s\"", text);
        return wrong(setting, origin, quoted, choices, err);
    }
    if (setting->kind == FS_SETTING_NAME && check_name(setting, origin, text, err) != 0) {
        return -1;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return fs_error_memory(err, strlen(text), "a setting");
    }
    if (setting->kind == FS_SETTING_PATH) {
        copy = fs_setting_absolute(origin, copy, err);
        if (copy == NULL) {
            return -1;
        }
    }
    fs_setting_release(value);
    value->text = copy;
    return setting->kind == FS_SETTING_LIST ? read_list_text(setting, origin, value, err) : 0;
}

int fs_setting_read_text(const struct fs_setting *setting, const struct fs_setting_origin *origin, const char *text,
                         struct fs_setting_value *value, struct fs_error *err)
{
    char *expanded = expand(setting, origin, text, err);
    int status = expanded != NULL ? read_expanded(setting, origin, expanded, value, err) : -1;
    free(expanded);
    return status;
}

static int read_list(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *array,
                     struct fs_setting_value *value, struct fs_error *err)
{
    char *joined = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&joined, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 1, "a setting");
    }
    const cJSON *entry = setting->single ? array : array->child;
    const char *problem = setting->single || (cJSON_IsArray(array) && entry != NULL) ? NULL : fs_json_kind(array);
    int status = 0;
    for (; status == 0 && problem == NULL && entry != NULL; entry = setting->single ? NULL : entry->next) {
        if (cJSON_IsString(entry) && strchr(entry->valuestring, ',') == NULL) {
            fprintf(stream, "%s", entry->valuestring);
        } else if (cJSON_IsObject(entry) && setting->entry != NULL) {
            status = setting->entry->write_object(setting, origin, entry, stream, err);
        } else {
            problem = fs_json_kind(entry);
        }
        fprintf(stream, "%s", !setting->single && entry->next != NULL ? "," : "");
    }
    if (fclose(stream) != 0 && status == 0) {
        status = fs_error_memory(err, size, "a setting");
    }
    if (status == 0 && problem != NULL) {
        status = wrong(setting, origin, problem, setting->single ? "a name" : "a list of names, not empty", err);
    }
    if (status == 0) {
        status = fs_setting_read_text(setting, origin, joined, value, err);
    }
    free(joined);
    return status;
}

int fs_setting_read_json(const struct fs_setting *setting, const struct fs_setting_origin *origin, const cJSON *item,
                         struct fs_setting_value *value, struct fs_error *err)
{
    bool takes_number = is_number(setting) || setting->kind == FS_SETTING_AUTO;
    bool takes_text = setting->kind == FS_SETTING_PATH || setting->kind == FS_SETTING_NAME ||
                      setting->kind == FS_SETTING_CHOICE || setting->kind == FS_SETTING_AUTO;
    if (setting->kind == FS_SETTING_LIST) {
        return read_list(setting, origin, item, value, err);
    }
    if (takes_number && cJSON_IsNumber(item)) {
        return assign_number(setting, origin, item->valuedouble, value, err);
    }
    if (takes_text && cJSON_IsString(item)) {
        return fs_setting_read_text(setting, origin, item->valuestring, value, err);
    }
    if (setting->kind == FS_SETTING_FLAG) {
        return cJSON_IsBool(item)
                   ? fs_setting_read_text(setting, origin, cJSON_IsTrue(item) ? "true" : "false", value, err)
                   : wrong(setting, origin, fs_json_kind(item), "true or false", err);
    }
    return wrong(setting, origin, fs_json_kind(item),
                 takes_number ? (takes_text ? "a number or \"auto\"" : "a number") : "a text", err);
}

void fs_setting_release(struct fs_setting_value *value)
{
    free(value->text);
    free(value->list);
    *value = (struct fs_setting_value){.number = NAN};
}

const char *fs_setting_text(const struct fs_setting *setting, const struct fs_setting_value *value, size_t variant)
{
    if (value->text != NULL) {
        return value->text;
    }
    if (value->preset != NULL) {
        return value->preset[variant];
    }
    return setting->initial != NULL ? setting->initial : setting->initial_by_variant[variant];
}

/* Which of "a|b|c" `text` is. */
static unsigned choice_of(const char *choices, const char *text)
{
    unsigned place = 0;
    for (size_t length = strcspn(choices, "|"); choices[length] == '|'; length = strcspn(choices, "|")) {
        if (strncmp(choices, text, length) == 0 && text[length] == '\0') {
            return place;
        }
        choices += length + 1;
        place++;
    }
    return place;
}

void fs_setting_fill(const struct fs_setting *setting, const struct fs_setting_value *value, size_t variant, void *out)
{
    const char *text = fs_setting_text(setting, value, variant);
    char *member = (char *)out + setting->offset;
    if (setting->size == 0 || text == NULL) {
        return;
    }
    if (setting->store != NULL) {
        setting->store(text, member);
        return;
    }
    double initial =
        strcmp(text, "auto") == 0 ? NAN : strtod(text, NULL); /* a row's default, or a preset's, is not read yet */
    double number = value->text == NULL ? initial : value->number;
    size_t whole = isnan(number) ? FS_AUTO : (size_t)number;
    unsigned choice = setting->kind == FS_SETTING_CHOICE ? choice_of(setting->choices, text) : 0;
    bool flag = strcmp(text, "true") == 0;
    const void *from[] = {
        [FS_SETTING_PATH] = &text,        [FS_SETTING_NAME] = &text,     [FS_SETTING_CHOICE] = &choice,
        [FS_SETTING_LIST] = &value->list, [FS_SETTING_INTEGER] = &whole, [FS_SETTING_NUMBER] = &number,
        [FS_SETTING_FLAG] = &flag,        [FS_SETTING_AUTO] = &whole};
    memcpy(member, from[setting->kind], setting->size);
}

void fs_setting_write(FILE *stream, const struct fs_setting *setting, const struct fs_setting_value *value,
                      size_t variant)
{
    const char *text = fs_setting_text(setting, value, variant);
    fprintf(stream, "%s = %s\n", setting->key, text != NULL ? text : "");
}

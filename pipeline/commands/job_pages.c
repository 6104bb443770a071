#include "pipeline/commands/job_pages.h"

#include <stdbool.h>
#include <string.h>

#include "io/values.h"
#include "jobs/job_keys.h"
#include "pipeline/commands/help_text.h"

static void json_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', stream);
        }
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void schema_choices(FILE *stream, const char *choices)
{
    fprintf(stream, "\"enum\": [");
    for (const char *choice = choices; *choice != '\0';) {
        size_t length = strcspn(choice, "|");
        fprintf(stream, "%s\"%.*s\"", choice == choices ? "" : ", ", (int)length, choice);
        choice += length + (choice[length] == '|');
    }
    fprintf(stream, "]");
}

static void schema_list(FILE *stream, const struct fs_setting *setting)
{
    const char *entry = setting->entry != NULL ? setting->entry->schema : "{\"type\": \"string\", \"minLength\": 1}";
    if (setting->single) {
        fprintf(stream, "\"allOf\": [%s]", entry);
    } else {
        fprintf(stream, "\"type\": \"array\", \"minItems\": 1, \"items\": %s", entry);
    }
}

static void schema_key(FILE *stream, const struct fs_setting *setting, const char *name)
{
    char text[FS_HELP_SIZE], low[FS_NUMBER_SIZE], high[FS_NUMBER_SIZE];
    fs_describe_key(setting, text, sizeof text);
    fprintf(stream, "\"%s\": {\"description\": ", name);
    json_text(stream, text);
    fprintf(stream, ", ");
    switch (setting->kind) {
    case FS_SETTING_PATH:
    case FS_SETTING_NAME:
        fprintf(stream, "\"type\": \"string\", \"minLength\": 1");
        break;
    case FS_SETTING_CHOICE:
        schema_choices(stream, setting->choices);
        break;
    case FS_SETTING_FLAG:
        fprintf(stream, "\"type\": \"boolean\"");
        break;
    case FS_SETTING_LIST:
        schema_list(stream, setting);
        break;
    case FS_SETTING_AUTO:
        fprintf(stream,
                "\"anyOf\": [{\"const\": \"auto\"}, {\"type\": \"integer\", \"minimum\": 0, \"maximum\": %.0f}]",
                setting->most);
        break;
    default:
        fs_number_text(setting->least, low);
        fs_number_text(setting->most, high);
        fprintf(stream, "\"type\": \"%s\", \"minimum\": %s, \"maximum\": %s",
                setting->kind == FS_SETTING_INTEGER ? "integer" : "number", low, high);
        break;
    }
    fprintf(stream, "}");
}

/* Keys of a group follow one another in the table. */
int fs_job_schema_page(const struct fs_page *pages, FILE *stream, struct fs_error *err)
{
    (void)pages, (void)err;
    char group[64] = "";
    fprintf(stream,
            "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"fairstamp job\",\n"
            "  \"type\": \"object\",\n  \"additionalProperties\": false,\n"
            "  \"required\": [\"model\", \"output\", \"data\"],\n  \"properties\": {");
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        const char *dot = strchr(setting->key, '.');
        size_t length = dot != NULL ? (size_t)(dot - setting->key) : 0;
        bool same = length > 0 && strncmp(group, setting->key, length) == 0 && group[length] == '\0';
        if (group[0] != '\0' && !same) {
            fprintf(stream, "}}");
            group[0] = '\0';
        }
        fprintf(stream, i == 0 ? "\n    " : ",\n    ");
        if (length > 0 && !same) {
            snprintf(group, sizeof group, "%.*s", (int)length, setting->key);
            fprintf(stream, "\"%s\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\n    ",
                    group);
        }
        fprintf(stream, "%s", length > 0 ? "  " : "");
        schema_key(stream, setting, dot != NULL ? dot + 1 : setting->key);
    }
    fprintf(stream, "%s\n  }\n}\n", group[0] != '\0' ? "}}" : "");
    return 0;
}

int fs_job_keys_page(const struct fs_page *pages, FILE *stream, struct fs_error *err)
{
    (void)pages, (void)err;
    fprintf(stream, "| key | default | unit or choices | what it is |\n|---|---|---|---|\n");
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        const char *choices = fs_setting_choices(setting);
        char initial[256];
        fs_describe_default(setting, initial, sizeof initial);
        fprintf(stream, "| `%s` | %s | ", setting->key,
                setting->required ? "required" : (initial[0] != '\0' ? initial : "none"));
        for (const char *c = choices != NULL ? choices : (setting->unit != NULL ? setting->unit : ""); *c != '\0';
             c++) {
            fprintf(stream, *c == '|' ? ", " : "%c", *c);
        }
        fprintf(stream, " | ");
        for (const char *c = setting->meaning; *c != '\0'; c++) {
            fprintf(stream, *c == '|' ? "\\|" : "%c", *c);
        }
        fprintf(stream, " |\n");
    }
    return 0;
}

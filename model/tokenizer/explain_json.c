#include "model/tokenizer/explain_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much of a pattern or a text as a line has room for. */
#define SHOWN 60

static void write_value(FILE *out, const cJSON *value)
{
    if (cJSON_IsString(value)) {
        bool cut = strlen(value->valuestring) > SHOWN;
        (void)fprintf(out, "\"%.*s%s\"", SHOWN, value->valuestring, cut ? "..." : "");
    } else if (cJSON_IsNumber(value)) {
        (void)fprintf(out, "%g", value->valuedouble);
    } else if (cJSON_IsBool(value)) {
        (void)fputs(cJSON_IsTrue(value) ? "true" : "false", out);
    } else if (cJSON_IsObject(value) && value->child != NULL && cJSON_IsString(value->child)) {
        write_value(out, value->child); /* {"Regex": "..."} */
    } else {
        (void)fputs(fs_json_kind(value), out);
    }
}

/* "Type(key value, ...)"; the members of a Sequence one after the other. The depth is bounded: the file was read. */
static void write_part(FILE *out, const cJSON *part)
{
    const cJSON *item, *list = NULL;
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(part, "type");
    if (cJSON_IsString(type) && strcmp(type->valuestring, "Sequence") == 0) {
        list = cJSON_GetObjectItemCaseSensitive(part, "normalizers");
        list = list != NULL ? list : cJSON_GetObjectItemCaseSensitive(part, "pretokenizers");
    }
    const char *separator = "";
    cJSON_ArrayForEach(item, list)
    {
        (void)fputs(separator, out);
        write_part(out, item);
        separator = ", ";
    }
    if (list != NULL || !cJSON_IsString(type)) {
        (void)fputs(list != NULL && list->child != NULL ? "" : "none", out);
        return;
    }
    (void)fputs(type->valuestring, out);
    separator = "(";
    cJSON_ArrayForEach(item, part)
    {
        if (item != type && strcmp(item->string, "trim_offsets") != 0 && !cJSON_IsNull(item)) {
            (void)fprintf(out, "%s%s ", separator, item->string);
            write_value(out, item);
            separator = ", ";
        }
    }
    (void)fputs(separator[0] == ',' ? ")" : "", out);
}

static int explain_part(struct fs_explanation *explanation, const char *label, const cJSON *part, struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return fs_error_memory(err, SHOWN, "an explanation");
    }
    write_part(out, part);
    int status = fclose(out) == 0
                     ? fs_explain(explanation, FS_EXPLAIN_PIPELINE, "tokenizer.json", err, "%s: %s", label, text)
                     : fs_error_memory(err, size, "an explanation");
    free(text);
    return status;
}

/* The settings of the model but for its lists. */
static int explain_model(struct fs_explanation *explanation, const cJSON *model, struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const cJSON *item, *type = cJSON_GetObjectItemCaseSensitive(model, "type");
    if (out == NULL) {
        return fs_error_memory(err, SHOWN, "an explanation");
    }
    (void)fputs(cJSON_IsString(type) ? type->valuestring : "of a type that is not named", out);
    cJSON_ArrayForEach(item, model)
    {
        if (item != type && !cJSON_IsNull(item) && !cJSON_IsFalse(item)) {
            bool list = cJSON_IsArray(item) || cJSON_IsObject(item);
            (void)fprintf(out, ", %s ", item->string);
            if (list) {
                (void)fprintf(out, "%d", cJSON_GetArraySize(item));
            } else {
                write_value(out, item);
            }
        }
    }
    int status = fclose(out) == 0
                     ? fs_explain(explanation, FS_EXPLAIN_PIPELINE, "tokenizer.json", err, "model: %s", text)
                     : fs_error_memory(err, size, "an explanation");
    free(text);
    return status;
}

int fs_explain_json(struct fs_explanation *explanation, const cJSON *root, struct fs_error *err)
{
    return fs_explain(explanation, FS_EXPLAIN_FILE, "", err, "tokenizer.json") ||
                   explain_part(explanation, "normalizer", cJSON_GetObjectItemCaseSensitive(root, "normalizer"), err) ||
                   explain_part(explanation, "pre-tokenizer", cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer"),
                                err) ||
                   explain_model(explanation, cJSON_GetObjectItemCaseSensitive(root, "model"), err)
               ? -1
               : 0;
}

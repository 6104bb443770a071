/* inspect, verify, export: a result file as it is, no ranks. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive.h"
#include "pipeline/commands.h"
#include "pipeline/report.h"
#include "pipeline/table.h"

#define MAX_DIMENSIONS 4

static const char *type_name(const struct fs_archive_entry *entry)
{
    static const char *const names[] = {[FS_ARCHIVE_F32] = "f32",
                                        [FS_ARCHIVE_F64] = "f64",
                                        [FS_ARCHIVE_I32] = "i32",
                                        [FS_ARCHIVE_I64] = "i64",
                                        [FS_ARCHIVE_U8] = "u8"};
    return entry->is_text ? "text" : names[entry->type];
}

static size_t elements_of(const struct fs_archive_entry *entry)
{
    size_t elements = 1;
    for (size_t i = 0; i < entry->dimensions; i++) {
        elements *= entry->shape[i];
    }
    return elements;
}

static bool is_real(const struct fs_archive_entry *entry)
{
    return entry->type == FS_ARCHIVE_F32 || entry->type == FS_ARCHIVE_F64;
}

static double real_at(const struct fs_archive_entry *entry, size_t i)
{
    return entry->type == FS_ARCHIVE_F32 ? (double)((const float *)entry->data)[i] : ((const double *)entry->data)[i];
}

static int64_t integer_at(const struct fs_archive_entry *entry, size_t i)
{
    switch (entry->type) {
    case FS_ARCHIVE_I32:
        return ((const int32_t *)entry->data)[i];
    case FS_ARCHIVE_I64:
        return ((const int64_t *)entry->data)[i];
    default:
        return ((const unsigned char *)entry->data)[i];
    }
}

/* Enough digits to get the same bits back. */
static void print_number(const struct fs_archive_entry *entry, size_t i, const char *not_finite)
{
    if (!is_real(entry)) {
        printf("%" PRId64, integer_at(entry, i));
    } else if (!isfinite(real_at(entry, i)) && not_finite != NULL) {
        fputs(not_finite, stdout);
    } else {
        printf(entry->type == FS_ARCHIVE_F32 ? "%.9g" : "%.17g", real_at(entry, i));
    }
}

static void print_json_text(const char *text)
{
    cJSON *string = cJSON_CreateString(text);
    char *printed = string != NULL ? cJSON_PrintUnformatted(string) : NULL;
    fputs(printed != NULL ? printed : "\"\"", stdout);
    cJSON_free(printed);
    cJSON_Delete(string);
}

static void print_json_value(const struct fs_archive_entry *entry, size_t i)
{
    if (entry->is_text) {
        print_json_text(((char *const *)entry->data)[i]);
    } else {
        print_number(entry, i, "null");
    }
}

static void print_json_array(const struct fs_archive_entry *entry, size_t dimension, size_t *next)
{
    if (dimension >= entry->dimensions || dimension >= MAX_DIMENSIONS) {
        print_json_value(entry, (*next)++);
        return;
    }
    putchar('[');
    for (size_t i = 0; i < entry->shape[dimension]; i++) {
        if (i > 0) {
            putchar(',');
        }
        print_json_array(entry, dimension + 1, next);
    }
    putchar(']');
}

/* A visit that takes attributes, or datasets. */
struct listing {
    bool attributes;
    size_t count;
    struct fs_table *table;
};

static int export_json_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct listing *listing = context;
    (void)err;
    if (entry->is_attribute != listing->attributes) {
        return 0;
    }
    size_t next = 0;
    printf(listing->count++ == 0 ? "\n    " : ",\n    ");
    print_json_text(entry->name);
    if (entry->is_attribute) {
        printf(": ");
        print_json_value(entry, 0);
        return 0;
    }
    printf(": {\"type\": \"%s\", \"data\": ", type_name(entry));
    print_json_array(entry, 0, &next);
    putchar('}');
    return 0;
}

static int export_json(const struct fs_archive *archive, struct fs_error *err)
{
    struct listing attributes = {.attributes = true}, datasets = {.attributes = false};
    printf("{\n  \"format\": \"%s\",\n  \"job\": \"%s\",\n  \"attributes\": {", fs_archive_format(archive),
           fs_archive_job(archive));
    if (fs_archive_visit(archive, export_json_entry, &attributes, err) != 0) {
        return -1;
    }
    printf("\n  },\n  \"datasets\": {");
    if (fs_archive_visit(archive, export_json_entry, &datasets, err) != 0) {
        return -1;
    }
    printf("\n  }\n}\n");
    return 0;
}

/* A field after RFC 4180. */
static void print_csv_text(const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text);
    }
    putchar('"');
}

static int export_csv_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    (void)context, (void)err;
    if (entry->is_attribute) {
        return 0;
    }
    size_t elements = elements_of(entry);
    for (size_t i = 0; i < elements; i++) {
        size_t index[MAX_DIMENSIONS] = {0}, rest = i;
        for (size_t d = entry->dimensions; d > 0; d--) {
            index[d - 1] = rest % entry->shape[d - 1];
            rest /= entry->shape[d - 1];
        }
        print_csv_text(entry->name);
        for (size_t d = 0; d < MAX_DIMENSIONS; d++) {
            putchar(',');
            if (d < entry->dimensions) {
                printf("%zu", index[d]);
            }
        }
        putchar(',');
        if (entry->is_text) {
            print_csv_text(((char *const *)entry->data)[i]);
        } else {
            print_number(entry, i, "");
        }
        putchar('\n');
    }
    return 0;
}

int fs_command_export(const struct fs_options *options, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_open(options->operand[0], NULL, &archive, err) != 0) {
        return -1;
    }
    int status;
    if (strcmp(options->value[FS_OPTION_TO], "json") == 0) {
        status = export_json(archive, err);
    } else {
        printf("dataset,i,j,k,l,value\n");
        status = fs_archive_visit(archive, export_csv_entry, NULL, err);
    }
    fs_archive_close(archive);
    return status == 0 ? fs_finish_output(err) : -1;
}

static int list_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct listing *listing = context;
    (void)err;
    if (entry->is_attribute != listing->attributes) {
        return 0;
    }
    if (entry->is_attribute) {
        printf("%s = ", entry->name);
        if (entry->is_text) {
            const char *text = *(char *const *)entry->data;
            if (strchr(text, '\n') == NULL) {
                printf("%s\n", text);
            } else {
                for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
                    printf("\n    %.*s", (int)strcspn(text, "\n"), text);
                }
                putchar('\n');
            }
        } else {
            print_number(entry, 0, NULL);
            putchar('\n');
        }
        return 0;
    }
    char shape[128] = "";
    for (size_t i = 0, used = 0; i < entry->dimensions && used < sizeof shape; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, i == 0 ? "%zu" : " x %zu", entry->shape[i]);
    }
    fs_table_cell(listing->table, "%s", entry->name);
    fs_table_cell(listing->table, "%s", type_name(entry));
    fs_table_cell(listing->table, "%s", shape);
    return 0;
}

static int list_json_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    cJSON *json = context;
    (void)err;
    if (entry->is_attribute) {
        cJSON *attributes = cJSON_GetObjectItemCaseSensitive(json, "attributes");
        if (entry->is_text) {
            cJSON_AddStringToObject(attributes, entry->name, *(char *const *)entry->data);
        } else {
            double value = is_real(entry) ? real_at(entry, 0) : (double)integer_at(entry, 0);
            cJSON_AddNumberToObject(attributes, entry->name, value);
        }
        return 0;
    }
    cJSON *dataset = cJSON_AddObjectToObject(cJSON_GetObjectItemCaseSensitive(json, "datasets"), entry->name);
    cJSON_AddStringToObject(dataset, "type", type_name(entry));
    cJSON *shape = cJSON_AddArrayToObject(dataset, "shape");
    for (size_t i = 0; i < entry->dimensions; i++) {
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)entry->shape[i]));
    }
    return 0;
}

static int inspect_json(const struct fs_archive *archive, struct fs_error *err)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "format", fs_archive_format(archive));
    cJSON_AddStringToObject(json, "job", fs_archive_job(archive));
    cJSON_AddObjectToObject(json, "attributes");
    cJSON_AddObjectToObject(json, "datasets");
    if (fs_archive_visit(archive, list_json_entry, json, err) != 0) {
        cJSON_Delete(json);
        return -1;
    }
    return fs_report_print_json(json, stdout, err);
}

static int inspect_text(const struct fs_archive *archive, struct fs_error *err)
{
    static const char *const names[] = {"<dataset", "<type", ">shape"};
    struct listing attributes = {.attributes = true}, datasets = {.attributes = false};
    printf("format %s, job %s\n\n", fs_archive_format(archive), fs_archive_job(archive));
    if (fs_archive_visit(archive, list_entry, &attributes, err) != 0 ||
        fs_table_create(sizeof names / sizeof names[0], names, &datasets.table, err) != 0) {
        return -1;
    }
    printf("\n");
    int status = fs_archive_visit(archive, list_entry, &datasets, err);
    if (status == 0) {
        status = fs_table_print(datasets.table, stdout, err);
    }
    fs_table_destroy(datasets.table);
    return status;
}

int fs_command_inspect(const struct fs_options *options, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_open(options->operand[0], NULL, &archive, err) != 0) {
        return -1;
    }
    int status = fs_options_json(options) ? inspect_json(archive, err) : inspect_text(archive, err);
    fs_archive_close(archive);
    return status == 0 ? fs_finish_output(err) : -1;
}

/* What the command found out, on stdout; the exit code says the same. */
static int print_verdict(const struct fs_options *options, const char *key, bool value, const char *words,
                         struct fs_error *err)
{
    if (fs_options_json(options)) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddBoolToObject(json, key, value);
        cJSON_AddStringToObject(json, "reason", words);
        return fs_report_print_json(json, stdout, err) == 0 ? fs_finish_output(err) : -1;
    }
    printf("%s\n", words);
    return fs_finish_output(err);
}

static int verify_equal(const struct fs_options *options, struct fs_error *err)
{
    struct fs_archive *a = NULL, *b = NULL;
    char difference[512] = "", words[2048];
    bool equal = false;
    int status = fs_archive_open(options->operand[0], NULL, &a, err);
    if (status == 0) {
        status = fs_archive_open(options->operand[1], NULL, &b, err);
    }
    if (status == 0) {
        status = fs_archive_equal(a, b, &equal, difference, sizeof difference, err);
    }
    fs_archive_close(a);
    fs_archive_close(b);
    if (status != 0) {
        return -1;
    }
    snprintf(words, sizeof words, "%.600s and %.600s: %s%s", options->operand[0], options->operand[1],
             equal ? "equal" : "they differ in ", equal ? "" : difference);
    if (equal) {
        return print_verdict(options, "equal", true, words, err);
    }
    if (fs_options_json(options) && print_verdict(options, "equal", false, words, err) != 0) {
        return -1;
    }
    return fs_error_set(err, FS_EXIT_DIFFERENT, "%s", words);
}

int fs_command_verify(const struct fs_options *options, struct fs_error *err)
{
    if (options->value[FS_OPTION_EQUAL] != NULL) {
        return verify_equal(options, err);
    }
    struct fs_archive *archive = NULL;
    int status = fs_archive_open(options->operand[0], NULL, &archive, err);
    if (status == 0) {
        status = fs_archive_verify(archive, err);
        fs_archive_close(archive);
    }
    if (status == 0) {
        char words[1024];
        snprintf(words, sizeof words, "%.900s: whole, every hash holds", options->operand[0]);
        return print_verdict(options, "whole", true, words, err);
    }
    if (err->code == FS_EXIT_DATA) {
        err->code = FS_EXIT_DIFFERENT;
        if (fs_options_json(options)) {
            struct fs_error failure = *err;
            status = print_verdict(options, "whole", false, failure.text, err);
            *err = status == 0 ? failure : *err;
        }
    }
    return -1;
}

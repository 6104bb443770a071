/* export: a result file's numbers in formats that others read. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/archive/archive.h"
#include "io/console/output.h"
#include "pipeline/commands/commands.h"
#include "results/entry_value.h"
#include "results/npz.h"
#include "results/report.h"

#define MAX_DIMENSIONS 4

static const struct fs_option option_to = {.name = "--to",
                                           .argument = "FORMAT",
                                           .choices = "csv|json|npz",
                                           .required = true,
                                           .help = "csv, json, or npz for NumPy"};

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
        fs_entry_print_number(entry, i, "null");
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
    printf(": {\"type\": \"%s\", \"data\": ", fs_entry_type(entry));
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
    size_t elements = fs_entry_elements(entry);
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
            fs_entry_print_number(entry, i, "");
        }
        putchar('\n');
    }
    return 0;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_archive *archive;
    if (strcmp(fs_option_value(options, &option_to), "npz") == 0 && isatty(STDOUT_FILENO)) {
        return fs_error_set(err, FS_EXIT_USAGE, "export: npz is no text; write > FILE.npz");
    }
    if (fs_archive_open(options->operand[0], NULL, &archive, err) != 0) {
        return -1;
    }
    int status;
    const char *format = fs_option_value(options, &option_to);
    if (strcmp(format, "npz") == 0) {
        status = fs_npz_write(archive, stdout, err);
    } else if (strcmp(format, "json") == 0) {
        status = export_json(archive, err);
    } else {
        printf("dataset,i,j,k,l,value\n");
        status = fs_archive_visit(archive, export_csv_entry, NULL, err);
    }
    fs_archive_close(archive);
    return status == 0 ? fs_finish_output(err) : -1;
}

static const struct fs_option *const command_options[] = {&option_to, NULL};

const struct fs_command fs_command_export = {
    .name = "export",
    .operands = "FILE.h5",
    .least = 1,
    .most = 1,
    .summary = "a result file as CSV, JSON or NumPy's npz",
    .description = "CSV: one line a number, with its dataset and indices. JSON: attributes, and datasets as nested "
                   "arrays. npz: datasets under their names, texts as bytes; to a file, not to a terminal.",
    .options = command_options,
    .run = run,
};

/* inspect: what a result file holds. */
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive.h"
#include "io/console/output.h"
#include "pipeline/commands/commands.h"
#include "results/entry_value.h"
#include "results/report.h"
#include "results/table.h"

/* A visit that takes attributes, or datasets. */
struct listing {
    bool attributes;
    size_t count;
    struct fs_table *table;
};

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
            fs_entry_print_number(entry, 0, NULL);
            putchar('\n');
        }
        return 0;
    }
    char shape[128] = "";
    for (size_t i = 0, used = 0; i < entry->dimensions && used < sizeof shape; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, i == 0 ? "%zu" : " x %zu", entry->shape[i]);
    }
    fs_table_cell(listing->table, "%s", entry->name);
    fs_table_cell(listing->table, "%s", fs_entry_type(entry));
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
            double value = fs_entry_is_real(entry) ? fs_entry_real(entry, 0) : (double)fs_entry_integer(entry, 0);
            cJSON_AddNumberToObject(attributes, entry->name, value);
        }
        return 0;
    }
    cJSON *dataset = cJSON_AddObjectToObject(cJSON_GetObjectItemCaseSensitive(json, "datasets"), entry->name);
    cJSON_AddStringToObject(dataset, "type", fs_entry_type(entry));
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

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_archive *archive;
    if (fs_archive_open(options->operand[0], NULL, &archive, err) != 0) {
        return -1;
    }
    int status = fs_options_json(options) ? inspect_json(archive, err) : inspect_text(archive, err);
    fs_archive_close(archive);
    return status == 0 ? fs_finish_output(err) : -1;
}

static const struct fs_option *const command_options[] = {&fs_option_format, NULL};

const struct fs_command fs_command_inspect = {
    .name = "inspect",
    .operands = "FILE.h5",
    .least = 1,
    .most = 1,
    .summary = "what is in a result file",
    .description = "Prints format, job, provenance, and the datasets with their types and shapes.",
    .options = command_options,
    .run = run,
};

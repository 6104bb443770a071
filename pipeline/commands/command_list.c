/* list: what this build knows, from the tables that it works by. */
#include <math.h>
#include <string.h>

#include "io/console/output.h"
#include "model/families/families.h"
#include "model/families/spec_words.h"
#include "pipeline/commands/commands.h"
#include "results/report.h"
#include "results/table.h"
#include "stages/methods/method.h"
#include "stages/metrics/metric_table.h"
#include "stages/suites/suite_registry.h"

#define MOST_COLUMNS 6

/* A row is an object of the JSON list; its members, in their order, are the columns of the table. */
static cJSON *add_row(cJSON *list, const char *name)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(list, row);
    cJSON_AddStringToObject(row, "name", name);
    return row;
}

static void add_text(cJSON *row, const char *column, const char *text)
{
    if (text != NULL) {
        cJSON_AddStringToObject(row, column, text);
    } else {
        cJSON_AddNullToObject(row, column);
    }
}

static void list_suites(cJSON *list)
{
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        char key[128];
        cJSON *row = add_row(list, suite->name);
        snprintf(key, sizeof key, "data.%s", suite->key);
        add_text(row, "key", key);
        cJSON_AddBoolToObject(row, "edited", suite->read_pairs != NULL);
        add_text(row, "models", suite->masked_only ? "masked" : "masked, causal");
        add_text(row, "about", suite->about);
    }
}

static void list_metrics(cJSON *list)
{
    for (size_t i = 0; i < fs_metric_kind_count; i++) {
        const struct fs_metric_kind *metric = &fs_metric_kinds[i];
        cJSON *row = add_row(list, metric->name);
        add_text(row, "label", metric->label);
        cJSON_AddItemToObject(row, "ideal",
                              isfinite(metric->ideal) ? cJSON_CreateNumber(metric->ideal) : cJSON_CreateNull());
        add_text(row, "unit", metric->unit);
        add_text(row, "meaning", metric->meaning);
    }
}

static void list_methods(cJSON *list)
{
    for (size_t i = 0; i < fs_method_count; i++) {
        const struct fs_method *method = fs_methods[i];
        cJSON *row = add_row(list, method->name);
        cJSON_AddBoolToObject(row, "trains", method->trainer != NULL);
        cJSON_AddBoolToObject(row, "takes_model", method->takes_model);
        add_text(row, "about", method->about);
    }
}

static void list_families(cJSON *list)
{
    for (size_t i = 0; i < fs_family_count; i++) {
        cJSON *row = add_row(list, fs_families[i]->name);
        add_text(row, "kind", fs_model_kind_name(fs_families[i]->kind));
        add_text(row, "about", fs_families[i]->about);
    }
}

static void print_cell(struct fs_table *table, const cJSON *value)
{
    if (cJSON_IsString(value)) {
        fs_table_cell(table, "%s", value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        fs_table_cell(table, "%g", value->valuedouble);
    } else {
        fs_table_cell(table, "%s", cJSON_IsNull(value) ? "-" : cJSON_IsTrue(value) ? "yes" : "no");
    }
}

static int print_table(const cJSON *list, struct fs_error *err)
{
    char heading[MOST_COLUMNS][32];
    const char *headings[MOST_COLUMNS];
    size_t columns = 0;
    const cJSON *row, *value;
    cJSON_ArrayForEach(value, list->child)
    {
        snprintf(heading[columns], sizeof heading[columns], "<%s", value->string);
        headings[columns] = heading[columns];
        columns++;
    }
    struct fs_table *table;
    if (fs_table_create(columns, headings, &table, err) != 0) {
        return -1;
    }
    cJSON_ArrayForEach(row, list)
    {
        cJSON_ArrayForEach(value, row)
        {
            print_cell(table, value);
        }
    }
    int status = fs_table_print(table, stdout, err);
    fs_table_destroy(table);
    return status;
}

static int print_list(struct fs_session *session, void (*fill)(cJSON *list), struct fs_error *err)
{
    cJSON *list = cJSON_CreateArray();
    if (list == NULL) {
        return fs_error_memory(err, sizeof *list, "a list");
    }
    fill(list);
    int status;
    if (fs_options_json(session->options)) {
        status = fs_report_print_json(list, stdout, err);
    } else {
        status = print_table(list, err);
        cJSON_Delete(list);
    }
    return status == 0 ? fs_finish_output(err) : -1;
}

static int run_suites(struct fs_session *session, struct fs_error *err)
{
    return print_list(session, list_suites, err);
}

static int run_metrics(struct fs_session *session, struct fs_error *err)
{
    return print_list(session, list_metrics, err);
}

static int run_methods(struct fs_session *session, struct fs_error *err)
{
    return print_list(session, list_methods, err);
}

static int run_families(struct fs_session *session, struct fs_error *err)
{
    return print_list(session, list_families, err);
}

static const struct fs_option *const command_options[] = {&fs_option_format, NULL};

static const struct fs_action actions[] = {
    {.name = "suites",
     .operands = "",
     .description = "what can be measured, and the key of a job that names its data.",
     .run = run_suites},
    {.name = "metrics", .operands = "", .description = "the results' numbers and their meaning.", .run = run_metrics},
    {.name = "methods", .operands = "", .description = "what can edit a model.", .run = run_methods},
    {.name = "families",
     .operands = "",
     .description = "models that can be read, by model_type of config.json.",
     .run = run_families},
    {.name = NULL}};

const struct fs_command fs_command_list = {
    .name = "list",
    .operands = "",
    .summary = "the suites, metrics, methods or families of models that this build knows",
    .options = command_options,
    .actions = actions,
};

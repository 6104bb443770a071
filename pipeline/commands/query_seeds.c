#include "pipeline/commands/query_seeds.h"

#include <math.h>
#include <string.h>

#include "io/formats/json.h"
#include "results/report.h"
#include "stages/metrics/metric_table.h"

enum { BEFORE, AFTER, CHANGE };

static void add_spread(struct fs_table *table, const struct fs_spread *spread, const char *format, int decimals)
{
    if (spread->n > 0) {
        fs_table_cell(table, format, decimals, spread->mean);
    } else {
        fs_table_cell(table, "-");
    }
    fs_table_number(table, spread->deviation, decimals);
    if (spread->n > 1) {
        fs_table_cell(table, "%.*f to %.*f", decimals, spread->least, decimals, spread->most);
    } else {
        fs_table_cell(table, "-");
    }
}

int fs_query_table(const size_t *by, size_t shown, const char *const numbers[FS_QUERY_NUMBERS],
                   struct fs_query_columns *columns, struct fs_table **table, struct fs_error *err)
{
    for (size_t i = 0; i < shown; i++) {
        snprintf(columns->heading[i], sizeof columns->heading[i], "<%s", fs_result_text_names[by[i]]);
        columns->name[i] = columns->heading[i];
    }
    memcpy(columns->name + shown, numbers, FS_QUERY_NUMBERS * sizeof *numbers);
    return fs_table_create(shown + FS_QUERY_NUMBERS, columns->name, table, err);
}

int fs_query_seeds_text(const struct fs_query_seeds *query, struct fs_error *err)
{
    static const char *const numbers[FS_QUERY_NUMBERS] = {
        ">ideal", ">before", ">after", ">sd", ">least to most", ">change", ">sd", ">least to most", ">seeds"};
    struct fs_query_columns columns;
    struct fs_table *table;
    if (fs_query_table(query->by, query->shown, numbers, &columns, &table, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < query->rows; i++) {
        const size_t group = query->group[i], row = query->over->first[group];
        const struct fs_spread *spread = query->over->spread[group];
        int decimals = fs_metric_decimals(query->table->text[FS_RESULT_METRIC][row]);
        for (size_t k = 0; k < query->shown; k++) {
            fs_table_cell(table, "%s", query->table->text[query->by[k]][row]);
        }
        fs_table_number(table, query->table->number[FS_RESULT_IDEAL][row], 0);
        fs_table_number(table, spread[BEFORE].mean, decimals);
        add_spread(table, &spread[AFTER], "%.*f", decimals);
        add_spread(table, &spread[CHANGE], "%+.*f", decimals);
        fs_table_cell(table, "%zu", query->over->seeds[group]);
    }
    int status = fs_table_print(table, stdout, err);
    fs_table_destroy(table);
    return status;
}

static void add_number(cJSON *object, const char *name, double value)
{
    cJSON_AddItemToObject(object, name, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

int fs_query_seeds_json(const struct fs_query_seeds *query, struct fs_error *err)
{
    cJSON *rows = cJSON_CreateArray();
    for (size_t i = 0; i < query->rows; i++) {
        const size_t group = query->group[i], row = query->over->first[group];
        cJSON *object = cJSON_CreateObject();
        for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
            cJSON_AddStringToObject(object, fs_result_text_names[c], query->table->text[c][row]);
        }
        cJSON_AddNumberToObject(object, "seeds", (double)query->over->seeds[group]);
        add_number(object, fs_result_number_names[FS_RESULT_IDEAL], query->table->number[FS_RESULT_IDEAL][row]);
        for (size_t k = 0; k < FS_SPREADS; k++) {
            const struct fs_spread *spread = &query->over->spread[group][k];
            cJSON *numbers = cJSON_AddObjectToObject(object, fs_result_number_names[fs_spread_numbers[k]]);
            add_number(numbers, "mean", spread->mean);
            add_number(numbers, "sd", spread->deviation);
            add_number(numbers, "least", spread->least);
            add_number(numbers, "most", spread->most);
            cJSON_AddNumberToObject(numbers, "n", (double)spread->n);
        }
        cJSON_AddItemToArray(rows, object);
    }
    return fs_report_print_json(rows, stdout, err);
}

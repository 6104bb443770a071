#include <math.h>
#include <string.h>

#include "results/report.h"
#include "results/table.h"

static const char *mark_of(const struct fs_layer_comparison *comparison, size_t layer)
{
    if (layer == comparison->traced) {
        return "<- traced";
    }
    return layer == comparison->random ? "<- random control" : "";
}

int fs_report_layers(const struct fs_layer_comparison *comparison, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {">place", ">layer", ">score", ">L",  ">gap edited", ">gap not edited",
                                        ">SS",    ">LMS",   ">PS",    ">DS", ">RS",         "<"};
    static const struct {
        const char *metric, *subset;
        int decimals;
    } column[] = {{"gap", "edited", 4}, {"gap", NULL, 4}, {"ss.macro", "all", 2}, {"lms.macro", "all", 2},
                  {"ps", "all", 2},     {"ds", "all", 2}, {"rs.top1", "all", 2}};
    struct fs_table *table;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    for (size_t place = 1; place <= comparison->layers; place++) {
        for (size_t i = 0; i < comparison->layers; i++) {
            if (comparison->place[i] != place) {
                continue;
            }
            fs_table_cell(table, "%zu", place);
            fs_table_cell(table, "%zu", comparison->layer[i]);
            fs_table_number(table, comparison->score[i], 4);
            fs_table_number(table, comparison->loss[4 * i], 4);
            for (size_t k = 0; k < sizeof column / sizeof column[0]; k++) {
                fs_table_number(table, fs_layers_value(comparison, i, column[k].metric, column[k].subset, 1),
                                column[k].decimals);
            }
            fs_table_cell(table, "%s", mark_of(comparison, comparison->layer[i]));
        }
    }
    fprintf(stream,
            "Stamps at other layers, same settings: best first by score = 1 - gap'/gap of pairs not edited, less "
            "LMS and RS lost (shares)\n");
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

cJSON *fs_report_layers_json(const struct fs_layer_comparison *comparison)
{
    cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "layers");
    cJSON_AddNumberToObject(json, "traced_layer", (double)comparison->traced);
    cJSON_AddNumberToObject(json, "random_layer", (double)comparison->random);
    for (size_t i = 0; i < comparison->layers; i++) {
        cJSON *entry = cJSON_CreateObject(), *values = cJSON_AddArrayToObject(entry, "values");
        cJSON_AddNumberToObject(entry, "layer", (double)comparison->layer[i]);
        cJSON_AddNumberToObject(entry, "place", (double)comparison->place[i]);
        cJSON_AddItemToObject(entry, "score",
                              isfinite(comparison->score[i]) ? cJSON_CreateNumber(comparison->score[i])
                                                             : cJSON_CreateNull());
        for (size_t r = 0; r < comparison->result[i].rows; r++) {
            const struct fs_result_row *row = &comparison->result[i].row[r];
            cJSON *value = cJSON_CreateObject();
            cJSON_AddStringToObject(value, "suite", row->suite);
            cJSON_AddStringToObject(value, "category", row->category);
            cJSON_AddStringToObject(value, "subset", row->subset);
            cJSON_AddStringToObject(value, "metric", row->metric);
            for (size_t column = 0; column < comparison->result[i].columns; column++) {
                double number = row->value[column].value;
                cJSON_AddItemToObject(value, column == 0 ? "before" : "after",
                                      isfinite(number) ? cJSON_CreateNumber(number) : cJSON_CreateNull());
            }
            cJSON_AddItemToArray(values, value);
        }
        cJSON_AddItemToArray(list, entry);
    }
    return json;
}

#include "results/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/table.h"

/* Further kinds layer by layer, and the heat map by role, over all items. */
static int print_sublayers(const struct fs_trace_result *trace, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<kind",     ">layer",          ">AIE",       ">95 % from",
                                        ">to",       ">before subject", ">its first", ">its middle",
                                        ">its last", ">next",           ">after",     ">read"};
    const struct fs_trace_sublayers *sublayers = &trace->sublayers;
    struct fs_table *table;
    size_t columns = sublayers->role_aie != NULL ? sizeof names / sizeof names[0] : 5;
    if (sublayers->kinds == 0) {
        return 0;
    }
    if (fs_table_create(columns, names, &table, err) != 0) {
        return -1;
    }
    for (size_t k = 0; k < sublayers->kinds; k++) {
        for (size_t layer = 0; layer < trace->layers; layer++) {
            size_t i = k * trace->categories * trace->layers + layer;
            fs_table_cell(table, "%s", fs_trace_kind_name(sublayers->kind[k]));
            fs_table_cell(table, "%zu", layer);
            fs_table_number(table, sublayers->aie[i], 6);
            fs_table_number(table, sublayers->low[i], 6);
            fs_table_number(table, sublayers->high[i], 6);
            for (size_t role = 0; sublayers->role_aie != NULL && role < FS_TRACE_ROLES; role++) {
                fs_table_number(
                    table, sublayers->role_aie[(k * trace->categories * FS_TRACE_ROLES + role) * trace->layers + layer],
                    6);
            }
        }
    }
    fprintf(stream, "\nBy kind%s, all categories\n", sublayers->role_aie != NULL ? " and position" : "");
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

int fs_report_trace(const struct fs_trace_result *trace, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<category", ">layer", ">AIE", ">95 % from", ">to", ">largest in", "<"};
    struct fs_table *table;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    /* of one category "all", the first, says the same again */
    size_t shown = trace->categories == 2 ? 1 : trace->categories;
    for (size_t category = 0; category < shown; category++) {
        for (size_t layer = 0; layer < trace->layers; layer++) {
            size_t i = category * trace->layers + layer;
            fs_table_cell(table, "%s", trace->category[shown == 1 ? trace->categories - 1 : category]);
            fs_table_cell(table, "%zu", layer);
            fs_table_number(table, trace->aie[i], 6);
            fs_table_number(table, trace->aie_low[i], 6);
            fs_table_number(table, trace->aie_high[i], 6);
            fs_table_cell(table, "%zu", trace->argmax_count[i]);
            fs_table_cell(table, category == 0 && layer == trace->decisive_layer ? "<- decisive" : "");
        }
    }
    size_t noised = 0, skipped = 0;
    for (size_t item = 0; item < trace->items; item++) {
        noised += trace->noised[item];
    }
    for (size_t reason = 1; reason < FS_SKIP_COUNT; reason++) {
        skipped += trace->skipped[reason];
    }
    fprintf(stream, "Average indirect effect of restoring the subject's state, layer by layer\n");
    int status = fs_table_print(table, stream, err);
    fprintf(stream,
            "%zu items, %zu of them against noise; %zu skipped. \"largest in\": items whose largest effect is at "
            "this layer.\nDecisive layer l* = %zu (of 0 to %zu)\n",
            trace->items, noised, skipped, trace->decisive_layer, trace->layers - 1);
    fs_table_destroy(table);
    return status == 0 ? print_sublayers(trace, stream, err) : -1;
}

int fs_report_stamp(const struct fs_stamp_state *state, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<before step", ">L",   ">L_e",       ">L_s1", ">L_s2",
                                        ">L_m",         ">L_b", ">|SS - 50|", ">gap"};
    struct fs_table *table;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    size_t lines = state->step < 10 ? state->step : 10; /* evenly spread, the first and the last among them */
    for (size_t line = 0; line < lines; line++) {
        size_t step = lines > 1 ? line * (state->step - 1) / (lines - 1) : 0;
        fs_table_cell(table, "%zu", step + 1);
        for (size_t part = 0; part < 4; part++) {
            fs_table_number(table, state->loss[4 * step + part], 6);
        }
        for (size_t part = 0; part < FS_STAMP_EXTRA; part++) {
            fs_table_number(table, state->extra[FS_STAMP_EXTRA * step + part], part == 2 ? 2 : 6);
        }
    }
    fprintf(stream,
            "Fairness Stamp at layer %zu, width %zu: %zu steps; |SS - 50| of the worst category and gap are of the "
            "edited pairs\n",
            state->stamp.layer, state->stamp.width, state->step);
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

static cJSON *number_or_null(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

cJSON *fs_report_trace_json(const struct fs_trace_result *trace)
{
    cJSON *json = cJSON_CreateObject(), *categories = cJSON_AddObjectToObject(json, "categories");
    cJSON_AddNumberToObject(json, "decisive_layer", (double)trace->decisive_layer);
    cJSON_AddNumberToObject(json, "layers", (double)trace->layers);
    cJSON_AddNumberToObject(json, "items", (double)trace->items);
    cJSON *skipped = cJSON_AddObjectToObject(json, "skipped");
    for (int reason = 1; reason < FS_SKIP_COUNT; reason++) {
        cJSON_AddNumberToObject(skipped, fs_skip_name((enum fs_skip)reason), (double)trace->skipped[reason]);
    }
    const struct {
        const char *name;
        const double *value;
    } parts[] = {{"aie", trace->aie}, {"low", trace->aie_low}, {"high", trace->aie_high}};
    for (size_t category = 0; category < trace->categories; category++) {
        cJSON *entry = cJSON_AddObjectToObject(categories, trace->category[category]);
        for (size_t part = 0; part < 3; part++) {
            cJSON *list = cJSON_AddArrayToObject(entry, parts[part].name);
            for (size_t layer = 0; layer < trace->layers; layer++) {
                cJSON_AddItemToArray(list, number_or_null(parts[part].value[category * trace->layers + layer]));
            }
        }
        cJSON *largest = cJSON_AddArrayToObject(entry, "largest_in");
        for (size_t layer = 0; layer < trace->layers; layer++) {
            size_t count = trace->argmax_count[category * trace->layers + layer];
            cJSON_AddItemToArray(largest, cJSON_CreateNumber((double)count));
        }
    }
    cJSON *kinds = trace->sublayers.kinds > 0 ? cJSON_AddObjectToObject(json, "kinds") : NULL;
    for (size_t k = 0; k < trace->sublayers.kinds; k++) {
        cJSON *list = cJSON_AddArrayToObject(kinds, fs_trace_kind_name(trace->sublayers.kind[k]));
        for (size_t layer = 0; layer < trace->layers; layer++) {
            cJSON_AddItemToArray(list,
                                 number_or_null(trace->sublayers.aie[k * trace->categories * trace->layers + layer]));
        }
    }
    return json;
}

static void add_losses(cJSON *json, const char *name, const double *value, size_t steps, size_t stride)
{
    cJSON *list = cJSON_AddArrayToObject(json, name);
    for (size_t step = 0; step < steps; step++) {
        cJSON_AddItemToArray(list, number_or_null(value[stride * step]));
    }
}

cJSON *fs_report_stamp_json(const struct fs_stamp_state *state)
{
    static const char *const names[4] = {"L", "L_e", "L_s1", "L_s2"};
    static const char *const extra[FS_STAMP_EXTRA] = {"L_m", "L_b", "ss_distance", "gap"};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "layer", (double)state->stamp.layer);
    cJSON_AddNumberToObject(json, "width", (double)state->stamp.width);
    cJSON_AddNumberToObject(json, "steps", (double)state->step);
    cJSON *loss = cJSON_AddObjectToObject(json, "loss");
    for (size_t part = 0; part < 4; part++) {
        add_losses(loss, names[part], state->loss + part, state->step, 4);
    }
    for (size_t part = 0; part < FS_STAMP_EXTRA; part++) {
        add_losses(loss, extra[part], state->extra + part, state->step, FS_STAMP_EXTRA);
    }
    return json;
}

int fs_report_print_json(cJSON *json, FILE *stream, struct fs_error *err)
{
    char *text = json != NULL ? cJSON_Print(json) : NULL;
    cJSON_Delete(json);
    if (text == NULL) {
        return fs_error_memory(err, 1, "JSON text");
    }
    fprintf(stream, "%s\n", text);
    cJSON_free(text);
    return 0;
}

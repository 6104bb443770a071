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

/* Each measure's layer, over all items; `how`: what its shares are. */
static int print_measures(const struct fs_trace_result *trace, const struct fs_trace_shares *shares, const char *how,
                          FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<measure", ">layer", ">median share", ">95 % from", ">to", "<"};
    struct fs_table *table;
    if (shares->measures == 0) {
        return 0;
    }
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    for (size_t m = 0; m < shares->measures; m++) {
        size_t layer = shares->decisive[m * trace->categories], at = m * trace->categories * trace->layers + layer;
        const struct fs_trace_measure *measure = &fs_trace_measures[shares->measure[m]];
        fs_table_cell(table, "%s", measure->name);
        fs_table_cell(table, "%zu", layer);
        fs_table_number(table, shares->median[at], 3);
        fs_table_number(table, shares->low[at], 3);
        fs_table_number(table, shares->high[at], 3);
        fs_table_cell(table, "%s", measure->meaning);
    }
    fprintf(
        stream,
        "\nWhere the %sshare of the total effect in log probability is largest, by measure, all categories; %zu of %zu "
        "items have an effect that is large enough\n",
        how, shares->counted[0], trace->items);
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

/* Of all layers those with the largest shares. */
static int print_neurons(const struct fs_trace_result *trace, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {">layer", ">neuron", ">share"};
    const struct fs_trace_attribution *attribution = &trace->attribution;
    size_t k = attribution->neurons, lines = k * trace->layers < 10 ? k * trace->layers : 10;
    struct fs_table *table;
    if (k == 0) {
        return 0;
    }
    size_t *next = fs_allocate(trace->layers, sizeof *next, "the neurons of a trace", err); /* of each layer's */
    if (next == NULL || fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        free(next);
        return -1;
    }
    for (size_t line = 0; line < lines; line++) {
        size_t best = SIZE_MAX;
        for (size_t layer = 0; layer < trace->layers; layer++) {
            const double *share = attribution->neuron_share + layer * k;
            if (next[layer] < k &&
                (best == SIZE_MAX || share[next[layer]] > attribution->neuron_share[best * k + next[best]])) {
                best = layer;
            }
        }
        size_t at = best * k + next[best]++;
        fs_table_cell(table, "%zu", best);
        fs_table_cell(table, "%zu", attribution->neuron[at]);
        fs_table_number(table, attribution->neuron_share[at], 4);
    }
    free(next);
    fprintf(stream, "\nNeurons of the FFNs with the largest estimated shares of all items' effects together\n");
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
    if (status != 0 || print_measures(trace, &trace->shares, "", stream, err) != 0 ||
        print_measures(trace, &trace->attribution.estimate, "estimated ", stream, err) != 0 ||
        print_neurons(trace, stream, err) != 0) {
        return -1;
    }
    return print_sublayers(trace, stream, err);
}

int fs_report_training(const struct fs_training_history *history, FILE *stream, struct fs_error *err)
{
    char name[FS_HISTORY_TERMS][64];
    const char *names[FS_HISTORY_TERMS + 1] = {"<before step"};
    struct fs_table *table;
    for (size_t term = 0; term < history->terms; term++) {
        snprintf(name[term], sizeof name[term], ">%s", history->term[term]);
        names[term + 1] = name[term];
    }
    if (fs_table_create(history->terms + 1, names, &table, err) != 0) {
        return -1;
    }
    size_t lines = history->step < 10 ? history->step : 10; /* evenly spread, the first and the last among them */
    for (size_t line = 0; line < lines; line++) {
        size_t step = lines > 1 ? line * (history->step - 1) / (lines - 1) : 0;
        fs_table_cell(table, "%zu", step + 1);
        for (size_t term = 0; term < history->terms; term++) {
            fs_table_number(table, history->value[step * history->terms + term], history->decimals[term]);
        }
    }
    fprintf(stream, "%s: %zu steps%s%s\n", history->title, history->step, history->note[0] != '\0' ? "; " : "",
            history->note);
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

static cJSON *number_or_null(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

/* "counted": {category: items}, "measures": {measure: {category: {"layer", "median", "low", "high"}}} */
static void add_measures(const struct fs_trace_result *trace, const struct fs_trace_shares *shares, cJSON *json)
{
    const struct {
        const char *name;
        const double *value;
    } parts[] = {{"median", shares->median}, {"low", shares->low}, {"high", shares->high}};
    cJSON *measures = cJSON_AddObjectToObject(json, "measures"), *counted = cJSON_AddObjectToObject(json, "counted");
    for (size_t c = 0; c < trace->categories; c++) {
        cJSON_AddNumberToObject(counted, trace->category[c], (double)shares->counted[c]);
    }
    for (size_t i = 0; i < shares->measures * trace->categories; i++) {
        size_t m = i / trace->categories, c = i % trace->categories;
        const char *name = fs_trace_measures[shares->measure[m]].name;
        cJSON *measure = c == 0 ? cJSON_AddObjectToObject(measures, name) : cJSON_GetObjectItem(measures, name);
        cJSON *entry = cJSON_AddObjectToObject(measure, trace->category[c]);
        cJSON_AddNumberToObject(entry, "layer", (double)shares->decisive[i]);
        for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
            cJSON *list = cJSON_AddArrayToObject(entry, parts[part].name);
            for (size_t layer = 0; layer < trace->layers; layer++) {
                cJSON_AddItemToArray(list, number_or_null(parts[part].value[i * trace->layers + layer]));
            }
        }
    }
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
    if (trace->shares.measures > 0) {
        add_measures(trace, &trace->shares, json);
    }
    if (trace->attribution.estimate.measures > 0) {
        add_measures(trace, &trace->attribution.estimate, cJSON_AddObjectToObject(json, "attribution"));
    }
    return json;
}

cJSON *fs_report_training_json(const struct fs_training_history *history)
{
    cJSON *json = cJSON_CreateObject();
    if (history->layer != FS_AUTO) {
        cJSON_AddNumberToObject(json, "layer", (double)history->layer);
    }
    for (size_t i = 0; i < history->sizes; i++) {
        cJSON_AddNumberToObject(json, history->size[i].name, (double)history->size[i].value);
    }
    cJSON_AddNumberToObject(json, "steps", (double)history->step);
    cJSON *loss = cJSON_AddObjectToObject(json, "loss");
    for (size_t term = 0; term < history->terms; term++) {
        cJSON *list = cJSON_AddArrayToObject(loss, history->name[term]);
        for (size_t step = 0; step < history->step; step++) {
            cJSON_AddItemToArray(list, number_or_null(history->value[step * history->terms + term]));
        }
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

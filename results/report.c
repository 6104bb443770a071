#include "results/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/table.h"

#define ALL "all"

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

/* The rows of a category in the order in which people read them. */
static const struct {
    const char *metric, *subset, *label;
    int decimals;
} lines[] = {
    {"ss.macro", "edited", "SS edited", 2},
    {"ss.macro", "held_out", "SS held-out", 2},
    {"ss.macro", "validation", "SS validation", 2},
    {"ss.macro", "all", "SS", 2},
    {"gap", "edited", "gap edited", 4},
    {"gap", "held_out", "gap held-out", 4},
    {"gap", "validation", "gap validation", 4},
    {"gap", "all", "gap", 4},
    {"lms.macro", "edited", "LMS edited", 2},
    {"lms.macro", "held_out", "LMS held-out", 2},
    {"lms.macro", "validation", "LMS validation", 2},
    {"lms.macro", "all", "LMS", 2},
    {"icat.macro", "all", "ICAT", 2},
    {"crows", "all", "CrowS", 2},
    {"ps", "all", "PS", 2},
    {"ds", "all", "DS", 2},
    {"rs.top1", "all", "RS", 2},
};
#define LINES (sizeof lines / sizeof lines[0])

/* CrowS-Pairs spells it "race-color"; people read it beside the others' "race". */
static const char *shown_category(const char *category)
{
    return strcmp(category, "race-color") == 0 ? "race" : category;
}

static bool has_split(const struct fs_evaluate_result *result)
{
    for (size_t i = 0; i < result->rows; i++) {
        if (strcmp(result->row[i].subset, "edited") == 0) {
            return true;
        }
    }
    return false;
}

static void add_interval(struct fs_table *table, const struct fs_metric *metric, int decimals)
{
    fs_table_number(table, metric->value, decimals);
    if (isfinite(metric->low) && isfinite(metric->high)) {
        fs_table_cell(table, "%.*f to %.*f", decimals, metric->low, decimals, metric->high);
    } else {
        fs_table_cell(table, "-");
    }
}

/* Difference with its interval's sign, and McNemar's p. */
static void add_paired(struct fs_table *table, const struct fs_paired *paired, int decimals)
{
    bool sure = isfinite(paired->low) && (paired->low > 0 || paired->high < 0);
    if (isfinite(paired->difference)) {
        fs_table_cell(table, "%+.*f%s", decimals, paired->difference, sure ? "*" : " ");
    } else {
        fs_table_cell(table, "-");
    }
    if (isfinite(paired->p_value)) {
        fs_table_cell(table, paired->p_value < 0.0005 ? "<.001" : "%.3f", paired->p_value);
    } else {
        fs_table_cell(table, "-");
    }
}

static void add_line(struct fs_table *table, const struct fs_result_row *row, const char *label, int decimals,
                     bool stamped)
{
    fs_table_cell(table, "%s", shown_category(row->category));
    fs_table_cell(table, "%s", label);
    fs_table_number(table, row->ideal, 0);
    add_interval(table, &row->model[0], decimals);
    if (stamped) {
        add_interval(table, &row->model[1], decimals);
        add_paired(table, &row->paired, decimals);
    }
    size_t skipped = 0;
    for (size_t reason = 1; reason < FS_SKIP_COUNT; reason++) {
        skipped += row->skipped[reason];
    }
    fs_table_cell(table, "%zu", row->model[0].n);
    fs_table_cell(table, "%zu", row->model[0].ties);
    fs_table_cell(table, "%zu", skipped);
}

/* Whether the row tells of the edited pairs, CrowS-Pairs or BiasKE's facts; those of further suites stand apart. */
static bool is_main(const struct fs_evaluate_result *result, const struct fs_result_row *row)
{
    bool fact = strcmp(row->metric, "ds") == 0 || strncmp(row->metric, "rs.", 3) == 0;
    return strcmp(row->suite, result->row[0].suite) == 0 || strcmp(row->suite, "crows_pairs") == 0 ||
           (strcmp(row->suite, "biaske") == 0 && fact);
}

/* Whether row `i` is the first of its shown category, and not of "all". */
static bool is_first_of_category(const struct fs_evaluate_result *result, size_t i)
{
    if (strcmp(result->row[i].category, ALL) == 0 || !is_main(result, &result->row[i])) {
        return false;
    }
    for (size_t before = 0; before < i; before++) {
        if (strcmp(shown_category(result->row[before].category), shown_category(result->row[i].category)) == 0) {
            return false;
        }
    }
    return true;
}

static void add_category(struct fs_table *table, const struct fs_evaluate_result *result, const char *category,
                         bool stamped, bool split)
{
    for (size_t line = 0; line < LINES; line++) {
        if (split && (strcmp(lines[line].label, "SS") == 0 || strcmp(lines[line].label, "gap") == 0)) {
            continue; /* edited and held-out stand apart */
        }
        for (size_t i = 0; i < result->rows; i++) {
            const struct fs_result_row *row = &result->row[i];
            if (is_main(result, row) && strcmp(shown_category(row->category), category) == 0 &&
                strcmp(row->metric, lines[line].metric) == 0 && strcmp(row->subset, lines[line].subset) == 0 &&
                row->model[0].n > 0) {
                add_line(table, row, lines[line].label, lines[line].decimals, stamped);
                fs_table_cell(table, "%s", row->scoring);
            }
        }
    }
}

/* Rows that people read: macro averages, and of one category "all" would say the same again. */
static bool is_shown_further(const struct fs_evaluate_result *result, size_t i)
{
    const struct fs_result_row *row = &result->row[i];
    if (is_main(result, row) || strstr(row->metric, "micro") != NULL) {
        return false;
    }
    if (strcmp(row->category, ALL) != 0) {
        return true;
    }
    size_t categories = 0;
    for (size_t k = 0; k < result->rows; k++) {
        const struct fs_result_row *other = &result->row[k];
        categories += strcmp(other->suite, row->suite) == 0 && strcmp(other->metric, row->metric) == 0 &&
                      strcmp(other->category, ALL) != 0;
    }
    return categories > 1;
}

/* A suite's rows, from `*at` on, which is moved behind them: a table of its own, as wide as this suite needs. */
static int print_suite(const struct fs_evaluate_result *result, size_t *at, bool stamped, FILE *stream,
                       struct fs_error *err)
{
    static const char *const both[] = {"<category", "<metric", ">ideal", ">before", ">95 %", ">after",
                                       ">95 %",     ">change", ">p",     ">items",  ">ties", ">skipped"};
    static const char *const one[] = {"<category", "<metric", ">ideal", ">value",
                                      ">95 %",     ">items",  ">ties",  ">skipped"};
    const struct fs_result_row *first = &result->row[*at];
    bool small_values = strncmp(first->suite, "seat", 4) == 0 || strcmp(first->suite, "bec_pro") == 0;
    struct fs_table *table;
    if (fs_table_create(stamped ? sizeof both / sizeof both[0] : sizeof one / sizeof one[0], stamped ? both : one,
                        &table, err) != 0) {
        return -1;
    }
    for (; *at < result->rows; (*at)++) {
        const struct fs_result_row *row = &result->row[*at];
        if (strcmp(row->suite, first->suite) != 0 || strcmp(row->scoring, first->scoring) != 0) {
            break;
        }
        if (is_shown_further(result, *at)) {
            add_line(table, row, row->metric, small_values || strstr(row->metric, "gap") != NULL ? 4 : 2, stamped);
        }
    }
    fprintf(stream, "\n%s, %s\n", first->suite, first->scoring);
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

static int print_further(const struct fs_evaluate_result *result, bool stamped, FILE *stream, struct fs_error *err)
{
    bool any = false;
    size_t i = 0;
    while (i < result->rows) {
        if (!is_shown_further(result, i)) {
            i++;
            continue;
        }
        if (!any) {
            fprintf(stream, "\nFurther suites, never edited; each with its P[k]\n");
            any = true;
        }
        if (print_suite(result, &i, stamped, stream, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_report_results(const struct fs_evaluate_result *result, bool stamped, FILE *stream, struct fs_error *err)
{
    static const char *const both[] = {"<category", "<metric", ">ideal", ">before", ">95 %",    ">after", ">95 %",
                                       ">change",   ">p",      ">items", ">ties",   ">skipped", "<P[k]"};
    static const char *const one[] = {"<category", "<metric", ">ideal",   ">value", ">95 %",
                                      ">items",    ">ties",   ">skipped", "<P[k]"};
    struct fs_table *table;
    size_t columns = stamped ? sizeof both / sizeof both[0] : sizeof one / sizeof one[0];
    if (fs_table_create(columns, stamped ? both : one, &table, err) != 0) {
        return -1;
    }
    bool split = has_split(result);
    size_t categories = 0;
    for (size_t i = 0; i < result->rows; i++) {
        if (is_first_of_category(result, i)) {
            categories++;
            add_category(table, result, shown_category(result->row[i].category), stamped, split);
        }
    }
    if (categories != 1) { /* of one category "all" would say the same again */
        add_category(table, result, ALL, stamped, split);
    }
    int status = fs_table_print(table, stream, err);
    if (status == 0) {
        status = print_further(result, stamped, stream, err);
    }
    if (stamped && status == 0) {
        fprintf(stream,
                "change: after less before; * the 95 %% interval of the difference leaves out 0. p: McNemar's exact "
                "test over the same items.\n");
    }
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

static cJSON *metric_json(const struct fs_metric *metric)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "value", number_or_null(metric->value));
    cJSON_AddItemToObject(json, "low", number_or_null(metric->low));
    cJSON_AddItemToObject(json, "high", number_or_null(metric->high));
    cJSON_AddNumberToObject(json, "n", (double)metric->n);
    cJSON_AddNumberToObject(json, "ties", (double)metric->ties);
    return json;
}

static cJSON *paired_json(const struct fs_paired *paired)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "difference", number_or_null(paired->difference));
    cJSON_AddItemToObject(json, "low", number_or_null(paired->low));
    cJSON_AddItemToObject(json, "high", number_or_null(paired->high));
    cJSON_AddItemToObject(json, "p_value", number_or_null(paired->p_value));
    cJSON_AddNumberToObject(json, "gained", (double)paired->gained);
    cJSON_AddNumberToObject(json, "lost", (double)paired->lost);
    return json;
}

cJSON *fs_report_results_json(const struct fs_evaluate_result *result, bool stamped)
{
    cJSON *json = cJSON_CreateArray();
    for (size_t i = 0; i < result->rows; i++) {
        const struct fs_result_row *row = &result->row[i];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "suite", row->suite);
        cJSON_AddStringToObject(entry, "category", row->category);
        cJSON_AddStringToObject(entry, "subset", row->subset);
        cJSON_AddStringToObject(entry, "metric", row->metric);
        cJSON_AddStringToObject(entry, "variant", row->scoring);
        cJSON_AddItemToObject(entry, "ideal", number_or_null(row->ideal));
        cJSON_AddItemToObject(entry, stamped ? "before" : "result", metric_json(&row->model[0]));
        if (stamped) {
            cJSON_AddItemToObject(entry, "after", metric_json(&row->model[1]));
            cJSON_AddItemToObject(entry, "paired", paired_json(&row->paired));
        }
        cJSON *skipped = cJSON_AddObjectToObject(entry, "skipped");
        for (int reason = 1; reason < FS_SKIP_COUNT; reason++) {
            cJSON_AddNumberToObject(skipped, fs_skip_name((enum fs_skip)reason), (double)row->skipped[reason]);
        }
        cJSON_AddItemToArray(json, entry);
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

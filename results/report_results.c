/* The result table for people and programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/report.h"
#include "results/result_lines.h"
#include "results/skip_lines.h"
#include "results/table.h"

#define ALL "all"

static bool has_split(const struct fs_results *results)
{
    for (size_t i = 0; i < results->rows; i++) {
        if (strcmp(results->row[i].subset, "edited") == 0) {
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
static void add_change(struct fs_table *table, const struct fs_paired *change, int decimals)
{
    bool sure = isfinite(change->low) && (change->low > 0 || change->high < 0);
    if (isfinite(change->difference)) {
        fs_table_cell(table, "%+.*f%s", decimals, change->difference, sure ? "*" : " ");
    } else {
        fs_table_cell(table, "-");
    }
    if (isfinite(change->p_value)) {
        fs_table_cell(table, change->p_value < 0.0005 ? "<.001" : "%.3f", change->p_value);
    } else {
        fs_table_cell(table, "-");
    }
}

/* The headings of a table of results; the texts that are made for it. */
struct headings {
    size_t count;
    const char **name; /* [count] */
    char **made;       /* [columns] */
    size_t columns;
};

static void release_headings(struct headings *headings)
{
    for (size_t i = 0; headings->made != NULL && i < headings->columns; i++) {
        free(headings->made[i]);
    }
    free(headings->made);
    free(headings->name);
}

/* Category, metric, ideal; value and interval of each column, with the change of each edit; items, ties, skipped, and
 * where `scoring` P[k]. */
static int make_headings(const struct fs_results *results, bool scoring, struct headings *headings,
                         struct fs_error *err)
{
    static const char *const first[] = {"<category", "<metric", ">ideal"};
    static const char *const last[] = {">items", ">ties", ">skipped", "<P[k]"};
    size_t columns = results->columns, count = 3;
    *headings = (struct headings){.columns = columns};
    headings->name = fs_allocate(7 + 4 * columns, sizeof *headings->name, "a table", err);
    headings->made = fs_allocate(columns, sizeof *headings->made, "a table", err);
    if (headings->name == NULL || headings->made == NULL) {
        return -1;
    }
    memcpy(headings->name, first, sizeof first);
    for (size_t c = 0; c < columns; c++) {
        if (asprintf(&headings->made[c], ">%s", results->column[c]) < 0) {
            headings->made[c] = NULL;
            return fs_error_memory(err, strlen(results->column[c]), "a table");
        }
        headings->name[count++] = headings->made[c];
        headings->name[count++] = ">95 %";
        if (c > 0) {
            headings->name[count++] = ">change";
            headings->name[count++] = ">p";
        }
    }
    for (size_t i = 0; i < (scoring ? 4 : 3); i++) {
        headings->name[count++] = last[i];
    }
    headings->count = count;
    return 0;
}

static void add_line(struct fs_table *table, const struct fs_results *results, const struct fs_result_row *row,
                     const char *label, int decimals)
{
    fs_table_cell(table, "%s", row->category);
    fs_table_cell(table, "%s", label);
    fs_table_number(table, row->ideal, 0);
    for (size_t c = 0; c < results->columns; c++) {
        add_interval(table, &row->value[c], decimals);
        if (c > 0) {
            add_change(table, &row->change[c - 1], decimals);
        }
    }
    fs_table_cell(table, "%zu", row->value[0].n);
    fs_table_cell(table, "%zu", row->value[0].ties);
    fs_table_cell(table, "%zu", fs_row_skipped(row));
}

/* Whether row `i` is the first of its shown category, and not of "all". */
static bool is_first_of_category(const struct fs_results *results, size_t i)
{
    if (strcmp(results->row[i].category, ALL) == 0 || !fs_is_headline(results, &results->row[i])) {
        return false;
    }
    for (size_t before = 0; before < i; before++) {
        if (strcmp(results->row[before].category, results->row[i].category) == 0) {
            return false;
        }
    }
    return true;
}

/* `alone`: the only category has been shown, and of "all" are shown the lines that a category does not have. */
static void add_category(struct fs_table *table, const struct fs_results *results, const char *category, bool split,
                         bool alone)
{
    bool all = strcmp(category, ALL) == 0;
    for (size_t line = 0; line < fs_result_line_count; line++) {
        const struct fs_result_line *of = &fs_result_lines[line];
        if ((split && of->unless_split) || (of->of_all ? !all : all && alone)) {
            continue;
        }
        for (size_t i = 0; i < results->rows; i++) {
            const struct fs_result_row *row = &results->row[i];
            if (fs_is_headline(results, row) && strcmp(row->category, category) == 0 &&
                strcmp(row->metric, of->metric) == 0 && strcmp(row->subset, of->subset) == 0 && row->value[0].n > 0) {
                add_line(table, results, row, of->label, fs_metric_decimals(row->metric));
                fs_table_cell(table, "%s", row->scoring);
            }
        }
    }
}

/* Rows that people read: macro averages, and of one category "all" would say the same again. */
static bool is_shown_further(const struct fs_results *results, size_t i)
{
    const struct fs_result_row *row = &results->row[i];
    if (fs_is_headline(results, row) || strstr(row->metric, "micro") != NULL) {
        return false;
    }
    if (strcmp(row->category, ALL) != 0) {
        return true;
    }
    size_t categories = 0;
    for (size_t k = 0; k < results->rows; k++) {
        const struct fs_result_row *other = &results->row[k];
        categories += strcmp(other->suite, row->suite) == 0 && strcmp(other->metric, row->metric) == 0 &&
                      strcmp(other->category, ALL) != 0;
    }
    return categories > 1;
}

/* A suite's rows, from `*at` on, which is moved past them: a table of its own, as wide as this suite needs. */
static int print_suite(const struct fs_results *results, size_t *at, FILE *stream, struct fs_error *err)
{
    const struct fs_result_row *first = &results->row[*at];
    struct headings headings;
    struct fs_table *table = NULL;
    int status = make_headings(results, false, &headings, err) == 0
                     ? fs_table_create(headings.count, headings.name, &table, err)
                     : -1;
    for (; status == 0 && *at < results->rows; (*at)++) {
        const struct fs_result_row *row = &results->row[*at];
        if (strcmp(row->suite, first->suite) != 0 || strcmp(row->scoring, first->scoring) != 0) {
            break;
        }
        if (is_shown_further(results, *at)) {
            add_line(table, results, row, row->metric, fs_metric_decimals(row->metric));
        }
    }
    if (status == 0) {
        fprintf(stream, "%s, %s\n", first->suite, first->scoring);
        status = fs_table_print(table, stream, err);
    }
    fs_table_destroy(table);
    release_headings(&headings);
    return status;
}

/* `headlines`: they stand above. */
static int print_further(const struct fs_results *results, bool headlines, FILE *stream, struct fs_error *err)
{
    bool any = false; /* of them is printed */
    size_t i = 0;
    while (i < results->rows) {
        if (!is_shown_further(results, i)) {
            i++;
            continue;
        }
        if (!any && headlines) {
            fprintf(stream, "\nFurther suites, never edited; each with its P[k]\n");
        }
        if (any || headlines) {
            fprintf(stream, "\n");
        }
        any = true;
        if (print_suite(results, &i, stream, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Whether any headline leaves out items: then how many of all is to be seen at one place, as of several categories. */
static bool has_skipped(const struct fs_results *results)
{
    for (size_t i = 0; i < results->rows; i++) {
        if (fs_is_headline(results, &results->row[i]) && fs_row_skipped(&results->row[i]) > 0) {
            return true;
        }
    }
    return false;
}

/* A line for each suite that leaves out items: how many, and why. */
static void print_skipped(const struct fs_results *results, FILE *stream)
{
    for (size_t i = 0; i < results->rows; i++) {
        if (fs_is_first_of_suite(results, i)) {
            char after[128];
            snprintf(after, sizeof after, " (%.100s)\n", results->row[i].suite);
            fs_write_skipped(stream, results, results->row[i].suite, "skipped: ", after);
            fs_write_first_unscored(stream, &results->row[i], "not scored: ", after);
            fs_write_unread(stream, results, results->row[i].suite, "empty: ", after);
        }
    }
}

static int print_headlines(const struct fs_results *results, const struct headings *headings, FILE *stream,
                           struct fs_error *err)
{
    bool split = has_split(results);
    size_t categories = 0;
    struct fs_table *table;
    if (fs_table_create(headings->count, headings->name, &table, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < results->rows; i++) {
        if (is_first_of_category(results, i)) {
            categories++;
            add_category(table, results, results->row[i].category, split, false);
        }
    }
    /* of one category it would say the same again, but where items are left out */
    add_category(table, results, ALL, split, categories == 1 && !has_skipped(results));
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

int fs_report_results(const struct fs_results *results, FILE *stream, struct fs_error *err)
{
    struct headings headings;
    bool headlines = false;
    for (size_t i = 0; i < results->rows; i++) {
        headlines = headlines || fs_is_headline(results, &results->row[i]);
    }
    int status = make_headings(results, true, &headings, err);
    if (status == 0 && headlines) {
        status = print_headlines(results, &headings, stream, err);
    }
    release_headings(&headings);
    if (status == 0) {
        status = print_further(results, headlines, stream, err);
    }
    if (status == 0) {
        print_skipped(results, stream);
    }
    if (results->columns > 1 && status == 0) {
        fprintf(stream, "change: less the unedited model; * the 95 %% interval of the difference leaves out 0. p: "
                        "McNemar's exact test over the same items, each by itself.\n");
    }
    return status;
}

/* ---- JSON ---- */

static void add_number(cJSON *json, const char *name, double value)
{
    cJSON_AddItemToObject(json, name, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static cJSON *change_json(const struct fs_paired *change)
{
    cJSON *json = cJSON_CreateObject();
    add_number(json, "difference", change->difference);
    add_number(json, "low", change->low);
    add_number(json, "high", change->high);
    add_number(json, "p_value", change->p_value);
    bool counted = change->gained >= 0; /* of a metric that counts items */
    add_number(json, "gained", counted ? (double)change->gained : NAN);
    add_number(json, "lost", counted ? (double)change->lost : NAN);
    return json;
}

static cJSON *column_json(const struct fs_result_row *row, size_t column)
{
    const struct fs_metric *metric = &row->value[column];
    cJSON *json = cJSON_CreateObject();
    add_number(json, "value", metric->value);
    add_number(json, "low", metric->low);
    add_number(json, "high", metric->high);
    cJSON_AddNumberToObject(json, "n", (double)metric->n);
    cJSON_AddNumberToObject(json, "ties", (double)metric->ties);
    if (column > 0) {
        cJSON_AddItemToObject(json, "change", change_json(&row->change[column - 1]));
    }
    return json;
}

cJSON *fs_report_results_json(const struct fs_results *results)
{
    cJSON *json = cJSON_CreateArray();
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "suite", row->suite);
        cJSON_AddStringToObject(entry, "category", row->category);
        cJSON_AddStringToObject(entry, "subset", row->subset);
        cJSON_AddStringToObject(entry, "metric", row->metric);
        cJSON_AddStringToObject(entry, "scoring", row->scoring);
        add_number(entry, "ideal", row->ideal);
        cJSON *columns = cJSON_AddObjectToObject(entry, "columns");
        for (size_t c = 0; c < results->columns; c++) {
            cJSON_AddItemToObject(columns, results->column[c], column_json(row, c));
        }
        cJSON_AddItemToObject(entry, "result", column_json(row, 0));
        cJSON *skipped = cJSON_AddObjectToObject(entry, "skipped");
        for (int reason = 1; reason < FS_SKIP_COUNT; reason++) {
            cJSON_AddNumberToObject(skipped, fs_skip_name((enum fs_skip)reason), (double)row->skipped[reason]);
        }
        if (row->first_unscored > 0) {
            cJSON_AddNumberToObject(entry, "first_unscored", (double)row->first_unscored);
        }
        cJSON_AddItemToArray(json, entry);
    }
    return json;
}

cJSON *fs_report_items_json(const struct fs_suite *suite, const struct fs_results *results)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t item = 0; item < suite->items; item++) {
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "id", suite->id[item]);
        cJSON_AddStringToObject(entry, "category", suite->category[item]);
        if (suite->skip[item] != FS_KEPT) {
            cJSON_AddStringToObject(entry, "skipped", fs_skip_name((enum fs_skip)suite->skip[item]));
        }
        if (suite->first_unscored[item]) {
            cJSON_AddTrueToObject(entry, "first_unscored");
        }
        cJSON *scores = cJSON_AddObjectToObject(entry, "scores");
        for (size_t k = 0; k < suite->candidates; k++) {
            cJSON *candidate = cJSON_AddObjectToObject(scores, suite->candidate[k]);
            for (size_t c = 0; c < suite->columns; c++) {
                add_number(candidate, results->column[c], suite->score[fs_suite_at(suite, item, k, c)]);
            }
        }
        cJSON_AddItemToArray(list, entry);
    }
    return list;
}

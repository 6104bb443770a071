#include "results/page/page.h"

#include <math.h>
#include <string.h>

#include "results/page/page_charts.h"
#include "results/page/page_front.h"
#include "results/page/page_parts.h"
#include "results/skip_lines.h"
#include "results/time_check.h"
#include "stages/suites/suite_registry.h"

/* Columns on the cards: all of a few, of many the first edit alone. */
static size_t carded(const struct fs_page_data *data)
{
    enum { FEW = 4 };
    return data->result.columns <= FEW ? data->result.columns : 2;
}

static void card(FILE *stream, const struct fs_page_data *data, const char *label, const char *metric,
                 const char *subset)
{
    const struct fs_result_row *row = fs_page_row(data, fs_page_category(data), metric, subset);
    if (row == NULL || row->value[0].n == 0) {
        return;
    }
    int decimals = fs_metric_decimals(row->metric) > 2 ? 3 : 1;
    fprintf(stream, "<div class=\"card\"><small>%s</small><b>", label);
    fs_page_number(stream, row->value[0].value, decimals);
    for (size_t c = 1; c < carded(data); c++) {
        fprintf(stream, c == 1 ? " \xe2\x86\x92 " : ", ");
        fs_page_number(stream, row->value[c].value, decimals);
    }
    fprintf(stream, "</b><small>ideal %.0f, %zu items</small></div>\n", row->ideal, row->value[0].n);
}

static void summary(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<div class=\"cards\">\n");
    card(stream, data, "SS edited", "ss.macro", "edited");
    card(stream, data, "SS held out", "ss.macro", "held_out");
    card(stream, data, "SS validation", "ss.macro", "validation");
    card(stream, data, "Gap edited", "gap", "edited");
    card(stream, data, "Gap held out", "gap", "held_out");
    card(stream, data, "PS, paraphrases", "ps", "all");
    card(stream, data, "LMS", "lms.macro", "all");
    card(stream, data, "DS, facts", "ds", "all");
    card(stream, data, "RS, retention", "rs.top1", "all");
    card(stream, data, "CrowS", "crows", "all");
    fprintf(stream, "</div>\n<p class=\"note\">Category: ");
    fs_page_escape(stream, fs_page_category(data));
    fprintf(stream, ". From the unedited model to");
    for (size_t c = 1; c < carded(data); c++) {
        fprintf(stream, c == 1 ? " " : ", ");
        fs_page_escape(stream, data->result.column[c]);
    }
    if (carded(data) < data->result.columns) {
        fprintf(stream, ", the first of %zu edits; the others are below", data->result.columns - 1);
    }
    fprintf(stream,
            ". SS on edited pairs is what an edit is made for; held-out pairs, paraphrases (PS) and CrowS-Pairs "
            "were never trained on and tell whether the edit carries over. SS counts directions; the gap is the mean "
            "difference of log probabilities that is left.</p>\n");
}

/* Whose results these are. */
static void heading(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<h1>fairstamp report</h1>\n<p>Model <b>");
    fs_page_escape(stream, data->model);
    fprintf(stream, "</b>");
    if (data->result.rows > 0) {
        fprintf(stream, ", pairs of ");
        fs_page_escape(stream, data->result.row[0].suite);
    }
    for (size_t i = 0; i < data->terms; i++) {
        if (i == 0 || strcmp(data->term[i].category, data->term[i - 1].category) != 0) {
            fprintf(stream, i == 0 ? ": " : ", ");
            fs_page_escape(stream, data->term[i].category);
        }
    }
    if (data->has[FS_STAGE_STAMP]) {
        fprintf(stream, "; %s at layer %zu", fs_stage_names[FS_STAGE_STAMP], data->training.layer);
    }
    fprintf(stream, "; <span class=\"date\">");
    fs_page_escape(stream, fs_page_provenance(data, "end"));
    fprintf(stream, "</span></p>\n");
}

static bool has_metric(const struct fs_page_data *data, const struct fs_metric_kind *kind)
{
    for (size_t i = 0; i < data->result.rows; i++) {
        if (fs_metric_kind_find(data->result.row[i].metric) == kind) {
            return true;
        }
    }
    return false;
}

static void glossary(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<details><summary>What the numbers mean</summary><dl>\n");
    for (size_t i = 0; i < fs_metric_kind_count; i++) {
        const struct fs_metric_kind *kind = &fs_metric_kinds[i];
        if (has_metric(data, kind)) {
            fprintf(stream, "<dt>%s</dt><dd>", kind->label);
            fs_page_escape(stream, kind->meaning);
            fprintf(stream, "</dd>\n");
        }
    }
    fprintf(stream, "<dt>subset</dt><dd>edited: pairs that are edited; held out, validation: pairs of other target "
                    "terms, not edited</dd>\n</dl></details>\n");
}

static void figure(FILE *stream, void (*draw)(FILE *stream, const struct fs_page_data *data),
                   const struct fs_page_data *data, const char *caption)
{
    fprintf(stream, "<figure>");
    draw(stream, data);
    fprintf(stream, "<figcaption>%s</figcaption></figure>\n", caption);
}

static void draw_metrics(FILE *stream, const struct fs_page_data *data)
{
    fs_chart_metrics(stream, data, fs_page_category(data));
}

static void cell(FILE *stream, const char *words)
{
    fprintf(stream, "<td class=\"left\">");
    fs_page_escape(stream, words);
    fprintf(stream, "</td>");
}

static void number_cell(FILE *stream, double value, int decimals)
{
    fprintf(stream, "<td>");
    fs_page_number(stream, value, decimals);
    fprintf(stream, "</td>");
}

static void interval_cell(FILE *stream, const struct fs_metric *metric, int decimals)
{
    fprintf(stream, "<td>");
    fs_page_number(stream, metric->value, decimals);
    if (isfinite(metric->low)) {
        fprintf(stream, " <small>(%.*f to %.*f)</small>", decimals, metric->low, decimals, metric->high);
    }
    fprintf(stream, "</td>");
}

static void begin_table(FILE *stream, const char *const *head, size_t columns)
{
    fprintf(stream, "<div class=\"table\"><table><thead><tr>");
    for (size_t i = 0; i < columns; i++) {
        fprintf(stream, head[i][0] == '<' ? "<th class=\"left\">" : "<th>");
        fs_page_escape(stream, head[i] + 1);
        fprintf(stream, "</th>");
    }
    fprintf(stream, "</tr></thead><tbody>\n");
}

static void end_table(FILE *stream)
{
    fprintf(stream, "</tbody></table></div>\n");
}

static void p_cell(FILE *stream, double p)
{
    if (p < 0.001) {
        fprintf(stream, "<td>&lt;.001</td>");
    } else {
        number_cell(stream, p, 3);
    }
}

/* What the registry says of the suites whose rows have this name. */
static void about_suite(FILE *stream, const char *suite)
{
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *kind = fs_suite_kinds[i];
        if (strcmp(kind->name, suite) == 0) {
            fs_page_escape(stream, kind->about);
            fprintf(stream, ". ");
        }
    }
}

static bool are_of_one_table(const struct fs_result_row *one, const struct fs_result_row *other)
{
    return strcmp(one->suite, other->suite) == 0 && strcmp(one->scoring, other->scoring) == 0;
}

/* Whether the rows of category "all" of a table say what those of its only category say. */
static bool has_one_category(const struct fs_page_data *data, const struct fs_result_row *table)
{
    const char *only = NULL;
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        if (are_of_one_table(row, table) && strcmp(row->category, "all") != 0) {
            if (only != NULL && strcmp(only, row->category) != 0) {
                return false;
            }
            only = row->category;
        }
    }
    return only != NULL;
}

/* A line above the rows of one category and subset. */
static void group_row(FILE *stream, const struct fs_result_row *row, size_t columns)
{
    fprintf(stream, "<tr class=\"group\"><th colspan=\"%zu\">", columns);
    fs_page_escape(stream, row->category);
    if (strcmp(row->subset, "all") != 0) {
        fprintf(stream, ", ");
        fs_page_escape(stream, strcmp(row->subset, "held_out") == 0 ? "held out" : row->subset);
    }
    fprintf(stream, "</th></tr>\n");
}

static void result_row(FILE *stream, const struct fs_results *results, const struct fs_result_row *row)
{
    int decimals = fs_metric_decimals(row->metric);
    fprintf(stream, "<tr>");
    cell(stream, row->metric);
    number_cell(stream, row->ideal, 0);
    for (size_t c = 0; c < results->columns; c++) {
        interval_cell(stream, &row->value[c], decimals);
        if (c > 0) {
            const struct fs_paired *change = &row->change[c - 1];
            const struct fs_metric difference = {change->difference, change->low, change->high, 0, 0};
            interval_cell(stream, &difference, decimals);
            p_cell(stream, change->p_value);
        }
    }
    fprintf(stream, "<td>%zu</td><td>%zu</td><td>%zu</td></tr>\n", row->value[0].n, row->value[0].ties,
            fs_row_skipped(row));
}

/* The headings of a table with a number for each column: before, then the columns, then after. */
static void begin_column_table(FILE *stream, const char *first, const struct fs_results *results, bool changes,
                               const char *last)
{
    const char *wide = results->columns > 2 ? " wide" : ""; /* intervals stand below their values */
    fprintf(stream, "<div class=\"table%s\"><table><thead><tr>%s", wide, first);
    for (size_t c = 0; c < results->columns; c++) {
        fprintf(stream, "<th>");
        fs_page_escape(stream, results->column[c]);
        fprintf(stream, changes && c > 0 ? "</th><th>change</th><th>p</th>" : "</th>");
    }
    fprintf(stream, "%s</tr></thead><tbody>\n", last);
}

/* A table for each suite and P[k], in the order of the rows. */
static void result_tables(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    const size_t columns = 5 + results->columns + 2 * (results->columns - 1);
    for (size_t first = 0; first < data->result.rows; first++) {
        const struct fs_result_row *table = &data->result.row[first];
        size_t before = 0;
        while (before < first && !are_of_one_table(&data->result.row[before], table)) {
            before++;
        }
        if (before < first) {
            continue;
        }
        fprintf(stream, "<h3>");
        fs_page_escape(stream, table->suite);
        fprintf(stream, "</h3><p class=\"note\">");
        about_suite(stream, table->suite);
        fprintf(stream, "P[k]: ");
        fs_page_escape(stream, table->scoring);
        fprintf(stream, "</p>");
        bool one = has_one_category(data, table);
        begin_column_table(stream, "<th class=\"left\">metric</th><th>ideal</th>", results, true,
                           "<th>items</th><th>ties</th><th>skipped</th>");
        const struct fs_result_row *last = NULL;
        for (size_t i = first; i < data->result.rows; i++) {
            const struct fs_result_row *row = &data->result.row[i];
            if (!are_of_one_table(row, table) || (one && strcmp(row->category, "all") == 0)) {
                continue;
            }
            if (last == NULL || strcmp(row->category, last->category) != 0 || strcmp(row->subset, last->subset) != 0) {
                group_row(stream, row, columns);
            }
            result_row(stream, results, row);
            last = row;
        }
        end_table(stream);
        if (fs_is_first_of_suite(results, first)) {
            fs_write_skipped(stream, results, table->suite, "<p class=\"note\">Skipped: ", "</p>\n");
            fs_write_first_unscored(stream, &results->row[first], "<p class=\"note\">Not scored: ", "</p>\n");
            fs_write_unread(stream, results, table->suite, "<p class=\"note\">Empty: ", "</p>\n");
        }
    }
}

static void term_table(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    fprintf(stream, "<div class=\"table\"><table><thead><tr><th class=\"left\">target term</th>");
    for (size_t k = 0; k < 2 * results->columns; k++) {
        fprintf(stream, k < results->columns ? "<th>SS " : "<th>gap ");
        fs_page_escape(stream, results->column[k % results->columns]);
        fprintf(stream, "</th>");
    }
    fprintf(stream, "<th>pairs</th><th class=\"left\">side</th><th class=\"left\">category</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        fprintf(stream, "<tr>");
        cell(stream, term->target);
        for (size_t c = 0; c < results->columns; c++) {
            number_cell(stream, isfinite(term->gap[c]) ? term->ss[c] : NAN, 1);
        }
        for (size_t c = 0; c < results->columns; c++) {
            number_cell(stream, term->gap[c], 4);
        }
        fprintf(stream, "<td>%zu</td>", term->pairs);
        cell(stream, fs_page_side(data, term->held_out));
        cell(stream, term->category);
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

static void item_rows(FILE *stream, const struct fs_page_data *data, size_t first, size_t count)
{
    const struct fs_results *results = &data->result;
    begin_column_table(stream, "<th class=\"left\">pair</th>", results, false,
                       "<th class=\"left\">target term</th><th class=\"left\">side</th><th "
                       "class=\"left\">category</th>");
    for (size_t i = first; i < first + count; i++) {
        const struct fs_page_item *item = &data->item[i];
        fprintf(stream, "<tr>");
        cell(stream, item->id);
        for (size_t c = 0; c < results->columns; c++) {
            number_cell(stream, item->ratio[c], 4);
        }
        cell(stream, item->target);
        cell(stream, fs_page_side(data, item->held_out));
        cell(stream, item->category);
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

static void item_tables(FILE *stream, const struct fs_page_data *data)
{
    size_t shown = fs_page_shown(data);
    fprintf(
        stream,
        "<p class=\"note\">Content note: the pairs that these ids stand for state stereotypes of social groups; their "
        "texts are in the benchmark, not in the results. The number is log P[stereotype] - log P[counterpart]; 0 is "
        "even.</p>\n<details open><summary>Most changed</summary>\n");
    item_rows(stream, data, 0, shown);
    fprintf(stream, "</details>\n<details><summary>Least changed</summary>\n");
    item_rows(stream, data, data->items - shown, shown);
    fprintf(stream, "</details>\n");
}

static void layer_table(FILE *stream, const struct fs_page_data *data)
{
    const char *head[3 + FS_PAGE_LAYER_COLUMNS] = {"<layer", ">place", ">score"};
    char name[FS_PAGE_LAYER_COLUMNS][24];
    for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
        snprintf(name[k], sizeof name[k], ">%s", fs_page_layer_columns[k].name);
        head[3 + k] = name[k];
    }
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < data->layers.layers; i++) {
        const char *mark = fs_page_layer_mark(&data->layers, i);
        fprintf(stream, "<tr><td class=\"left\">%zu", data->layers.layer[i]);
        fprintf(stream, mark[0] != '\0' ? " (%s)" : "%s", mark);
        fprintf(stream, "</td><td>%zu</td>", data->layers.place[i]);
        number_cell(stream, data->layers.score[i], 3);
        for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
            const struct fs_page_layer_column *column = &fs_page_layer_columns[k];
            number_cell(stream, fs_layers_value(&data->layers, i, column->metric, column->subset, 1), column->decimals);
        }
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

/* What the stages took, and what was predicted where the folder has an estimate of the job. */
static void time_table(FILE *stream, const struct fs_page_data *data)
{
    static const char *const head[] = {"<stage", ">ranks", ">threads", ">seconds", ">predicted", ">off by, %"};
    if (!fs_page_has_times(data)) {
        return;
    }
    fprintf(stream, "<h2>Time</h2>\n");
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const struct fs_estimate_check *time = &data->time[stage];
        if (data->has[stage] && isfinite(time->measured)) {
            fprintf(stream, "<tr><td class=\"left\">%s</td><td>%zu</td><td>%zu</td>", fs_stage_names[stage],
                    time->ranks, time->threads);
            number_cell(stream, time->measured, 1);
            number_cell(stream, time->predicted, 1);
            number_cell(stream, 100 * (time->predicted / time->measured - 1), 0);
            fprintf(stream, "</tr>\n");
        }
    }
    end_table(stream);
}

static void provenance(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<dl>\n");
    for (size_t i = 0; i < data->provenances; i++) {
        if (strcmp(data->provenance[i].name, "job") != 0) {
            fprintf(stream, "<dt>%s</dt><dd>", data->provenance[i].name);
            fs_page_escape(stream, data->provenance[i].value);
            fprintf(stream, "</dd>\n");
        }
    }
    fprintf(stream, "</dl>\n");
    for (size_t i = 0; i < data->provenances; i++) {
        if (strcmp(data->provenance[i].name, "job") == 0) {
            fprintf(stream, "<details><summary>Job file</summary><pre>");
            fs_page_escape(stream, data->provenance[i].value);
            fprintf(stream, "</pre></details>\n");
        }
    }
}

static void trace_table(FILE *stream, const struct fs_page_data *data)
{
    static const char *const head[] = {"<category", ">layer", ">AIE", ">pairs with their largest effect here"};
    const struct fs_trace_result *trace = &data->trace;
    fprintf(stream, "<details><summary>Average indirect effect (AIE) in numbers</summary>\n");
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (size_t i = trace->categories == 2 ? trace->layers : 0; i < trace->categories * trace->layers; i++) {
        const struct fs_metric aie = {trace->aie[i], trace->aie_low[i], trace->aie_high[i], 0, 0};
        fprintf(stream, "<tr>");
        cell(stream, trace->category[i / trace->layers]);
        fprintf(stream, "<td>%zu</td>", i % trace->layers);
        interval_cell(stream, &aie, 6);
        fprintf(stream, "<td>%zu</td></tr>\n", trace->argmax_count[i]);
    }
    end_table(stream);
    fprintf(stream, "</details>\n");
}

static void trace_section(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<h2>Where the bias is stored</h2>\n");
    figure(stream, fs_chart_trace, data,
           "How much of the biased answer comes back when the subject's state of one layer is restored in the run with "
           "the "
           "counterpart (or with noise). Bars: 95 % bootstrap intervals over target terms.");
    if (data->trace.categories > 1 + FS_CHART_SERIES) {
        fprintf(stream, "<p class=\"note\">The first %d are drawn; the table has all.</p>\n", FS_CHART_SERIES);
    }
    figure(stream, fs_chart_argmax, data, "Pairs whose largest effect is at the layer, all categories.");
    if (data->trace.shares.measures > 0) {
        figure(
            stream, fs_chart_measures, data,
            "Share of each pair's total effect in log probability that comes back when a part of one layer is restored "
            "in the counterpart's run, or goes when it is removed from the biased one: at the subject, or where the "
            "answer is predicted (read). Medians over pairs; bands: 95 % bootstrap intervals over target terms; all "
            "categories. Circle: the largest; dashed: the decisive layer.");
        fprintf(stream,
                "<p class=\"note\">%zu of %zu pairs have a total effect that is large enough for a share.</p>\n",
                data->trace.shares.counted[0], data->trace.items);
    }
    if (data->trace.sublayers.kinds > 1) {
        figure(stream, fs_chart_kinds, data,
               "What is restored at the subject: the state after the layer, or what attention or the FFN adds in a "
               "window of layers around it; all categories.");
    }
    if (data->trace.sublayers.role_aie != NULL) {
        for (size_t kind = 0; kind < data->trace.sublayers.kinds; kind++) {
            fprintf(stream, "<figure>");
            fs_chart_heat_map(stream, data, kind);
            fprintf(
                stream,
                "<figcaption>%s, all categories; \"last\" is where the answer is predicted.</figcaption></figure>\n",
                kind == 0 ? "The state after a layer, restored at one position at a time"
                          : "What the sublayer adds, restored at one position at a time");
        }
    }
    fprintf(stream, "<p>Decisive layer %zu of 0 to %zu, from %zu pairs.</p>\n", data->trace.decisive_layer,
            data->trace.layers - 1, data->trace.items);
    trace_table(stream, data);
}

/* "Layer 3, width 1024, 200 steps." */
static void training_sizes(FILE *stream, const struct fs_training_history *training)
{
    fprintf(stream, "<p>Layer %zu", training->layer);
    for (size_t i = 0; i < training->sizes; i++) {
        fprintf(stream, ", %s %zu", training->size[i].name, training->size[i].value);
    }
    fprintf(stream, ", %zu steps.</p>\n", training->step);
}

static void layers_section(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<h2>Is the traced layer the right one?</h2>\n");
    if (!data->has[FS_STAGE_LAYER_SWEEP]) {
        fprintf(
            stream,
            "<p class=\"note\">Not checked: the job's layers.compare is \"none\". With \"random\" a stamp at a random "
            "layer is trained as a control, with \"all\" one at every layer.</p>\n");
        return;
    }
    figure(stream, fs_chart_layers, data,
           "Score: share of the gap that an edit at the layer removes from pairs that were not edited, less what LMS "
           "and RS "
           "lose.");
    layer_table(stream, data);
}

void fs_page_html(FILE *stream, const struct fs_page_data *data)
{
    fs_page_head(stream, "fairstamp report");
    heading(stream, data);
    if (data->result.rows > 0) {
        summary(stream, data);
        glossary(stream, data);
        fprintf(stream, "<h2>Before and after</h2>\n");
        figure(stream, draw_metrics, data,
               "One mark a column, the unedited model first, with 95 % intervals. Thick lines: the ideal.");
    }
    if (fs_front_is_there(data)) {
        fprintf(stream, "<h2>Bias left against what was kept</h2>\n");
        figure(stream, fs_chart_front, data,
               "One mark a column: below, less bias is left; to the right, more is kept. Of pairs of target terms that "
               "were not edited, the gap as a share of the unedited model's; of paraphrases, the distance of PS to 50; "
               "of the facts of all categories, RS, and DS less the unedited model's. A column is beaten "
               "where another one has as little bias and keeps as much, and one of the two better. Lines: one edit at "
               "several "
               "strengths, from the unedited model. Intervals: below, in all results.");
    }
    fs_page_differences(stream, data, &fs_page_as_html);
    if (data->has[FS_STAGE_TRACE]) {
        trace_section(stream, data);
    }
    layers_section(stream, data);
    if (data->has[FS_STAGE_STAMP]) {
        fprintf(stream, "<h2>Training of the %s</h2>\n", fs_stage_names[FS_STAGE_STAMP]);
        figure(stream, fs_chart_loss, data, data->training.caption);
        training_sizes(stream, &data->training);
    }
    fs_page_tries(stream, data);
    if (data->terms > 0) {
        fprintf(stream, "<h2>Target terms</h2>\n");
        term_table(stream, data);
        fprintf(stream, "<h2>Pairs</h2>\n");
        item_tables(stream, data);
    }
    if (data->result.rows > 0) {
        fprintf(stream, "<h2>All results</h2>\n<p class=\"note\">In brackets: 95 %% bootstrap intervals over target "
                        "terms, or what else makes "
                        "items of a suite alike. change: less the unedited model, over the same items; p: McNemar's "
                        "exact test, each item "
                        "by itself.</p>\n");
        result_tables(stream, data);
    }
    time_table(stream, data);
    fprintf(stream, "<h2>Provenance</h2>\n");
    provenance(stream, data);
    fprintf(stream, "</body></html>\n");
}

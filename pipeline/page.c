#include "pipeline/page.h"

#include <math.h>
#include <string.h>

#include "pipeline/page_charts.h"

#define SHOWN_ITEMS 12

static const char style[] =
    ":root{--ink:#222;--soft:#555;--paper:#fff;--rule:#ddd;--card:#f5f6f8}"
    "@media(prefers-color-scheme:dark){:root{--ink:#eee;--soft:#bbb;--paper:#16181c;--rule:#3a3d44;--card:#22252b}}"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;padding:1rem;"
    "max-width:60rem}h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px "
    "solid "
    "var(--rule)}p,figcaption{max-width:42rem}figcaption,.note{color:var(--soft);font-size:.9rem}"
    ".cards{display:flex;flex-wrap:wrap;gap:.6rem}.card{background:var(--card);border-radius:.4rem;padding:.5rem .8rem;"
    "min-width:8rem;flex:1 1 8rem;max-width:12rem}.card b{display:block;font-size:1.1rem;white-space:nowrap}.card "
    "small{color:var(--soft)}"
    "figure{margin:1rem 0}figure svg{width:100%;max-width:36rem;height:auto;display:block}"
    ".table{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}"
    "th:first-child,td:first-child,td.left,th.left{text-align:left}dl{display:grid;grid-template-columns:max-content "
    "1fr;"
    "gap:.2rem .8rem;font-size:.88rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}pre{white-space:pre-wrap;"
    "overflow-wrap:anywhere;font-size:.8rem;background:var(--card);padding:.6rem;border-radius:.4rem}"
    "@media print{body{max-width:none;font-size:11pt}.table{overflow:visible}figure,table,.card{break-inside:avoid}"
    "details{display:block}}";

static const struct fs_result_row *row_of(const struct fs_page_data *data, const char *category, const char *metric,
                                          const char *subset)
{
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        if (strcmp(row->category, category) == 0 && strcmp(row->metric, metric) == 0 &&
            strcmp(row->subset, subset) == 0) {
            return row;
        }
    }
    return NULL;
}

const char *fs_page_category(const struct fs_page_data *data)
{
    const char *only = NULL;
    for (size_t i = 0; i < data->result.rows; i++) {
        const char *category = data->result.row[i].category;
        bool edited = strcmp(data->result.row[i].suite, data->result.row[0].suite) == 0;
        if (edited && strcmp(category, "all") != 0) {
            if (only != NULL && strcmp(only, category) != 0) {
                return "all";
            }
            only = category;
        }
    }
    return only != NULL ? only : "all";
}

/* A number, or a dash. */
static void number(FILE *stream, double value, int decimals)
{
    if (isfinite(value)) {
        fprintf(stream, "%.*f", decimals, value);
    } else {
        fputs("\xe2\x80\x93", stream);
    }
}

static bool is_small(const struct fs_result_row *row)
{
    return strstr(row->metric, "gap") != NULL || strcmp(row->suite, "seat") == 0 || strcmp(row->suite, "bec_pro") == 0;
}

static void card(FILE *stream, const struct fs_page_data *data, const char *label, const char *metric,
                 const char *subset)
{
    const struct fs_result_row *row = row_of(data, fs_page_category(data), metric, subset);
    if (row == NULL || row->model[0].n == 0) {
        return;
    }
    int decimals = is_small(row) ? 3 : 1;
    fprintf(stream, "<div class=\"card\"><small>%s</small><b>", label);
    number(stream, row->model[0].value, decimals);
    if (isfinite(row->model[1].value)) {
        fprintf(stream, " \xe2\x86\x92 ");
        number(stream, row->model[1].value, decimals);
    }
    fprintf(stream, "</b><small>ideal %.0f, %zu items</small></div>\n", row->ideal, row->model[0].n);
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
    fprintf(stream,
            ". SS on edited pairs is what the stamp was trained for; held-out pairs, paraphrases (PS) and CrowS-Pairs "
            "were never trained on and tell whether the edit carries over. SS counts directions; the gap is the mean "
            "difference of log probabilities that is left.</p>\n");
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
    number(stream, value, decimals);
    fprintf(stream, "</td>");
}

static void interval_cell(FILE *stream, const struct fs_metric *metric, int decimals)
{
    fprintf(stream, "<td>");
    number(stream, metric->value, decimals);
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

static size_t skipped_of(const struct fs_result_row *row)
{
    size_t skipped = 0;
    for (size_t reason = 1; reason < FS_SKIP_COUNT; reason++) {
        skipped += row->skipped[reason];
    }
    return skipped;
}

static void result_table(FILE *stream, const struct fs_page_data *data)
{
    static const char *const head[] = {"<suite",  "<category", "<subset", "<metric", ">ideal",   ">before", ">after",
                                       ">change", ">p",        ">items",  ">ties",   ">skipped", "<P[k]"};
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        int decimals = is_small(row) ? 4 : 2;
        fprintf(stream, "<tr>");
        cell(stream, row->suite);
        cell(stream, row->category);
        cell(stream, row->subset);
        cell(stream, row->metric);
        number_cell(stream, row->ideal, 0);
        interval_cell(stream, &row->model[0], decimals);
        interval_cell(stream, &row->model[1], decimals);
        const struct fs_metric change = {row->paired.difference, row->paired.low, row->paired.high, 0, 0};
        interval_cell(stream, &change, decimals);
        number_cell(stream, row->paired.p_value, 3);
        fprintf(stream, "<td>%zu</td><td>%zu</td><td>%zu</td>", row->model[0].n, row->model[0].ties, skipped_of(row));
        cell(stream, row->variant);
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

static const char *side_of(const struct fs_page_data *data, bool held_out)
{
    if (!held_out) {
        return "edited";
    }
    return row_of(data, "all", "ss.macro", "validation") != NULL ? "validation" : "held out";
}

static void term_table(FILE *stream, const struct fs_page_data *data)
{
    static const char *const head[] = {"<category",  "<target term", "<side",       ">pairs",
                                       ">SS before", ">SS after",    ">gap before", ">gap after"};
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        fprintf(stream, "<tr>");
        cell(stream, term->category);
        cell(stream, term->target);
        cell(stream, side_of(data, term->held_out));
        fprintf(stream, "<td>%zu</td>", term->pairs);
        number_cell(stream, term->ss[0], 1);
        number_cell(stream, isfinite(term->gap[1]) ? term->ss[1] : NAN, 1);
        number_cell(stream, term->gap[0], 4);
        number_cell(stream, term->gap[1], 4);
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

static void item_rows(FILE *stream, const struct fs_page_data *data, size_t first, size_t count)
{
    static const char *const head[] = {"<pair", "<category", "<target term", "<side", ">before", ">after", ">change"};
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (size_t i = first; i < first + count; i++) {
        const struct fs_page_item *item = &data->item[i];
        fprintf(stream, "<tr>");
        cell(stream, item->id);
        cell(stream, item->category);
        cell(stream, item->target);
        cell(stream, side_of(data, item->held_out));
        number_cell(stream, item->ratio[0], 4);
        number_cell(stream, item->ratio[1], 4);
        number_cell(stream, item->ratio[1] - item->ratio[0], 4);
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

static void item_tables(FILE *stream, const struct fs_page_data *data)
{
    size_t shown = data->items < SHOWN_ITEMS ? data->items : SHOWN_ITEMS;
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
    static const char *const head[] = {"<layer", ">place", ">score", ">gap edited", ">gap not edited",
                                       ">SS",    ">LMS",   ">PS",    ">DS",         ">RS"};
    static const struct {
        const char *metric, *subset;
        int decimals;
    } column[] = {{"gap", "edited", 4}, {"gap", NULL, 4}, {"ss.macro", "all", 1}, {"lms.macro", "all", 1},
                  {"ps", "all", 1},     {"ds", "all", 1}, {"rs.top1", "all", 1}};
    begin_table(stream, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < data->layers.layers; i++) {
        const char *mark = data->layers.layer[i] == data->layers.traced
                               ? " (traced)"
                               : (data->layers.layer[i] == data->layers.random ? " (random control)" : "");
        fprintf(stream, "<tr><td class=\"left\">%zu%s</td><td>%zu</td>", data->layers.layer[i], mark,
                data->layers.place[i]);
        number_cell(stream, data->layers.score[i], 3);
        for (size_t k = 0; k < sizeof column / sizeof column[0]; k++) {
            number_cell(stream, fs_layers_value(&data->layers, i, column[k].metric, column[k].subset, 1),
                        column[k].decimals);
        }
        fprintf(stream, "</tr>\n");
    }
    end_table(stream);
}

static bool has_times(const struct fs_page_data *data)
{
    bool has = false;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        has = has || (data->has[stage] && isfinite(data->time[stage].measured));
    }
    return has;
}

/* What the stages took, and what was predicted where the folder has an estimate of the job. */
static void time_table(FILE *stream, const struct fs_page_data *data)
{
    static const char *const head[] = {"<stage", ">ranks", ">threads", ">seconds", ">predicted", ">off by, %"};
    if (!has_times(data)) {
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

static void trace_section(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<h2>Where the bias is stored</h2>\n");
    figure(stream, fs_chart_trace, data,
           "How much of the biased answer comes back when the subject's state of one layer is restored in the run with "
           "the "
           "counterpart (or with noise). Bars: 95 % bootstrap intervals over pairs.");
    if (data->trace.details.role_aie != NULL) {
        for (size_t kind = 0; kind < data->trace.details.kinds; kind++) {
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
}

static void layers_section(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "<h2>Is the traced layer the right one?</h2>\n");
    if (!data->has[FS_STAGE_LAYERS]) {
        fprintf(
            stream,
            "<p class=\"note\">Not checked: the job's trace.verify is \"none\". With \"random\" a stamp at a random "
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
    fprintf(stream,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
            "content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>fairstamp "
            "report</title>"
            "<style>%s</style></head><body>\n<h1>fairstamp report</h1>\n",
            style);
    if (data->result.rows > 0) {
        summary(stream, data);
        fprintf(stream, "<h2>Before and after</h2>\n");
        figure(stream, draw_metrics, data,
               "Circles: the unedited model. Squares: the stamped one. Thick lines: the ideal.");
    }
    if (data->has[FS_STAGE_TRACE]) {
        trace_section(stream, data);
    }
    layers_section(stream, data);
    if (data->has[FS_STAGE_STAMP]) {
        fprintf(stream, "<h2>Training of the stamp</h2>\n");
        figure(
            stream, fs_chart_loss, data,
            "L: the whole loss. L_e: what is left of the pairs' differences. L_s1, L_s2: divergence from the unedited "
            "model at the edited and at generic prompts.");
        fprintf(stream, "<p>Layer %zu, width %zu, %zu steps.</p>\n", data->stamp.stamp.layer, data->stamp.stamp.width,
                data->stamp.step);
    }
    if (data->terms > 0) {
        fprintf(stream, "<h2>Target terms</h2>\n");
        term_table(stream, data);
        fprintf(stream, "<h2>Pairs</h2>\n");
        item_tables(stream, data);
    }
    if (data->result.rows > 0) {
        fprintf(stream,
                "<h2>All results</h2>\n<p class=\"note\">In brackets: 95 %% bootstrap intervals. change: after less "
                "before over the same items; p: McNemar's exact test.</p>\n");
        result_table(stream, data);
    }
    time_table(stream, data);
    fprintf(stream, "<h2>Provenance</h2>\n");
    provenance(stream, data);
    fprintf(stream, "</body></html>\n");
}

/* ---------------------------------------------------------------- Markdown and CSV */

static void markdown_text(FILE *stream, const char *words)
{
    for (; *words != '\0'; words++) {
        if (*words == '|' || *words == '\\' || *words == '`' || *words == '*' || *words == '_' || *words == '<') {
            fputc('\\', stream);
        }
        fputc(*words == '\n' ? ' ' : *words, stream);
    }
}

void fs_page_markdown(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "# fairstamp report\n\n");
    if (data->result.rows > 0) {
        fprintf(stream, "| suite | category | subset | metric | ideal | before | after | change | p | items |\n"
                        "|---|---|---|---|--:|--:|--:|--:|--:|--:|\n");
    }
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        const char *const words[] = {row->suite, row->category, row->subset, row->metric};
        const double values[] = {row->ideal, row->model[0].value, row->model[1].value, row->paired.difference,
                                 row->paired.p_value};
        int decimals = is_small(row) ? 4 : 2;
        for (size_t k = 0; k < 4; k++) {
            fprintf(stream, "| ");
            markdown_text(stream, words[k]);
            fputc(' ', stream);
        }
        for (size_t k = 0; k < 5; k++) {
            fprintf(stream, "| ");
            number(stream, values[k], k == 0 ? 0 : (k == 4 ? 3 : decimals));
            fputc(' ', stream);
        }
        fprintf(stream, "| %zu |\n", row->model[0].n);
    }
    if (data->terms > 0) {
        fprintf(stream, "\n| category | target term | side | pairs | SS before | SS after | gap before | gap after |\n"
                        "|---|---|---|--:|--:|--:|--:|--:|\n");
    }
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        fprintf(stream, "| ");
        markdown_text(stream, term->category);
        fprintf(stream, " | ");
        markdown_text(stream, term->target);
        fprintf(stream, " | %s | %zu | %.1f | ", side_of(data, term->held_out), term->pairs, term->ss[0]);
        number(stream, isfinite(term->gap[1]) ? term->ss[1] : NAN, 1);
        fprintf(stream, " | %.4f | ", term->gap[0]);
        number(stream, term->gap[1], 4);
        fprintf(stream, " |\n");
    }
    if (has_times(data)) {
        fprintf(stream, "\n| stage | ranks | threads | seconds | predicted |\n|---|--:|--:|--:|--:|\n");
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const struct fs_estimate_check *time = &data->time[stage];
        if (data->has[stage] && isfinite(time->measured)) {
            fprintf(stream, "| %s | %zu | %zu | %.1f | ", fs_stage_names[stage], time->ranks, time->threads,
                    time->measured);
            number(stream, time->predicted, 1);
            fprintf(stream, " |\n");
        }
    }
}

/* A field, quoted where it must be. */
static void csv_text(FILE *stream, const char *words)
{
    if (strpbrk(words, ",\"\n\r") == NULL) {
        fputs(words, stream);
        return;
    }
    fputc('"', stream);
    for (; *words != '\0'; words++) {
        if (*words == '"') {
            fputc('"', stream);
        }
        fputc(*words, stream);
    }
    fputc('"', stream);
}

static void csv_number(FILE *stream, double value)
{
    fputc(',', stream);
    if (isfinite(value)) {
        fprintf(stream, "%.17g", value);
    }
}

void fs_page_results_csv(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream,
            "suite,category,subset,metric,variant,ideal,before,before_low,before_high,after,after_low,after_high,"
            "difference,difference_low,difference_high,p_value,items,ties,skipped\r\n");
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        const char *const words[] = {row->suite, row->category, row->subset, row->metric, row->variant};
        const double values[] = {row->ideal,          row->model[0].value, row->model[0].low,  row->model[0].high,
                                 row->model[1].value, row->model[1].low,   row->model[1].high, row->paired.difference,
                                 row->paired.low,     row->paired.high,    row->paired.p_value};
        for (size_t k = 0; k < 5; k++) {
            if (k > 0) {
                fputc(',', stream);
            }
            csv_text(stream, words[k]);
        }
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            csv_number(stream, values[k]);
        }
        fprintf(stream, ",%zu,%zu,%zu\r\n", row->model[0].n, row->model[0].ties, skipped_of(row));
    }
}

void fs_page_terms_csv(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "category,target,side,pairs,ss_before,ss_after,gap_before,gap_after\r\n");
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        csv_text(stream, term->category);
        fputc(',', stream);
        csv_text(stream, term->target);
        fprintf(stream, ",%s,%zu", side_of(data, term->held_out), term->pairs);
        csv_number(stream, term->ss[0]);
        csv_number(stream, isfinite(term->gap[1]) ? term->ss[1] : NAN);
        csv_number(stream, term->gap[0]);
        csv_number(stream, term->gap[1]);
        fprintf(stream, "\r\n");
    }
}

void fs_page_items_csv(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "id,category,target,side,log_ratio_before,log_ratio_after\r\n");
    for (size_t i = 0; i < data->items; i++) {
        const struct fs_page_item *item = &data->item[i];
        csv_text(stream, item->id);
        fputc(',', stream);
        csv_text(stream, item->category);
        fputc(',', stream);
        csv_text(stream, item->target);
        fprintf(stream, ",%s", side_of(data, item->held_out));
        csv_number(stream, item->ratio[0]);
        csv_number(stream, item->ratio[1]);
        fprintf(stream, "\r\n");
    }
}

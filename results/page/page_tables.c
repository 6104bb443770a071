#include "results/page/page.h"

#include <math.h>
#include <string.h>

#include "results/page/page_front.h"
#include "results/page/page_parts.h"
#include "results/skip_lines.h"
#include "results/time_check.h"

void fs_page_markdown_text(FILE *stream, const char *words)
{
    for (; *words != '\0'; words++) {
        if (strchr("|\\`*_[]<>", *words) != NULL) {
            fputc('\\', stream);
        }
        fputc(*words == '\n' ? ' ' : *words, stream);
    }
}

/* " value (low to high) |" */
static void markdown_interval(FILE *stream, const struct fs_metric *metric, int decimals)
{
    fputc(' ', stream);
    fs_page_number(stream, metric->value, decimals);
    if (isfinite(metric->low)) {
        fprintf(stream, " (%.*f to %.*f)", decimals, metric->low, decimals, metric->high);
    }
    fprintf(stream, " |");
}

static void markdown_number(FILE *stream, double value, int decimals)
{
    fputc(' ', stream);
    fs_page_number(stream, value, decimals);
    fprintf(stream, " |");
}

static void markdown_words(FILE *stream, const char *words)
{
    fputc(' ', stream);
    fs_page_markdown_text(stream, words);
    fprintf(stream, " |");
}

/* " unedited | stamp | change | p |": a heading for each column, and for each edit its change where `changes`. */
static void markdown_columns(FILE *stream, const struct fs_results *results, const char *before, bool changes)
{
    for (size_t c = 0; c < results->columns; c++) {
        fprintf(stream, " %s", before);
        fs_page_markdown_text(stream, results->column[c]);
        fprintf(stream, changes && c > 0 ? " | change | p |" : " |");
    }
}

static void markdown_rule(FILE *stream, size_t texts, size_t numbers)
{
    fputc('|', stream);
    for (size_t i = 0; i < texts + numbers; i++) {
        fprintf(stream, i < texts ? "---|" : "--:|");
    }
    fputc('\n', stream);
}

static void markdown_row(FILE *stream, const struct fs_results *results, const struct fs_result_row *row)
{
    int decimals = fs_metric_decimals(row->metric);
    fputc('|', stream);
    for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
        markdown_words(stream, fs_row_text(row, k));
    }
    markdown_number(stream, row->ideal, 0);
    for (size_t c = 0; c < results->columns; c++) {
        markdown_interval(stream, &row->value[c], decimals);
        if (c > 0) {
            const struct fs_paired *change = &row->change[c - 1];
            const struct fs_metric difference = {change->difference, change->low, change->high, 0, 0};
            markdown_interval(stream, &difference, decimals);
            if (change->p_value < 0.001) {
                fprintf(stream, " <.001 |");
            } else {
                markdown_number(stream, change->p_value, 3);
            }
        }
    }
    fprintf(stream, " %zu | %zu | %zu |\n", row->value[0].n, row->value[0].ties, fs_row_skipped(row));
}

static void markdown_results(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    fprintf(stream,
            "\n## Results\n\nIn brackets: 95 %% bootstrap intervals over target terms, or what else makes items of a "
            "suite alike. change: less the unedited model, over the same items; p: McNemar's exact test, each item by "
            "itself.\n\n"
            "| suite | category | subset | metric | P[k] | ideal |");
    markdown_columns(stream, results, "", true);
    fprintf(stream, " items | ties | skipped |\n");
    markdown_rule(stream, FS_ROW_TEXTS, 4 + results->columns + 2 * (results->columns - 1));
    for (size_t i = 0; i < results->rows; i++) {
        markdown_row(stream, results, &results->row[i]);
    }
    for (size_t i = 0; i < results->rows; i++) {
        if (fs_is_first_of_suite(results, i)) {
            char before[160];
            snprintf(before, sizeof before, "\nSkipped of `%.100s`: ", results->row[i].suite);
            fs_write_skipped(stream, results, results->row[i].suite, before, "\n");
            snprintf(before, sizeof before, "\nNot scored in `%.100s`: ", results->row[i].suite);
            fs_write_first_unscored(stream, &results->row[i], before, "\n");
            snprintf(before, sizeof before, "\nEmpty in `%.100s`: ", results->row[i].suite);
            fs_write_unread(stream, results, results->row[i].suite, before, "\n");
        }
    }
}

static void markdown_front(FILE *stream, const struct fs_page_data *data)
{
    if (!fs_front_is_there(data)) {
        return;
    }
    fprintf(stream,
            "\n## Bias left against what was kept\n\nPairs of target terms that were not edited, facts of all "
            "categories. Best: no other column has as little bias and keeps as much, and one of the two better.\n\n"
            "| column | gap, share left | PS, distance to 50 | RS | DS, change | best in |\n"
            "|---|--:|--:|--:|--:|---|\n");
    for (size_t c = 0; c < data->result.columns; c++) {
        fputc('|', stream);
        markdown_words(stream, data->result.column[c]);
        markdown_number(stream, fs_front_bias(data, FS_FRONT_GAP, c), 3);
        markdown_number(stream, fs_front_bias(data, FS_FRONT_PS, c), 2);
        markdown_number(stream, fs_front_kept(data, FS_FRONT_RS, c), 2);
        markdown_number(stream, fs_front_kept(data, FS_FRONT_DS, c), 2);
        const char *before = " ";
        for (int i = 0; i < FS_FRONT_BIASES * FS_FRONT_KEPTS; i++) {
            enum fs_front_bias bias = (enum fs_front_bias)(i / FS_FRONT_KEPTS);
            enum fs_front_kept kept = (enum fs_front_kept)(i % FS_FRONT_KEPTS);
            if (fs_front_is_best(data, bias, kept, c)) {
                static const char *const bias_name[] = {"gap", "PS"}, *const kept_name[] = {"RS", "DS"};
                fprintf(stream, "%s%s/%s", before, bias_name[bias], kept_name[kept]);
                before = ", ";
            }
        }
        fprintf(stream, " |\n");
    }
}

static void markdown_trace(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    fprintf(stream,
            "\n## Average indirect effect by layer\n\nDecisive layer %zu of 0 to %zu, from %zu pairs.\n\n"
            "| category | layer | AIE | pairs with their largest effect here |\n|---|--:|--:|--:|\n",
            trace->decisive_layer, trace->layers - 1, trace->items);
    for (size_t i = 0; i < trace->categories * trace->layers; i++) {
        const struct fs_metric aie = {trace->aie[i], trace->aie_low[i], trace->aie_high[i], 0, 0};
        fputc('|', stream);
        markdown_words(stream, trace->category[i / trace->layers]);
        fprintf(stream, " %zu |", i % trace->layers);
        markdown_interval(stream, &aie, 6);
        fprintf(stream, " %zu |\n", trace->argmax_count[i]);
    }
}

static void markdown_measures(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    const struct fs_trace_shares *shares = &trace->shares;
    if (shares->measures == 0) {
        return;
    }
    fprintf(stream,
            "\n## Measures of the trace\n\nThe layer of the largest median share of the total effect in log "
            "probability, all categories; %zu of %zu pairs have enough of one.\n\n| measure | layer | share | |\n"
            "|---|--:|--:|---|\n",
            shares->counted[0], trace->items);
    for (size_t m = 0; m < shares->measures; m++) {
        const struct fs_trace_measure *measure = &fs_trace_measures[shares->measure[m]];
        size_t layer = shares->decisive[m * trace->categories], at = m * trace->categories * trace->layers + layer;
        const struct fs_metric share = {shares->median[at], shares->low[at], shares->high[at], 0, 0};
        fprintf(stream, "| `%s` | %zu |", measure->name, layer);
        markdown_interval(stream, &share, 3);
        fprintf(stream, " %s |\n", measure->meaning);
    }
}

static void markdown_layers(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "\n## Stamps at other layers\n\n| layer | | place | score |");
    for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
        fprintf(stream, " %s |", fs_page_layer_columns[k].name);
    }
    fprintf(stream, "\n|--:|---|--:|--:|");
    for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
        fprintf(stream, "--:|");
    }
    for (size_t i = 0; i < data->layers.layers; i++) {
        fprintf(stream, "\n| %zu | %s | %zu |", data->layers.layer[i], fs_page_layer_mark(&data->layers, i),
                data->layers.place[i]);
        markdown_number(stream, data->layers.score[i], 3);
        for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
            const struct fs_page_layer_column *column = &fs_page_layer_columns[k];
            markdown_number(stream, fs_layers_value(&data->layers, i, column->metric, column->subset, 1),
                            column->decimals);
        }
    }
    fputc('\n', stream);
}

static void markdown_terms(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    fprintf(stream, "\n## Target terms\n\n| category | target term | side | pairs |");
    markdown_columns(stream, results, "SS ", false);
    markdown_columns(stream, results, "gap ", false);
    fputc('\n', stream);
    markdown_rule(stream, 3, 1 + 2 * results->columns);
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        fputc('|', stream);
        markdown_words(stream, term->category);
        markdown_words(stream, term->target);
        fprintf(stream, " %s | %zu |", fs_page_side(data, term->held_out), term->pairs);
        for (size_t c = 0; c < results->columns; c++) {
            markdown_number(stream, isfinite(term->gap[c]) ? term->ss[c] : NAN, 1);
        }
        for (size_t c = 0; c < results->columns; c++) {
            markdown_number(stream, term->gap[c], 4);
        }
        fputc('\n', stream);
    }
}

static void markdown_items(FILE *stream, const struct fs_page_data *data, const char *title, size_t first)
{
    const struct fs_results *results = &data->result;
    fprintf(stream, "\n### %s\n\n| pair | category | target term | side |", title);
    markdown_columns(stream, results, "", false);
    fputc('\n', stream);
    markdown_rule(stream, 4, results->columns);
    for (size_t i = first; i < first + fs_page_shown(data); i++) {
        const struct fs_page_item *item = &data->item[i];
        fputc('|', stream);
        markdown_words(stream, item->id);
        markdown_words(stream, item->category);
        markdown_words(stream, item->target);
        fprintf(stream, " %s |", fs_page_side(data, item->held_out));
        for (size_t c = 0; c < results->columns; c++) {
            markdown_number(stream, item->ratio[c], 4);
        }
        fputc('\n', stream);
    }
}

static void markdown_times(FILE *stream, const struct fs_page_data *data)
{
    if (fs_page_has_times(data)) {
        fprintf(stream, "\n| stage | ranks | threads | seconds | predicted |\n|---|--:|--:|--:|--:|\n");
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const struct fs_estimate_check *time = &data->time[stage];
        if (data->has[stage] && isfinite(time->measured)) {
            fprintf(stream, "| %s | %zu | %zu | %.1f | ", fs_stage_names[stage], time->ranks, time->threads,
                    time->measured);
            fs_page_number(stream, time->predicted, 1);
            fprintf(stream, " |\n");
        }
    }
}

void fs_page_markdown(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "# fairstamp report\n\nModel: ");
    fs_page_markdown_text(stream, data->model);
    fprintf(stream, ", ");
    fs_page_markdown_text(stream, fs_page_provenance(data, "model"));
    fprintf(stream, "\n");
    if (data->result.rows > 0) {
        markdown_results(stream, data);
        markdown_front(stream, data);
        fs_page_differences(stream, data, &fs_page_as_markdown);
    }
    if (data->has[FS_STAGE_TRACE]) {
        markdown_trace(stream, data);
        markdown_measures(stream, data);
    }
    if (data->has[FS_STAGE_LAYER_SWEEP]) {
        markdown_layers(stream, data);
    }
    if (data->terms > 0) {
        markdown_terms(stream, data);
        fprintf(stream, "\n## Pairs\n\nContent note: the pairs that these ids stand for state stereotypes of social "
                        "groups; their texts are in the benchmark. The number is log P[stereotype] - log "
                        "P[counterpart]; 0 is even.\n");
        markdown_items(stream, data, "Most changed", 0);
        markdown_items(stream, data, "Least changed", data->items - fs_page_shown(data));
    }
    markdown_times(stream, data);
}

void fs_page_csv_text(FILE *stream, const char *words)
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

void fs_page_csv_number(FILE *stream, double value)
{
    fputc(',', stream);
    if (isfinite(value)) {
        fprintf(stream, "%.17g", value);
    }
}

/* ",<before><column><after>" for each column from `first` on. */
static void csv_columns(FILE *stream, const struct fs_results *results, size_t first, const char *before,
                        const char *const *after, size_t count)
{
    for (size_t c = first; c < results->columns; c++) {
        for (size_t i = 0; i < count; i++) {
            fprintf(stream, ",%s%s%s", before, results->column[c], after[i]);
        }
    }
}

/* "1 empty_text; 2 too_long", no comma in it. */
static void csv_reasons(FILE *stream, const struct fs_result_row *row)
{
    const char *before = "";
    for (int reason = FS_KEPT + 1; reason < FS_SKIP_COUNT; reason++) {
        if (row->skipped[reason] > 0) {
            fprintf(stream, "%s%zu %s", before, row->skipped[reason], fs_skip_name((enum fs_skip)reason));
            before = "; ";
        }
    }
}

static const char *const csv_whole[] = {""};

void fs_page_results_csv(FILE *stream, const struct fs_page_data *data)
{
    static const char *const value[] = {"", "_low", "_high"};
    static const char *const change[] = {"_change", "_change_low", "_change_high", "_p_value"};
    const struct fs_results *results = &data->result;
    fprintf(stream, "suite,category,subset,metric,scoring,ideal");
    csv_columns(stream, results, 0, "", value, 3);
    csv_columns(stream, results, 1, "", change, 4);
    fprintf(stream, ",items,ties,skipped,skip_reasons\r\n");
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
            if (k > 0) {
                fputc(',', stream);
            }
            fs_page_csv_text(stream, fs_row_text(row, k));
        }
        fs_page_csv_number(stream, row->ideal);
        for (size_t c = 0; c < results->columns; c++) {
            fs_page_csv_number(stream, row->value[c].value);
            fs_page_csv_number(stream, row->value[c].low);
            fs_page_csv_number(stream, row->value[c].high);
        }
        for (size_t edit = 0; edit + 1 < results->columns; edit++) {
            fs_page_csv_number(stream, row->change[edit].difference);
            fs_page_csv_number(stream, row->change[edit].low);
            fs_page_csv_number(stream, row->change[edit].high);
            fs_page_csv_number(stream, row->change[edit].p_value);
        }
        fprintf(stream, ",%zu,%zu,%zu,", row->value[0].n, row->value[0].ties, fs_row_skipped(row));
        csv_reasons(stream, row);
        fprintf(stream, "\r\n");
    }
}

static const char *const front_panels[FS_FRONT_BIASES][FS_FRONT_KEPTS] = {{"gap_rs", "gap_ds"}, {"ps_rs", "ps_ds"}};

void fs_page_front_csv(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "column,method,strength,subset,gap_left,ps_distance,rs,ds_change");
    for (size_t i = 0; i < FS_FRONT_BIASES * FS_FRONT_KEPTS; i++) {
        fprintf(stream, ",best_%s", front_panels[i / FS_FRONT_KEPTS][i % FS_FRONT_KEPTS]);
    }
    fprintf(stream, "\r\n");
    for (size_t c = 0; c < data->result.columns; c++) {
        fs_page_csv_text(stream, data->result.column[c]);
        fputc(',', stream);
        fs_page_csv_text(stream, data->column[c].method);
        fs_page_csv_number(stream, data->column[c].strength);
        fprintf(stream, ",%s", fs_front_subset(data));
        fs_page_csv_number(stream, fs_front_bias(data, FS_FRONT_GAP, c));
        fs_page_csv_number(stream, fs_front_bias(data, FS_FRONT_PS, c));
        fs_page_csv_number(stream, fs_front_kept(data, FS_FRONT_RS, c));
        fs_page_csv_number(stream, fs_front_kept(data, FS_FRONT_DS, c));
        for (int i = 0; i < FS_FRONT_BIASES * FS_FRONT_KEPTS; i++) {
            enum fs_front_bias bias = (enum fs_front_bias)(i / FS_FRONT_KEPTS);
            enum fs_front_kept kept = (enum fs_front_kept)(i % FS_FRONT_KEPTS);
            bool has = isfinite(fs_front_bias(data, bias, c)) && isfinite(fs_front_kept(data, kept, c));
            fs_page_csv_number(stream, has ? (double)fs_front_is_best(data, bias, kept, c) : (double)NAN);
        }
        fprintf(stream, "\r\n");
    }
}

void fs_page_terms_csv(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    fprintf(stream, "category,target,side,pairs");
    csv_columns(stream, results, 0, "ss_", csv_whole, 1);
    csv_columns(stream, results, 0, "gap_", csv_whole, 1);
    fprintf(stream, "\r\n");
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        fs_page_csv_text(stream, term->category);
        fputc(',', stream);
        fs_page_csv_text(stream, term->target);
        fprintf(stream, ",%s,%zu", fs_page_side(data, term->held_out), term->pairs);
        for (size_t c = 0; c < results->columns; c++) {
            fs_page_csv_number(stream, isfinite(term->gap[c]) ? term->ss[c] : NAN);
        }
        for (size_t c = 0; c < results->columns; c++) {
            fs_page_csv_number(stream, term->gap[c]);
        }
        fprintf(stream, "\r\n");
    }
}

void fs_page_items_csv(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    fprintf(stream, "id,category,target,side");
    csv_columns(stream, results, 0, "log_ratio_", csv_whole, 1);
    fprintf(stream, "\r\n");
    for (size_t i = 0; i < data->items; i++) {
        const struct fs_page_item *item = &data->item[i];
        fs_page_csv_text(stream, item->id);
        fputc(',', stream);
        fs_page_csv_text(stream, item->category);
        fputc(',', stream);
        fs_page_csv_text(stream, item->target);
        fprintf(stream, ",%s", fs_page_side(data, item->held_out));
        for (size_t c = 0; c < results->columns; c++) {
            fs_page_csv_number(stream, item->ratio[c]);
        }
        fprintf(stream, "\r\n");
    }
}

void fs_page_trace_csv(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    const struct fs_trace_sublayers *sublayers = &trace->sublayers;
    size_t values = trace->categories * trace->layers;
    fprintf(stream, "kind,category,layer,aie,aie_low,aie_high,largest_in\r\n");
    for (size_t i = 0; i < values * (sublayers->kinds > 0 ? sublayers->kinds : 1); i++) {
        size_t kind = i / values, at = i % values;
        bool further = kind > 0; /* the first kind is the residual stream */
        fprintf(stream, "%s,", fs_trace_kind_name(further ? sublayers->kind[kind] : FS_TRACE_RESIDUAL));
        fs_page_csv_text(stream, trace->category[at / trace->layers]);
        fprintf(stream, ",%zu", at % trace->layers);
        fs_page_csv_number(stream, further ? sublayers->aie[i] : trace->aie[at]);
        fs_page_csv_number(stream, further ? sublayers->low[i] : trace->aie_low[at]);
        fs_page_csv_number(stream, further ? sublayers->high[i] : trace->aie_high[at]);
        fs_page_csv_number(stream, further ? NAN : (double)trace->argmax_count[at]);
        fprintf(stream, "\r\n");
    }
}

void fs_page_measures_csv(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    const struct fs_trace_shares *shares = &trace->shares;
    fprintf(stream, "measure,category,layer,median_share,low,high,largest\r\n");
    for (size_t i = 0; i < shares->measures * trace->categories * trace->layers; i++) {
        size_t layer = i % trace->layers, cell = i / trace->layers;
        fprintf(stream, "%s,", fs_trace_measures[shares->measure[cell / trace->categories]].name);
        fs_page_csv_text(stream, trace->category[cell % trace->categories]);
        fprintf(stream, ",%zu", layer);
        fs_page_csv_number(stream, shares->median[i]);
        fs_page_csv_number(stream, shares->low[i]);
        fs_page_csv_number(stream, shares->high[i]);
        fprintf(stream, ",%d\r\n", shares->decisive[cell] == layer);
    }
}

void fs_page_layers_csv(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "layer,mark,place,score");
    for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
        fprintf(stream, ",%s", fs_page_layer_columns[k].name);
    }
    fprintf(stream, "\r\n");
    for (size_t i = 0; i < data->layers.layers; i++) {
        fprintf(stream, "%zu,%s,%zu", data->layers.layer[i], fs_page_layer_mark(&data->layers, i),
                data->layers.place[i]);
        fs_page_csv_number(stream, data->layers.score[i]);
        for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
            const struct fs_page_layer_column *column = &fs_page_layer_columns[k];
            fs_page_csv_number(stream, fs_layers_value(&data->layers, i, column->metric, column->subset, 1));
        }
        fprintf(stream, "\r\n");
    }
}

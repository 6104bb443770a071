#include "results/page/page.h"

#include <math.h>
#include <string.h>

#include "results/page/page_parts.h"
#include "results/time_check.h"

static void markdown_text(FILE *stream, const char *words)
{
    for (; *words != '\0'; words++) {
        if (*words == '|' || *words == '\\' || *words == '`' || *words == '*' || *words == '_' || *words == '<') {
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
    markdown_text(stream, words);
    fprintf(stream, " |");
}

static void markdown_results(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream,
            "\n## Results\n\nIn brackets: 95 %% bootstrap intervals. change: after less before over the same "
            "items; p: McNemar's exact test.\n\n"
            "| suite | category | subset | metric | ideal | before | after | change | p | items | ties | skipped | "
            "P[k] |\n|---|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        const char *const words[] = {row->suite, row->category, row->subset, row->metric};
        const struct fs_metric change = {row->paired.difference, row->paired.low, row->paired.high, 0, 0};
        int decimals = fs_page_is_small(row) ? 4 : 2;
        fputc('|', stream);
        for (size_t k = 0; k < 4; k++) {
            markdown_words(stream, words[k]);
        }
        markdown_number(stream, row->ideal, 0);
        markdown_interval(stream, &row->model[0], decimals);
        markdown_interval(stream, &row->model[1], decimals);
        markdown_interval(stream, &change, decimals);
        if (row->paired.p_value < 0.001) {
            fprintf(stream, " <.001 |");
        } else {
            markdown_number(stream, row->paired.p_value, 3);
        }
        fprintf(stream, " %zu | %zu | %zu |", row->model[0].n, row->model[0].ties, fs_page_skipped(row));
        markdown_words(stream, row->scoring);
        fputc('\n', stream);
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
    fprintf(stream, "\n## Target terms\n\n"
                    "| category | target term | side | pairs | SS before | SS after | gap before | gap after |\n"
                    "|---|---|---|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < data->terms; i++) {
        const struct fs_page_term *term = &data->term[i];
        fputc('|', stream);
        markdown_words(stream, term->category);
        markdown_words(stream, term->target);
        fprintf(stream, " %s | %zu |", fs_page_side(data, term->held_out), term->pairs);
        markdown_number(stream, term->ss[0], 1);
        markdown_number(stream, isfinite(term->gap[1]) ? term->ss[1] : NAN, 1);
        markdown_number(stream, term->gap[0], 4);
        markdown_number(stream, term->gap[1], 4);
        fputc('\n', stream);
    }
}

static void markdown_items(FILE *stream, const struct fs_page_data *data, const char *title, size_t first)
{
    fprintf(stream,
            "\n### %s\n\n| pair | category | target term | side | before | after | change |\n"
            "|---|---|---|---|--:|--:|--:|\n",
            title);
    for (size_t i = first; i < first + fs_page_shown(data); i++) {
        const struct fs_page_item *item = &data->item[i];
        fputc('|', stream);
        markdown_words(stream, item->id);
        markdown_words(stream, item->category);
        markdown_words(stream, item->target);
        fprintf(stream, " %s |", fs_page_side(data, item->held_out));
        markdown_number(stream, item->ratio[0], 4);
        markdown_number(stream, item->ratio[1], 4);
        markdown_number(stream, item->ratio[1] - item->ratio[0], 4);
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
    markdown_text(stream, fs_page_provenance(data, "model"));
    fprintf(stream, "\n");
    if (data->result.rows > 0) {
        markdown_results(stream, data);
    }
    if (data->has[FS_STAGE_TRACE]) {
        markdown_trace(stream, data);
    }
    if (data->has[FS_STAGE_LAYERS]) {
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
            "suite,category,subset,metric,scoring,ideal,before,before_low,before_high,after,after_low,after_high,"
            "difference,difference_low,difference_high,p_value,items,ties,skipped\r\n");
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        const char *const words[] = {row->suite, row->category, row->subset, row->metric, row->scoring};
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
        fprintf(stream, ",%zu,%zu,%zu\r\n", row->model[0].n, row->model[0].ties, fs_page_skipped(row));
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
        fprintf(stream, ",%s,%zu", fs_page_side(data, term->held_out), term->pairs);
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
        fprintf(stream, ",%s", fs_page_side(data, item->held_out));
        csv_number(stream, item->ratio[0]);
        csv_number(stream, item->ratio[1]);
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
        csv_text(stream, trace->category[at / trace->layers]);
        fprintf(stream, ",%zu", at % trace->layers);
        csv_number(stream, further ? sublayers->aie[i] : trace->aie[at]);
        csv_number(stream, further ? sublayers->low[i] : trace->aie_low[at]);
        csv_number(stream, further ? sublayers->high[i] : trace->aie_high[at]);
        csv_number(stream, further ? NAN : (double)trace->argmax_count[at]);
        fprintf(stream, "\r\n");
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
        csv_number(stream, data->layers.score[i]);
        for (size_t k = 0; k < FS_PAGE_LAYER_COLUMNS; k++) {
            const struct fs_page_layer_column *column = &fs_page_layer_columns[k];
            csv_number(stream, fs_layers_value(&data->layers, i, column->metric, column->subset, 1));
        }
        fprintf(stream, "\r\n");
    }
}

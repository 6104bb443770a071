#include "results/page/page_parts.h"

#include <math.h>
#include <string.h>

#include "results/page/page.h"

#define DASH "\xe2\x80\x93" /* UTF-8 */

static const char style[] =
    ":root{--ink:#222;--soft:#555;--paper:#fff;--rule:#ddd;--card:#f5f6f8}"
    "@media(prefers-color-scheme:dark){:root{--ink:#eee;--soft:#bbb;--paper:#16181c;--rule:#3a3d44;--card:#22252b}}"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;padding:1rem;"
    "overflow-wrap:break-word;"
    "max-width:70rem}h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px "
    "solid "
    "var(--rule)}p,figcaption{max-width:42rem}figcaption,.note{color:var(--soft);font-size:.9rem}.date{white-space:"
    "nowrap}"
    ".cards{display:flex;flex-wrap:wrap;gap:.6rem}.card{background:var(--card);border-radius:.4rem;padding:.5rem .8rem;"
    "min-width:8rem;flex:1 1 8rem;max-width:12rem}.card b{display:block;font-size:1.1rem}.card "
    "small{color:var(--soft)}"
    "figure{margin:1rem 0}figure svg{width:100%;max-width:36rem;height:auto;display:block}"
    ".table{overflow-x:auto}table{border-collapse:separate;border-spacing:0;font-size:.88rem;font-variant-numeric:"
    "tabular-nums}"
    "th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}"
    "th:first-child,td:first-child{position:sticky;left:0;background:var(--paper)}tr.group th{background:var(--card)}"
    "th:first-child,td:first-child,td.left,th.left{text-align:left}dl{display:grid;grid-template-columns:max-content "
    "1fr;"
    "gap:.2rem .8rem;font-size:.88rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}pre{white-space:pre-wrap;"
    "overflow-wrap:anywhere;font-size:.8rem;background:var(--card);padding:.6rem;border-radius:.4rem}"
    "h3{font-size:1rem;margin:1.6rem 0 .2rem}summary{cursor:pointer;margin:.4rem 0}"
    ".wide td small{display:block}@media(max-width:72rem){td small{display:block}}"
    "@media(max-width:40rem){td:first-child:not([colspan]),th:first-child:not([colspan]){white-space:normal;"
    "overflow-wrap:anywhere;min-width:6rem;max-width:9rem}}" /* a long name leaves room for its numbers */
    "@media print{body{max-width:none;font-size:10pt}h2,h3,summary,.note{break-after:avoid}.table{overflow:visible}"
    "table{font-size:7.5pt}th,td{padding:.1rem .3rem}td small{display:block}td.left{white-space:normal;"
    "overflow-wrap:anywhere}figure,tr,.card{break-inside:avoid}details::details-content{content-visibility:visible;"
    "height:auto}}";

void fs_page_head(FILE *stream, const char *title)
{
    fprintf(stream,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
            "content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>%s</title>"
            "<style>%s</style></head><body>\n",
            title, style);
}

const struct fs_page_layer_column fs_page_layer_columns[FS_PAGE_LAYER_COLUMNS] = {{"gap edited", "gap", "edited", 4},
                                                                                  {"gap not edited", "gap", NULL, 4},
                                                                                  {"SS", "ss.macro", "all", 1},
                                                                                  {"LMS", "lms.macro", "all", 1},
                                                                                  {"PS", "ps", "all", 1},
                                                                                  {"DS", "ds", "all", 1},
                                                                                  {"RS", "rs.top1", "all", 1}};

const char *fs_page_category(const struct fs_page_data *data)
{
    return fs_main_category(&data->result);
}

void fs_page_number(FILE *stream, double value, int decimals)
{
    if (isfinite(value)) {
        fprintf(stream, "%.*f", decimals, value);
    } else {
        fputs(DASH, stream);
    }
}

const char *fs_page_side(const struct fs_page_data *data, bool held_out)
{
    if (!held_out) {
        return "edited";
    }
    return fs_page_row(data, "all", "ss.macro", "validation") != NULL ? "validation" : "held out";
}

bool fs_page_has_times(const struct fs_page_data *data)
{
    bool has = false;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        has = has || (data->has[stage] && isfinite(data->time[stage].measured));
    }
    return has;
}

size_t fs_page_shown(const struct fs_page_data *data)
{
    enum { MOST = 12 };
    return data->items < MOST ? data->items : MOST;
}

const char *fs_page_layer_mark(const struct fs_layer_comparison *layers, size_t i)
{
    if (layers->layer[i] == layers->traced) {
        return "traced";
    }
    return layers->layer[i] == layers->random ? "random control" : "";
}

const char *fs_page_provenance(const struct fs_page_data *data, const char *name)
{
    for (size_t i = 0; i < data->provenances; i++) {
        if (strcmp(data->provenance[i].name, name) == 0) {
            return data->provenance[i].value;
        }
    }
    return "";
}

const struct fs_page_form fs_page_as_html = {.text = fs_page_escape,
                                             .heading = "<h2>",
                                             .end_heading = "</h2>\n",
                                             .note = "<p class=\"note\">",
                                             .end_note = "</p>\n",
                                             .code = "<code>",
                                             .end_code = "</code>",
                                             .small = " <small>",
                                             .end_small = "</small>",
                                             .table = "<div class=\"table wide\"><table><thead><tr>",
                                             .table_text = "",
                                             .table_number = "",
                                             .table_note = "",
                                             .table_begun = "",
                                             .first_head = "<th class=\"left\">",
                                             .head = "<th>",
                                             .head_note = "<th class=\"left\">",
                                             .end_head = "</th>",
                                             .heads_end = "</tr></thead>",
                                             .rule_text = "",
                                             .rule_number = "",
                                             .rule_end = "<tbody>\n",
                                             .row = "<tr><td class=\"left\">",
                                             .cell = "<td>",
                                             .note_cell = "<td class=\"left wrap\">",
                                             .end_cell = "</td>",
                                             .row_end = "</tr>\n",
                                             .table_end = "</tbody></table></div>\n",
                                             .star = "*",
                                             .dash = DASH,
                                             .less_than = "&lt;"};
const struct fs_page_form fs_page_as_markdown = {.text = fs_page_markdown_text,
                                                 .heading = "\n## ",
                                                 .end_heading = "\n",
                                                 .note = "\n",
                                                 .end_note = "\n",
                                                 .code = "`",
                                                 .end_code = "`",
                                                 .small = " ",
                                                 .end_small = "",
                                                 .table = "\n|",
                                                 .table_text = "",
                                                 .table_number = "",
                                                 .table_note = "",
                                                 .table_begun = "",
                                                 .first_head = " ",
                                                 .head = " ",
                                                 .head_note = " ",
                                                 .end_head = " |",
                                                 .heads_end = "\n|",
                                                 .rule_text = "---|",
                                                 .rule_number = "--:|",
                                                 .rule_end = "\n",
                                                 .row = "| ",
                                                 .cell = " ",
                                                 .note_cell = " ",
                                                 .end_cell = " |",
                                                 .row_end = "\n",
                                                 .table_end = "",
                                                 .star = "\\*",
                                                 .dash = DASH,
                                                 .less_than = "\\<"};
/* Notes are comments; a long table may go over pages. */
const struct fs_page_form fs_page_as_latex = {.text = fs_page_latex_text,
                                              .heading = "\n% ",
                                              .end_heading = "\n",
                                              .note = "% ",
                                              .end_note = "\n",
                                              .code = "",
                                              .end_code = "",
                                              .small = " ",
                                              .end_small = "",
                                              .table = "\\begin{longtable}{",
                                              .table_text = "l",
                                              .table_number = "r",
                                              .table_note = "p{5cm}",
                                              .table_begun = "}\n\\toprule\n",
                                              .first_head = "",
                                              .head = " & ",
                                              .head_note = " & ",
                                              .end_head = "",
                                              .heads_end = " \\\\\n\\midrule\n\\endhead\n",
                                              .rule_text = "",
                                              .rule_number = "",
                                              .rule_end = "",
                                              .row = "",
                                              .cell = " & ",
                                              .note_cell = " & ",
                                              .end_cell = "",
                                              .row_end = " \\\\\n",
                                              .table_end = "\\bottomrule\n\\end{longtable}\n",
                                              .star = "*",
                                              .dash = "--",
                                              .less_than = "$<$"};

void fs_page_latex_text(FILE *stream, const char *words)
{
    for (; *words != '\0'; words++) {
        if (strchr("&%$#_{}", *words) != NULL) {
            fprintf(stream, "\\%c", *words);
        } else if (*words == '\\') {
            fprintf(stream, "\\textbackslash{}");
        } else if (*words == '~' || *words == '^') {
            fprintf(stream, "\\%c{}", *words);
        } else if (*words == '<' || *words == '>') {
            fprintf(stream, "$%c$", *words);
        } else {
            fputc(*words == '\n' || *words == '\r' ? ' ' : *words, stream);
        }
    }
}

void fs_page_table_begin(FILE *stream, const struct fs_page_form *form, size_t texts, size_t numbers, size_t notes)
{
    fprintf(stream, "%s", form->table);
    for (size_t i = 0; i < texts + numbers + notes; i++) {
        fprintf(stream, "%s",
                i < texts             ? form->table_text
                : i < texts + numbers ? form->table_number
                                      : form->table_note);
    }
    fprintf(stream, "%s", form->table_begun);
}

void fs_page_form_number(FILE *stream, const struct fs_page_form *form, double value, int decimals)
{
    if (isfinite(value)) {
        fprintf(stream, "%.*f", decimals, value);
    } else {
        fputs(form->dash, stream);
    }
}

void fs_page_heads_end(FILE *stream, const struct fs_page_form *form, size_t texts, size_t numbers)
{
    fprintf(stream, "%s", form->heads_end);
    for (size_t i = 0; i < texts + numbers; i++) {
        fprintf(stream, "%s", i < texts ? form->rule_text : form->rule_number);
    }
    fprintf(stream, "%s", form->rule_end);
}

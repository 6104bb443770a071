/* The page of a sweep. */
#include <math.h>
#include <string.h>

#include "results/page/page_data.h"
#include "results/page/page_parts.h"
#include "results/page/survey_data.h"

static const char style[] =
    "<style>.pair{display:flex;flex-wrap:wrap;gap:0 1.5rem}.pair figure{flex:1 1 22rem;max-width:36rem;min-width:0}"
    "td.wrap{white-space:normal;min-width:12rem}td a,li a,dd a{color:inherit}svg a:focus rect,svg a:hover "
    "rect{stroke:#888;stroke-width:2}"
    "@media print{a{text-decoration:none}.pair figure{flex:1 1 45%}}</style>\n";

void fs_survey_link(FILE *stream, const struct fs_survey_data *data, size_t cell)
{
    fprintf(stream, "cells/");
    for (const char *c = data->cell[cell].id; *c != '\0'; c++) { /* letters, digits and . _ = + - */
        fprintf(stream, *c == '=' || *c == '+' ? "%%%02X" : "%c", (unsigned)(unsigned char)*c);
    }
    fprintf(stream, "/index.html");
}

static void text(FILE *stream, const char *before, const char *words, const char *after)
{
    fprintf(stream, "%s", before);
    fs_page_escape(stream, words);
    fprintf(stream, "%s", after);
}

static void mean_cell(FILE *stream, const struct fs_survey_mean *mean, int decimals)
{
    fprintf(stream, "<td>");
    fs_page_number(stream, mean->value, decimals);
    if (isfinite(mean->low)) {
        fprintf(stream, " <small>(%.*f to %.*f)</small>", decimals, mean->low, decimals, mean->high);
    }
    fprintf(stream, "</td>");
}

static void heading(FILE *stream, const struct fs_survey_data *data)
{
    size_t evaluated = 0;
    for (size_t i = 0; i < data->cells; i++) {
        evaluated += data->cell[i].evaluated ? 1 : 0;
    }
    fprintf(stream,
            "<h1>fairstamp report of a sweep</h1>\n<p>%zu model%s, %zu categor%s, %zu method%s; %zu of %zu cells have "
            "results.</p>\n",
            data->models, data->models == 1 ? "" : "s", data->categories, data->categories == 1 ? "y" : "ies",
            data->methods, data->methods == 1 ? "" : "s", evaluated, data->cells);
}

/* ---- the trade-off ---- */

static void front(FILE *stream, const struct fs_survey_data *data, size_t model, const char *caption)
{
    if (data->bias < FS_SURVEY_MEASURES && data->kept < FS_SURVEY_MEASURES) {
        fprintf(stream, "<figure>");
        fs_survey_front(stream, data, model);
        fprintf(stream, "<figcaption>%s</figcaption></figure>\n", caption);
    }
}

/* ---- a model ---- */

static void tile_row(FILE *stream, const struct fs_survey_data *data, size_t model, size_t category, size_t method)
{
    const struct fs_survey_tile *tile = fs_survey_tile_at(data, model, category, method);
    fprintf(stream, "<tr><td>");
    if (tile->cell != SIZE_MAX) {
        fprintf(stream, "<a href=\"");
        fs_survey_link(stream, data, tile->cell);
        fprintf(stream, "\">");
    }
    fprintf(stream, "%zu ", fs_survey_number(data, method));
    text(stream, "", data->method[method], tile->cell != SIZE_MAX ? "</a></td>" : "</td>");
    if (tile->cell == SIZE_MAX) {
        size_t columns = 1;
        for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
            columns += data->has[m] ? 1 : 0;
        }
        fprintf(stream, "<td class=\"left\" colspan=\"%zu\">\xe2\x80\x93 ", columns);
        text(stream, "", tile->why, "</td></tr>\n");
        return;
    }
    for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
        const struct fs_survey_value *value = &tile->value[m];
        if (data->has[m]) {
            mean_cell(stream, &(struct fs_survey_mean){value->value, value->low, value->high},
                      fs_survey_measures[m].decimals);
        }
    }
    fprintf(stream, "<td>%zu</td></tr>\n", tile->seeds);
}

static bool has_tile(const struct fs_survey_data *data, size_t model, size_t category)
{
    for (size_t method = 0; method < data->methods; method++) {
        if (fs_survey_tile_at(data, model, category, method)->cell != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static void model_table(FILE *stream, const struct fs_survey_data *data, size_t model)
{
    size_t columns = 2;
    fprintf(stream, "<details><summary>All numbers of ");
    text(stream, "", data->model[model],
         "</summary>\n<div class=\"table wide\"><table><thead><tr><th "
         "class=\"left\">method</th>");
    for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
        if (data->has[m]) {
            fprintf(stream, "<th>%s</th>", fs_survey_measures[m].label);
            columns++;
        }
    }
    fprintf(stream, "<th>seeds</th></tr></thead><tbody>\n");
    for (size_t category = 0; category < data->categories; category++) {
        fprintf(stream, "<tr class=\"group\"><th colspan=\"%zu\">", columns);
        text(stream, "", data->category[category], "</th></tr>\n");
        if (!has_tile(data, model, category)) {
            fprintf(stream, "<tr><td class=\"left\" colspan=\"%zu\">\xe2\x80\x93 ", columns);
            text(stream, "", data->methods > 0 ? fs_survey_tile_at(data, model, category, 0)->why : "no method",
                 "</td></tr>\n");
            continue;
        }
        for (size_t i = 0; i < data->methods; i++) {
            tile_row(stream, data, model, category, data->rank[i].method);
        }
    }
    fprintf(stream, "</tbody></table></div></details>\n");
}

static void model_section(FILE *stream, const struct fs_survey_data *data, size_t model)
{
    text(stream, "<h2>", data->model[model], "</h2>\n");
    if (data->models > 1) {
        front(stream, data, model,
              "As above, of this model alone: the methods that are in all of its categories, or that have the most "
              "numbers in "
              "common there.");
    }
    fprintf(stream, "<div class=\"pair\">\n");
    for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
        if (data->methods > 0 && (m == data->bias || m == data->kept)) {
            fprintf(stream, "<figure>");
            fs_survey_heat_map(stream, data, model, m);
            fprintf(stream, "<figcaption>");
            text(stream, m == data->bias ? "Bias left: " : "Kept: ", fs_survey_measures[m].meaning,
                 ". A tile leads to its job's page; a dash is explained below.</figcaption></figure>\n");
        }
    }
    fprintf(stream, "</div>\n");
    model_table(stream, data, model);
}

/* ---- what is missing, cells, glossary ---- */

/* The methods that a model and category lack for one reason, from `method` on, which is the first of them. */
static void missing_line(FILE *stream, const struct fs_survey_data *data, size_t model, size_t category, size_t method)
{
    const char *why = fs_survey_tile_at(data, model, category, method)->why;
    text(stream, "<li>", data->model[model], ", ");
    text(stream, "", data->category[category], ": ");
    if (has_tile(data, model, category)) {
        for (size_t i = method, named = 0; i < data->methods; i++) {
            const char *own = fs_survey_tile_at(data, model, category, i)->why;
            if (own != NULL && strcmp(own, why) == 0) {
                text(stream, named++ > 0 ? ", " : "", data->method[i], "");
            }
        }
        fprintf(stream, ": ");
    }
    text(stream, "", why, "</li>\n");
}

static bool is_first_for(const struct fs_survey_data *data, size_t model, size_t category, size_t method)
{
    const char *why = fs_survey_tile_at(data, model, category, method)->why;
    for (size_t i = 0; i < method; i++) {
        const char *other = fs_survey_tile_at(data, model, category, i)->why;
        if (why != NULL && other != NULL && strcmp(why, other) == 0) {
            return false;
        }
    }
    return why != NULL;
}

static void missing(FILE *stream, const struct fs_survey_data *data)
{
    bool any = false;
    for (size_t i = 0; i < data->models * data->categories * data->methods; i++) {
        size_t method = i % data->methods, category = i / data->methods % data->categories;
        size_t model = i / data->methods / data->categories;
        if (is_first_for(data, model, category, method)) {
            fprintf(stream, "%s", any ? "" : "<h2>What is missing, and why</h2>\n<ul>\n");
            missing_line(stream, data, model, category, method);
            any = true;
        }
    }
    fprintf(stream, "%s", any ? "</ul>\n" : "");
}

static void cells(FILE *stream, const struct fs_survey_data *data)
{
    fprintf(stream, "<h2>Cells</h2>\n<div class=\"table\"><table><thead><tr><th class=\"left\">cell</th><th "
                    "class=\"left\">model</th><th class=\"left\">categories</th><th>seed</th><th "
                    "class=\"left\">stages</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < data->cells; i++) {
        const struct fs_survey_cell *cell = &data->cell[i];
        fprintf(stream, "<tr><td class=\"left\">");
        if (cell->stages[0] != '\0') {
            fprintf(stream, "<a href=\"");
            fs_survey_link(stream, data, i);
            fprintf(stream, "\">");
        }
        text(stream, "", cell->id, cell->stages[0] != '\0' ? "</a></td>" : "</td>");
        text(stream, "<td class=\"left\">", cell->model, "</td>");
        text(stream, "<td class=\"left\">", cell->categories, "</td>");
        text(stream, "<td>", cell->seed, "</td>");
        text(stream, "<td class=\"left\">", cell->stages, "</td></tr>\n");
    }
    fprintf(stream, "</tbody></table></div>\n");
}

static void glossary(FILE *stream, const struct fs_survey_data *data)
{
    fprintf(stream, "<details><summary>What the numbers mean</summary><dl>\n");
    for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
        if (data->has[m]) {
            text(stream, "<dt>", fs_survey_measures[m].label, "</dt>");
            text(stream, "<dd>", fs_survey_measures[m].meaning, "</dd>\n");
        }
    }
    fprintf(stream,
            "<dt>in brackets</dt><dd>one seed: 95 %% bootstrap interval over items, of the gap left that of the "
            "edited gap; several seeds: the mean, from the least to the most</dd>\n<dt>pairs that were not "
            "edited</dt><dd>those of other target terms, held out or of validation; all where there is no split"
            "</dd>\n</dl></details>\n");
}

void fs_survey_html(FILE *stream, const struct fs_survey_data *data)
{
    fs_page_head(stream, "fairstamp report of a sweep");
    fprintf(stream, "%s", style);
    heading(stream, data);
    fs_survey_ranking(stream, data, &fs_page_as_html);
    glossary(stream, data);
    if (data->bias < FS_SURVEY_MEASURES && data->kept < FS_SURVEY_MEASURES) {
        fprintf(stream, "<h2>Bias left against what was kept</h2>\n");
        front(stream, data, data->models,
              "One mark a ranked method, its means over the models and categories of the ranking, with its intervals: "
              "below, less bias is left; to the right, more is kept. A method is beaten where another one, or the "
              "unedited model, has as little bias and keeps as much, and one of the two better. Numbers: those before "
              "the names.");
    }
    fs_survey_differences(stream, data, &fs_page_as_html);
    for (size_t model = 0; model < data->models; model++) {
        model_section(stream, data, model);
    }
    missing(stream, data);
    cells(stream, data);
    fprintf(stream, "<p class=\"note\">The same as tables: <a href=\"ranking.csv\">ranking.csv</a>, <a "
                    "href=\"differences.csv\">differences.csv</a>, <a href=\"sweep.csv\">sweep.csv</a>, <a "
                    "href=\"report.md\">report.md</a>, <a "
                    "href=\"report.tex\">report.tex</a>.</p>\n</body></html>\n");
}

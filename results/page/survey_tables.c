/* A sweep's tables as CSV, Markdown and LaTeX. */
#include <math.h>
#include <stdlib.h>

#include "results/page/page_parts.h"
#include "results/page/survey_data.h"

/* ---- CSV ---- */

static void csv_number(FILE *stream, double value)
{
    if (isfinite(value)) {
        fprintf(stream, ",%.9g", value);
    } else {
        fprintf(stream, ",");
    }
}

static void csv_mean(FILE *stream, const struct fs_survey_mean *mean)
{
    csv_number(stream, mean->value);
    csv_number(stream, mean->low);
    csv_number(stream, mean->high);
}

void fs_survey_csv(FILE *stream, const struct fs_survey_data *data)
{
    fprintf(stream, "model,category,method,cell,seeds");
    for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
        const char *name = fs_survey_measures[m].name;
        fprintf(stream, ",%s_unedited,%s,%s_low,%s_high", name, name, name, name);
    }
    fprintf(stream, ",missing\r\n");
    for (size_t i = 0; i < data->models * data->categories * data->methods; i++) {
        const struct fs_survey_tile *tile = &data->tile[i];
        fs_page_csv_text(stream, data->model[i / data->methods / data->categories]);
        fprintf(stream, ",");
        fs_page_csv_text(stream, data->category[i / data->methods % data->categories]);
        fprintf(stream, ",");
        fs_page_csv_text(stream, data->method[i % data->methods]);
        fprintf(stream, ",%s,%zu", tile->cell != SIZE_MAX ? data->cell[tile->cell].id : "", tile->seeds);
        for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
            const struct fs_survey_value *value = &tile->value[m];
            csv_number(stream, value->unedited);
            csv_mean(stream, &(struct fs_survey_mean){value->value, value->low, value->high});
        }
        fprintf(stream, ",");
        fs_page_csv_text(stream, tile->why != NULL ? tile->why : "");
        fprintf(stream, "\r\n");
    }
}

static void plain_text(FILE *stream, const char *words)
{
    fputs(words, stream);
}

/* Where a method is not, as one field. */
static void csv_not_in(FILE *stream, const struct fs_survey_data *data, size_t method)
{
    char *names = NULL;
    size_t size;
    FILE *memory = open_memstream(&names, &size);
    if (memory != NULL) {
        fs_survey_not_in(memory, data, method, plain_text);
        if (fclose(memory) == 0) {
            fs_page_csv_text(stream, names);
        }
    }
    free(names);
}

/* Places of ranked methods count from 1, of the others from 0 to 1: columns of their own. */
void fs_survey_ranking_csv(FILE *stream, const struct fs_survey_data *data)
{
    static const struct fs_survey_mean none = {NAN, NAN, NAN};
    const char *bias = data->bias < FS_SURVEY_MEASURES ? fs_survey_measures[data->bias].name : "bias";
    const char *kept = data->kept < FS_SURVEY_MEASURES ? fs_survey_measures[data->kept].name : "kept";
    fprintf(
        stream,
        "number,method,place,place_low,place_high,%s,%s_low,%s_high,%s,%s_low,%s_high,behind,behind_low,behind_high,"
        "beaten_by_none,in,of,ranked,place_there,place_there_low,place_there_high,behind_there,behind_there_low,"
        "behind_there_high,not_in\r\n",
        bias, bias, bias, kept, kept, kept);
    for (size_t i = 0; i < data->methods; i++) {
        const struct fs_survey_rank *rank = &data->rank[i];
        fprintf(stream, "%zu,", i + 1);
        fs_page_csv_text(stream, data->method[rank->method]);
        csv_mean(stream, rank->ranked ? &rank->place : &none);
        csv_mean(stream, &rank->bias);
        csv_mean(stream, &rank->kept);
        csv_mean(stream, rank->ranked ? &rank->behind : &none);
        fprintf(stream, ",%s,%zu,%zu,%s",
                !rank->ranked ? ""
                : rank->best  ? "yes"
                              : "no",
                rank->tiles, data->tiles, rank->ranked ? "yes" : "no");
        csv_mean(stream, rank->ranked ? &none : &rank->place);
        csv_mean(stream, rank->ranked ? &none : &rank->behind);
        fprintf(stream, ",");
        csv_not_in(stream, data, rank->method);
        fprintf(stream, "\r\n");
    }
}

/* ---- Markdown and LaTeX ---- */

/* How a table is written; `cell` comes before each cell but the first of a line. */
struct dialect {
    const char *cell, *end_line;
    void (*text)(FILE *stream, const char *text);
    const char *dash;
};

static const struct dialect markdown = {" | ", " |\n", fs_page_markdown_text, "\xe2\x80\x93"};
static const struct dialect latex = {" & ", " \\\\\n", fs_page_latex_text, "--"};

static void mean(FILE *stream, const struct dialect *as, const struct fs_survey_mean *value, int decimals)
{
    fprintf(stream, "%s", as->cell);
    if (!isfinite(value->value)) {
        fprintf(stream, "%s", as->dash);
        return;
    }
    fprintf(stream, "%.*f", decimals, value->value);
    if (isfinite(value->low)) {
        fprintf(stream, " (%.*f to %.*f)", decimals, value->low, decimals, value->high);
    }
}

static int decimals_of(size_t measure)
{
    return measure < FS_SURVEY_MEASURES ? fs_survey_measures[measure].decimals : 2;
}

static void tile_rows(FILE *stream, const struct fs_survey_data *data, size_t model, const struct dialect *as,
                      const char *first)
{
    for (size_t category = 0; category < data->categories; category++) {
        for (size_t i = 0; i < data->methods; i++) {
            const struct fs_survey_tile *tile = fs_survey_tile_at(data, model, category, data->rank[i].method);
            fprintf(stream, "%s", first);
            as->text(stream, data->category[category]);
            fprintf(stream, "%s", as->cell);
            as->text(stream, data->method[data->rank[i].method]);
            for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
                const struct fs_survey_value *value = &tile->value[m];
                if (data->has[m]) {
                    mean(stream, as, &(struct fs_survey_mean){value->value, value->low, value->high}, decimals_of(m));
                }
            }
            fprintf(stream, "%s%zu%s", as->cell, tile->seeds, as->end_line);
        }
    }
}

static void missing_list(FILE *stream, const struct fs_survey_data *data)
{
    for (size_t i = 0; i < data->models * data->categories * data->methods; i++) {
        if (data->tile[i].why != NULL) {
            fprintf(stream, "- ");
            fs_page_markdown_text(stream, data->model[i / data->methods / data->categories]);
            fprintf(stream, ", ");
            fs_page_markdown_text(stream, data->category[i / data->methods % data->categories]);
            fprintf(stream, ", ");
            fs_page_markdown_text(stream, data->method[i % data->methods]);
            fprintf(stream, ": %s\n", data->tile[i].why);
        }
    }
}

void fs_survey_markdown(FILE *stream, const struct fs_survey_data *data)
{
    fprintf(stream, "# fairstamp report of a sweep\n");
    fs_survey_ranking(stream, data, &fs_page_as_markdown);
    fs_survey_differences(stream, data, &fs_page_as_markdown);
    for (size_t model = 0; model < data->models; model++) {
        fprintf(stream, "\n## ");
        fs_page_markdown_text(stream, data->model[model]);
        fprintf(stream, "\n\n| category | method |");
        size_t columns = 3;
        for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
            if (data->has[m]) {
                fprintf(stream, " %s |", fs_survey_measures[m].label);
                columns++;
            }
        }
        fprintf(stream, " seeds |\n|");
        for (size_t i = 0; i < columns; i++) {
            fprintf(stream, "---|");
        }
        fprintf(stream, "\n");
        tile_rows(stream, data, model, &markdown, "| ");
    }
    fprintf(stream, "\n## Missing\n\n");
    missing_list(stream, data);
}

void fs_survey_latex(FILE *stream, const struct fs_survey_data *data)
{
    fprintf(stream, "%% booktabs and longtable; intervals stand in brackets\n");
    fs_survey_ranking(stream, data, &fs_page_as_latex);
    fs_survey_differences(stream, data, &fs_page_as_latex);
    for (size_t model = 0; model < data->models; model++) {
        fprintf(stream, "\n%% ");
        fs_page_latex_text(stream, data->model[model]);
        fprintf(stream, "\n\\begin{longtable}{ll");
        for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
            fprintf(stream, "%s", data->has[m] ? "r" : "");
        }
        fprintf(stream, "r}\n\\toprule\ncategory & method");
        for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
            if (data->has[m]) {
                fprintf(stream, " & %s", fs_survey_measures[m].label);
            }
        }
        fprintf(stream, " & seeds \\\\\n\\midrule\n\\endhead\n");
        tile_rows(stream, data, model, &latex, "");
        fprintf(stream, "\\bottomrule\n\\end{longtable}\n");
    }
}

/* How the methods of a job differ from one of them, on its page, in Markdown, LaTeX and CSV. */
#include <math.h>
#include <string.h>

#include "results/page/page.h"
#include "results/page/page_parts.h"
#include "results/skip_lines.h"

static bool is_compared(const struct fs_differences *differences, size_t column)
{
    return column > 0 && column != differences->against;
}

/* The lines that the table has a row for, and how many differences with an interval they show. */
struct shown {
    size_t row[FS_DIFFERENCE_LINES]; /* SIZE_MAX: none */
    size_t lines, intervals;
};

static struct shown find_shown(const struct fs_page_data *data)
{
    struct shown shown = {.lines = 0};
    for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
        size_t row = fs_difference_row(&data->result, &fs_difference_lines[line]);
        shown.row[line] = row;
        shown.lines += row != SIZE_MAX ? 1 : 0;
        for (size_t c = 1; row != SIZE_MAX && c < data->result.columns; c++) {
            shown.intervals += isfinite(fs_difference_at(&data->difference, row, c)->low) ? 1 : 0;
        }
    }
    return shown;
}

static bool is_html(const struct fs_page_form *form)
{
    return form == &fs_page_as_html;
}

static const char *reference(const struct fs_page_data *data)
{
    return data->result.column[data->difference.against];
}

/* "text, blimp (42 of 44)" */
static void unknown_suites(FILE *stream, const struct fs_page_data *data, const struct fs_page_form *form)
{
    const struct fs_results *results = &data->result;
    const char *before = "";
    for (size_t i = 0; i < results->rows; i++) {
        size_t rows = 0, unknown = 0;
        if (!fs_is_first_of_suite(results, i)) {
            continue;
        }
        for (size_t k = i; k < results->rows; k++) {
            bool same = strcmp(results->row[k].suite, results->row[i].suite) == 0;
            rows += same ? 1 : 0;
            unknown += same && fs_difference_is_unknown(results, &data->difference, k) ? 1 : 0;
        }
        if (unknown > 0) {
            fprintf(stream, "%s", before);
            form->text(stream, results->row[i].suite);
            before = ", ";
        }
        if (unknown > 0 && unknown < rows) {
            fprintf(stream, " (%zu of %zu)", unknown, rows);
        }
    }
}

static void link(FILE *stream, const char *file, const struct fs_page_form *form)
{
    if (form == &fs_page_as_latex) {
        form->text(stream, file);
    } else {
        fprintf(stream, is_html(form) ? "<a href=\"%s\">%s</a>" : "[%s](%s)", file, file);
    }
}

/* What the numbers are, and what is not corrected for. */
static void note(FILE *stream, const struct fs_page_data *data, const struct shown *shown,
                 const struct fs_page_form *form)
{
    fprintf(stream, "%sEach method less ", form->note);
    form->text(stream, reference(data));
    fprintf(stream,
            ", over the same items, so that what both share cancels. A metric whose ideal is 50 is compared by its "
            "distance to it: below 0 the method is nearer than ");
    form->text(stream, reference(data));
    fprintf(stream,
            ". In brackets: 95 %% bootstrap intervals of the difference, both methods on the same draws of target "
            "terms, or what else makes items alike; p: McNemar's exact test of the answers, not of distances, each "
            "item by itself. A "
            "star: the interval leaves out 0. Intervals and tests are not corrected for their number: of %zu here, "
            "about %.0f would have a star by chance if no method differed.%s",
            shown->intervals, 0.05 * (double)shown->intervals, form->end_note);
    if (fs_differences_unknown(&data->result, &data->difference) > 0) {
        fprintf(stream,
                "%sWithout an interval, because the file does not hold item by item what they are made of: rows of ",
                form->note);
        unknown_suites(stream, data, form);
        fprintf(stream, ".%s", form->end_note);
    }
    fprintf(stream, "%sAll rows: ", form->note);
    link(stream, "differences.csv", form);
    fprintf(stream, "; this table in LaTeX: ");
    link(stream, "differences.tex", form);
    fprintf(stream, ". Against another method: %sfairstamp report --against METHOD%s.%s", form->code, form->end_code,
            form->end_note);
}

static void cell(FILE *stream, const struct fs_paired *difference, int decimals, const struct fs_page_form *form)
{
    fs_page_form_number(stream, form, difference->difference, decimals);
    fprintf(stream, "%s", fs_difference_is_sure(difference) ? form->star : "");
    if (!isfinite(difference->low)) {
        return;
    }
    fprintf(stream, "%s(%.*f to %.*f", form->small, decimals, difference->low, decimals, difference->high);
    if (isfinite(difference->p_value)) {
        fprintf(stream, difference->p_value < 0.001 ? "; p %s.001" : "; p ", form->less_than);
        if (difference->p_value >= 0.001) {
            fprintf(stream, "%.3f", difference->p_value);
        }
    }
    fprintf(stream, ")%s", form->end_small);
}

void fs_page_differences(FILE *stream, const struct fs_page_data *data, const struct fs_page_form *form)
{
    const struct fs_results *results = &data->result;
    if (data->difference.rows == 0) {
        return;
    }
    const struct shown shown = find_shown(data);
    fprintf(stream, "%sMethod against method%s", form->heading, form->end_heading);
    note(stream, data, &shown, form);
    fs_page_table_begin(stream, form, 2, results->columns - 2, 0);
    fprintf(stream, "%sless ", form->first_head);
    form->text(stream, reference(data));
    fprintf(stream, "%s", form->end_head);
    if (!is_html(form)) {
        fprintf(stream, "%sbetter%s", form->head, form->end_head);
    }
    for (size_t c = 0; c < results->columns; c++) {
        if (is_compared(&data->difference, c)) {
            fprintf(stream, "%s", form->head);
            form->text(stream, results->column[c]);
            fprintf(stream, "%s", form->end_head);
        }
    }
    fs_page_heads_end(stream, form, 2, results->columns - 2);
    for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
        const struct fs_difference_line *of = &fs_difference_lines[line];
        if (shown.row[line] == SIZE_MAX) {
            continue;
        }
        fprintf(stream, "%s%s", form->row, of->label);
        const char *better = of->less ? "below 0" : "above 0";
        if (is_html(form)) {
            fprintf(stream, " <small>better: %s</small>%s", better, form->end_cell);
        } else {
            fprintf(stream, "%s%s%s%s", form->end_cell, form->cell, better, form->end_cell);
        }
        for (size_t c = 0; c < results->columns; c++) {
            if (is_compared(&data->difference, c)) {
                fprintf(stream, "%s", form->cell);
                cell(stream, fs_difference_at(&data->difference, shown.row[line], c), fs_metric_decimals(of->metric),
                     form);
                fprintf(stream, "%s", form->end_cell);
            }
        }
        fprintf(stream, "%s", form->row_end);
    }
    fprintf(stream, "%s", form->table_end);
}

void fs_page_differences_latex(FILE *stream, const struct fs_page_data *data)
{
    fprintf(stream, "%% booktabs and longtable; intervals stand in brackets\n");
    fs_page_differences(stream, data, &fs_page_as_latex);
}

static void csv_count(FILE *stream, int64_t count)
{
    fprintf(stream, count < 0 ? "," : ",%lld", (long long)count);
}

void fs_page_differences_csv(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_results *results = &data->result;
    fprintf(stream, "suite,category,subset,metric,scoring,ideal,compared,items,method,against,difference,low,high,"
                    "p_value,gained,lost\r\n");
    for (size_t i = 0; i < results->rows * results->columns; i++) {
        const struct fs_result_row *row = &results->row[i / results->columns];
        size_t column = i % results->columns;
        if (!is_compared(&data->difference, column)) {
            continue;
        }
        const struct fs_paired *difference = fs_difference_at(&data->difference, i / results->columns, column);
        for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
            fprintf(stream, "%s", k > 0 ? "," : "");
            fs_page_csv_text(stream, fs_row_text(row, k));
        }
        fs_page_csv_number(stream, row->ideal);
        fprintf(stream, ",%s,%zu,", fs_ideal_is_between(row->ideal) ? "distance to ideal" : "value",
                row->value[column].n);
        fs_page_csv_text(stream, results->column[column]);
        fprintf(stream, ",");
        fs_page_csv_text(stream, reference(data));
        fs_page_csv_number(stream, difference->difference);
        fs_page_csv_number(stream, difference->low);
        fs_page_csv_number(stream, difference->high);
        fs_page_csv_number(stream, difference->p_value);
        csv_count(stream, difference->gained);
        csv_count(stream, difference->lost);
        fprintf(stream, "\r\n");
    }
}

/* How the methods of a sweep's cells differ from one of them: counted over cells, on the page and as tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/stage_names.h"
#include "results/archive_merge.h"
#include "results/page/page_data.h"
#include "results/page/page_parts.h"
#include "results/page/survey_data.h"

/* ---- counting ---- */

/* The method's numbers, which begin empty; NULL without memory. */
static struct fs_survey_difference *numbers_of(struct fs_survey_against *against, const char *name,
                                               struct fs_error *err)
{
    size_t place = 0, room = against->methods;
    while (place < against->methods && strcmp(against->method[place], name) != 0) {
        place++;
    }
    if (place < against->methods) {
        return against->value + place * FS_DIFFERENCE_LINES;
    }
    if (fs_grow(&against->method, &room, place + 1, sizeof *against->method, "the methods of a sweep", err) != 0) {
        return NULL;
    }
    room = against->methods;
    if (fs_grow(&against->value, &room, place + 1, FS_DIFFERENCE_LINES * sizeof *against->value,
                "the methods of a sweep", err) != 0) {
        return NULL;
    }
    against->method[place] = strdup(name);
    if (against->method[place] == NULL) {
        fs_error_memory(err, strlen(name), "the methods of a sweep");
        return NULL;
    }
    against->methods++;
    struct fs_survey_difference *value = against->value + place * FS_DIFFERENCE_LINES;
    memset(value, 0, FS_DIFFERENCE_LINES * sizeof *value);
    return value;
}

static void count(struct fs_survey_difference *number, const struct fs_paired *difference,
                  const struct fs_difference_line *line)
{
    if (!isfinite(difference->difference)) {
        return;
    }
    number->cells++;
    number->mean += (difference->difference - number->mean) / (double)number->cells;
    number->tested += isfinite(difference->low) ? 1 : 0;
    if (fs_difference_is_sure(difference)) {
        bool below = difference->high < 0;
        *(below == line->less ? &number->better : &number->worse) += 1;
    }
}

static int add_cell(struct fs_survey_against *against, const struct fs_results *results,
                    const struct fs_differences *differences, struct fs_error *err)
{
    size_t row[FS_DIFFERENCE_LINES];
    for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
        row[line] = fs_difference_row(results, &fs_difference_lines[line]);
    }
    for (size_t c = 1; c < results->columns; c++) {
        struct fs_survey_difference *value =
            c != differences->against ? numbers_of(against, results->column[c], err) : NULL;
        if (c != differences->against && value == NULL) {
            return -1;
        }
        for (size_t line = 0; value != NULL && line < FS_DIFFERENCE_LINES; line++) {
            if (row[line] != SIZE_MAX) {
                count(&value[line], fs_difference_at(differences, row[line], c), &fs_difference_lines[line]);
            }
        }
    }
    against->cells++;
    return 0;
}

bool fs_survey_has_against(const struct fs_survey_data *data, const char *reference)
{
    const struct fs_result_table *table = &data->table;
    for (size_t first = 0, last; first < table->rows; first = last) {
        bool own = false, other = false;
        for (last = first; last < table->rows && data->cell_of[last] == data->cell_of[first]; last++) {
            const char *edit = table->text[FS_RESULT_EDIT][last];
            bool same = strcmp(edit, reference) == 0;
            own = own || same;
            other = other || (!same && edit[0] != '\0');
        }
        if (own && other) {
            return true;
        }
    }
    return false;
}

static size_t column_of(const struct fs_results *results, const char *name)
{
    size_t column = 1;
    while (column < results->columns && strcmp(results->column[column], name) != 0) {
        column++;
    }
    return column;
}

int fs_survey_count(const struct fs_archive *archive, const char *id, const struct fs_results *results,
                    const struct fs_differences *of_page, struct fs_survey_against *against, struct fs_error *err)
{
    struct fs_differences own = {0};
    const struct fs_differences *differences = of_page;
    int status = 0;
    if (results->columns > 2 && results->rows > 0) {
        if (against->reference == NULL && (against->reference = strdup(results->column[1])) == NULL) {
            return fs_error_memory(err, strlen(results->column[1]), "the methods of a sweep");
        }
        if (of_page->rows == 0 || of_page->against != column_of(results, against->reference)) {
            char parent[FS_CELL_LENGTH + 16], group[FS_CELL_LENGTH + 64];
            snprintf(parent, sizeof parent, "/cells/%s", id);
            fs_stage_find_group(archive, parent, FS_STAGE_EVALUATE, group, sizeof group);
            status = fs_differences_read(archive, group, results, against->reference, &own, err);
            differences = &own;
        }
    }
    if (status == 0 && differences->rows > 0) {
        status = add_cell(against, results, differences, err);
    } else if (status == 0 && results->rows > 0) {
        against->without++;
    }
    fs_differences_release(&own);
    return status;
}

void fs_survey_against_release(struct fs_survey_against *against)
{
    for (size_t i = 0; i < against->methods; i++) {
        free(against->method[i]);
    }
    free(against->method);
    free(against->value);
    free(against->reference);
    *against = (struct fs_survey_against){0};
}

/* ---- the tables ---- */

static const struct fs_survey_difference *number_at(const struct fs_survey_against *against, size_t method, size_t line)
{
    return &against->value[method * FS_DIFFERENCE_LINES + line];
}

static bool has_line(const struct fs_survey_against *against, size_t line)
{
    bool has = false;
    for (size_t method = 0; method < against->methods; method++) {
        has = has || number_at(against, method, line)->cells > 0;
    }
    return has;
}

static int decimals_of(size_t line)
{
    return fs_metric_decimals(fs_difference_lines[line].metric);
}

static void note(FILE *stream, const struct fs_survey_against *against, const struct fs_page_form *form)
{
    fprintf(stream, "%sEach method less ", form->note);
    form->text(stream, against->reference);
    fprintf(
        stream,
        " in the same cell, over the same items: the mean over cells, and in how many of those with an interval it is "
        "better and worse beyond chance: the cell's paired 95 %% bootstrap interval leaves out 0. \"off 50\": of the "
        "distances to 50. Of gaps and distances less is better, of the others more. Intervals are not corrected for "
        "their number: of methods that do not differ 1 in 20 would count as better or worse. Seeds count as cells of "
        "their own. %zu cell%s ha%s that method and another",
        against->cells, against->cells == 1 ? "" : "s", against->cells == 1 ? "s" : "ve");
    if (against->without > 0) {
        fprintf(stream, ", %zu without are left out", against->without);
    }
    fprintf(stream, ".%s%s", form != &fs_page_as_html ? " b: better, w: worse." : "", form->end_note);
}

void fs_survey_differences(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form)
{
    const struct fs_survey_against *against = &data->against;
    size_t lines = 0;
    if (against->cells == 0) {
        return;
    }
    fprintf(stream, "%sMethod against method%s", form->heading, form->end_heading);
    note(stream, against, form);
    for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
        lines += has_line(against, line) ? 1 : 0;
    }
    fs_page_table_begin(stream, form, 1, lines, 0);
    fprintf(stream, "%sless ", form->first_head);
    form->text(stream, against->reference);
    fprintf(stream, "%s", form->end_head);
    for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
        if (has_line(against, line)) {
            fprintf(stream, "%s%s%s", form->head, fs_difference_lines[line].label, form->end_head);
        }
    }
    fs_page_heads_end(stream, form, 1, lines);
    for (size_t method = 0; method < against->methods; method++) {
        fprintf(stream, "%s", form->row);
        form->text(stream, against->method[method]);
        fprintf(stream, "%s", form->end_cell);
        for (size_t line = 0; line < FS_DIFFERENCE_LINES; line++) {
            const struct fs_survey_difference *number = number_at(against, method, line);
            if (!has_line(against, line)) {
                continue;
            }
            fprintf(stream, "%s", form->cell);
            fs_page_form_number(stream, form, number->cells > 0 ? number->mean : NAN, decimals_of(line));
            if (number->tested > 0) {
                fprintf(stream,
                        form == &fs_page_as_html ? " <small>better %zu, worse %zu of %zu</small>"
                                                 : " (%zu b, %zu w of %zu)",
                        number->better, number->worse, number->tested);
            }
            fprintf(stream, "%s", form->end_cell);
        }
        fprintf(stream, "%s", form->row_end);
    }
    fprintf(stream, "%s", form->table_end);
}

void fs_survey_differences_csv(FILE *stream, const struct fs_survey_data *data)
{
    const struct fs_survey_against *against = &data->against;
    fprintf(stream, "method,against,number,better_is,mean,cells,cells_with_interval,better,worse\r\n");
    for (size_t i = 0; i < against->methods * FS_DIFFERENCE_LINES; i++) {
        const struct fs_difference_line *line = &fs_difference_lines[i % FS_DIFFERENCE_LINES];
        const struct fs_survey_difference *number = &against->value[i];
        if (number->cells > 0) {
            fs_page_csv_text(stream, against->method[i / FS_DIFFERENCE_LINES]);
            fprintf(stream, ",");
            fs_page_csv_text(stream, against->reference);
            fprintf(stream, ",%s,%s", line->name, line->less ? "less" : "more");
            fs_page_csv_number(stream, number->mean);
            fprintf(stream, ",%zu,%zu,%zu,%zu\r\n", number->cells, number->tested, number->better, number->worse);
        }
    }
}

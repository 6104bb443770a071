/* What the page, its Markdown and its CSV have in common. Local. */
#ifndef FAIRSTAMP_RESULTS_PAGE_PAGE_PARTS_H
#define FAIRSTAMP_RESULTS_PAGE_PAGE_PARTS_H

#include <stdio.h>

#include "results/page/page_data.h"
#include "results/result_lines.h"

/* Columns of the table of layers; `subset` as fs_layers_value takes it. */
struct fs_page_layer_column {
    const char *name, *metric, *subset;
    int decimals;
};
#define FS_PAGE_LAYER_COLUMNS 7
extern const struct fs_page_layer_column fs_page_layer_columns[FS_PAGE_LAYER_COLUMNS];
/* "traced", "random control" or "". */
const char *fs_page_layer_mark(const struct fs_layer_comparison *layers, size_t i);

/* All up to the body's content: the style is in the page, for light and dark, for a phone and for print. */
void fs_page_head(FILE *stream, const char *title);
/* Writes a number, or a dash where there is none. */
void fs_page_number(FILE *stream, double value, int decimals);
/* The side of the split: "edited", "held out" or "validation". */
const char *fs_page_side(const struct fs_page_data *data, bool held_out);
/* How many of the most and of the least changed pairs are shown. */
size_t fs_page_shown(const struct fs_page_data *data);
/* The section on the settings that were tried before a training; nothing where none were (page_tries.c). */
void fs_page_tries(FILE *stream, const struct fs_page_data *data);
/* How a section with a table is written in HTML, in Markdown and in LaTeX, so that all have the same words. */
struct fs_page_form {
    void (*text)(FILE *stream, const char *words);
    const char *heading, *end_heading, *note, *end_note, *code, *end_code, *small, *end_small;
    const char *table, *table_text, *table_number, *table_note, *table_begun; /* a table begins, with its columns */
    const char *first_head, *head, *head_note, *end_head;                     /* cells of its first line */
    const char *heads_end, *rule_text, *rule_number, *rule_end; /* behind them; for each column of texts, of numbers */
    const char *row, *cell, *note_cell, *end_cell, *row_end;    /* a line begins with its first cell */
    const char *table_end;
    const char *star, *dash, *less_than;
};
extern const struct fs_page_form fs_page_as_html, fs_page_as_markdown, fs_page_as_latex;
/* Begins a table of so many columns of texts, of numbers, and last of texts that wrap. */
void fs_page_table_begin(FILE *stream, const struct fs_page_form *form, size_t texts, size_t numbers, size_t notes);
/* A number, or the form's dash where there is none. */
void fs_page_form_number(FILE *stream, const struct fs_page_form *form, double value, int decimals);
/* A text in LaTeX. */
void fs_page_latex_text(FILE *stream, const char *words);
/* Ends the first line of a table of so many columns. */
void fs_page_heads_end(FILE *stream, const struct fs_page_form *form, size_t texts, size_t numbers);
/* The section on how the methods differ from one of them; nothing where there is one method (page_differences.c). */
void fs_page_differences(FILE *stream, const struct fs_page_data *data, const struct fs_page_form *form);
/* A field of a CSV, quoted where it must be; ",number", or "," where there is none. */
void fs_page_csv_text(FILE *stream, const char *words);
void fs_page_csv_number(FILE *stream, double value);
/* A text in a cell of a Markdown table. */
void fs_page_markdown_text(FILE *stream, const char *words);
/* Whether a stage says how long it took. */
bool fs_page_has_times(const struct fs_page_data *data);
/* A text of the provenance; "" where it is not there. */
const char *fs_page_provenance(const struct fs_page_data *data, const char *name);

#endif

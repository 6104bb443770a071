/* A report as one self-contained HTML page, and the same tables as Markdown, CSV and, of differences, LaTeX. Local. */
#ifndef FAIRSTAMP_RESULTS_PAGE_PAGE_H
#define FAIRSTAMP_RESULTS_PAGE_PAGE_H

#include <stdio.h>

#include "results/page/page_data.h"

void fs_page_html(FILE *stream, const struct fs_page_data *data);
void fs_page_markdown(FILE *stream, const struct fs_page_data *data);
/* The page's table of how methods differ from one of them, with the packages booktabs and longtable. */
void fs_page_differences_latex(FILE *stream, const struct fs_page_data *data);
/* All rows of the result table; how methods differ from one of them, a row a metric and method; what the columns trade; the target terms; the pairs with their change; AIE by layer; the
 * trace's measures by layer; stamps at other layers.
 * RFC 4180. */
void fs_page_results_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_differences_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_front_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_terms_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_items_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_trace_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_measures_csv(FILE *stream, const struct fs_page_data *data);
void fs_page_layers_csv(FILE *stream, const struct fs_page_data *data);

/* The category whose metrics the page shows first: "all", or the only one. */
const char *fs_page_category(const struct fs_page_data *data);

#endif

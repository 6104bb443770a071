/*
 * The pictures of a report page, each one <svg> that stands in the page as well as in a file of its own: no script, no
 * font or style from elsewhere, colors that hold on a dark page too, told apart by shape as well. 420 units wide, so
 * that a phone shows its text at full size. Local.
 */
#ifndef FAIRSTAMP_RESULTS_PAGE_PAGE_CHARTS_H
#define FAIRSTAMP_RESULTS_PAGE_PAGE_CHARTS_H

#include <stdio.h>

#include "results/page/draw.h"
#include "results/page/page_data.h"

/* AIE by layer with 95 % intervals of the first FS_CHART_SERIES categories, the decisive layer marked. */
void fs_chart_trace(FILE *stream, const struct fs_page_data *data);
/* The same of each kind that was restored, over all categories. */
void fs_chart_kinds(FILE *stream, const struct fs_page_data *data);
/* The measures as small multiples: median share by layer with its interval, over all categories, and the layer that each
 * names. */
void fs_chart_measures(FILE *stream, const struct fs_page_data *data);
/* How many pairs have their largest effect at each layer, over all categories. */
void fs_chart_argmax(FILE *stream, const struct fs_page_data *data);
/* The heat map of kind number `kind`: average indirect effect by layer and role of the position. */
void fs_chart_heat_map(FILE *stream, const struct fs_page_data *data, size_t kind);
/* Losses over the steps, logarithmic. */
void fs_chart_loss(FILE *stream, const struct fs_page_data *data);
/* Metrics in percent of `category`, before and after, with intervals and the ideal marked. */
void fs_chart_metrics(FILE *stream, const struct fs_page_data *data, const char *category);
/* The columns of a job with a front (fs_front_is_there): bias that is left against what was kept. */
void fs_chart_front(FILE *stream, const struct fs_page_data *data);
/* The score of the stamps at several layers. */
void fs_chart_layers(FILE *stream, const struct fs_page_data *data);

#endif

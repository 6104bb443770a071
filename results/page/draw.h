/* What the pictures of a report page are drawn with: frame, scale, texts, lines, marks. Local. */
#ifndef FAIRSTAMP_RESULTS_PAGE_DRAW_H
#define FAIRSTAMP_RESULTS_PAGE_DRAW_H

#include <stdbool.h>
#include <stdio.h>

#define FS_CHART_WIDTH 420
#define FS_CHART_SERIES 6 /* most lines of a chart */

/* Okabe and Ito's colors, which the color-blind tell apart; shapes and dashes differ too. */
extern const char *const fs_chart_colors[FS_CHART_SERIES];
extern const char *const fs_chart_dashes[FS_CHART_SERIES];

/* `title` is what is read aloud in the picture's place. */
void fs_draw_begin(FILE *stream, int height, const char *title);
void fs_draw_end(FILE *stream);
/* `anchor`: start, middle or end; `kind`: the class of its color, fs-ink or fs-soft. */
void fs_draw_text(FILE *stream, double x, double y, const char *anchor, const char *kind, const char *words);
void fs_draw_line(FILE *stream, double x1, double y1, double x2, double y2, const char *style);
/* The mark of a column: a circle of the unedited model, for the edits squares, diamonds and triangles in turn. */
void fs_draw_mark(FILE *stream, double x, double y, size_t column, bool filled);

/* A scale of some height in the plot. */
struct fs_scale {
    double low, high, top, height;
};
double fs_scale_place(const struct fs_scale *scale, double value);
/* A step of 1, 2 or 5 times a power of ten that parts `range` into 3 to 8. */
double fs_scale_step(double range);

#endif

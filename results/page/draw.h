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
/* The same of a picture with links in it, which are read aloud too; `description` says what is to be seen. */
void fs_draw_begin_linked(FILE *stream, int height, const char *title, const char *description);
void fs_draw_end(FILE *stream);
/* `anchor`: start, middle or end; `kind`: the class of its color, fs-ink or fs-soft. */
void fs_draw_text(FILE *stream, double x, double y, const char *anchor, const char *kind, const char *words);
void fs_draw_line(FILE *stream, double x1, double y1, double x2, double y2, const char *style);
/* The mark of a column: a circle of the unedited model, for the edits squares, diamonds and triangles in turn. */
void fs_draw_mark(FILE *stream, double x, double y, size_t column, bool filled);

/* "#rrggbb" from orange over light grey to blue for -most to most, which the color-blind tell apart. */
void fs_draw_heat_color(double value, double most, char color[8]);

/* What stands in a plot already, so that numbers beside marks cover nothing. */
#define FS_PLACES 160
struct fs_places {
    double left, right, top, bottom; /* of where numbers may stand */
    size_t count;
    double taken[FS_PLACES][4]; /* middle x and y, half the width and the height */
};
void fs_places_take(struct fs_places *places, double x, double y, double half_width, double half_height);
/* A number beside the mark at (x, y), in the first free place near it; farther away with a line to the mark. */
void fs_draw_number(FILE *stream, struct fs_places *places, double x, double y, size_t number);

/* A scale of some height in the plot. */
struct fs_scale {
    double low, high, top, height;
};
double fs_scale_place(const struct fs_scale *scale, double value);
/* A step of 1, 2 or 5 times a power of ten that parts `range` into 3 to 8. */
double fs_scale_step(double range);

#endif

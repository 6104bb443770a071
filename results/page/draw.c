#include "results/page/draw.h"

#include <math.h>

#include "results/page/page_data.h"

const char *const fs_chart_colors[FS_CHART_SERIES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};
const char *const fs_chart_dashes[FS_CHART_SERIES] = {"", "6 3", "2 3", "8 3 2 3", "1 3", "10 4"};

/* `role` img: what is in it is not read aloud. */
static void begin(FILE *stream, int height, const char *role, const char *title, const char *description)
{
    fprintf(stream, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"%s\" aria-label=\"",
            FS_CHART_WIDTH, height, role);
    fs_page_escape(stream, title);
    fprintf(
        stream,
        "\" font-family=\"system-ui,sans-serif\" font-size=\"12\"><style>.fs-ink{fill:#222}.fs-line{stroke:#222}"
        ".fs-grid{stroke:#bbb;stroke-width:.6}.fs-soft{fill:#555}@media(prefers-color-scheme:dark){.fs-ink{fill:#eee}"
        ".fs-line{stroke:#eee}.fs-grid{stroke:#666}.fs-soft{fill:#bbb}}</style><title>");
    fs_page_escape(stream, title);
    fprintf(stream, "</title>\n");
    if (description != NULL) {
        fprintf(stream, "<desc>");
        fs_page_escape(stream, description);
        fprintf(stream, "</desc>\n");
    }
}

void fs_draw_begin(FILE *stream, int height, const char *title)
{
    begin(stream, height, "img", title, NULL);
}

void fs_draw_begin_linked(FILE *stream, int height, const char *title, const char *description)
{
    begin(stream, height, "group", title, description);
}

void fs_draw_end(FILE *stream)
{
    fprintf(stream, "</svg>\n");
}

void fs_draw_text(FILE *stream, double x, double y, const char *anchor, const char *kind, const char *words)
{
    fprintf(stream, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, kind);
    fs_page_escape(stream, words);
    fprintf(stream, "</text>\n");
}

void fs_draw_line(FILE *stream, double x1, double y1, double x2, double y2, const char *style)
{
    fprintf(stream, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, style);
}

void fs_draw_mark(FILE *stream, double x, double y, size_t column, bool filled)
{
    const char *color = fs_chart_colors[column % FS_CHART_SERIES];
    char paint[64];
    snprintf(paint, sizeof paint, filled ? "fill=\"%s\"" : "fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"", color);
    if (column == 0) {
        fprintf(stream, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" %s/>\n", x, y, paint);
    } else if (column % 3 == 1) {
        fprintf(stream, "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" %s/>\n", x - 4, y - 4, paint);
    } else if (column % 3 == 2) {
        fprintf(stream, "<path d=\"M%.1f %.1fl5.5 5.5-5.5 5.5-5.5-5.5z\" %s/>\n", x, y - 5.5, paint);
    } else {
        fprintf(stream, "<path d=\"M%.1f %.1fl5.5 9h-11z\" %s/>\n", x, y - 5, paint);
    }
}

void fs_draw_heat_color(double value, double most, char color[8])
{
    static const int strong[2][3] = {{0, 84, 136}, {213, 94, 0}};
    const int *to = strong[value < 0 ? 1 : 0];
    double share = most > 0 ? fmin(1.0, fabs(value) / most) : 0.0;
    int mixed[3];
    for (int i = 0; i < 3; i++) {
        mixed[i] = (int)lround(245.0 + share * (to[i] - 245.0));
    }
    snprintf(color, 8, "#%02x%02x%02x", (unsigned)mixed[0] & 255u, (unsigned)mixed[1] & 255u,
             (unsigned)mixed[2] & 255u);
}

/* ---- numbers beside marks ---- */

void fs_places_take(struct fs_places *places, double x, double y, double half_width, double half_height)
{
    if (places->count < FS_PLACES) {
        double *taken = places->taken[places->count++];
        taken[0] = x;
        taken[1] = y;
        taken[2] = half_width;
        taken[3] = half_height;
    }
}

static bool is_taken(const struct fs_places *places, double x, double y, double half_width, double half_height)
{
    for (size_t i = 0; i < places->count; i++) {
        const double *taken = places->taken[i];
        if (fabs(taken[0] - x) < taken[2] + half_width && fabs(taken[1] - y) < taken[3] + half_height) {
            return true;
        }
    }
    return x - half_width < places->left || x + half_width > places->right || y - half_height < places->top ||
           y + half_height > places->bottom;
}

void fs_draw_number(FILE *stream, struct fs_places *places, double x, double y, size_t number)
{
    static const double away[][2] = {{10, 0},   {-10, 0},   {0, -11}, {0, 11},   {9, -9},    {-9, -9},   {9, 9},
                                     {-9, 9},   {20, -8},   {20, 8},  {-20, -8}, {-20, 8},   {8, -21},   {-8, -21},
                                     {8, 21},   {-8, 21},   {30, 0},  {-30, 0},  {26, -20},  {-26, -20}, {26, 20},
                                     {-26, 20}, {0, -32},   {0, 32},  {42, -10}, {-42, -10}, {42, 10},   {-42, 10},
                                     {38, -30}, {-38, -30}, {38, 30}, {-38, 30}};
    enum { NEAR = 8 };
    const double half_height = 4.75, half_width = number > 9 ? 6 : 3;
    const size_t places_near = sizeof away / sizeof away[0];
    char label[32];
    size_t k = 0;
    while (k < places_near && is_taken(places, x + away[k][0], y + away[k][1], half_width, half_height)) {
        k++;
    }
    k = k < places_near ? k : 0;
    double at_x = x + away[k][0], at_y = y + away[k][1];
    if (k >= NEAR) {
        double part = (hypot(away[k][0], away[k][1]) - 7) / hypot(away[k][0], away[k][1]);
        fs_draw_line(stream, x, y, x + part * away[k][0], y + part * away[k][1],
                     "class=\"fs-line\" stroke-width=\".5\"");
    }
    fs_places_take(places, at_x, at_y, half_width, half_height);
    snprintf(label, sizeof label, "%zu", number);
    fs_draw_text(stream, at_x, at_y + 3.5, "middle", "fs-ink", label);
}

double fs_scale_place(const struct fs_scale *scale, double value)
{
    return scale->top + scale->height * (1.0 - (value - scale->low) / (scale->high - scale->low));
}

double fs_scale_step(double range)
{
    double power = pow(10.0, floor(log10(range / 4.0))), ratio = range / 4.0 / power;
    return power * (ratio < 1.5 ? 1.0 : (ratio < 3.5 ? 2.0 : 5.0));
}

#include "results/page/draw.h"

#include <math.h>

#include "results/page/page_data.h"

const char *const fs_chart_colors[FS_CHART_SERIES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};
const char *const fs_chart_dashes[FS_CHART_SERIES] = {"", "6 3", "2 3", "8 3 2 3", "1 3", "10 4"};

void fs_draw_begin(FILE *stream, int height, const char *title)
{
    fprintf(stream, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
            FS_CHART_WIDTH, height);
    fs_page_escape(stream, title);
    fprintf(
        stream,
        "\" font-family=\"system-ui,sans-serif\" font-size=\"12\"><style>.fs-ink{fill:#222}.fs-line{stroke:#222}"
        ".fs-grid{stroke:#bbb;stroke-width:.6}.fs-soft{fill:#555}@media(prefers-color-scheme:dark){.fs-ink{fill:#eee}"
        ".fs-line{stroke:#eee}.fs-grid{stroke:#666}.fs-soft{fill:#bbb}}</style><title>");
    fs_page_escape(stream, title);
    fprintf(stream, "</title>\n");
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

double fs_scale_place(const struct fs_scale *scale, double value)
{
    return scale->top + scale->height * (1.0 - (value - scale->low) / (scale->high - scale->low));
}

double fs_scale_step(double range)
{
    double power = pow(10.0, floor(log10(range / 4.0))), ratio = range / 4.0 / power;
    return power * (ratio < 1.5 ? 1.0 : (ratio < 3.5 ? 2.0 : 5.0));
}

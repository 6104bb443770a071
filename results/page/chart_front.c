/* The front: a panel for each bias that is left and each thing that was kept. */
#include <math.h>
#include <string.h>

#include "results/page/page_charts.h"
#include "results/page/page_front.h"

enum { GAP = 8, LEFT = 36, RIGHT = 6, TOP = 18, PLOT = 118, BOTTOM = 38, LEGEND_LINE = 17 };
enum { PANEL_HEIGHT = TOP + PLOT + BOTTOM };

struct panel {
    const struct fs_page_data *data;
    enum fs_front_bias bias;
    enum fs_front_kept kept;
    double x, width;    /* of the plot */
    struct fs_scale up; /* bias */
    double least, most; /* kept, at the plot's left and right */
};

static double bias_of(const struct panel *panel, size_t column)
{
    return fs_front_bias(panel->data, panel->bias, column);
}

static double kept_of(const struct panel *panel, size_t column)
{
    return fs_front_kept(panel->data, panel->kept, column);
}

static bool is_drawn(const struct panel *panel, size_t column)
{
    return isfinite(bias_of(panel, column)) && isfinite(kept_of(panel, column));
}

static double x_of(const struct panel *panel, double kept)
{
    return panel->x + panel->width * (kept - panel->least) / (panel->most - panel->least);
}

static double mark_x(const struct panel *panel, size_t column)
{
    return x_of(panel, kept_of(panel, column));
}

static double mark_y(const struct panel *panel, size_t column)
{
    return fs_scale_place(&panel->up, bias_of(panel, column));
}

/* Scales from the numbers, with room for the marks at the edges. */
static void find_scales(struct panel *panel)
{
    static const double narrowest_bias[FS_FRONT_BIASES] = {0.1, 1}, narrowest_kept[FS_FRONT_KEPTS] = {1, 1};
    double high = narrowest_bias[panel->bias], least = INFINITY, most = -INFINITY;
    for (size_t c = 0; c < panel->data->result.columns; c++) {
        if (is_drawn(panel, c)) {
            high = fmax(high, bias_of(panel, c));
            least = fmin(least, kept_of(panel, c));
            most = fmax(most, kept_of(panel, c));
        }
    }
    double range = fmax(most - least, narrowest_kept[panel->kept]);
    panel->up.low = -0.05 * high;
    panel->up.high = 1.08 * high;
    panel->least = most - 1.08 * range;
    panel->most = most + 0.07 * range;
}

static void draw_axes(FILE *stream, const struct panel *panel)
{
    static const char *const kept_name[FS_FRONT_KEPTS] = {"RS, %", "DS, change in points"};
    bool tuning = strcmp(fs_front_subset(panel->data), "validation") == 0;
    const char *bias_name = panel->bias == FS_FRONT_PS ? "PS, distance to 50"
                            : tuning                   ? "validation gap, share left"
                                                       : "held-out gap, share left";
    double bottom = panel->up.top + PLOT, step = fs_scale_step(panel->up.high);
    char label[32];
    fs_draw_text(stream, panel->x - LEFT + 2, panel->up.top - 6, "start", "fs-ink", bias_name);
    for (double value = 0; value <= panel->up.high; value += step) {
        double y = fs_scale_place(&panel->up, value);
        snprintf(label, sizeof label, "%.4g", value);
        fs_draw_line(stream, panel->x, y, panel->x + panel->width, y, "class=\"fs-grid\"");
        fs_draw_text(stream, panel->x - 4, y + 4, "end", "fs-soft", label);
    }
    step = fs_scale_step(1.7 * (panel->most - panel->least)); /* labels stand side by side here */
    for (double value = ceil(panel->least / step) * step; value <= panel->most; value += step) {
        double x = x_of(panel, value);
        snprintf(label, sizeof label, "%.4g", fabs(value) < step * 1e-6 ? 0.0 : value);
        fs_draw_line(stream, x, panel->up.top, x, bottom, "class=\"fs-grid\"");
        fs_draw_text(stream, x, bottom + 12, "middle", "fs-soft", label);
    }
    fs_draw_text(stream, panel->x + panel->width / 2, bottom + 26, "middle", "fs-ink", kept_name[panel->kept]);
}

/* Whether `next` is the column's edit at the next larger strength; from column 0, the unedited model, at the least. */
static bool follows(const struct panel *panel, size_t column, size_t next, const char *method)
{
    const struct fs_page_column *of = panel->data->column;
    double from = column > 0 ? of[column].strength : 0;
    if (strcmp(of[next].method, method) != 0 || of[next].strength <= from || !is_drawn(panel, next)) {
        return false;
    }
    for (size_t c = 1; c < panel->data->result.columns; c++) {
        if (strcmp(of[c].method, method) == 0 && is_drawn(panel, c) && of[c].strength > from &&
            of[c].strength < of[next].strength) {
            return false;
        }
    }
    return true;
}

/* An edit at several strengths: a line from the unedited model to the strongest. */
static void draw_line(FILE *stream, const struct panel *panel, size_t first)
{
    const struct fs_page_column *of = panel->data->column;
    bool several = false;
    for (size_t c = 1; c < panel->data->result.columns; c++) {
        if (strcmp(of[c].method, of[first].method) == 0) {
            if (c < first) { /* drawn with that one */
                return;
            }
            several = several || of[c].strength != of[first].strength;
        }
    }
    if (!several || of[first].method[0] == '\0') {
        return;
    }
    fprintf(stream, "<polyline fill=\"none\" class=\"fs-line\" stroke-opacity=\".5\" points=\"%.1f,%.1f",
            mark_x(panel, 0), mark_y(panel, 0));
    for (size_t at = 0, next = 1; next < panel->data->result.columns;) {
        if (follows(panel, at, next, of[first].method)) {
            fprintf(stream, " %.1f,%.1f", mark_x(panel, next), mark_y(panel, next));
            at = next;
            next = 1;
        } else {
            next++;
        }
    }
    fprintf(stream, "\"/>\n");
}

static void draw_panel(FILE *stream, struct panel *panel)
{
    draw_axes(stream, panel);
    for (size_t c = 1; c < panel->data->result.columns && is_drawn(panel, 0); c++) {
        draw_line(stream, panel, c);
    }
    struct fs_places places = {panel->x, panel->x + panel->width + RIGHT, panel->up.top, panel->up.top + PLOT + 8, 0,
                               {{0}}};
    for (size_t c = 0; c < panel->data->result.columns; c++) {
        if (is_drawn(panel, c)) {
            fs_draw_mark(stream, mark_x(panel, c), mark_y(panel, c), c,
                         fs_front_is_best(panel->data, panel->bias, panel->kept, c));
            fs_places_take(&places, mark_x(panel, c), mark_y(panel, c), 5.5, 4.75);
        }
    }
    for (size_t c = 0; c < panel->data->result.columns; c++) {
        if (is_drawn(panel, c)) {
            fs_draw_number(stream, &places, mark_x(panel, c), mark_y(panel, c), c);
        }
    }
}

/* How far a name of the legend reaches. */
static double width_of(const struct fs_page_data *data, size_t column)
{
    return 44 + 7.0 * (double)strlen(data->result.column[column]);
}

static size_t legend_lines(const struct fs_page_data *data)
{
    size_t lines = 1;
    double x = 0;
    for (size_t c = 0; c < data->result.columns; c++) {
        if (c > 0 && x + width_of(data, c) > FS_CHART_WIDTH) {
            lines++;
            x = 0;
        }
        x += width_of(data, c);
    }
    return lines;
}

static void draw_legend(FILE *stream, const struct fs_page_data *data, double y)
{
    double x = 0;
    for (size_t c = 0; c < data->result.columns; c++) {
        char label[96];
        if (c > 0 && x + width_of(data, c) > FS_CHART_WIDTH) {
            y += LEGEND_LINE;
            x = 0;
        }
        fs_draw_mark(stream, x + 8, y - 4, c, true);
        snprintf(label, sizeof label, "%zu %s", c, data->result.column[c]);
        fs_draw_text(stream, x + 18, y, "start", "fs-ink", label);
        x += width_of(data, c);
    }
    y += LEGEND_LINE + 1;
    fprintf(stream, "<circle cx=\"8\" cy=\"%.1f\" r=\"4.5\" class=\"fs-ink\"/>\n", y - 4);
    fs_draw_text(stream, 18, y, "start", "fs-ink", "beaten by no other column");
    fprintf(stream, "<circle cx=\"208\" cy=\"%.1f\" r=\"4.5\" fill=\"none\" class=\"fs-line\"/>\n", y - 4);
    fs_draw_text(stream, 218, y, "start", "fs-ink", "beaten");
}

void fs_chart_front(FILE *stream, const struct fs_page_data *data)
{
    size_t across = 0, down = 0;
    for (int kept = 0; kept < FS_FRONT_KEPTS; kept++) {
        across += fs_front_has_kept(data, (enum fs_front_kept)kept) ? 1 : 0;
    }
    for (int bias = 0; bias < FS_FRONT_BIASES; bias++) {
        down += fs_front_has_bias(data, (enum fs_front_bias)bias) ? 1 : 0;
    }
    double width = across > 1 ? (FS_CHART_WIDTH - GAP) / 2.0 : FS_CHART_WIDTH;
    size_t lines = legend_lines(data) + 1;
    fs_draw_begin(stream, (int)(down * PANEL_HEIGHT + lines * LEGEND_LINE) + 10, "Bias left against what was kept");
    fprintf(stream, "<g font-size=\"10\">\n");
    size_t drawn = 0;
    for (int cell = 0; cell < FS_FRONT_BIASES * FS_FRONT_KEPTS; cell++) {
        struct panel panel = {.data = data,
                              .bias = (enum fs_front_bias)(cell / FS_FRONT_KEPTS),
                              .kept = (enum fs_front_kept)(cell % FS_FRONT_KEPTS),
                              .width = width - LEFT - RIGHT};
        if (fs_front_has_bias(data, panel.bias) && fs_front_has_kept(data, panel.kept)) {
            panel.x = (double)(drawn % across) * (width + GAP) + LEFT;
            size_t row = drawn / across;
            panel.up = (struct fs_scale){.top = (double)row * PANEL_HEIGHT + TOP, .height = PLOT};
            find_scales(&panel);
            draw_panel(stream, &panel);
            drawn++;
        }
    }
    fprintf(stream, "</g>\n");
    draw_legend(stream, data, (double)(down * PANEL_HEIGHT) + 16);
    fs_draw_end(stream);
}

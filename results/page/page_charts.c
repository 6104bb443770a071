#include "results/page/page_charts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = FS_CHART_WIDTH, LEFT = 76, RIGHT = 12, TOP = 26 };
#define PLOT (WIDTH - LEFT - RIGHT)
#define SERIES FS_CHART_SERIES

static void grid(FILE *stream, const struct fs_scale *scale)
{
    double step = fs_scale_step(scale->high - scale->low);
    for (double value = ceil(scale->low / step) * step; value <= scale->high + step * 1e-9; value += step) {
        char label[32];
        double y = fs_scale_place(scale, value);
        snprintf(label, sizeof label, "%.4g", fabs(value) < step * 1e-6 ? 0.0 : value);
        fs_draw_line(stream, LEFT, y, WIDTH - RIGHT, y, "class=\"fs-grid\"");
        fs_draw_text(stream, LEFT - 5, y + 4, "end", "fs-soft", label);
    }
}

static void legend(FILE *stream, double y, const char *const *name, size_t count)
{
    double x = LEFT;
    for (size_t i = 0; i < count; i++) {
        double width = 26.0 + 7.2 * (double)strlen(name[i]);
        if (x + width > WIDTH && i > 0) {
            x = LEFT;
            y += 15;
        }
        fprintf(stream,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\" "
                "stroke-dasharray=\"%s\"/>\n",
                x, y - 4, x + 18, y - 4, fs_chart_colors[i % SERIES], fs_chart_dashes[i % SERIES]);
        fs_draw_text(stream, x + 22, y, "start", "fs-ink", name[i]);
        x += width;
    }
}

static double layer_x(const struct fs_trace_result *trace, size_t layer)
{
    return LEFT + PLOT * ((double)layer + 0.5) / (double)trace->layers;
}

static void layer_labels(FILE *stream, const struct fs_trace_result *trace, double y)
{
    size_t every = (trace->layers + 11) / 12;
    for (size_t layer = 0; layer < trace->layers; layer += every) {
        char label[32];
        snprintf(label, sizeof label, "%zu", layer);
        fs_draw_text(stream, layer_x(trace, layer), y, "middle", "fs-soft", label);
    }
    fs_draw_text(stream, LEFT + PLOT / 2.0, y + 16, "middle", "fs-ink", "layer");
}

/* A line of effects by layer with 95 % intervals; each [layers]. */
struct series {
    const char *name;
    const double *aie, *low, *high;
};

/* At most SERIES lines, the decisive layer marked. */
static void effects(FILE *stream, const struct fs_trace_result *trace, const char *title, const struct series *series,
                    size_t count)
{
    struct fs_scale scale = {0.0, 1e-12, TOP, 190};
    const char *names[SERIES];
    for (size_t i = 0; i < count * trace->layers; i++) {
        const struct series *one = &series[i / trace->layers];
        size_t layer = i % trace->layers;
        scale.low = fmin(scale.low, isfinite(one->low[layer]) ? one->low[layer] : one->aie[layer]);
        scale.high = fmax(scale.high, isfinite(one->high[layer]) ? one->high[layer] : one->aie[layer]);
    }
    fs_draw_begin(stream, count > 3 ? 306 : 292, title);
    fs_draw_text(stream, LEFT, 14, "start", "fs-ink", "average indirect effect (probability)");
    grid(stream, &scale);
    double decisive = layer_x(trace, trace->decisive_layer);
    fs_draw_line(stream, decisive, TOP, decisive, TOP + 190, "class=\"fs-line\" stroke-dasharray=\"3 3\"");
    for (size_t c = 0; c < count; c++) {
        fprintf(stream, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" points=\"",
                fs_chart_colors[c], fs_chart_dashes[c]);
        for (size_t layer = 0; layer < trace->layers; layer++) {
            fprintf(stream, "%.1f,%.1f ", layer_x(trace, layer), fs_scale_place(&scale, series[c].aie[layer]));
        }
        fprintf(stream, "\"/>\n");
        for (size_t layer = 0; layer < trace->layers; layer++) {
            double x = layer_x(trace, layer) + 3.0 * ((double)c - (double)(count - 1) / 2.0);
            if (isfinite(series[c].low[layer])) {
                fprintf(stream, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x,
                        fs_scale_place(&scale, series[c].low[layer]), x, fs_scale_place(&scale, series[c].high[layer]),
                        fs_chart_colors[c]);
            }
            fprintf(stream, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n", x,
                    fs_scale_place(&scale, series[c].aie[layer]), fs_chart_colors[c]);
        }
        names[c] = series[c].name;
    }
    layer_labels(stream, trace, TOP + 206);
    fs_draw_line(stream, LEFT, TOP + 236, LEFT + 18, TOP + 236, "class=\"fs-line\" stroke-dasharray=\"3 3\"");
    fs_draw_text(stream, LEFT + 22, TOP + 240, "start", "fs-ink", "decisive layer");
    legend(stream, TOP + 258, names, count);
    fs_draw_end(stream);
}

void fs_chart_trace(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    /* of one category "all" would say the same again */
    size_t first = trace->categories == 2 ? 1 : 0;
    size_t shown = trace->categories - first < SERIES ? trace->categories - first : SERIES;
    struct series series[SERIES];
    for (size_t c = 0; c < shown; c++) {
        size_t at = (first + c) * trace->layers;
        series[c] =
            (struct series){trace->category[first + c], trace->aie + at, trace->aie_low + at, trace->aie_high + at};
    }
    effects(stream, trace, "Average indirect effect by layer", series, shown);
}

void fs_chart_kinds(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    const struct fs_trace_sublayers *sublayers = &trace->sublayers;
    struct series series[FS_TRACE_KINDS];
    for (size_t kind = 0; kind < sublayers->kinds; kind++) {
        size_t at = kind * trace->categories * trace->layers;
        series[kind] = (struct series){fs_trace_kind_name(sublayers->kind[kind]), sublayers->aie + at,
                                       sublayers->low + at, sublayers->high + at};
    }
    effects(stream, trace, "Average indirect effect by layer and kind", series, sublayers->kinds);
}

/* ---- the measures, a panel each ---- */

enum { PANEL_WIDTH = 206, PANEL_HEIGHT = 98, PANEL_LEFT = 34, PANEL_TOP = 18, PANEL_PLOT = 58 };

/* Where a panel stands, and its measure's numbers, each [layers]. */
struct panel {
    double x, y;
    struct fs_scale scale;
    size_t layers, decisive;
    double traced; /* where the trace's layer is */
    const double *median, *low, *high;
};

static double panel_x(const struct panel *panel, size_t layer)
{
    double width = PANEL_WIDTH - PANEL_LEFT - 6;
    return panel->x + PANEL_LEFT + width * ((double)layer + 0.5) / (double)panel->layers;
}

static void panel_band(FILE *stream, const struct panel *panel)
{
    if (!isfinite(panel->low[0])) {
        return;
    }
    fprintf(stream, "<polygon fill=\"%s\" fill-opacity=\".25\" points=\"", fs_chart_colors[0]);
    for (size_t i = 0; i < 2 * panel->layers; i++) { /* to the right below, to the left above */
        size_t layer = i < panel->layers ? i : 2 * panel->layers - 1 - i;
        double value = i < panel->layers ? panel->low[layer] : panel->high[layer];
        fprintf(stream, "%.1f,%.1f ", panel_x(panel, layer), fs_scale_place(&panel->scale, value));
    }
    fprintf(stream, "\"/>\n");
}

static void panel_scale(struct panel *panel)
{
    panel->scale = (struct fs_scale){0.0, 0.01, panel->y + PANEL_TOP, PANEL_PLOT};
    for (size_t layer = 0; layer < panel->layers; layer++) {
        double low = isfinite(panel->low[layer]) ? panel->low[layer] : panel->median[layer];
        double high = isfinite(panel->high[layer]) ? panel->high[layer] : panel->median[layer];
        panel->scale.low = fmin(panel->scale.low, low);
        panel->scale.high = fmax(panel->scale.high, high);
    }
}

static void panel_axes(FILE *stream, const struct panel *panel)
{
    const double values[] = {panel->scale.low, 0.0, panel->scale.high};
    const size_t ends[] = {0, panel->layers - 1};
    double range = panel->scale.high - panel->scale.low;
    char label[32];
    for (size_t i = panel->scale.low > -0.15 * range ? 1 : 0; i < 3; i++) { /* not two labels in one place */
        double y = fs_scale_place(&panel->scale, values[i]);
        snprintf(label, sizeof label, "%.2f", values[i]);
        fs_draw_text(stream, panel->x + PANEL_LEFT - 4, y + 4, "end", "fs-soft", label);
        fs_draw_line(stream, panel->x + PANEL_LEFT, y, panel->x + PANEL_WIDTH - 6, y, "class=\"fs-grid\"");
    }
    for (size_t i = 0; i < 2; i++) {
        double room = fabs(panel_x(panel, ends[i]) - panel_x(panel, panel->decisive));
        if (room == 0 || room > 14) { /* beside the label of the largest */
            snprintf(label, sizeof label, "%zu", ends[i]);
            fs_draw_text(stream, panel_x(panel, ends[i]), panel->y + PANEL_TOP + PANEL_PLOT + 13, "middle", "fs-soft",
                         label);
        }
    }
    fs_draw_line(stream, panel->traced, panel->y + PANEL_TOP, panel->traced, panel->y + PANEL_TOP + PANEL_PLOT,
                 "class=\"fs-line\" stroke-dasharray=\"3 3\"");
}

static void panel_curve(FILE *stream, const struct panel *panel)
{
    double x = panel_x(panel, panel->decisive), y = fs_scale_place(&panel->scale, panel->median[panel->decisive]);
    char label[32];
    panel_band(stream, panel);
    fprintf(stream, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", fs_chart_colors[0]);
    for (size_t layer = 0; layer < panel->layers; layer++) {
        fprintf(stream, "%.1f,%.1f ", panel_x(panel, layer), fs_scale_place(&panel->scale, panel->median[layer]));
    }
    fprintf(stream, "\"/>\n<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, fs_chart_colors[1]);
    if (panel->decisive > 0 && panel->decisive + 1 < panel->layers) { /* the ends have their labels */
        snprintf(label, sizeof label, "%zu", panel->decisive);
        fs_draw_text(stream, x, panel->y + PANEL_TOP + PANEL_PLOT + 13, "middle", "fs-ink", label);
    }
}

void fs_chart_measures(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    const struct fs_trace_shares *shares = &trace->shares;
    size_t lines = (shares->measures + 1) / 2;
    fs_draw_begin(stream, (int)lines * PANEL_HEIGHT + 24, "Share of the total effect by layer and measure");
    fs_draw_text(stream, 2, 12, "start", "fs-ink", "share of the total effect (log probability) by layer");
    fprintf(stream, "<g font-size=\"10\">\n");
    for (size_t m = 0; m < shares->measures; m++) {
        size_t at = m * trace->categories * trace->layers;
        size_t row = m / 2;
        struct panel panel = {.x = (double)(m % 2) * (PANEL_WIDTH + 4),
                              .y = 20 + (double)row * PANEL_HEIGHT,
                              .layers = trace->layers,
                              .decisive = shares->decisive[m * trace->categories],
                              .median = shares->median + at,
                              .low = shares->low + at,
                              .high = shares->high + at};
        fprintf(stream, "<g font-size=\"9\">\n"); /* the longest name fills the panel */
        fs_draw_text(stream, panel.x + 2, panel.y + 11, "start", "fs-ink", fs_trace_measures[shares->measure[m]].name);
        fprintf(stream, "</g>\n");
        if (!isfinite(panel.median[0])) {
            fs_draw_text(stream, panel.x + PANEL_LEFT, panel.y + 40, "start", "fs-soft",
                         "no pair has enough of an effect");
            continue;
        }
        panel.traced = panel_x(&panel, trace->decisive_layer);
        panel_scale(&panel);
        panel_axes(stream, &panel);
        panel_curve(stream, &panel);
    }
    fprintf(stream, "</g>\n");
    fs_draw_end(stream);
}

void fs_chart_argmax(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_trace_result *trace = &data->trace;
    struct fs_scale scale = {0.0, 1.0, TOP, 120};
    for (size_t layer = 0; layer < trace->layers; layer++) {
        scale.high = fmax(scale.high, (double)trace->argmax_count[layer]);
    }
    fs_draw_begin(stream, 186, "Pairs by the layer of their largest effect");
    fs_draw_text(stream, LEFT, 14, "start", "fs-ink", "pairs by the layer of their largest effect");
    grid(stream, &scale);
    double width = PLOT / (double)trace->layers;
    for (size_t layer = 0; layer < trace->layers; layer++) {
        double y = fs_scale_place(&scale, (double)trace->argmax_count[layer]);
        fprintf(stream, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
                LEFT + width * ((double)layer + 0.15), y, 0.7 * width, TOP + 120 - y,
                fs_chart_colors[layer == trace->decisive_layer ? 1 : 0]);
    }
    layer_labels(stream, trace, TOP + 136);
    fs_draw_end(stream);
}

/* From white over the largest effect's blue; negative effects in orange, likewise. */
void fs_chart_heat_map(FILE *stream, const struct fs_page_data *data, size_t kind)
{
    const struct fs_trace_result *trace = &data->trace;
    const double *aie = trace->sublayers.role_aie + kind * trace->categories * FS_TRACE_ROLES * trace->layers;
    enum { HEAT_LEFT = 104, ROW = 24 };
    double most = 0.0, width = (double)(WIDTH - HEAT_LEFT - RIGHT) / (double)trace->layers;
    char title[96], words[64], color[8];
    for (size_t i = 0; i < FS_TRACE_ROLES * trace->layers; i++) {
        most = isfinite(aie[i]) ? fmax(most, fabs(aie[i])) : most;
    }
    snprintf(title, sizeof title, "Average indirect effect by layer and position: %s",
             fs_trace_kind_name(trace->sublayers.kind[kind]));
    int bottom = TOP + ROW * FS_TRACE_ROLES;
    fs_draw_begin(stream, bottom + 62, title);
    fs_draw_text(stream, 2, 14, "start", "fs-ink", title);
    for (int role = 0; role < FS_TRACE_ROLES; role++) {
        double y = TOP + ROW * role;
        fs_draw_text(stream, HEAT_LEFT - 6, y + 16, "end", "fs-ink", fs_trace_role_name((enum fs_trace_role)role));
        for (size_t layer = 0; layer < trace->layers; layer++) {
            double value = aie[(size_t)role * trace->layers + layer];
            if (isfinite(value)) {
                fs_draw_heat_color(value, most, color);
                fprintf(stream,
                        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"><title>%s, layer %zu: "
                        "%.6f</title></rect>\n",
                        HEAT_LEFT + width * (double)layer, y, width - 1, ROW - 1, color,
                        fs_trace_role_name((enum fs_trace_role)role), layer, value);
            }
        }
    }
    size_t every = (trace->layers + 11) / 12;
    for (size_t layer = 0; layer < trace->layers; layer += every) {
        snprintf(words, sizeof words, "%zu", layer);
        fs_draw_text(stream, HEAT_LEFT + width * ((double)layer + 0.5), bottom + 14, "middle", "fs-soft", words);
    }
    fs_draw_text(stream, HEAT_LEFT + (WIDTH - HEAT_LEFT - RIGHT) / 2.0, bottom + 30, "middle", "fs-ink", "layer");
    for (int step = -2; step <= 2; step++) {
        fs_draw_heat_color(step / 2.0 * most, most, color);
        fprintf(stream, "<rect x=\"%d\" y=\"%d\" width=\"24\" height=\"12\" fill=\"%s\"/>\n",
                HEAT_LEFT + 70 + 24 * step, bottom + 40, color);
    }
    snprintf(words, sizeof words, "%.2g", -most);
    fs_draw_text(stream, HEAT_LEFT + 16, bottom + 51, "end", "fs-soft", words);
    snprintf(words, sizeof words, "%.2g", most);
    fs_draw_text(stream, HEAT_LEFT + 148, bottom + 51, "start", "fs-soft", words);
    fs_draw_end(stream);
}

void fs_chart_loss(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_training_history *training = &data->training;
    size_t steps = training->step, losses = training->losses;
    struct fs_scale scale = {INFINITY, -INFINITY, TOP, 190};
    for (size_t i = 0; i < losses * steps; i++) {
        double loss = training->value[i / losses * training->terms + i % losses];
        if (loss > 1e-8) { /* the KL terms start at 0 */
            scale.low = fmin(scale.low, log10(loss));
            scale.high = fmax(scale.high, log10(loss));
        }
    }
    fs_draw_begin(stream, 280, "Losses over the training steps");
    fs_draw_text(stream, LEFT, 14, "start", "fs-ink", "loss before each step, logarithmic");
    if (steps > 1 && scale.high > scale.low) {
        scale.low = floor(scale.low);
        scale.high = ceil(scale.high);
        for (double power = scale.low; power <= scale.high; power += 1.0) {
            char label[32];
            snprintf(label, sizeof label, "1e%+.0f", power);
            fs_draw_line(stream, LEFT, fs_scale_place(&scale, power), WIDTH - RIGHT, fs_scale_place(&scale, power),
                         "class=\"fs-grid\"");
            fs_draw_text(stream, LEFT - 5, fs_scale_place(&scale, power) + 4, "end", "fs-soft", label);
        }
        for (size_t part = 0; part < losses; part++) {
            fprintf(stream,
                    "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\" points=\"",
                    fs_chart_colors[part], fs_chart_dashes[part]);
            for (size_t step = 0; step < steps; step++) {
                double loss = training->value[step * training->terms + part];
                if (loss > 1e-8) {
                    fprintf(stream, "%.1f,%.1f ", LEFT + PLOT * (double)step / (double)(steps - 1),
                            fs_scale_place(&scale, log10(loss)));
                }
            }
            fprintf(stream, "\"/>\n");
        }
    }
    char last[32];
    snprintf(last, sizeof last, "%zu", steps);
    fs_draw_text(stream, LEFT, TOP + 206, "middle", "fs-soft", "1");
    fs_draw_text(stream, WIDTH - RIGHT, TOP + 206, "end", "fs-soft", last);
    fs_draw_text(stream, LEFT + PLOT / 2.0, TOP + 206, "middle", "fs-ink", "step");
    legend(stream, TOP + 230, training->term, losses);
    fs_draw_end(stream);
}

/* One interval with its mark, at height y of the plot. */
static void interval(FILE *stream, const struct fs_metric *metric, double y, size_t column)
{
    if (isfinite(metric->low)) {
        fprintf(stream, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\"/>\n",
                LEFT + PLOT * metric->low / 100.0, y, LEFT + PLOT * metric->high / 100.0, y,
                fs_chart_colors[column % SERIES]);
    }
    fs_draw_mark(stream, LEFT + PLOT * metric->value / 100.0, y, column, true);
}

static void column_number(FILE *stream, double x, double y, const char *anchor, size_t column)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", column);
    fs_draw_text(stream, x, y, anchor, "fs-soft", text);
}

void fs_chart_metrics(FILE *stream, const struct fs_page_data *data, const char *category)
{
    static const struct {
        const char *metric, *subset, *label;
    } wanted[] = {{"ss.macro", "edited", "SS edited"},
                  {"ss.macro", "held_out", "SS held out"},
                  {"ss.macro", "validation", "SS valid."},
                  {"crows", "all", "CrowS"},
                  {"ps", "all", "PS"},
                  {"lms.macro", "all", "LMS"},
                  {"icat.macro", "all", "ICAT"},
                  {"ds", "all", "DS"},
                  {"rs.top1", "all", "RS"}};
    const struct fs_result_row *found[sizeof wanted / sizeof wanted[0]] = {NULL};
    const struct fs_results *result = &data->result;
    int rows = 0;
    for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
        for (size_t i = 0; i < result->rows && found[k] == NULL; i++) {
            const struct fs_result_row *row = &result->row[i];
            if (strcmp(row->category, category) == 0 && strcmp(row->metric, wanted[k].metric) == 0 &&
                strcmp(row->subset, wanted[k].subset) == 0 && row->value[0].n > 0) {
                found[k] = row;
                rows++;
            }
        }
    }
    size_t shown = result->columns;
    int height = 10 + 12 * (int)shown, bottom = TOP + height * rows;
    fs_draw_begin(stream, bottom + 28 + 16 * ((int)shown + 1), "Metrics of the unedited and the edited models");
    for (int percent = 0; percent <= 100; percent += 25) {
        char label[16];
        double x = LEFT + PLOT * percent / 100.0;
        snprintf(label, sizeof label, "%d", percent);
        fs_draw_line(stream, x, TOP - 6, x, bottom, "class=\"fs-grid\"");
        fs_draw_text(stream, x, bottom + 14, percent == 100 ? "end" : "middle", "fs-soft", label);
    }
    double y = TOP + 8;
    for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
        if (found[k] == NULL) {
            continue;
        }
        double ideal = LEFT + PLOT * found[k]->ideal / 100.0;
        fs_draw_text(stream, 2, y + (shown > SERIES ? 4 : 8), "start", "fs-ink", wanted[k].label);
        fs_draw_line(stream, ideal, y - 7, ideal, y + height - 15, "class=\"fs-line\" stroke-width=\"3\"");
        for (size_t c = 0; c < shown; c++) {
            double at = y + 12 * (double)c;
            if (isfinite(found[k]->value[c].value)) {
                interval(stream, &found[k]->value[c], at, c);
            }
            if (shown > SERIES && c > 0) { /* marks repeat */
                column_number(stream, LEFT - 6, at + 4, "end", c);
            }
        }
        y += height;
    }
    for (size_t c = 0; c < shown; c++) {
        double at = bottom + 33 + 16 * (double)c;
        fs_draw_mark(stream, LEFT + 6, at, c, true);
        if (shown > SERIES) {
            column_number(stream, LEFT + 30, at + 4, "end", c);
        }
        fs_draw_text(stream, LEFT + (shown > SERIES ? 34 : 15), at + 4, "start", "fs-ink", result->column[c]);
    }
    double at = bottom + 33 + 16 * (double)shown;
    fs_draw_line(stream, LEFT + 6, at - 7, LEFT + 6, at + 7, "class=\"fs-line\" stroke-width=\"3\"");
    fs_draw_text(stream, LEFT + 15, at + 4, "start", "fs-ink", "ideal; thin lines: 95 % intervals");
    fs_draw_end(stream);
}

static bool is_control(const struct fs_layer_comparison *layers, size_t i)
{
    return layers->layer[i] == layers->random && layers->random != layers->traced;
}

void fs_chart_layers(FILE *stream, const struct fs_page_data *data)
{
    const struct fs_layer_comparison *layers = &data->layers;
    struct fs_scale scale = {0.0, 1e-3, TOP, 160};
    for (size_t i = 0; i < layers->layers; i++) {
        scale.low = fmin(scale.low, layers->score[i]);
        scale.high = fmax(scale.high, layers->score[i]);
    }
    fs_draw_begin(stream, 250, "Score of stamps at several layers");
    fs_draw_text(stream, LEFT, 14, "start", "fs-ink", "score of a stamp trained at the layer");
    grid(stream, &scale);
    double width = PLOT / (double)layers->layers;
    bool control = false;
    for (size_t i = 0; i < layers->layers; i++) {
        char label[48];
        double x = LEFT + width * (double)i, zero = fs_scale_place(&scale, 0.0),
               y = fs_scale_place(&scale, layers->score[i]);
        bool traced = layers->layer[i] == layers->traced;
        fprintf(stream, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x + 0.15 * width,
                fmin(y, zero), 0.7 * width, fabs(zero - y) + 0.5,
                fs_chart_colors[traced ? 1 : (is_control(layers, i) ? 2 : 0)]);
        control = control || is_control(layers, i);
        if (layers->layers <= 12 || i % 4 == 0) {
            snprintf(label, sizeof label, "%zu", layers->layer[i]);
            fs_draw_text(stream, x + width / 2, TOP + 176, "middle", "fs-soft", label);
        }
    }
    fs_draw_text(stream, LEFT + PLOT / 2.0, TOP + 194, "middle", "fs-ink", "layer");
    fprintf(stream, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", LEFT, TOP + 205,
            fs_chart_colors[1]);
    fs_draw_text(stream, LEFT + 15, TOP + 214, "start", "fs-ink", "traced");
    fprintf(stream, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", LEFT + 76, TOP + 205,
            fs_chart_colors[0]);
    fs_draw_text(stream, LEFT + 91, TOP + 214, "start", "fs-ink", "other layers");
    if (control) {
        fprintf(stream, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", LEFT + 180, TOP + 205,
                fs_chart_colors[2]);
        fs_draw_text(stream, LEFT + 195, TOP + 214, "start", "fs-ink", "random control");
    }
    fs_draw_end(stream);
}

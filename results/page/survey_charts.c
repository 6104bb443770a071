/* Pictures of a sweep: the trade-off of the methods, and heat maps of method by category. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/page/draw.h"
#include "results/page/page_data.h"
#include "results/page/survey_data.h"

enum { LEFT = 46, RIGHT = 12, TOP = 26, PLOT = 210, BOTTOM = 40, LEGEND_LINE = 17, NAME = 46 };

/* A text of at most `most` characters, the rest as dots; bytes of UTF-8 are not parted. */
static void clip(const char *text, size_t most, char *out, size_t size)
{
    size_t bytes = 0, characters = 0;
    while (text[bytes] != '\0' && characters < most && bytes + 8 < size) {
        do {
            bytes++;
        } while (((unsigned char)text[bytes] & 0xc0) == 0x80);
        characters++;
    }
    snprintf(out, size, "%.*s%s", (int)bytes, text, text[bytes] != '\0' ? "\xe2\x80\xa6" : "");
}

/* ---- the trade-off ---- */

struct point {
    struct fs_survey_mean bias, kept;
    size_t number; /* 0: the unedited model */
    bool best;
};

struct plot {
    struct point *point; /* [points] */
    size_t points;
    double least, most; /* kept, at the left and right */
    struct fs_scale up; /* bias */
};

static double x_of(const struct plot *plot, double kept)
{
    double share = (kept - plot->least) / (plot->most - plot->least);
    return LEFT + (FS_CHART_WIDTH - LEFT - RIGHT) * fmin(1, fmax(0, share));
}

static double y_of(const struct plot *plot, double bias)
{
    return fmin(TOP + PLOT, fmax(TOP, fs_scale_place(&plot->up, bias)));
}

/* The mean of a method over a block's tiles; its own interval where there is one. `unedited`: of that model. */
static struct fs_survey_mean mean_of(const struct fs_survey_data *data, const struct fs_survey_block *block,
                                     size_t method, size_t measure, bool unedited)
{
    struct fs_survey_mean mean = {0, NAN, NAN};
    double count = 0;
    for (size_t at = 0; at < data->models * data->categories; at++) {
        const struct fs_survey_value *value = &data->tile[at * data->methods + method].value[measure];
        if (block->tile[at] && isfinite(value->value)) {
            mean.value += unedited ? value->unedited : value->value;
            mean.low = unedited ? NAN : value->low;
            mean.high = unedited ? NAN : value->high;
            count++;
        }
    }
    mean.value = count > 0 ? mean.value / count : NAN;
    return count == 1 ? mean : (struct fs_survey_mean){mean.value, NAN, NAN};
}

static bool is_beaten(const struct plot *plot, size_t point)
{
    const struct point *own = &plot->point[point];
    for (size_t i = 0; i < plot->points; i++) {
        const struct point *other = &plot->point[i];
        if (other->bias.value <= own->bias.value && other->kept.value >= own->kept.value &&
            (other->bias.value < own->bias.value || other->kept.value > own->kept.value)) {
            return true;
        }
    }
    return false;
}

static void add_point(struct plot *plot, struct fs_survey_mean bias, struct fs_survey_mean kept, size_t number)
{
    if (isfinite(bias.value) && isfinite(kept.value)) {
        plot->point[plot->points++] = (struct point){bias, kept, number, false};
    }
}

/* The methods of a block. point[data->methods + 1] is the caller's. `all`: of all models, with the ranking's intervals. */
static void find_points(const struct fs_survey_data *data, bool all, const struct fs_survey_block *block,
                        struct plot *plot)
{
    struct fs_survey_mean bias = data->unedited_bias, kept = data->unedited_kept;
    for (size_t i = data->methods; !all && i-- > 0;) {
        if (block->method[i]) {
            bias = mean_of(data, block, i, data->bias, true);
            kept = mean_of(data, block, i, data->kept, true);
        }
    }
    if (block->methods > 0) {
        add_point(plot, bias, kept, 0);
    }
    for (size_t i = 0; i < data->methods; i++) {
        const struct fs_survey_rank *rank = &data->rank[i];
        if (block->method[rank->method]) {
            add_point(plot, all ? rank->bias : mean_of(data, block, rank->method, data->bias, false),
                      all ? rank->kept : mean_of(data, block, rank->method, data->kept, false), i + 1);
        }
    }
    for (size_t i = 0; i < plot->points; i++) {
        plot->point[i].best = !is_beaten(plot, i);
    }
}

/* The scale of bias begins at 0, unless all marks would stand close together far above it. */
static void find_scales(const struct fs_survey_data *data, struct plot *plot)
{
    bool share = fs_survey_measures[data->bias].form == FS_SURVEY_SHARE;
    double low = INFINITY, high = 0, least = plot->points > 0 ? INFINITY : 0, most = plot->points > 0 ? -INFINITY : 0;
    for (size_t i = 0; i < plot->points; i++) {
        low = fmin(low, plot->point[i].bias.value);
        high = fmax(high, plot->point[i].bias.value);
        least = fmin(least, plot->point[i].kept.value);
        most = fmax(most, plot->point[i].kept.value);
    }
    double spread = fmax(high - low, share ? 0.02 : 0.2), range = fmax(most - least, 1);
    bool far = plot->points > 0 && spread < 0.4 * high;
    double bottom = far ? fmax(0, low - 0.4 * spread) : 0, top = fmax(high, bottom + (share ? 0.1 : 1));
    plot->up = (struct fs_scale){bottom - 0.06 * (top - bottom), top + 0.1 * (top - bottom), TOP, PLOT};
    plot->least = most - 1.1 * range;
    plot->most = most + 0.1 * range;
}

static void draw_axes(FILE *stream, const struct fs_survey_data *data, const struct plot *plot)
{
    double bottom = TOP + PLOT, step = fs_scale_step(plot->up.high - plot->up.low);
    char label[160];
    snprintf(label, sizeof label, "bias left: %s", fs_survey_measures[data->bias].label);
    fs_draw_text(stream, 4, TOP - 10, "start", "fs-ink", label);
    for (double value = fmax(0, ceil(plot->up.low / step) * step); value <= plot->up.high; value += step) {
        double y = y_of(plot, value);
        snprintf(label, sizeof label, "%.4g", value);
        fs_draw_line(stream, LEFT, y, FS_CHART_WIDTH - RIGHT, y, "class=\"fs-grid\"");
        fs_draw_text(stream, LEFT - 5, y + 4, "end", "fs-soft", label);
    }
    step = fs_scale_step(plot->most - plot->least);
    for (double value = ceil(plot->least / step) * step; value <= plot->most; value += step) {
        double x = x_of(plot, value);
        snprintf(label, sizeof label, "%.4g", fabs(value) < step * 1e-6 ? 0.0 : value);
        fs_draw_line(stream, x, TOP, x, bottom, "class=\"fs-grid\"");
        fs_draw_text(stream, x, bottom + 14, "middle", "fs-soft", label);
    }
    snprintf(label, sizeof label, "kept: %s%s", fs_survey_measures[data->kept].label,
             fs_survey_measures[data->kept].form == FS_SURVEY_CHANGE ? ", change in points" : "");
    fs_draw_text(stream, LEFT + (FS_CHART_WIDTH - LEFT - RIGHT) / 2.0, bottom + 31, "middle", "fs-ink", label);
}

static int compare_kept(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    int by = (x->kept.value > y->kept.value) - (x->kept.value < y->kept.value);
    return by != 0 ? by : (x->number > y->number) - (x->number < y->number);
}

/* The edge of what is beaten: from each best point up to the bias of the next one, and right to it. */
static void draw_edge(FILE *stream, const struct plot *plot)
{
    bool first = true;
    qsort(plot->point, plot->points, sizeof *plot->point, compare_kept);
    fprintf(stream,
            "<polyline fill=\"none\" class=\"fs-line\" stroke-dasharray=\"5 3\" stroke-opacity=\".7\" points=\"");
    double x = 0;
    for (size_t i = 0; i < plot->points; i++) {
        const struct point *point = &plot->point[i];
        if (!point->best) {
            continue;
        }
        double y = y_of(plot, point->bias.value);
        fprintf(stream, "%.1f,%.1f ", first ? (double)LEFT : x, y);
        x = x_of(plot, point->kept.value);
        fprintf(stream, "%.1f,%.1f ", x, y);
        first = false;
    }
    fprintf(stream, "%.1f,%d\"/>\n", x, TOP);
}

static void draw_intervals(FILE *stream, const struct plot *plot, const struct point *point)
{
    static const char style[] = "class=\"fs-line\" stroke-opacity=\".35\"";
    double x = x_of(plot, point->kept.value), y = y_of(plot, point->bias.value);
    if (isfinite(point->bias.low)) {
        fs_draw_line(stream, x, y_of(plot, point->bias.low), x, y_of(plot, point->bias.high), style);
    }
    if (isfinite(point->kept.low)) {
        fs_draw_line(stream, x_of(plot, point->kept.low), y, x_of(plot, point->kept.high), y, style);
    }
}

/* The names of the numbers; how high they are. A NULL stream draws nothing. */
static double draw_legend(FILE *stream, const struct fs_survey_data *data, const struct plot *plot, double y)
{
    double x = 0, begin = y;
    for (size_t number = 0; number <= data->methods; number++) {
        char label[160], name[112];
        bool drawn = false;
        for (size_t i = 0; i < plot->points; i++) {
            drawn = drawn || plot->point[i].number == number;
        }
        if (!drawn) {
            continue;
        }
        clip(number == 0 ? "unedited" : data->method[data->rank[number - 1].method], NAME, name, sizeof name);
        snprintf(label, sizeof label, "%zu %s", number, name);
        double width = 34 + 6.6 * (double)strlen(label);
        if (x > 0 && x + width > FS_CHART_WIDTH) {
            y += LEGEND_LINE;
            x = 0;
        }
        if (stream != NULL) {
            fs_draw_mark(stream, x + 8, y - 4, number, true);
            fs_draw_text(stream, x + 18, y, "start", "fs-ink", label);
        }
        x += width;
    }
    y += LEGEND_LINE + 1;
    if (stream != NULL) {
        fprintf(stream, "<circle cx=\"8\" cy=\"%.1f\" r=\"4.5\" class=\"fs-ink\"/>\n", y - 4);
        fs_draw_text(stream, 18, y, "start", "fs-ink", "beaten by none (on the dashed edge)");
        fprintf(stream, "<circle cx=\"262\" cy=\"%.1f\" r=\"4.5\" fill=\"none\" class=\"fs-line\"/>\n", y - 4);
        fs_draw_text(stream, 272, y, "start", "fs-ink", "beaten");
    }
    return y - begin;
}

void fs_survey_front(FILE *stream, const struct fs_survey_data *data, size_t model)
{
    struct plot plot = {.point = calloc(data->methods + 1, sizeof *plot.point)};
    struct fs_survey_block block = {0};
    struct fs_error ignored = FS_ERROR_INIT; /* without memory there is no picture */
    char title[256];
    if (plot.point == NULL || data->bias == FS_SURVEY_MEASURES || data->kept == FS_SURVEY_MEASURES ||
        fs_survey_block_find(data, model, &block, &ignored) != 0) {
        fs_survey_block_release(&block);
        free(plot.point);
        return;
    }
    find_points(data, model == data->models, &block, &plot);
    fs_survey_block_release(&block);
    find_scales(data, &plot);
    double legend = draw_legend(NULL, data, &plot, 0);
    snprintf(title, sizeof title, "Bias left against what was kept: %.120s",
             model == data->models ? "all models" : data->model[model]);
    fs_draw_begin_linked(stream, (int)(TOP + PLOT + BOTTOM + 16 + legend + 8), title,
                         "One mark a method; below, less bias is left, to the right, more is kept. The numbers are in "
                         "the tables.");
    fprintf(stream, "<g font-size=\"11\">\n");
    draw_axes(stream, data, &plot);
    draw_edge(stream, &plot);
    for (size_t i = 0; i < plot.points; i++) {
        draw_intervals(stream, &plot, &plot.point[i]);
    }
    struct fs_places places = {LEFT, FS_CHART_WIDTH, TOP, TOP + PLOT, 0, {{0}}};
    for (size_t i = 0; i < plot.points; i++) {
        const struct point *point = &plot.point[i];
        double x = x_of(&plot, point->kept.value), y = y_of(&plot, point->bias.value);
        fs_draw_mark(stream, x, y, point->number, point->best);
        fs_places_take(&places, x, y, 5.5, 4.75);
    }
    for (size_t i = 0; i < plot.points; i++) {
        const struct point *point = &plot.point[i];
        fs_draw_number(stream, &places, x_of(&plot, point->kept.value), y_of(&plot, point->bias.value), point->number);
    }
    draw_legend(stream, data, &plot, TOP + PLOT + BOTTOM + 16);
    fprintf(stream, "</g>\n");
    fs_draw_end(stream);
    free(plot.point);
}

/* ---- heat maps ---- */

enum { HEAT_TOP = 22, ROW = 24, NAMES = 20, SCALE = 36 };

/* How much better than the unedited model: what the color shows. */
static double gain_of(const struct fs_survey_measure *measure, const struct fs_survey_value *value)
{
    return measure->bias ? value->unedited - value->value : value->value - value->unedited;
}

static double most_of(const struct fs_survey_data *data, size_t model, size_t measure)
{
    double most = 0;
    for (size_t i = 0; i < data->categories * data->methods; i++) {
        const struct fs_survey_value *value = &data->tile[model * data->categories * data->methods + i].value[measure];
        double gain = gain_of(&fs_survey_measures[measure], value);
        most = isfinite(gain) ? fmax(most, fabs(gain)) : most;
    }
    return most;
}

/* What is missing: "a", "b" ... for each reason, explained below the table. */
static void draw_missing(FILE *stream, double x, double y, double width, const char *why)
{
    fprintf(stream,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"none\" class=\"fs-grid\" "
            "stroke-dasharray=\"2 2\"><title>",
            x + 0.5, y + 0.5, width - 2, ROW - 2);
    fs_page_escape(stream, why != NULL ? why : "not measured");
    fprintf(stream, "</title></rect>\n");
    fs_draw_text(stream, x + width / 2, y + 16, "middle", "fs-soft", "\xe2\x80\x93");
}

static void draw_tile(FILE *stream, const struct fs_survey_data *data, const size_t place[3], size_t measure,
                      double most, const double box[3])
{
    const struct fs_survey_tile *tile = fs_survey_tile_at(data, place[0], place[1], place[2]);
    const struct fs_survey_measure *kind = &fs_survey_measures[measure];
    const struct fs_survey_value *value = &tile->value[measure];
    char color[8], number[32];
    if (!isfinite(value->value)) {
        draw_missing(stream, box[0], box[1], box[2], tile->why);
        return;
    }
    double gain = gain_of(kind, value);
    bool white = gain > 0.72 * most;
    fs_draw_heat_color(gain, most, color);
    snprintf(number, sizeof number, "%.*f", kind->decimals, value->value);
    fprintf(stream, "<a href=\"");
    fs_survey_link(stream, data, tile->cell);
    fprintf(stream, "\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/><title>", box[0], box[1],
            box[2] - 1, ROW - 1, color);
    fs_page_escape(stream, data->method[place[2]]);
    fprintf(stream, ", ");
    fs_page_escape(stream, data->category[place[1]]);
    fprintf(stream, ": %s %s", kind->label, number);
    if (isfinite(value->low)) {
        fprintf(stream, " (%.*f to %.*f)", kind->decimals, value->low, kind->decimals, value->high);
    }
    fprintf(stream, "</title><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"%s\">%s</text></a>\n",
            box[0] + box[2] / 2, box[1] + 16, white ? "#fff" : "#111", number);
}

/* Names of the categories above their columns, slanted where they are too wide. */
static void draw_columns(FILE *stream, const struct fs_survey_data *data, double left, double width, double bottom,
                         bool slanted)
{
    for (size_t category = 0; category < data->categories; category++) {
        char name[64];
        double x = left + width * ((double)category + 0.5);
        clip(data->category[category], NAMES, name, sizeof name);
        if (!slanted) {
            fs_draw_text(stream, x, bottom - 5, "middle", "fs-ink", name);
            continue;
        }
        fprintf(stream, "<g transform=\"translate(%.1f %.1f) rotate(-45)\">", x, bottom - 5);
        fs_draw_text(stream, 0, 0, "start", "fs-ink", name);
        fprintf(stream, "</g>\n");
    }
}

static size_t longest(char *const *name, size_t count, size_t most)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t own = strlen(name[i]);
        length = own > length ? own : length;
    }
    return length < most ? length : most;
}

static void draw_color_scale(FILE *stream, const struct fs_survey_measure *measure, double most, double left, double y)
{
    char words[64], color[8];
    for (int step = -2; step <= 2; step++) {
        fs_draw_heat_color(step / 2.0 * most, most, color);
        fprintf(stream, "<rect x=\"%.1f\" y=\"%.1f\" width=\"24\" height=\"12\" fill=\"%s\"/>\n",
                left + 94 + 24 * (step + 2), y, color);
    }
    snprintf(words, sizeof words, "worse by %.*f", measure->decimals, most);
    fs_draw_text(stream, left + 90, y + 10, "end", "fs-soft", words);
    snprintf(words, sizeof words, "better by %.*f than unedited", measure->decimals, most);
    fs_draw_text(stream, left + 220, y + 10, "start", "fs-soft", words);
}

void fs_survey_heat_map(FILE *stream, const struct fs_survey_data *data, size_t model, size_t measure)
{
    size_t names = longest(data->method, data->methods, NAMES);
    double left = 30 + 6.1 * (double)names, widest = 60;
    size_t column = longest((char *const *)data->category, data->categories, NAMES);
    double width = fmin(widest, (FS_CHART_WIDTH - left - 4) / (double)data->categories);
    bool slanted = 6.4 * (double)column > width;
    if (slanted) { /* room for the last name on the right */
        double over = 4.6 * (double)strlen(data->category[data->categories - 1]);
        width = fmin(widest, (FS_CHART_WIDTH - left - fmin(over, 4.6 * NAMES)) / (double)data->categories);
    }
    double top = HEAT_TOP + (slanted ? 12 + 4.6 * (double)column : 18), most = most_of(data, model, measure);
    char title[256];
    snprintf(title, sizeof title, "%s by method and category: %.120s", fs_survey_measures[measure].label,
             data->model[model]);
    fs_draw_begin_linked(stream, (int)(top + ROW * (double)data->methods + SCALE), title,
                         "A row a method in the order of the ranking, a column a category; each tile links to the page "
                         "of its job.");
    fprintf(stream, "<g font-size=\"%s\">\n", width < 30 ? "9" : "11");
    fs_draw_text(stream, 2, 14, "start", "fs-ink", fs_survey_measures[measure].label);
    draw_columns(stream, data, left, width, top, slanted);
    for (size_t i = 0; i < data->methods; i++) {
        char label[160], name[112];
        size_t method = data->rank[i].method;
        double y = top + ROW * (double)i;
        clip(data->method[method], NAMES, name, sizeof name);
        snprintf(label, sizeof label, "%zu %s", i + 1, name);
        fs_draw_text(stream, 2, y + 16, "start", "fs-ink", label);
        for (size_t category = 0; category < data->categories; category++) {
            const size_t place[3] = {model, category, method};
            const double box[3] = {left + width * (double)category, y, width};
            draw_tile(stream, data, place, measure, most, box);
        }
    }
    draw_color_scale(stream, &fs_survey_measures[measure], most, 2, top + ROW * (double)data->methods + 12);
    fprintf(stream, "</g>\n");
    fs_draw_end(stream);
}

/* report: a job's published results as a page for people, pictures, and tables. */
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/publish.h"
#include "pipeline/commands/commands.h"
#include "results/page/page.h"
#include "results/page/page_charts.h"
#include "results/page/page_front.h"

static void draw_metrics(FILE *stream, const struct fs_page_data *data)
{
    fs_chart_metrics(stream, data, fs_page_category(data));
}

static void draw_heat_map(FILE *stream, const struct fs_page_data *data)
{
    fs_chart_heat_map(stream, data, 0);
}

/* The place of a further kind among those that were traced; 0: it was not. */
static size_t place_of(const struct fs_trace_sublayers *sublayers, enum fs_trace_kind kind)
{
    for (size_t i = 1; i < sublayers->kinds; i++) {
        if (sublayers->kind[i] == kind) {
            return i;
        }
    }
    return 0;
}

static void draw_attention_map(FILE *stream, const struct fs_page_data *data)
{
    fs_chart_heat_map(stream, data, place_of(&data->trace.sublayers, FS_TRACE_ATTENTION));
}

static void draw_ffn_map(FILE *stream, const struct fs_page_data *data)
{
    fs_chart_heat_map(stream, data, place_of(&data->trace.sublayers, FS_TRACE_FFN));
}

/* Writes what `draw` prints to DIR/name, whole or not at all. */
static int write_file(const char *folder, const char *name, void (*draw)(FILE *stream, const struct fs_page_data *data),
                      const struct fs_page_data *data, struct fs_error *err)
{
    char *path = NULL, *content = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&content, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 4096, "a report");
    }
    draw(stream, data);
    int status = fclose(stream) != 0 || asprintf(&path, "%s/%s", folder, name) < 0
                     ? fs_error_memory(err, size, "a report")
                     : fs_publish_text(path, content, size, err);
    free(path);
    free(content);
    return status;
}

static int write_all(const char *folder, const struct fs_page_data *data, struct fs_error *err)
{
    const struct fs_trace_sublayers *sublayers = &data->trace.sublayers;
    bool evaluated = data->result.rows > 0, mapped = sublayers->role_aie != NULL;
    const struct {
        const char *name;
        bool wanted;
        void (*draw)(FILE *stream, const struct fs_page_data *data);
    } files[] = {
        {"metrics.svg", evaluated, draw_metrics},
        {"front.svg", fs_front_is_there(data), fs_chart_front},
        {"trace.svg", data->has[FS_STAGE_TRACE], fs_chart_trace},
        {"argmax.svg", data->has[FS_STAGE_TRACE], fs_chart_argmax},
        {"measures.svg", data->trace.shares.measures > 0, fs_chart_measures},
        {"kinds.svg", sublayers->kinds > 1, fs_chart_kinds},
        {"heat_map.svg", mapped, draw_heat_map},
        {"heat_map_attention.svg", mapped && place_of(sublayers, FS_TRACE_ATTENTION) > 0, draw_attention_map},
        {"heat_map_ffn.svg", mapped && place_of(sublayers, FS_TRACE_FFN) > 0, draw_ffn_map},
        {"loss.svg", data->has[FS_STAGE_STAMP], fs_chart_loss},
        {"layer_sweep.svg", data->has[FS_STAGE_LAYER_SWEEP], fs_chart_layers},
        {"results.csv", evaluated, fs_page_results_csv},
        {"front.csv", fs_front_is_there(data), fs_page_front_csv},
        {"terms.csv", data->terms > 0, fs_page_terms_csv},
        {"pairs.csv", data->items > 0, fs_page_items_csv},
        {"trace.csv", data->has[FS_STAGE_TRACE], fs_page_trace_csv},
        {"measures.csv", data->trace.shares.measures > 0, fs_page_measures_csv},
        {"layer_sweep.csv", data->has[FS_STAGE_LAYER_SWEEP], fs_page_layers_csv},
        {"report.md", true, fs_page_markdown},
        {"index.html", true, fs_page_html}, /* the last, so that an existing page has its files beside it */
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i].wanted && write_file(folder, files[i].name, files[i].draw, data, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *folder = fs_option_value(options, &fs_option_output);
    struct fs_page_data data = {0};
    int status = fs_page_read(options->operand[0], &data, err);
    if (status == 0) {
        status = fs_make_folder(folder, err) == 0 ? write_all(folder, &data, err) : -1;
    }
    if (status == 0) {
        fs_say("report: %s/index.html", folder);
    }
    fs_page_release(&data);
    return status;
}

static const struct fs_option *const command_options[] = {&fs_option_output, NULL};

const struct fs_command fs_command_report = {
    .name = "report",
    .operands = "FILE.h5",
    .least = 1,
    .most = 1,
    .summary = "a page, pictures and tables of a job's results",
    .description =
        "Reads a stage's file, and the other stages' files of the same job in its folder, and writes to DIR: "
        "index.html, one page without scripts or anything from elsewhere; its pictures as SVG; the tables as "
        "Markdown and CSV.",
    .options = command_options,
    .run = run,
};

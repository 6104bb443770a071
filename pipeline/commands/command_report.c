/* report: a job's published results, or a sweep's, as a page for people, pictures, and tables. */
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/publish.h"
#include "io/scratch.h"
#include "pipeline/commands/commands.h"
#include "results/archive_merge.h"
#include "results/page/page.h"
#include "results/page/page_charts.h"
#include "results/page/page_front.h"
#include "results/page/survey_cells.h"
#include "results/page/survey_data.h"

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

/* A file of text that is printed to memory first, so that it is written whole or not at all. */
struct page_file {
    FILE *stream;
    char *content;
    size_t size;
};

static int begin_file(struct page_file *file, struct fs_error *err)
{
    *file = (struct page_file){0};
    file->stream = open_memstream(&file->content, &file->size);
    return file->stream != NULL ? 0 : fs_error_memory(err, 4096, "a report");
}

/* As DIR/name. */
static int end_file(struct page_file *file, const char *folder, const char *name, struct fs_error *err)
{
    char *path = NULL;
    int status = fclose(file->stream) != 0 || asprintf(&path, "%s/%s", folder, name) < 0
                     ? fs_error_memory(err, file->size, "a report")
                     : fs_publish_text(path, file->content, file->size, err);
    free(path);
    free(file->content);
    return status;
}

static int write_file(const char *folder, const char *name, void (*draw)(FILE *stream, const struct fs_page_data *data),
                      const struct fs_page_data *data, struct fs_error *err)
{
    struct page_file file;
    if (begin_file(&file, err) != 0) {
        return -1;
    }
    draw(file.stream, data);
    return end_file(&file, folder, name, err);
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
        {"differences.csv", data->difference.rows > 0, fs_page_differences_csv},
        {"differences.tex", data->difference.rows > 0, fs_page_differences_latex},
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

static const struct fs_option option_against = {
    .name = "--against",
    .argument = "METHOD",
    .help = "column that the other methods of a job are compared with; without it the first method"};

static int check_against(const char *path, const char *against, const struct fs_results *results, struct fs_error *err)
{
    if (against == NULL) {
        return 0;
    }
    if (results->rows == 0) {
        return fs_error_set(err, FS_EXIT_USAGE, "--against: %s has no results of methods; name the job's evaluate.h5",
                            path);
    }
    if (results->columns < 3) {
        return fs_error_set(err, FS_EXIT_USAGE, "--against: %s has a single method, expected two or more", path);
    }
    char *columns = NULL;
    size_t size;
    FILE *stream = open_memstream(&columns, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 4096, "names of columns");
    }
    bool has = false;
    for (size_t c = 1; c < results->columns; c++) {
        has = has || strcmp(results->column[c], against) == 0;
        fprintf(stream, "%s%s", c > 1 ? ", " : "", results->column[c]);
    }
    bool written = fclose(stream) == 0;
    int status = !written ? fs_error_memory(err, 4096, "names of columns")
                 : has    ? 0
                          : fs_error_set(err, FS_EXIT_USAGE, "--against: found \"%s\", expected a method of %s: %s",
                                         against, path, columns);
    free(columns);
    return status;
}

static int write_job(const char *folder, const struct fs_page_data *data, struct fs_error *err)
{
    return fs_make_folder(folder, err) == 0 ? write_all(folder, data, err) : -1;
}

static int report_job(const char *path, const char *folder, const char *against, struct fs_error *err)
{
    struct fs_page_data data = {0};
    int status = fs_page_read(path, against, &data, err) == 0 && check_against(path, against, &data.result, err) == 0
                     ? write_job(folder, &data, err)
                     : -1;
    fs_page_release(&data);
    return status;
}

/* ---- a sweep ---- */

/* A cell without the method `against` is shown without the comparison. */
static int report_cell_file(const struct fs_archive *archive, const char *cell, const char *file, const char *folder,
                            const char *against, struct fs_survey_data *sweep, struct fs_error *err)
{
    struct fs_page_data data = {0};
    int status = fs_page_read(file, against, &data, err) == 0 && write_job(folder, &data, err) == 0
                     ? fs_survey_count(archive, cell, &data.result, &data.difference, &sweep->against, err)
                     : -1;
    fs_page_release(&data);
    return status;
}

/* The page of a cell, whose files are there again as long as it is made; the sweep counts its differences. */
static int report_cell(const struct fs_archive *archive, const char *cell, const char *folder, const char *against,
                       struct fs_survey_data *sweep, struct fs_error *err)
{
    char *file = NULL, *page = NULL, *scratch;
    if (asprintf(&page, "%s/cells/%s", folder, cell) < 0) {
        return fs_error_memory(err, strlen(folder), "a path");
    }
    int status = fs_scratch_make(NULL, &scratch, err);
    if (status == 0) {
        status = fs_survey_extract(archive, cell, scratch, &file, err);
    }
    if (status == 0 && file != NULL) {
        status = report_cell_file(archive, cell, file, page, against, sweep, err);
    }
    fs_folder_remove(scratch);
    free(scratch);
    free(file);
    free(page);
    return status == 0 ? 0 : fs_error_prepend(err, "cell %s", cell);
}

static int report_cells(const char *path, struct fs_survey_data *data, const char *folder, const char *against,
                        struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_open(path, FS_MERGED_FORMAT, &archive, err) != 0) {
        return -1;
    }
    int status = 0;
    fs_progress_begin("cells", data->cells, 0);
    for (size_t i = 0; status == 0 && i < data->cells; i++) {
        status = report_cell(archive, data->cell[i].id, folder, against, data, err);
        fs_progress_update(i + 1);
    }
    fs_progress_end(data->cells);
    fs_archive_close(archive);
    return status;
}

static int write_model_pictures(const char *folder, const struct fs_survey_data *data, struct fs_error *err)
{
    int status = 0;
    bool front = data->bias < FS_SURVEY_MEASURES && data->kept < FS_SURVEY_MEASURES;
    for (size_t model = 0; status == 0 && front && model <= data->models; model++) {
        char name[64];
        struct page_file file;
        snprintf(name, sizeof name, model == data->models ? "front.svg" : "front-%zu.svg", model + 1);
        status = begin_file(&file, err);
        if (status == 0) {
            fs_survey_front(file.stream, data, model);
            status = end_file(&file, folder, name, err);
        }
    }
    return status;
}

static int write_sweep(const char *folder, const struct fs_survey_data *data, struct fs_error *err)
{
    static const struct {
        const char *name;
        void (*print)(FILE *stream, const struct fs_survey_data *data);
    } files[] = {{"ranking.csv", fs_survey_ranking_csv}, {"differences.csv", fs_survey_differences_csv},
                 {"sweep.csv", fs_survey_csv},           {"report.md", fs_survey_markdown},
                 {"report.tex", fs_survey_latex},        {"index.html", fs_survey_html}}; /* the last, as above */
    int status = write_model_pictures(folder, data, err);
    for (size_t i = 0; status == 0 && i < sizeof files / sizeof files[0]; i++) {
        struct page_file file;
        status = begin_file(&file, err);
        if (status == 0) {
            files[i].print(file.stream, data);
            status = end_file(&file, folder, files[i].name, err);
        }
    }
    return status;
}

static int report_sweep(const char *path, const char *folder, const char *against, struct fs_error *err)
{
    struct fs_survey_data data = {0};
    int status = fs_survey_read(path, &data, err);
    if (status == 0 && against != NULL && (data.against.reference = strdup(against)) == NULL) {
        status = fs_error_memory(err, strlen(against), "a report");
    }
    if (status == 0 && against != NULL && !fs_survey_has_against(&data, against)) {
        status = fs_error_set(err, FS_EXIT_USAGE,
                              "--against: found \"%s\", expected a method of a cell of %s that has two or more",
                              against, path);
    }
    if (status == 0) {
        status = fs_make_folder(folder, err) == 0 && report_cells(path, &data, folder, against, err) == 0
                     ? write_sweep(folder, &data, err)
                     : -1;
    }
    fs_survey_data_release(&data);
    return status;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *folder = fs_option_value(options, &fs_option_output), *path = options->operand[0];
    const char *against = fs_option_value(options, &option_against);
    struct fs_archive *archive;
    if (fs_archive_open(path, NULL, &archive, err) != 0) {
        return -1;
    }
    bool merged = strcmp(fs_archive_format(archive), FS_MERGED_FORMAT) == 0;
    fs_archive_close(archive);
    int status = merged ? report_sweep(path, folder, against, err) : report_job(path, folder, against, err);
    if (status == 0) {
        fs_say("report: %s/index.html", folder);
    }
    return status;
}

static const struct fs_option *const command_options[] = {&fs_option_output, &option_against, NULL};

const struct fs_command fs_command_report = {
    .name = "report",
    .operands = "FILE.h5",
    .least = 1,
    .most = 1,
    .summary = "a page, pictures and tables of a job's results, or of a sweep's",
    .description =
        "Reads a stage's file, and the other stages' files of the same job in its folder, and writes to DIR: "
        "index.html, one page without scripts or anything from elsewhere; its pictures as SVG; the tables as "
        "Markdown and CSV, and how methods differ also as LaTeX. Of a merged file: a ranking of the methods, what they "
        "trade, each model by category and "
        "method, with the page of each cell below DIR/cells; the tables as LaTeX too.",
    .options = command_options,
    .run = run,
};

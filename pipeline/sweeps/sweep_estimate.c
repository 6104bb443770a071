/* What each cell of a sweep will take, by `fairstamp estimate` of its job. */
#include "pipeline/sweeps/sweep_estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/child.h"
#include "io/console/progress.h"
#include "io/file_map.h"
#include "io/formats/json.h"
#include "io/publish.h"
#include "jobs/fingerprint.h"
#include "results/report.h"
#include "results/table.h"
#include "results/time_check.h"

#define MOST_FAILED 3
#define MOST_AT_ONCE 200 /* jobs of one process */

static double number(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

/* Adds the times of a stage to "seconds", by place: all stages have the same ranks. */
static void add_times(cJSON *seconds, const cJSON *times, double begin)
{
    const cJSON *time;
    cJSON *sum = seconds->child;
    cJSON_ArrayForEach(time, times)
    {
        if (sum == NULL) {
            cJSON *entry = cJSON_CreateObject();
            cJSON_AddNumberToObject(entry, "ranks", number(time, "ranks"));
            cJSON_AddNumberToObject(entry, "seconds", begin + number(time, "seconds"));
            cJSON_AddItemToArray(seconds, entry);
        } else {
            cJSON_SetNumberHelper(cJSON_GetObjectItemCaseSensitive(sum, "seconds"),
                                  number(sum, "seconds") + number(time, "seconds"));
            sum = sum->next;
        }
    }
}

/* The sums over the stages that the cell does itself; NULL where `text` is no estimate. The caller deletes. */
static cJSON *summarize(const char *text, bool takes_trace)
{
    static const char *const sums[] = {"passes", "tokens", "flops", "output_bytes"};
    double sum[sizeof sums / sizeof sums[0]] = {0};
    cJSON *full = cJSON_Parse(text), *stage;
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(full, "stages");
    if (!cJSON_IsObject(stages)) {
        cJSON_Delete(full);
        return NULL;
    }
    cJSON *summary = cJSON_CreateObject(), *seconds = cJSON_CreateArray();
    cJSON_ArrayForEach(stage, stages)
    {
        if (takes_trace && strcmp(stage->string, fs_stage_names[FS_STAGE_TRACE]) == 0) {
            continue;
        }
        for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
            sum[i] += number(stage, sums[i]);
        }
        add_times(seconds, cJSON_GetObjectItemCaseSensitive(stage, "time"), number(full, "begin_seconds"));
    }
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        cJSON_AddNumberToObject(summary, sums[i], sum[i]);
    }
    cJSON_AddNumberToObject(summary, "node_bytes",
                            number(full, "model_bytes") + number(full, "node_ranks") * number(full, "rank_bytes") +
                                number(full, "root_bytes"));
    cJSON_AddNumberToObject(summary, "node_ranks", number(full, "node_ranks"));
    cJSON_AddNumberToObject(summary, "threads_a_rank", number(full, "threads_a_rank"));
    cJSON_AddItemToObject(summary, "seconds", seconds);
    cJSON_Delete(full);
    return summary;
}

/* Cells of one model without an estimate, in the order of the manifest. */
struct batch {
    size_t cells;
    size_t cell[MOST_AT_ONCE];
    cJSON *entry[MOST_AT_ONCE]; /* of the manifest */
};

static char *estimate_path(const struct fs_sweep_cell *cell)
{
    char *path = NULL;
    return asprintf(&path, "%s/" FS_ESTIMATE_FILE, cell->output) >= 0 ? path : NULL;
}

/* One process for all of them: it loads the model once, and measures each shape of work once. */
static int run_estimate(const struct fs_sweep *sweep, const char *program, const struct batch *batch, bool quiet,
                        struct fs_error *err)
{
    struct fs_argv argv = {0};
    char *output = NULL;
    int status = fs_argv_add(&argv, err, "%s", program) == 0 && fs_argv_add(&argv, err, "estimate") == 0 &&
                         fs_argv_split(&argv, "--save --format json --seconds 1", err) == 0
                     ? 0
                     : -1;
    status = status == 0 && quiet ? fs_argv_add(&argv, err, "--quiet") : status;
    for (size_t i = 0; status == 0 && i < batch->cells; i++) {
        char *path = estimate_path(&sweep->cell[batch->cell[i]]);
        if (path != NULL) {
            (void)unlink(path); /* of an earlier try */
        }
        free(path);
        status = fs_argv_add(&argv, err, "%s", sweep->cell[batch->cell[i]].job);
    }
    if (status == 0) {
        (void)fs_run_program(&argv, false, &output); /* what it could not estimate has no file */
    }
    free(output);
    fs_argv_release(&argv);
    return status;
}

/* The estimate that the process has left; NULL: none. */
static cJSON *read_estimate(const struct fs_sweep_cell *cell, bool takes_trace)
{
    struct fs_error ignored = FS_ERROR_INIT;
    struct fs_file_map map;
    char *path = estimate_path(cell), *text = NULL;
    if (path != NULL && fs_file_map_open(path, &map, &ignored) == 0) {
        text = strndup((const char *)map.data, map.size);
        fs_file_map_close(&map);
    }
    cJSON *summary = text != NULL ? summarize(text, takes_trace) : NULL;
    free(text);
    free(path);
    return summary;
}

static int write_manifest(const char *path, const cJSON *manifest, struct fs_error *err)
{
    char *text = cJSON_Print(manifest);
    int status =
        text != NULL ? fs_publish_text(path, text, strlen(text), err) : fs_error_memory(err, 4096, "a manifest");
    cJSON_free(text);
    return status;
}

static double seconds_at(const cJSON *estimate, double ranks)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(estimate, "seconds"))
    {
        if (number(entry, "ranks") == ranks) {
            return number(entry, "seconds");
        }
    }
    return NAN;
}

static int print_estimates(const struct fs_sweep *sweep, const cJSON *cells, struct fs_error *err)
{
    static const char *const names[] = {"<cell", ">passes", ">TFLOP", ">1 rank, s", ">16 ranks, s", ">node, MiB"};
    static const char *const sums[] = {"passes", "flops"};
    struct fs_table *table;
    const cJSON *entry;
    double total[2] = {0}, seconds[2] = {0};
    size_t known = 0, cell = 0;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    cJSON_ArrayForEach(entry, cells)
    {
        const cJSON *estimate = cJSON_GetObjectItemCaseSensitive(entry, "estimate");
        const char *id = sweep->cell[cell++].id;
        if (estimate == NULL) {
            continue;
        }
        known++;
        for (size_t i = 0; i < 2; i++) {
            total[i] += number(estimate, sums[i]);
            seconds[i] += seconds_at(estimate, i == 0 ? 1 : 16);
        }
        fs_table_cell(table, "%s", id);
        fs_table_cell(table, "%.0f", number(estimate, "passes"));
        fs_table_cell(table, "%.3g", number(estimate, "flops") / 1e12);
        fs_table_cell(table, "%.1f", seconds_at(estimate, 1));
        fs_table_cell(table, "%.1f", seconds_at(estimate, 16));
        fs_table_cell(table, "%.0f", number(estimate, "node_bytes") / 1048576);
    }
    int status = known > 0 ? fs_table_print(table, stdout, err) : 0;
    fs_table_destroy(table);
    if (known > 0 && status == 0) {
        printf("%zu of %zu cells: %.0f passes, %.3g TFLOP, one after the other %.1f s on 1 rank, %.1f s on 16\n", known,
               sweep->cells, total[0], total[1] / 1e12, seconds[0], seconds[1]);
    }
    return status;
}

static const char *model_of(const cJSON *entry)
{
    const char *model = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "model"));
    return model != NULL ? model : "";
}

/* The first cells of one model that are neither estimated nor given up, as many as one process takes. */
static void next_batch(const cJSON *manifest, const bool *given_up, struct batch *batch)
{
    cJSON *entry;
    size_t cell = 0;
    batch->cells = 0;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(manifest, "cells"))
    {
        bool wanted = !given_up[cell] && !cJSON_HasObjectItem(entry, "estimate");
        if (wanted && batch->cells < MOST_AT_ONCE &&
            (batch->cells == 0 || strcmp(model_of(entry), model_of(batch->entry[0])) == 0)) {
            batch->cell[batch->cells] = cell;
            batch->entry[batch->cells++] = entry;
        }
        cell++;
    }
}

/* How often cells of a model failed one after the other. */
struct failures {
    const char *model;
    size_t count;
};

/* Takes the estimates up to the first cell without one; it is given up, after MOST_FAILED of them its model is. */
static void take_estimates(const struct fs_sweep *sweep, const struct batch *batch, bool *given_up,
                           struct failures *failed)
{
    for (size_t i = 0; i < batch->cells; i++) {
        const struct fs_sweep_cell *cell = &sweep->cell[batch->cell[i]];
        cJSON *summary = read_estimate(cell, cell->trace_of != batch->cell[i]);
        if (summary != NULL) {
            cJSON_AddItemToObject(batch->entry[i], "estimate", summary);
            failed->count = 0;
            continue;
        }
        fs_say("sweep: cell %s is planned without an estimate", cell->id);
        failed->count = strcmp(failed->model, model_of(batch->entry[i])) == 0 ? failed->count + 1 : 1;
        failed->model = model_of(batch->entry[i]);
        given_up[batch->cell[i]] = true;
        if (failed->count == MOST_FAILED) {
            fs_say("sweep: model %s: no further cell is tried; plan again once what is wrong is mended", failed->model);
            for (size_t rest = i; rest < batch->cells; rest++) {
                given_up[batch->cell[rest]] = true;
            }
        }
        break;
    }
}

static int estimate_cells(const struct fs_sweep *sweep, const char *path, cJSON *manifest, bool quiet,
                          struct fs_error *err)
{
    char program[4096];
    struct failures failed = {"", 0};
    struct batch *batch = fs_allocate(1, sizeof *batch, "the cells of a sweep", err);
    bool *given_up = fs_allocate(sweep->cells + 1, sizeof *given_up, "the cells of a sweep", err);
    int status = batch != NULL && given_up != NULL ? fs_own_path(program, sizeof program, err) : -1;
    while (status == 0) {
        next_batch(manifest, given_up, batch);
        if (batch->cells == 0) {
            break;
        }
        status = run_estimate(sweep, program, batch, quiet, err);
        if (status == 0) {
            take_estimates(sweep, batch, given_up, &failed);
            status = write_manifest(path, manifest, err); /* at once: a kill loses one process's */
        }
    }
    free(batch);
    free(given_up);
    return status;
}

int fs_sweep_estimate(const char *folder, bool json, bool quiet, struct fs_error *err)
{
    struct fs_sweep sweep;
    struct fs_json_document *document = NULL;
    char *path = NULL;
    int status = fs_sweep_read(folder, &sweep, err);
    if (status == 0 && asprintf(&path, "%s/manifest.json", sweep.folder) < 0) {
        path = NULL;
        status = fs_error_memory(err, 64, "a path");
    }
    status = status == 0 ? fs_json_load(path, &document, err) : -1;
    cJSON *manifest = status == 0 ? cJSON_Duplicate(fs_json_root(document), true) : NULL;
    status = status == 0 ? estimate_cells(&sweep, path, manifest, quiet, err) : -1;
    if (status == 0) {
        const cJSON *cells = cJSON_GetObjectItemCaseSensitive(manifest, "cells");
        status = json ? fs_report_print_json(cJSON_Duplicate(cells, true), stdout, err)
                      : print_estimates(&sweep, cells, err);
    }
    cJSON_Delete(manifest);
    fs_json_destroy(document);
    free(path);
    fs_sweep_release(&sweep);
    return status;
}

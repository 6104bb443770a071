/* What each cell of a sweep will take, by `fairstamp estimate` of its job. */
#include "pipeline/sweeps/sweep_estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/child.h"
#include "io/clock.h"
#include "io/console/progress.h"
#include "io/formats/json.h"
#include "io/publish.h"
#include "jobs/fingerprint.h"
#include "results/report.h"
#include "results/table.h"

#define MOST_FAILED 3

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

/* NULL: the cell cannot be estimated here, and standard error says why. */
static cJSON *estimate_cell(const char *program, const struct fs_sweep_cell *cell, bool takes_trace,
                            struct fs_error *err)
{
    struct fs_argv argv = {0};
    char *output = NULL;
    cJSON *summary = NULL;
    int status = fs_argv_add(&argv, err, "%s", program) == 0 && fs_argv_add(&argv, err, "estimate") == 0 &&
                         fs_argv_add(&argv, err, "%s", cell->job) == 0
                     ? fs_argv_split(&argv, "--save --format json --quiet --seconds 1", err)
                     : -1;
    if (status == 0 && fs_run_program(&argv, false, &output) == 0) {
        summary = summarize(output, takes_trace);
    }
    free(output);
    fs_argv_release(&argv);
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

/* The cells without an estimate, one by one; after MOST_FAILED of a model in a row no further one of it is tried. */
static int estimate_cells(const struct fs_sweep *sweep, const char *path, const char *program, cJSON *manifest,
                          struct fs_error *err)
{
    cJSON *entry;
    const char *failed = "";
    double begin = fs_seconds();
    size_t done = 0, cell = 0, failures = 0;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(manifest, "cells"))
    {
        const struct fs_sweep_cell *one = &sweep->cell[cell];
        const char *model = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "model"));
        bool takes_trace = one->trace_of != cell++;
        bool of_failed = model != NULL && strcmp(model, failed) == 0;
        if (cJSON_HasObjectItem(entry, "estimate") || (of_failed && failures == MOST_FAILED)) {
            continue;
        }
        if (done > 0 && fs_seconds() - begin > 5) {
            fs_say("sweep: estimates: %zu of %zu cells, about %.0f s left; --no-estimate leaves them out", cell - 1,
                   sweep->cells, (fs_seconds() - begin) / (double)done * (double)(sweep->cells - cell + 1));
        }
        cJSON *summary = estimate_cell(program, one, takes_trace, err);
        done++;
        if (summary == NULL) {
            fs_say("sweep: cell %s is planned without an estimate", one->id);
            failures = of_failed ? failures + 1 : 1;
            failed = model != NULL ? model : "";
            if (failures == MOST_FAILED) {
                fs_say("sweep: model %s: no further cell is tried; plan again once what is wrong is mended", failed);
            }
            continue;
        }
        failed = "";
        cJSON_AddItemToObject(entry, "estimate", summary);
        if (write_manifest(path, manifest, err) != 0) { /* each at once: a kill loses one */
            return -1;
        }
    }
    return 0;
}

int fs_sweep_estimate(const char *folder, bool json, struct fs_error *err)
{
    struct fs_sweep sweep;
    struct fs_json_document *document = NULL;
    char *path = NULL, program[4096];
    int status = fs_sweep_read(folder, &sweep, err) == 0 ? fs_own_path(program, sizeof program, err) : -1;
    if (status == 0 && asprintf(&path, "%s/manifest.json", sweep.folder) < 0) {
        path = NULL;
        status = fs_error_memory(err, 64, "a path");
    }
    status = status == 0 ? fs_json_load(path, &document, err) : -1;
    cJSON *manifest = status == 0 ? cJSON_Duplicate(fs_json_root(document), true) : NULL;
    status = status == 0 ? estimate_cells(&sweep, path, program, manifest, err) : -1;
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

#include <math.h>
#include <string.h>

#include "pipeline/estimate/estimate.h"
#include "results/table.h"
#include "stages/work/runner.h"

double fs_estimate_seconds(const struct fs_estimate_time *time)
{
    return time->serial_seconds + time->computed + time->waited + time->sent;
}

size_t fs_estimate_find(const struct fs_estimate *estimate, size_t ranks)
{
    size_t i = 0;
    while (i < estimate->rank_count && estimate->rank[i] != ranks) {
        i++;
    }
    return i < estimate->rank_count ? i : FS_ESTIMATE_RANKS;
}

/* Of a stage, or, FS_STAGE_COUNT, of the whole run; in percent. */
static double seconds_of(const struct fs_estimate *estimate, int stage, size_t at)
{
    double seconds = stage == FS_STAGE_COUNT ? estimate->begin : 0;
    for (int s = 0; s < FS_STAGE_COUNT; s++) {
        if (s == stage || stage == FS_STAGE_COUNT) {
            seconds += fs_estimate_seconds(&estimate->stage[s].time[at]);
        }
    }
    return seconds;
}

static double efficiency(const struct fs_estimate *estimate, int stage, size_t at)
{
    size_t one = fs_estimate_find(estimate, 1);
    return 100 * seconds_of(estimate, stage, one) / ((double)estimate->rank[at] * seconds_of(estimate, stage, at));
}

static bool stage_shown(const struct fs_estimate *estimate, int stage)
{
    return stage == FS_STAGE_COUNT || estimate->stage[stage].there;
}

static const char *name_of(int stage)
{
    return stage == FS_STAGE_COUNT ? "all" : fs_stage_names[stage];
}

/* The first place where the efficiency is below 50 %, FS_ESTIMATE_RANKS: nowhere. */
static size_t breaking_point(const struct fs_estimate *estimate, int stage)
{
    for (size_t at = 0; at < estimate->rank_count; at++) {
        if (efficiency(estimate, stage, at) < 50) {
            return at;
        }
    }
    return FS_ESTIMATE_RANKS;
}

/* What most of the lost time goes to. */
static void explain(const struct fs_estimate *estimate, int stage, size_t at, char *text, size_t size)
{
    const struct fs_estimate_stage *s = &estimate->stage[stage];
    const struct fs_estimate_time *time = &s->time[at];
    size_t workers = estimate->rank[at] * estimate->threads;
    if (time->sent >= time->waited && time->sent >= time->serial_seconds) {
        snprintf(text, size, "messages take %.3g s: the sums of %.0f numbers each of %zu steps", time->sent,
                 estimate->parameters, s->calls);
    } else if (time->serial_seconds >= time->waited) {
        snprintf(text, size, "what is not shared (compiling, folding, writing) takes %.3g s of %.3g s",
                 time->serial_seconds, fs_estimate_seconds(time));
    } else {
        snprintf(text, size, "%zu%s units of up to %.3g s for %zu threads", s->units,
                 fs_stage_method((enum fs_stage)stage) != NULL ? " training" : "", s->longest, workers);
    }
}

static int print_stages(const struct fs_estimate *estimate, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<stage", ">units", ">passes", ">tokens", ">FLOPs", ">output, bytes"};
    struct fs_table *table;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    for (int s = 0; s < FS_STAGE_COUNT; s++) {
        const struct fs_estimate_stage *stage = &estimate->stage[s];
        if (stage->there) {
            fs_table_cell(table, "%s", name_of(s));
            fs_table_cell(table, "%zu", stage->units);
            fs_table_cell(table, "%.0f", stage->passes);
            fs_table_cell(table, "%.0f", stage->tokens);
            fs_table_cell(table, "%.3e", stage->flops);
            fs_table_cell(table, "%.0f", stage->output);
        }
    }
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

static int print_times(const struct fs_estimate *estimate, FILE *stream, struct fs_error *err)
{
    char text[FS_STAGE_COUNT + 1][64];
    const char *names[2 + 2 * (FS_STAGE_COUNT + 1)] = {">ranks", ">begin, s"};
    size_t columns = 2;
    struct fs_table *table;
    for (int s = 0; s <= FS_STAGE_COUNT; s++) {
        if (stage_shown(estimate, s)) {
            snprintf(text[s], sizeof text[s], ">%s, s", name_of(s));
            names[columns++] = text[s];
            names[columns++] = ">eff. %";
        }
    }
    if (fs_table_create(columns, names, &table, err) != 0) {
        return -1;
    }
    for (size_t at = 0; at < estimate->rank_count; at++) {
        fs_table_cell(table, "%zu", estimate->rank[at]);
        fs_table_number(table, estimate->begin, 1);
        for (int s = 0; s <= FS_STAGE_COUNT; s++) {
            if (stage_shown(estimate, s)) {
                fs_table_number(table, seconds_of(estimate, s, at), 1);
                fs_table_number(table, efficiency(estimate, s, at), 0);
            }
        }
    }
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

static void print_breaking_points(const struct fs_estimate *estimate, FILE *stream)
{
    int width = 0;
    for (int s = 0; s < FS_STAGE_COUNT; s++) {
        int own = (int)strlen(name_of(s));
        width = estimate->stage[s].there && own > width ? own : width;
    }
    for (int s = 0; s < FS_STAGE_COUNT; s++) {
        char reason[160];
        size_t at = breaking_point(estimate, s);
        if (estimate->stage[s].there && at < FS_ESTIMATE_RANKS) {
            explain(estimate, s, at, reason, sizeof reason);
            fprintf(stream, "  %-*s at %zu ranks: %s\n", width, name_of(s), estimate->rank[at], reason);
        } else if (estimate->stage[s].there) {
            fprintf(stream, "  %-*s nowhere up to %zu ranks\n", width, name_of(s),
                    estimate->rank[estimate->rank_count - 1]);
        }
    }
}

int fs_estimate_print(const struct fs_estimate *estimate, FILE *stream, struct fs_error *err)
{
    const double mib = 1 << 20;
    if (print_stages(estimate, stream, err) != 0) {
        return -1;
    }
    fprintf(stream, "\n");
    if (estimate->stage[FS_STAGE_STAMP].there) {
        fprintf(stream, "Stamp at layer %zu (%s); %.0f parameters, %zu steps\n", estimate->layer,
                estimate->layer_source, estimate->parameters, estimate->stage[FS_STAGE_STAMP].calls);
    } else if (estimate->layer_source != NULL) {
        fprintf(stream, "Trained at layer %zu (%s)\n", estimate->layer, estimate->layer_source);
    }
    if (estimate->layer0_factor > 1.05) {
        fprintf(
            stream,
            "The trace of all items may find another layer: at layer 0 the stamp takes %.2g times as long as below; "
            "estimate again after the trace\n",
            estimate->layer0_factor);
    }
    fprintf(stream, "Memory of a node with %zu of %zu ranks: at most %.0f MiB (%.0f MiB weights, %.0f MiB each rank)\n",
            estimate->node_ranks, estimate->ranks,
            (estimate->model_bytes + (double)estimate->node_ranks * estimate->rank_bytes + estimate->root_bytes) / mib,
            estimate->model_bytes / mib, estimate->rank_bytes / mib);
    fprintf(stream, "Messages: %.3g us, %.3g GB/s (%s); probe of %.1f s%s\n\n", estimate->machine.latency * 1e6,
            estimate->machine.bandwidth * 1e-9, estimate->measured_network ? "measured" : "taken as given",
            estimate->elapsed,
            estimate->random_model ? ", random weights, two layers" : (estimate->cut ? ", two layers" : ""));
    fprintf(stream, "Predicted time, %zu thread%s a rank\n", estimate->threads, estimate->threads == 1 ? "" : "s");
    if (print_times(estimate, stream, err) != 0) {
        return -1;
    }
    fprintf(stream, "\nEfficiency falls below 50 %%\n");
    print_breaking_points(estimate, stream);
    return 0;
}

static cJSON *stage_json(const struct fs_estimate *estimate, int s)
{
    const struct fs_estimate_stage *stage = &estimate->stage[s];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "digest", stage->digest);
    cJSON_AddNumberToObject(json, "units", (double)stage->units);
    cJSON_AddNumberToObject(json, "steps", (double)stage->calls);
    cJSON_AddNumberToObject(json, "passes", stage->passes);
    cJSON_AddNumberToObject(json, "tokens", stage->tokens);
    cJSON_AddNumberToObject(json, "flops", stage->flops);
    cJSON_AddNumberToObject(json, "longest_unit_seconds", stage->longest);
    cJSON_AddNumberToObject(json, "output_bytes", stage->output);
    cJSON *times = cJSON_AddArrayToObject(json, "time");
    for (size_t at = 0; at < estimate->rank_count; at++) {
        const struct fs_estimate_time *time = &stage->time[at];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "ranks", (double)estimate->rank[at]);
        cJSON_AddNumberToObject(entry, "seconds", fs_estimate_seconds(time));
        cJSON_AddNumberToObject(entry, "efficiency", efficiency(estimate, s, at) / 100);
        cJSON_AddNumberToObject(entry, "alone", time->serial_seconds);
        cJSON_AddNumberToObject(entry, "computed", time->computed);
        cJSON_AddNumberToObject(entry, "waited", time->waited);
        cJSON_AddNumberToObject(entry, "sent", time->sent);
        cJSON_AddItemToArray(times, entry);
    }
    size_t at = breaking_point(estimate, s);
    if (at < FS_ESTIMATE_RANKS) {
        char reason[160];
        explain(estimate, s, at, reason, sizeof reason);
        cJSON *half = cJSON_AddObjectToObject(json, "below_half");
        cJSON_AddNumberToObject(half, "ranks", (double)estimate->rank[at]);
        cJSON_AddStringToObject(half, "reason", reason);
    }
    return json;
}

cJSON *fs_estimate_json(const struct fs_estimate *estimate)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "threads_a_rank", (double)estimate->threads);
    cJSON_AddBoolToObject(json, "made_up_weights", estimate->random_model);
    if (estimate->stage[FS_STAGE_STAMP].there) {
        cJSON_AddNumberToObject(json, "stamp_layer", (double)estimate->layer);
        cJSON_AddStringToObject(json, "stamp_layer_reason", estimate->layer_source);
        cJSON_AddNumberToObject(json, "stamp_at_layer_0", estimate->layer0_factor);
        cJSON_AddNumberToObject(json, "stamp_parameters", estimate->parameters);
    }
    cJSON_AddNumberToObject(json, "weights", estimate->weights);
    cJSON_AddNumberToObject(json, "model_bytes", estimate->model_bytes);
    cJSON_AddNumberToObject(json, "rank_bytes", estimate->rank_bytes);
    cJSON_AddNumberToObject(json, "root_bytes", estimate->root_bytes);
    cJSON_AddNumberToObject(json, "node_ranks", (double)estimate->node_ranks);
    cJSON_AddNumberToObject(json, "latency_seconds", estimate->machine.latency);
    cJSON_AddNumberToObject(json, "bandwidth_bytes_per_second", estimate->machine.bandwidth);
    cJSON_AddNumberToObject(json, "addition_seconds", estimate->machine.addition);
    cJSON_AddNumberToObject(json, "begin_seconds", estimate->begin);
    cJSON_AddNumberToObject(json, "probe_seconds", estimate->elapsed);
    cJSON *stages = cJSON_AddObjectToObject(json, "stages");
    for (int s = 0; s < FS_STAGE_COUNT; s++) {
        if (estimate->stage[s].there) {
            cJSON_AddItemToObject(stages, name_of(s), stage_json(estimate, s));
        }
    }
    cJSON *times = cJSON_AddArrayToObject(json, "all");
    for (size_t at = 0; times != NULL && at < estimate->rank_count; at++) {
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "ranks", (double)estimate->rank[at]);
        cJSON_AddNumberToObject(entry, "seconds", seconds_of(estimate, FS_STAGE_COUNT, at));
        cJSON_AddNumberToObject(entry, "efficiency", efficiency(estimate, FS_STAGE_COUNT, at) / 100);
        cJSON_AddItemToArray(times, entry);
    }
    if (times == NULL) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

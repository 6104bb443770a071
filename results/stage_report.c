#include "results/stage_report.h"

#include <stdio.h>

#include "results/report.h"
#include "stages/evaluate/evaluate.h"

int fs_trace_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err)
{
    struct fs_trace_result result = {0};
    int status = fs_trace_read(archive, &result, err);
    if (status == 0 && json == NULL) {
        status = fs_report_trace(&result, stdout, err);
    } else if (status == 0) {
        *json = fs_report_trace_json(&result);
    }
    fs_trace_result_release(&result);
    return status;
}

/* Behind the training, or as "tries" of its `json`. */
static int report_tries(const struct fs_archive *archive, cJSON **json, struct fs_error *err)
{
    struct fs_tries tries = {0};
    int status = fs_tries_read(archive, &tries, err);
    if (status == 0 && json == NULL) {
        status = fs_report_tries(&tries, stdout, err);
    } else if (status == 0) {
        cJSON_AddItemToObject(*json, "tries", fs_report_tries_json(&tries));
    }
    fs_tries_release(&tries);
    return status;
}

int fs_training_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err)
{
    struct fs_training_history history = {0};
    const struct fs_method *method = fs_method_find(fs_archive_format(archive)); /* a stage's file has its name */
    int status = method->trainer->read_history(archive, &history, err);
    if (status == 0 && json == NULL) {
        status = fs_report_training(&history, stdout, err);
    } else if (status == 0) {
        *json = fs_report_training_json(&history);
    }
    fs_training_history_release(&history);
    return status == 0 && fs_archive_has(archive, FS_TRIES_GROUP) ? report_tries(archive, json, err) : status;
}

int fs_evaluate_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err)
{
    struct fs_results results = {0};
    int status = fs_evaluate_read(archive, "/results", &results, err);
    if (status == 0 && json == NULL) {
        status = fs_report_results(&results, stdout, err);
    } else if (status == 0) {
        *json = fs_report_results_json(&results);
    }
    fs_results_release(&results);
    return status;
}

int fs_layers_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err)
{
    struct fs_layer_comparison result = {0};
    int status = fs_layers_read(archive, &result, err);
    if (status == 0 && json == NULL) {
        status = fs_report_layers(&result, stdout, err);
    } else if (status == 0) {
        *json = fs_report_layers_json(&result);
    }
    fs_layers_release(&result);
    return status;
}

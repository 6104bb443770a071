/* Results for people (aligned tables) and programs (JSON), on a stream. Local: the root. */
#ifndef FAIRSTAMP_RESULTS_REPORT_H
#define FAIRSTAMP_RESULTS_REPORT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "stages/evaluate/layer_sweep.h"
#include "stages/evaluate/tries.h"
#include "stages/methods/method.h"
#include "stages/suites/results.h"
#include "stages/suites/suite.h"
#include "stages/trace/trace.h"

/* AIE a layer and category, with intervals; the decisive layer. */
int fs_report_trace(const struct fs_trace_result *trace, FILE *stream, struct fs_error *err);
/* The terms of the loss at ten steps, the first and the last among them. */
int fs_report_training(const struct fs_training_history *history, FILE *stream, struct fs_error *err);
/* A line a setting that was tried before the training. */
int fs_report_tries(const struct fs_tries *tries, FILE *stream, struct fs_error *err);
/* A line a layer: what its stamp brings and costs, best first. */
int fs_report_layers(const struct fs_layer_comparison *comparison, FILE *stream, struct fs_error *err);
/* The rows that people compare, category by category; a column for the unedited model and for each edit. */
int fs_report_results(const struct fs_results *results, FILE *stream, struct fs_error *err);

/* The same with every row and number. NULL: out of memory. The caller deletes. */
cJSON *fs_report_trace_json(const struct fs_trace_result *trace);
cJSON *fs_report_layers_json(const struct fs_layer_comparison *comparison);
cJSON *fs_report_tries_json(const struct fs_tries *tries);
cJSON *fs_report_training_json(const struct fs_training_history *history);
cJSON *fs_report_results_json(const struct fs_results *results);
/* The score of every item and candidate, in each column. */
cJSON *fs_report_items_json(const struct fs_suite *suite, const struct fs_results *results);

/* Prints `json` and a line end, and deletes it; NULL is out of memory. */
int fs_report_print_json(cJSON *json, FILE *stream, struct fs_error *err);

#endif

/* What a command says of a stage's published file. Local: the root. */
#ifndef FAIRSTAMP_RESULTS_STAGE_REPORT_H
#define FAIRSTAMP_RESULTS_STAGE_REPORT_H

#include <cjson/cJSON.h>

#include "io/archive/archive.h"

/* Each reads its stage's file, and prints it on stdout, or, where `json` is not NULL, sets *json, which the caller
 * deletes. */
int fs_trace_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err);
int fs_training_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err);
int fs_evaluate_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err);
int fs_layers_report(const struct fs_archive *archive, cJSON **json, struct fs_error *err);

#endif

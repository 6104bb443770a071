/* The stages as the program runs them: a row each, in their order; what they depend on is in jobs/stage_rules.h. */
#ifndef FAIRSTAMP_PIPELINE_RUN_STAGE_TABLE_H
#define FAIRSTAMP_PIPELINE_RUN_STAGE_TABLE_H

#include <cjson/cJSON.h>

#include "pipeline/run/run_stages.h"

struct fs_stage_row {
    const char *json_name; /* of its part of --format json; NULL: the stage's */
    int (*run)(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err);       /* collective */
    int (*report)(const struct fs_archive *archive, cJSON **json, struct fs_error *err); /* as stage_report.h */
};
const struct fs_stage_row *fs_stage_row(enum fs_stage stage);

#endif

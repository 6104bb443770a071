/* Who made a stage's file: the model and the categories of its job, from its provenance. Local. */
#ifndef FAIRSTAMP_RESULTS_JOB_NAMES_H
#define FAIRSTAMP_RESULTS_JOB_NAMES_H

#include "io/archive/archive.h"
#include "jobs/model_names.h"
#include "jobs/stage_names.h"

#define FS_MODEL_NAME "model_name" /* attribute of /provenance: the given name, where there is one */

struct fs_job_names {
    char *model_name;    /* as given; NULL: none */
    char *model_path;    /* "" where it is not known */
    char *model_files;   /* lines "model/<file> = <SHA-256>"; "" where they are not known */
    char *categories;    /* "all", or "gender,race" */
    char *seed, *series; /* jobs of one series differ in their seed alone (jobs/fingerprint.h); "" in older files */
};

/* Of the stage whose root is `group` ("" for a file). The caller releases, also on failure. */
int fs_job_names_read(const struct fs_archive *archive, const char *group, struct fs_job_names *names,
                      struct fs_error *err);
void fs_job_names_release(struct fs_job_names *names); /* takes a zeroed struct */

/* The value of the line "<key> = <value>" in a stage's settings, "" where there is none; the caller frees, NULL without
 * memory. */
char *fs_job_setting(const char *settings, const char *key);

/* What the model's name follows from; the texts stay those of `names`. */
struct fs_model_id fs_job_names_model(const struct fs_job_names *names);

/*
 * The group of the stage of `cell`, "/cells/<id>", that knows the model best: a trace may be another job's, taken over.
 * FS_STAGE_COUNT: the cell has none.
 */
enum fs_stage fs_job_names_stage(const struct fs_archive *archive, const char *cell, char *group, size_t size);

#endif

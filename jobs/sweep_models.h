/* The models of a sweep file: each its path, and a name that no other one has (jobs/model_names.h). Local. */
#ifndef FAIRSTAMP_JOBS_SWEEP_MODELS_H
#define FAIRSTAMP_JOBS_SWEEP_MODELS_H

#include <stdbool.h>

#include "io/formats/json.h"
#include "jobs/model_names.h"

struct fs_sweep_models {
    const struct fs_json_document *document;
    const char *base; /* the sweep file's folder, absolute */
    struct fs_model_names *names;
};

struct fs_sweep_model {
    const char *name, *path; /* the path as written */
    bool named;              /* the name is another one than a job's own of this path */
};

/*
 * Reads "models", and the models of "include", of a sweep file. FS_EXIT_CONFIG: an entry that is neither a folder nor
 * {"name", "path"}; one name for two paths; a model that stands in "models" twice. The caller releases, also on
 * failure.
 */
int fs_sweep_models_read(const struct fs_json_document *document, const char *base, struct fs_sweep_models *models,
                         struct fs_error *err);
void fs_sweep_models_release(struct fs_sweep_models *models); /* takes a zeroed struct */

/* The model of an entry of them; its texts are the table's or the document's. */
int fs_sweep_models_find(const struct fs_sweep_models *models, const cJSON *entry, struct fs_sweep_model *model,
                         struct fs_error *err);

/* Paths of the sweep file count from its folder, those of a job file from the job's. The caller frees; NULL without
 * memory. */
char *fs_sweep_absolute(const char *base, const char *path);

#endif

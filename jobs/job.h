/*
 * The job file: JSON with the keys of tables (job_keys.h), which also make the help text, the man page, the JSON schema
 * and the list of keys in jobs/README.md. Relative paths of the file count from the file's folder, those of --set from
 * the working directory. ${NAME} in a text is replaced by the environment's variable. Local.
 */
#ifndef FAIRSTAMP_JOBS_JOB_H
#define FAIRSTAMP_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "io/settings/settings.h"
#include "jobs/job_settings.h"
#include "jobs/methods.h"
#include "jobs/stage_names.h"

struct fs_job;

/* Reads `path` and overrides its keys by the `sets` settings "key=value". FS_EXIT_CONFIG for a wrong key or value,
 * FS_EXIT_NO_INPUT. */
int fs_job_load(const char *path, const char *const *set, size_t sets, struct fs_job **job, struct fs_error *err);
void fs_job_destroy(struct fs_job *job); /* takes NULL */

const struct fs_job_settings *fs_job_settings(const struct fs_job *job);

/* Fills the members of a table's struct, `out`; a default may depend on `variant`, the model's kind. Texts are the
 * job's. The table is one of job_keys.c. */
void fs_job_fill(const struct fs_job *job, const struct fs_settings *table, size_t variant, void *out);

/* The text of the value of any key, "a,b" of a list; NULL: it has neither value nor plain default. */
const char *fs_job_text(const struct fs_job *job, const char *key);
/* The value of a row of job_keys.c. */
const struct fs_setting_value *fs_job_value(const struct fs_job *job, const struct fs_setting *setting);

/* The file or folder of data.<suite>; NULL: not given. */
const char *fs_job_data(const struct fs_job *job, const char *suite);
/* [count] what is compared, in the order of the job; at least one. */
const struct fs_job_method *fs_job_methods(const struct fs_job *job, size_t *count);
/* The first of them that the stage trains; NULL: it trains none. */
const struct fs_job_method *fs_job_trained(const struct fs_job *job, enum fs_stage stage);
/* How many settings the training of a stage tries, the job's own first; 0: it tries none. */
size_t fs_job_tries(const struct fs_job *job, enum fs_stage stage);
/* The entry of search.settings that is tried as number `which`; "": the job's own. */
const char *fs_job_try(const struct fs_job *job, enum fs_stage stage, size_t which);
/* The job with the settings of an entry, and with `validation` above 0 that split.validation. The caller destroys it. */
int fs_job_vary(const struct fs_job *job, const char *entry, double validation, struct fs_job **varied,
                struct fs_error *err);
/* Of the training of a stage; all zero where there is none. `spec` NULL: no parameters. */
void fs_job_training_size(const struct fs_job *job, enum fs_stage stage, const struct fs_spec *spec,
                          struct fs_training_size *size);
/* The same with the settings of a try, `which` of fs_job_tries. */
int fs_job_try_size(const struct fs_job *job, enum fs_stage stage, size_t which, const struct fs_spec *spec,
                    struct fs_training_size *size, struct fs_error *err);
/* Member by member, the largest of all trainings of the job, tries among them; the layer of the first one. */
void fs_job_largest_training(const struct fs_job *job, const struct fs_spec *spec, struct fs_training_size *largest);
/* The layer that a stage trains; FS_AUTO: the decisive layer of the trace. */
size_t fs_job_layer(const struct fs_job *job, enum fs_stage stage);
/* Whether the model has these layers. FS_EXIT_CONFIG names the key. */
int fs_job_check_layer(const struct fs_job *job, const struct fs_spec *spec, struct fs_error *err);
/* The file's own text, for provenance. */
const char *fs_job_source(const struct fs_job *job);

#endif

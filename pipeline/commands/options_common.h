/* Options that several commands take; a command's own are in its file. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_COMMON_H
#define FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_COMMON_H

#include "io/values.h"
#include "pipeline/commands/options.h"
#include "pipeline/ranks/session.h"
#include "stages/metrics/metrics.h"

extern const struct fs_option fs_option_set, fs_option_force, fs_option_max_seconds, fs_option_stop_file,
    fs_option_log_dir, fs_option_connected, fs_option_wait_seconds, fs_option_compute_type, fs_option_compute_backend,
    fs_option_strict, fs_option_model, fs_option_suite, fs_option_data, fs_option_category, fs_option_bootstrap,
    fs_option_seed, fs_option_output, fs_option_format, fs_option_quiet;
extern const struct fs_option fs_option_help; /* of every command; in no command's list */

/* Values of --set, and "strict=true" for --strict: *count texts. The caller frees the array; NULL without memory. */
const char **fs_options_settings(const struct fs_options *options, size_t *count, struct fs_error *err);

/* What `run` and the commands of single stages take. NULL-terminated. */
extern const struct fs_option *const fs_job_options[];

extern const struct fs_renamed fs_renamed_options[];

/* --bootstrap and --seed. */
int fs_options_bootstrap(const struct fs_options *options, struct fs_bootstrap *bootstrap, struct fs_error *err);
/* Loads the model of --model, by --compute-type and --compute-backend. Collective. */
int fs_options_load_model(struct fs_session *session, struct fs_error *err);
bool fs_options_json(const struct fs_options *options); /* --format json */

#endif

#include "pipeline/commands/options_common.h"

#include <string.h>

#include "pipeline/ranks/watch.h"
#include "stages/suites/suite_registry.h"

const struct fs_option fs_option_set = {.name = "--set",
                                        .argument = "KEY=VALUE",
                                        .repeatable = true,
                                        .help = "override a key of the job file; may be repeated"};
const struct fs_option fs_option_force = {
    .name = "--force", .help = "redo stages whose results or saved progress belong to another job, and replace them"};
const struct fs_option fs_option_max_seconds = {
    .name = "--max-seconds",
    .argument = "N",
    .help = "stop N seconds after the start as on a signal: units in flight are finished and saved, exit code 75"};
const struct fs_option fs_option_stop_file = {
    .name = "--stop-file",
    .argument = "FILE",
    .help = "stop in the same way as soon as FILE exists; remove it before the next run"};
const struct fs_option fs_option_log_dir = {
    .name = "--log-dir",
    .argument = "DIR",
    .help = "a log of each rank, DIR/rank-N.log: units taken and done, saves, memory, warnings"};
const struct fs_option fs_option_strict = {
    .name = "--strict",
    .help = "refuse data with an item that cannot be used; by default it is skipped, named in a warning and counted"};
const struct fs_option fs_option_connected = {
    .name = "--connected",
    .argument = "FILE",
    .help = "create FILE, empty, as soon as all ranks have found each other: a launch script that sees none after "
            "minutes may start again"};
const struct fs_option fs_option_wait_seconds = {
    .name = "--wait-seconds",
    .argument = "N",
    .initial = FS_WATCH_SECONDS,
    .help =
        "end with 68 and a line that names rank, node and call where ranks wait N seconds for each other while they "
        "start, set up or end, or where a node has not answered for a tenth of that; tell of longer waits in between; "
        "0: none of it"};
const struct fs_option fs_option_model = {
    .name = "--model", .argument = "DIR", .required = true, .help = "HuggingFace folder of the model, or a GGUF file"};
const struct fs_option fs_option_compute_type = {
    .name = "--compute-type",
    .argument = "TYPE",
    .choices = "auto|f32|bf16",
    .initial = "auto",
    .help = "in what products are computed, as the key compute.type; bf16: for weights of BF16 on AVX512-BF16 or AMX"};
const struct fs_option fs_option_compute_backend = {.name = "--compute-backend",
                                                    .argument = "NAME",
                                                    .choices = fs_backend_choices,
                                                    .initial = "auto",
                                                    .help = "the library of the products, as the key compute.backend"};
const struct fs_option fs_option_suite = {.name = "--suite",
                                          .argument = "NAME",
                                          .choices = &fs_suite_choices[1],
                                          .required = true,
                                          .help = "the suite, as results call it (metrics: stereoset)"};
const struct fs_option fs_option_data = {
    .name = "--data", .argument = "FILE", .required = true, .help = "the suite's data file"};
const struct fs_option fs_option_category = {
    .name = "--category", .argument = "C,...", .help = "categories to take, separated by commas; all by default"};
const struct fs_option fs_option_bootstrap = {
    .name = "--bootstrap", .argument = "N", .initial = "1000", .help = "resamples of the 95 % intervals; 0: none"};
const struct fs_option fs_option_seed = {
    .name = "--seed", .argument = "N", .initial = "1", .help = "seed of the resampling"};
const struct fs_option fs_option_output = {.name = "-o",
                                           .argument = "PATH",
                                           .required = true,
                                           .help =
                                               "report: its folder, created where it does not exist; apply: its new "
                                               "folder; merge: its file"};
const struct fs_option fs_option_format = {.name = "--format",
                                           .argument = "FORMAT",
                                           .choices = "text|json",
                                           .initial = "text",
                                           .help = "text for people, json for programs"};
const struct fs_option fs_option_quiet = {.name = "--quiet",
                                          .help = "no progress on standard error, only warnings and errors"};
const struct fs_option fs_option_help = {.name = "--help", .help = "show this help"};

const struct fs_option *const fs_job_options[] = {&fs_option_set,
                                                  &fs_option_strict,
                                                  &fs_option_force,
                                                  &fs_option_max_seconds,
                                                  &fs_option_stop_file,
                                                  &fs_option_log_dir,
                                                  &fs_option_connected,
                                                  &fs_option_wait_seconds,
                                                  &fs_option_format,
                                                  &fs_option_quiet,
                                                  NULL};

const struct fs_renamed fs_renamed_options[] = {{"--variant", "--scoring"}, {NULL, NULL}};

const char **fs_options_settings(const struct fs_options *options, size_t *count, struct fs_error *err)
{
    size_t given;
    const char *const *set = fs_option_values(options, &fs_option_set, &given);
    const char **all = fs_allocate(given + 1, sizeof *all, "the command line", err);
    *count = 0;
    for (size_t i = 0; all != NULL && i < given; i++) {
        all[(*count)++] = set[i];
    }
    if (all != NULL && fs_option_given(options, &fs_option_strict)) {
        all[(*count)++] = "strict=true";
    }
    return all;
}

int fs_options_load_model(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *type = fs_option_value(options, &fs_option_compute_type);
    const struct fs_compute compute = {.type = strcmp(type, "bf16") == 0  ? FS_COMPUTE_BF16
                                               : strcmp(type, "f32") == 0 ? FS_COMPUTE_F32
                                                                          : FS_COMPUTE_AUTO,
                                       .backend = fs_option_value(options, &fs_option_compute_backend)};
    return fs_session_load_model(session, fs_option_value(options, &fs_option_model), &compute, err);
}

bool fs_options_json(const struct fs_options *options)
{
    const char *format = fs_option_value(options, &fs_option_format);
    return format != NULL && strcmp(format, "json") == 0;
}

int fs_options_bootstrap(const struct fs_options *options, struct fs_bootstrap *bootstrap, struct fs_error *err)
{
    double resamples = 0, seed = 0;
    if (fs_parse_integer("--bootstrap", fs_option_value(options, &fs_option_bootstrap), 0, 1e6, &resamples, err) != 0 ||
        fs_parse_integer("--seed", fs_option_value(options, &fs_option_seed), 0, 0x1p53, &seed, err) != 0) {
        return -1;
    }
    *bootstrap = (struct fs_bootstrap){.resamples = (size_t)resamples, .seed = (uint64_t)seed};
    return 0;
}

/* score: one suite, one model, no job. */
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"
#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/values.h"
#include "jobs/data.h"
#include "jobs/fingerprint.h"
#include "pipeline/commands/commands.h"
#include "pipeline/run/run_stages.h"
#include "results/report.h"
#include "stages/suites/suite_registry.h"

static const struct fs_option option_scoring = {
    .name = "--scoring",
    .argument = "V",
    .help = "how P[k] is computed, where the suite has a choice; by default as in a job"};
static const struct fs_option option_stamp = {
    .name = "--stamp",
    .argument = "FILE",
    .help = "a published stamp.h5: the stamped model is scored beside the unedited one"};

/* Everything the command reads; released by release(). */
struct score_input {
    const struct fs_suite_kind *kind;
    struct fs_suite *suite;
    char **categories;
    struct fs_edit edit; /* where a stamp is given */
};

static void release(struct score_input *in)
{
    fs_suite_destroy(in->suite);
    free(in->categories);
    fs_edit_release(&in->edit);
}

/* Every category that was asked for has items; a suite whose items have no category takes none. */
static int check_categories(const struct score_input *in, const char *path, struct fs_error *err)
{
    for (size_t k = 0; in->categories != NULL && in->categories[k] != NULL; k++) {
        bool found = false;
        for (size_t i = 0; in->suite != NULL && i < in->suite->items && !found; i++) {
            found = fs_same_category(in->suite->category[i], in->categories[k]);
        }
        if (!found) {
            return fs_error_set(err, FS_EXIT_DATA, "--category: %s: found no item of category \"%s\" of suite %s", path,
                                in->categories[k], in->kind->name);
        }
    }
    return 0;
}

static int read_suite(const struct fs_options *options, enum fs_model_kind model, struct fs_bootstrap bootstrap,
                      struct score_input *in, struct fs_error *err)
{
    const char *scoring = fs_option_value(options, &option_scoring), *path = fs_option_value(options, &fs_option_data);
    in->kind = fs_suite_kind_find(fs_option_value(options, &fs_option_suite));
    if (scoring != NULL && in->kind->scoring_key == NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "--scoring: suite %s has no choice of a scoring; leave it out",
                            in->kind->name);
    }
    if (in->kind->masked_only && model != FS_MASKED) {
        return fs_error_set(err, FS_EXIT_USAGE, "--suite: %s needs a masked model, and this one is causal",
                            in->kind->name);
    }
    if (fs_split_list("--category", fs_option_value(options, &fs_option_category), &in->categories, err) != 0) {
        return -1;
    }
    const struct fs_setting_value none = {0};
    struct fs_job_settings settings = {0}; /* as a job that gives none of them */
    for (size_t i = 0; i < fs_evaluate_settings.count; i++) {
        fs_setting_fill(&fs_evaluate_settings.row[i], &none, model, &settings);
    }
    const struct fs_suite_options suite = {.kind = model,
                                           .scoring = scoring != NULL ? scoring : fs_suite_scoring(in->kind, model),
                                           .categories = (const char *const *)in->categories,
                                           .seed = bootstrap.seed,
                                           .text_tokens = settings.text_tokens,
                                           .permutations = settings.permutations,
                                           .suite_items = settings.suite_items,
                                           .fact_share = 1,
                                           .strict = fs_option_given(options, &fs_option_strict)};
    if (fs_suite_open(in->kind, path, &suite, &in->suite, err) != 0) {
        if (err->code == FS_EXIT_CONFIG) { /* a scoring that does not fit */
            err->code = FS_EXIT_USAGE;
            fs_error_prepend(err, "--scoring");
        }
        return -1;
    }
    if (in->suite == NULL && in->categories == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found no item of suite %s", path, in->kind->name);
    }
    return check_categories(in, path, err);
}

/* Root. */
static int print(const struct fs_options *options, const struct score_input *in, const struct fs_results *results,
                 struct fs_error *err)
{
    if (!fs_options_json(options)) {
        return fs_report_results(results, stdout, err) == 0 ? fs_finish_output(err) : -1;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "suite", in->kind->name);
    cJSON_AddStringToObject(json, "scoring", in->suite->scoring);
    cJSON_AddItemToObject(json, "metrics", fs_report_results_json(results));
    cJSON_AddItemToObject(json, "items", fs_report_items_json(in->suite, results));
    if (in->kind->predictions != NULL) {
        in->kind->predictions(in->suite, results, json);
    }
    return fs_report_print_json(json, stdout, err) == 0 ? fs_finish_output(err) : -1;
}

/* Root: a stamp fits any model of its shape, but means nothing on another one. */
static int warn_of_other_model(const char *path, const char *folder, struct fs_error *err)
{
    struct fs_archive *archive;
    char *settings = NULL, name[512];
    if (fs_archive_open(path, fs_stage_names[FS_STAGE_STAMP], &archive, err) != 0) {
        return -1;
    }
    int status = fs_archive_read_attribute_text(archive, "/provenance", "settings", &settings, err);
    if (status == 0) {
        status = fs_fingerprint_other_model(settings, folder, name, sizeof name, err);
    }
    if (status == 0 && name[0] != '\0') {
        fs_warn("%s: was trained for another model, %s is not the same; its scores may mean nothing", path, name);
    }
    free(settings);
    fs_archive_close(archive);
    return status;
}

static int score(struct fs_session *session, struct score_input *in, struct fs_results *results, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_evaluate_input input = {.suite = &in->suite, .suites = 1};
    if (fs_options_load_model(session, err) != 0) {
        return -1;
    }
    int status = fs_options_bootstrap(options, &input.bootstrap, err) == 0
                     ? read_suite(options, fs_model_spec(session->model)->kind, input.bootstrap, in, err)
                     : -1;
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    const char *stamp = fs_option_value(options, &option_stamp);
    if (stamp != NULL) {
        if (fs_load_edit(session, stamp, fs_stage_names[FS_STAGE_STAMP], fs_stage_method(FS_STAGE_STAMP)->edit,
                         &in->edit, err) != 0) {
            return -1;
        }
        status = fs_session_is_root(session)
                     ? warn_of_other_model(stamp, fs_option_value(options, &fs_option_model), err)
                     : 0;
        if (fs_session_agree(session, status, err) != 0) {
            return -1;
        }
        input.edits = (struct fs_edit_list){1, &in->edit};
        input.edit_name = &fs_stage_names[FS_STAGE_STAMP];
    }
    if (fs_evaluate_run(session->model, session->tokenizer, &input, session->runner, NULL, results, err) != 0) {
        return -1;
    }
    status = fs_session_is_root(session) ? print(options, in, results, err) : 0;
    return fs_session_agree(session, status, err);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    struct score_input in = {0};
    struct fs_results results = {0};
    int status = score(session, &in, &results, err);
    fs_results_release(&results);
    release(&in);
    return status;
}

static const struct fs_option *const command_options[] = {&fs_option_log_dir,
                                                          &fs_option_connected,
                                                          &fs_option_wait_seconds,
                                                          &fs_option_model,
                                                          &fs_option_compute_type,
                                                          &fs_option_compute_backend,
                                                          &fs_option_suite,
                                                          &fs_option_data,
                                                          &fs_option_category,
                                                          &fs_option_strict,
                                                          &option_scoring,
                                                          &option_stamp,
                                                          &fs_option_bootstrap,
                                                          &fs_option_seed,
                                                          &fs_option_format,
                                                          &fs_option_quiet,
                                                          NULL};

const struct fs_command fs_command_score = {
    .name = "score",
    .operands = "",
    .least = 0,
    .most = 0,
    .uses_ranks = true,
    .summary = "score a suite with a model, without a job",
    .description = "Prints the metrics of a suite; with --format json also the score of every item, StereoSet's in "
                   "the layout that `metrics --scores` reads.",
    .options = command_options,
    .run = run,
};

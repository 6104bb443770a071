/* score: one suite, one model, no job. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/values.h"
#include "jobs/data.h"
#include "jobs/fingerprint.h"
#include "pipeline/commands/commands.h"
#include "pipeline/run/run_stages.h"
#include "results/report.h"

static const struct fs_option option_scoring = {
    .name = "--scoring",
    .argument = "V",
    .help = "how P[k] is computed; by default target.prob and pll.unmodified for masked models, sentence.mean and "
            "sentence.sum for causal ones"};
static const struct fs_option option_stamp = {
    .name = "--stamp",
    .argument = "FILE",
    .help = "a published stamp.h5: the stamped model is scored beside the unedited one"};

/* Everything the command reads; released by release(). */
struct score_input {
    struct fs_pair_list pairs;
    struct fs_crows_list crows;
    struct fs_fact_list facts; /* empty */
    char **categories;
    struct fs_evaluate_input input;
    struct fs_stamp stamp;
    bool stamped;
};

static void release(struct score_input *in)
{
    fs_pair_list_release(&in->pairs);
    fs_crows_list_release(&in->crows);
    free(in->categories);
    fs_stamp_release(&in->stamp);
}

static bool is_crows(const struct fs_options *options)
{
    return strcmp(fs_option_value(options, &fs_option_suite), "crows_pairs") == 0;
}

static int read_suite(const struct fs_options *options, enum fs_model_kind kind, struct score_input *in,
                      struct fs_error *err)
{
    const char *scoring = fs_option_value(options, &option_scoring), *path = fs_option_value(options, &fs_option_data);
    bool masked = kind == FS_MASKED;
    enum fs_scoring parsed = FS_TARGET_PROB;
    if (scoring == NULL) {
        scoring = is_crows(options) ? (masked ? "pll.unmodified" : "sentence.sum")
                                    : (masked ? "target.prob" : "sentence.mean");
    }
    if (fs_scoring_parse(scoring, kind, &parsed, err) != 0) {
        err->code = FS_EXIT_USAGE;
        return fs_error_prepend(err, "--scoring");
    }
    if (fs_options_bootstrap(options, &in->input.bootstrap, err) != 0 ||
        fs_split_list("--category", fs_option_value(options, &fs_option_category), &in->categories, err) != 0) {
        return -1;
    }
    in->input.pairs_suite = "stereoset";
    in->input.pairs = &in->pairs;
    in->input.crows = &in->crows;
    in->input.facts = &in->facts;
    in->input.pair_scoring = in->input.crows_scoring = in->input.fact_scoring = parsed;
    const char *const *categories = (const char *const *)in->categories;
    return is_crows(options) ? fs_crows_read(path, categories, &in->crows, err)
                             : fs_stereoset_read(path, categories, &in->pairs, err);
}

static cJSON *number_or_null(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

/* StereoSet's own layout of predictions, with the stamped model's score beside. */
static cJSON *sentence_scores(const struct score_input *in, const struct fs_evaluate_result *result)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < in->pairs.count; i++) {
        const struct fs_pair *pair = &in->pairs.item[i];
        for (size_t candidate = FS_STEREOTYPE; candidate <= FS_UNRELATED; candidate++) {
            const double *score = &result->pair_score[(i * 4 + candidate) * 2];
            if (!isfinite(score[0])) {
                continue; /* skipped items have no score to be read elsewhere */
            }
            cJSON *entry = cJSON_CreateObject();
            cJSON_AddStringToObject(entry, "id", pair->statement[candidate].id);
            cJSON_AddItemToObject(entry, "score", number_or_null(score[0]));
            if (in->stamped) {
                cJSON_AddItemToObject(entry, "stamped", number_or_null(score[1]));
            }
            cJSON_AddItemToArray(list, entry);
        }
    }
    return list;
}

static cJSON *crows_scores(const struct score_input *in, const struct fs_evaluate_result *result)
{
    static const char *const names[2][2] = {{"more", "more_stamped"}, {"less", "less_stamped"}};
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < in->crows.count; i++) {
        const struct fs_crows_pair *pair = &in->crows.item[i];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "id", pair->id);
        cJSON_AddStringToObject(entry, "category", pair->category);
        cJSON_AddBoolToObject(entry, "antistereo", pair->antistereo);
        for (size_t side = 0; side < 2; side++) {
            for (size_t model = 0; model < (in->stamped ? 2u : 1u); model++) {
                double score = result->crows_score[(i * 2 + side) * 2 + model];
                cJSON_AddItemToObject(entry, names[side][model], number_or_null(score));
            }
        }
        cJSON_AddItemToArray(list, entry);
    }
    return list;
}

/* Root. */
static int print(const struct fs_options *options, const struct score_input *in,
                 const struct fs_evaluate_result *result, struct fs_error *err)
{
    if (!fs_options_json(options)) {
        return fs_report_results(result, in->stamped, stdout, err) == 0 ? fs_finish_output(err) : -1;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "suite", fs_option_value(options, &fs_option_suite));
    cJSON_AddStringToObject(json, "variant", fs_scoring_name(in->input.pair_scoring));
    cJSON_AddItemToObject(json, "metrics", fs_report_results_json(result, in->stamped));
    if (is_crows(options)) {
        cJSON_AddItemToObject(json, "items", crows_scores(in, result));
    } else {
        cJSON_AddItemToObject(json, "intrasentence", sentence_scores(in, result));
    }
    return fs_report_print_json(json, stdout, err) == 0 ? fs_finish_output(err) : -1;
}

/* Root: a stamp fits any model of its shape, but means nothing on another one. */
static int warn_of_foreign_stamp(const char *path, const char *folder, struct fs_error *err)
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

static int score(struct fs_session *session, struct score_input *in, struct fs_evaluate_result *result,
                 struct fs_error *err)
{
    const struct fs_options *options = session->options;
    if (fs_session_load_model(session, fs_option_value(options, &fs_option_model), err) != 0) {
        return -1;
    }
    int status = read_suite(options, fs_model_spec(session->model)->kind, in, err);
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    const char *stamp = fs_option_value(options, &option_stamp);
    if (stamp != NULL && fs_load_stamp(session, stamp, &in->stamp, err) != 0) {
        return -1;
    }
    in->stamped = stamp != NULL;
    status = stamp != NULL && fs_session_is_root(session)
                 ? warn_of_foreign_stamp(stamp, fs_option_value(options, &fs_option_model), err)
                 : 0;
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    if (fs_evaluate_run(session->model, session->tokenizer, &in->input, stamp != NULL ? &in->stamp : NULL,
                        session->runner, NULL, result, err) != 0) {
        return -1;
    }
    status = fs_session_is_root(session) ? print(options, in, result, err) : 0;
    return fs_session_agree(session, status, err);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    struct score_input in = {0};
    struct fs_evaluate_result result = {0};
    int status = score(session, &in, &result, err);
    fs_evaluate_result_release(&result);
    release(&in);
    return status;
}

static const struct fs_option *const command_options[] = {
    &fs_option_log_dir, &fs_option_model,     &fs_option_suite, &fs_option_data,   &fs_option_category, &option_scoring,
    &option_stamp,      &fs_option_bootstrap, &fs_option_seed,  &fs_option_format, &fs_option_quiet,    NULL};

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

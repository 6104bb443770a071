/* metrics: of scores that were computed elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/output.h"
#include "io/values.h"
#include "pipeline/commands/commands.h"
#include "results/report.h"
#include "stages/evaluate/evaluate.h"

static const struct fs_option option_scores = {
    .name = "--scores", .argument = "FILE", .required = true, .help = "the scores computed elsewhere"};

static int print_metrics(const struct fs_options *options, const struct fs_evaluate_result *result, size_t unscored,
                         struct fs_error *err)
{
    if (fs_options_json(options)) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddItemToObject(json, "metrics", fs_report_results_json(result, false));
        cJSON_AddNumberToObject(json, "unscored", (double)unscored);
        return fs_report_print_json(json, stdout, err);
    }
    int status = fs_report_results(result, false, stdout, err);
    if (unscored > 0) {
        printf("%zu items without a score for each of their three sentences are left out.\n", unscored);
    }
    return status;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_pair_list pairs = {0};
    struct fs_scores *scores = NULL;
    struct fs_bootstrap bootstrap;
    struct fs_evaluate_result result = {0};
    char **categories = NULL;
    size_t unscored = 0;
    if (strcmp(fs_option_value(options, &fs_option_suite), "stereoset") != 0) {
        return fs_error_set(err, FS_EXIT_USAGE,
                            "--suite: found \"%s\", expected stereoset, the one suite with published "
                            "scores a sentence",
                            fs_option_value(options, &fs_option_suite));
    }
    int status = fs_options_bootstrap(options, &bootstrap, err);
    if (status == 0) {
        status = fs_split_list("--category", fs_option_value(options, &fs_option_category), &categories, err);
    }
    if (status == 0) {
        status =
            fs_stereoset_read(fs_option_value(options, &fs_option_data), (const char *const *)categories, &pairs, err);
    }
    if (status == 0) {
        status = fs_scores_read(fs_option_value(options, &option_scores), &scores, err);
    }
    if (status == 0) {
        status = fs_evaluate_scores(&pairs, scores, &bootstrap, &result, &unscored, err);
    }
    if (status == 0 && unscored == pairs.count) {
        status =
            fs_error_set(err, FS_EXIT_DATA,
                         "%s: intrasentence: found no item of %s with a score for each of its three sentences; are "
                         "the two files of the same data?",
                         fs_option_value(options, &option_scores), fs_option_value(options, &fs_option_data));
    }
    if (status == 0) {
        status = print_metrics(options, &result, unscored, err);
    }
    fs_evaluate_result_release(&result);
    fs_scores_destroy(scores);
    fs_pair_list_release(&pairs);
    free(categories);
    return status == 0 ? fs_finish_output(err) : -1;
}

static const struct fs_option *const command_options[] = {
    &fs_option_suite,     &fs_option_data, &fs_option_category, &option_scores,
    &fs_option_bootstrap, &fs_option_seed, &fs_option_format,   NULL};

const struct fs_command fs_command_metrics = {
    .name = "metrics",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "metrics of per-sentence scores computed elsewhere",
    .description = "Prints StereoSet's metrics of a file {\"intrasentence\": [{\"id\", \"score\"}]}.",
    .options = command_options,
    .run = run,
};

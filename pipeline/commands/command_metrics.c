/* metrics: of scores that were computed elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/output.h"
#include "io/values.h"
#include "pipeline/commands/commands.h"
#include "results/report.h"
#include "stages/evaluate/evaluate.h"
#include "stages/suites/suite_registry.h"

static const struct fs_option option_scores = {
    .name = "--scores", .argument = "FILE", .required = true, .help = "the scores computed elsewhere"};

static int print_metrics(const struct fs_options *options, const struct fs_results *results, size_t unscored,
                         struct fs_error *err)
{
    if (fs_options_json(options)) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddItemToObject(json, "metrics", fs_report_results_json(results));
        cJSON_AddNumberToObject(json, "unscored", (double)unscored);
        return fs_report_print_json(json, stdout, err);
    }
    int status = fs_report_results(results, stdout, err);
    if (unscored > 0) {
        printf("%zu items without a score for each of their three sentences are left out.\n", unscored);
    }
    return status;
}

/* Names the suites that have published scores of their sentences. */
static int refuse_suite(const char *name, struct fs_error *err)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < fs_suite_kind_count && used < sizeof list; i++) {
        if (fs_suite_kinds[i]->given_scores) {
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                                     fs_suite_kinds[i]->name);
        }
    }
    return fs_error_set(err, FS_EXIT_USAGE,
                        "--suite: found \"%s\", expected a suite with published scores a sentence: %s", name, list);
}

static size_t usable_pairs(const struct fs_pair_list *pairs)
{
    size_t usable = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        usable += pairs->item[i].skip == FS_KEPT;
    }
    return usable;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_pair_list pairs = {0};
    struct fs_scores *scores = NULL;
    struct fs_bootstrap bootstrap;
    struct fs_results results = {0};
    char **categories = NULL;
    size_t unscored = 0;
    const char *name = fs_option_value(options, &fs_option_suite);
    const struct fs_suite_kind *suite = fs_suite_kind_find(name);
    if (suite == NULL || !suite->given_scores) {
        return refuse_suite(name, err);
    }
    int status = fs_options_bootstrap(options, &bootstrap, err);
    if (status == 0) {
        status = fs_split_list("--category", fs_option_value(options, &fs_option_category), &categories, err);
    }
    if (status == 0) {
        status = fs_suite_read_pairs(suite, fs_option_value(options, &fs_option_data), (const char *const *)categories,
                                     fs_option_given(options, &fs_option_strict), &pairs, err);
    }
    if (status == 0) {
        status = fs_scores_read(fs_option_value(options, &option_scores), &scores, err);
    }
    if (status == 0) {
        status = fs_evaluate_scores(suite->name, &pairs, scores, &bootstrap, &results, &unscored, err);
    }
    if (status == 0 && unscored == usable_pairs(&pairs)) {
        status =
            fs_error_set(err, FS_EXIT_DATA,
                         "%s: intrasentence: found no item of %s with a score for each of its three sentences; are "
                         "the two files of the same data?",
                         fs_option_value(options, &option_scores), fs_option_value(options, &fs_option_data));
    }
    if (status == 0) {
        status = print_metrics(options, &results, unscored, err);
    }
    fs_results_release(&results);
    fs_scores_destroy(scores);
    fs_pair_list_release(&pairs);
    free(categories);
    return status == 0 ? fs_finish_output(err) : -1;
}

static const struct fs_option *const command_options[] = {&fs_option_suite,  &fs_option_data,   &fs_option_category,
                                                          &fs_option_strict, &option_scores,    &fs_option_bootstrap,
                                                          &fs_option_seed,   &fs_option_format, NULL};

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

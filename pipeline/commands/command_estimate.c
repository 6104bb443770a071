/* estimate: what a job will take, from a probe of a few seconds. */
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/publish.h"
#include "io/values.h"
#include "pipeline/commands/commands.h"
#include "pipeline/estimate/estimate.h"
#include "pipeline/estimate/estimate_file.h"
#include "results/report.h"

static const struct fs_option option_save = {
    .name = "--save", .help = "write estimate.json to the job's output folder; run and report then compare"};
static const struct fs_option option_seconds = {
    .name = "--seconds", .argument = "N", .initial = "2", .help = "time to measure each kind of work unit"};
static const struct fs_option option_node_ranks = {
    .name = "--node-ranks",
    .argument = "N",
    .help = "ranks that share a node, for its memory; by default those that do now"};
static const struct fs_option option_network = {
    .name = "--network",
    .argument = "US,GB",
    .help = "microseconds of a short message and gigabytes a second of a long one; by default measured "
            "between ranks, on one rank 2,10"};

/* "US,GB": latency in microseconds, gigabytes a second. */
static int parse_network(const char *text, struct fs_machine *machine, struct fs_error *err)
{
    char *end = NULL;
    double latency = strtod(text, &end), bandwidth = *end == ',' ? strtod(end + 1, &end) : 0;
    if (*end != '\0' || !(latency > 0 && latency < 1e9) || !(bandwidth > 0 && bandwidth < 1e9)) {
        return fs_error_set(err, FS_EXIT_USAGE,
                            "--network: found \"%s\", expected microseconds of a message and gigabytes a second, such "
                            "as 2,10",
                            text);
    }
    *machine = (struct fs_machine){latency * 1e-6, bandwidth * 1e9, 0};
    return 0;
}

static int read_options(const struct fs_options *given, struct fs_estimate_options *request, struct fs_machine *network,
                        struct fs_error *err)
{
    double ranks = 0;
    const char *node_ranks = fs_option_value(given, &option_node_ranks);
    const char *text = fs_option_value(given, &option_network);
    *request = (struct fs_estimate_options){0};
    if (fs_parse_integer("--seconds", fs_option_value(given, &option_seconds), 1, 3600, &request->seconds, err) != 0) {
        return -1;
    }
    if (node_ranks != NULL) {
        if (fs_parse_integer("--node-ranks", node_ranks, 1, 65536, &ranks, err) != 0) {
            return -1;
        }
        request->node_ranks = (size_t)ranks;
    }
    if (text != NULL) {
        request->network = network;
        return parse_network(text, network, err);
    }
    return 0;
}

/* The jobs of the operands. */
struct jobs {
    size_t count;
    struct fs_job **job; /* [count] */
    cJSON *json;         /* their estimates, where several are printed so */
    double told;         /* when it was last said how far it is */
};

/* Rates hold for one model, and each estimate has its own folder. */
static int check_jobs(const struct jobs *jobs, const struct fs_options *options, struct fs_error *err)
{
    const struct fs_job_settings *first = fs_job_settings(jobs->job[0]);
    bool save = fs_option_given(options, &option_save);
    for (size_t i = 1; i < jobs->count; i++) {
        const struct fs_job_settings *settings = fs_job_settings(jobs->job[i]);
        if (strcmp(settings->model, first->model) != 0) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "estimate: the model of %s is %s, that of %s is %s; give jobs of one model",
                                options->operand[0], first->model, options->operand[i], settings->model);
        }
        for (size_t j = 0; save && j < i; j++) {
            if (strcmp(settings->output, fs_job_settings(jobs->job[j])->output) == 0) {
                return fs_error_set(err, FS_EXIT_CONFIG,
                                    "estimate: %s and %s have one output folder, %s; --save needs one each",
                                    options->operand[j], options->operand[i], settings->output);
            }
        }
    }
    return 0;
}

static int load_jobs(const struct fs_options *options, const struct fs_estimate_options *request, struct jobs *jobs,
                     struct fs_error *err)
{
    jobs->job = fs_allocate(options->operands, sizeof *jobs->job, "jobs", err);
    int status = jobs->job != NULL ? 0 : -1;
    for (; status == 0 && jobs->count < options->operands; jobs->count += status == 0) {
        status = fs_job_load(options->operand[jobs->count], request->set, request->sets, &jobs->job[jobs->count], err);
    }
    return status == 0 ? check_jobs(jobs, options, err) : -1;
}

/* Root. */
static int show(const struct fs_session *session, struct jobs *jobs, size_t i, const struct fs_estimate *estimate,
                struct fs_error *err)
{
    const struct fs_options *options = session->options;
    if (fs_option_given(options, &option_save) &&
        fs_estimate_save(fs_job_settings(jobs->job[i])->output, estimate, err) != 0) {
        return -1;
    }
    if (fs_options_json(options) && jobs->count > 1) {
        cJSON_AddItemToArray(jobs->json, fs_estimate_json(estimate));
        return 0;
    }
    if (jobs->count > 1) {
        printf("%s%s\n", i > 0 ? "\n" : "", options->operand[i]);
    }
    return fs_options_json(options) ? fs_report_print_json(fs_estimate_json(estimate), stdout, err)
                                    : fs_estimate_print(estimate, stdout, err);
}

static int finish(const struct fs_session *session, struct jobs *jobs, struct fs_error *err)
{
    int status = 0;
    if (fs_options_json(session->options) && jobs->count > 1) {
        status = fs_report_print_json(jobs->json, stdout, err);
        jobs->json = NULL;
    }
    return status == 0 ? fs_finish_output(err) : -1;
}

static void tell_progress(struct jobs *jobs, size_t done, double begin)
{
    double now = fs_seconds();
    jobs->told = jobs->told > 0 ? jobs->told : begin;
    if (done < jobs->count && now - jobs->told > fs_progress_interval(now - begin)) {
        fs_say("estimate: %zu of %zu jobs, about %.0f s left", done, jobs->count,
               (now - begin) / (double)done * (double)(jobs->count - done));
        jobs->told = now;
    }
}

static int estimate_jobs(struct fs_session *session, struct fs_estimate_options *request, struct jobs *jobs,
                         struct fs_error *err)
{
    struct fs_estimate_rates rates = {0};
    double begin = fs_seconds();
    int status = 0;
    request->rates = &rates;
    jobs->json = cJSON_CreateArray();
    for (size_t i = 0; status == 0 && i < jobs->count; i++) {
        struct fs_estimate estimate;
        request->path = session->options->operand[i];
        status = fs_estimate_job(session, jobs->job[i], request, &estimate, err);
        if (status == 0) {
            status = fs_session_is_root(session) ? show(session, jobs, i, &estimate, err) : 0;
            status = fs_session_agree(session, status, err);
        }
        if (status != 0 && jobs->count > 1) {
            fs_error_prepend(err, "%s", request->path);
        }
        if (status == 0) {
            tell_progress(jobs, i + 1, begin);
        }
    }
    if (status == 0) {
        status = fs_session_agree(session, fs_session_is_root(session) ? finish(session, jobs, err) : 0, err);
    }
    cJSON_Delete(jobs->json);
    fs_estimate_rates_release(&rates);
    return status;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    struct fs_estimate_options request;
    struct fs_machine network;
    struct jobs jobs = {0};
    int status = read_options(session->options, &request, &network, err);
    const char **set = fs_options_settings(session->options, &request.sets, status == 0 ? err : NULL);
    request.set = set;
    status = set != NULL ? status : -1;
    status = status == 0 ? load_jobs(session->options, &request, &jobs, err) : -1;
    status = fs_session_agree(session, status, err);
    if (status == 0) {
        status = estimate_jobs(session, &request, &jobs, err);
    }
    for (size_t i = 0; i < jobs.count; i++) {
        fs_job_destroy(jobs.job[i]);
    }
    free(jobs.job);
    free(set);
    return status;
}

static const struct fs_option *const command_options[] = {&fs_option_set,
                                                          &fs_option_strict,
                                                          &option_save,
                                                          &option_seconds,
                                                          &option_node_ranks,
                                                          &option_network,
                                                          &fs_option_connected,
                                                          &fs_option_wait_seconds,
                                                          &fs_option_format,
                                                          &fs_option_quiet,
                                                          NULL};

const struct fs_command fs_command_estimate = {
    .name = "estimate",
    .operands = "JOB.json...",
    .least = 1,
    .most = FS_ANY_NUMBER,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "what a job will take: passes, FLOPs, memory, time on 1 to 1024 ranks",
    .description =
        "Compiles a job's stages as they are, computes some of their work units on the ranks and threads that it is "
        "started with, and predicts the time on 1 to 1024 ranks of as many threads, the memory of a node and the "
        "output. Writes nothing but, with --save, estimate.json. Of several jobs of one model, units are computed for "
        "the first "
        "of each shape of work (data, methods, size of the stamp), and counted for the others. A model folder without "
        "weights is enough: their "
        "shape is in config.json.",
    .options = command_options,
    .run = run,
};

/* estimate: what a job will take, from a probe of a few seconds. */
#include <stdlib.h>
#include <string.h>

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
    *request = (struct fs_estimate_options){.path = given->operand[0]};
    request->set = fs_option_values(given, &fs_option_set, &request->sets);
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

/* Root. */
static int show(const struct fs_session *session, const struct fs_job *job, const struct fs_estimate *estimate,
                struct fs_error *err)
{
    if (fs_option_given(session->options, &option_save) &&
        fs_estimate_save(fs_job_settings(job)->output, estimate, err) != 0) {
        return -1;
    }
    int status = fs_options_json(session->options) ? fs_report_print_json(fs_estimate_json(estimate), stdout, err)
                                                   : fs_estimate_print(estimate, stdout, err);
    return status == 0 ? fs_finish_output(err) : -1;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    struct fs_job *job = NULL;
    struct fs_estimate_options request;
    struct fs_machine network;
    struct fs_estimate estimate;
    int status = read_options(session->options, &request, &network, err);
    status = status == 0 ? fs_job_load(request.path, request.set, request.sets, &job, err) : -1;
    status = fs_session_agree(session, status, err);
    if (status == 0) {
        status = fs_estimate_job(session, job, &request, &estimate, err);
    }
    if (status == 0) {
        status = fs_session_is_root(session) ? show(session, job, &estimate, err) : 0;
        status = fs_session_agree(session, status, err);
    }
    fs_job_destroy(job);
    return status;
}

static const struct fs_option *const command_options[] = {&fs_option_set,          &option_save,
                                                          &option_seconds,         &option_node_ranks,
                                                          &option_network,         &fs_option_connected,
                                                          &fs_option_wait_seconds, &fs_option_format,
                                                          &fs_option_quiet,        NULL};

const struct fs_command fs_command_estimate = {
    .name = "estimate",
    .operands = "JOB.json",
    .least = 1,
    .most = 1,
    .uses_ranks = true,
    .lists_job_keys = true,
    .summary = "what a job will take: passes, FLOPs, memory, time on 1 to 1024 ranks",
    .description =
        "Compiles a job's stages as they are, computes some of their work units on the ranks and threads that it is "
        "started with, and predicts the time on 1 to 1024 ranks of as many threads, the memory of a node and the "
        "output. Writes nothing but, with --save, estimate.json. A model folder without weights is enough: their "
        "shape is in config.json.",
    .options = command_options,
    .run = run,
};

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

static int read_options(const struct fs_options *given, struct fs_estimate_options *options, struct fs_machine *network,
                        struct fs_error *err)
{
    double ranks = 0;
    *options = (struct fs_estimate_options){.set = given->set, .sets = given->sets, .path = given->operand[0]};
    if (fs_parse_integer("--seconds", given->value[FS_OPTION_SECONDS], 1, 3600, &options->seconds, err) != 0) {
        return -1;
    }
    if (given->value[FS_OPTION_NODE_RANKS] != NULL) {
        if (fs_parse_integer("--node-ranks", given->value[FS_OPTION_NODE_RANKS], 1, 65536, &ranks, err) != 0) {
            return -1;
        }
        options->node_ranks = (size_t)ranks;
    }
    if (given->value[FS_OPTION_NETWORK] != NULL) {
        options->network = network;
        return parse_network(given->value[FS_OPTION_NETWORK], network, err);
    }
    return 0;
}

/* Root. */
static int show(const struct fs_session *session, const struct fs_job *job, const struct fs_estimate *estimate,
                struct fs_error *err)
{
    if (session->options->value[FS_OPTION_SAVE] != NULL &&
        fs_estimate_save(fs_job_text(job, FS_KEY_OUTPUT), estimate, err) != 0) {
        return -1;
    }
    int status = fs_options_json(session->options) ? fs_report_print_json(fs_estimate_json(estimate), stdout, err)
                                                   : fs_estimate_print(estimate, stdout, err);
    return status == 0 ? fs_finish_output(err) : -1;
}

int fs_command_estimate(struct fs_session *session, struct fs_error *err)
{
    struct fs_job *job = NULL;
    struct fs_estimate_options options;
    struct fs_machine network;
    struct fs_estimate estimate;
    int status = read_options(session->options, &options, &network, err);
    status = status == 0 ? fs_job_load(options.path, options.set, options.sets, &job, err) : -1;
    status = fs_session_agree(session, status, err);
    if (status == 0) {
        status = fs_estimate_job(session, job, &options, &estimate, err);
    }
    if (status == 0) {
        status = fs_session_is_root(session) ? show(session, job, &estimate, err) : 0;
        status = fs_session_agree(session, status, err);
    }
    fs_job_destroy(job);
    return status;
}

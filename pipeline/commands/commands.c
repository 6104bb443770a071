#include "pipeline/commands/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/console/log.h"
#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/digest.h"
#include "io/values.h"
#include "pipeline/commands/help.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/signals.h"
#include "pipeline/ranks/stop.h"
#include "pipeline/run/provenance.h"

/* Whether a launcher started this process as one rank of several: then only the root speaks, whatever the command. */
static bool launched_as_rank(void)
{
    static const char *const marks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (getenv(marks[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static char *join(int argc, char **argv)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) {
        return NULL;
    }
    for (int i = 0; i < argc; i++) {
        fprintf(stream, "%s%s", i == 0 ? "" : " ", argv[i]);
    }
    return fclose(stream) == 0 ? text : NULL;
}

/* Commands that one process does. */
static int run_local(const struct fs_options *options, struct fs_error *err)
{
    if (options->page != FS_NO_PAGE) {
        return fs_help_page(options, stdout, err) == 0 ? fs_finish_output(err) : -1;
    }
    switch (options->command) {
    case FS_COMMAND_METRICS:
        return fs_command_metrics(options, err);
    case FS_COMMAND_TOKENIZE:
        return fs_command_tokenize(options, err);
    case FS_COMMAND_INSPECT:
        return fs_command_inspect(options, err);
    case FS_COMMAND_VERIFY:
        return fs_command_verify(options, err);
    case FS_COMMAND_SWEEP:
        return fs_command_sweep(options, err);
    case FS_COMMAND_MERGE:
        return fs_command_merge(options, err);
    case FS_COMMAND_QUERY:
        return fs_command_query(options, err);
    case FS_COMMAND_REPORT:
        return fs_command_report(options, err);
    case FS_COMMAND_BENCHMARK:
        return fs_command_benchmark(options, err);
    default:
        return fs_command_export(options, err);
    }
}

/* Logs and requests to stop, as the options wish. Collective. */
static int prepare_session(struct fs_session *session, struct fs_error *err)
{
    const char *const *value = session->options->value;
    const struct fs_runner *runner = session->runner;
    int status = 0;
    if (value[FS_OPTION_LOG_DIR] != NULL) {
        status = fs_log_open(value[FS_OPTION_LOG_DIR], runner->rank, err);
    }
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    char libraries[FS_LIBRARIES_SIZE], node[64] = "";
    fs_libraries_text(libraries);
    gethostname(node, sizeof node - 1);
    fs_log("rank %zu of %zu on node %s, process %ld, %zu threads; %s", runner->rank, runner->ranks, node,
           (long)getpid(), runner->threads, libraries);
    fs_log("%s", session->command_line);
    double limit = -1;
    if (value[FS_OPTION_MAX_SECONDS] != NULL &&
        fs_parse_number("--max-seconds", value[FS_OPTION_MAX_SECONDS], 0, 1e9, &limit, err) != 0) {
        return -1;
    }
    if (fs_session_is_root(session)) {
        fs_stop_watch(value[FS_OPTION_STOP_FILE], limit);
    }
    fs_digest_stop_when(fs_stop_asked);
    return 0;
}

/* The root, below its error: where it arose, and with which libraries. */
static void tell_place(const struct fs_error *err)
{
    struct fs_error place = *err;
    char libraries[FS_LIBRARIES_SIZE];
    fs_mpi_place_error(&place, MPI_COMM_WORLD);
    fs_libraries_text(libraries);
    fs_warn("(%s; %s)", place.where, libraries);
}

static int run_on_ranks(const struct fs_options *options, const char *command_line, struct fs_error *err)
{
    struct fs_session session = {.options = options, .command_line = command_line};
    int status = fs_session_begin(&session, err);
    if (status == 0) {
        status = prepare_session(&session, err);
    }
    if (status == 0) {
        switch (options->command) {
        case FS_COMMAND_ESTIMATE:
            status = fs_command_estimate(&session, err);
            break;
        case FS_COMMAND_SCORE:
            status = fs_command_score(&session, err);
            break;
        case FS_COMMAND_LOGPROBS:
            status = fs_command_logprobs(&session, err);
            break;
        case FS_COMMAND_DOCTOR:
            status = fs_command_doctor(&session, err);
            break;
        default:
            status = fs_command_job(&session, err);
            break;
        }
    }
    fs_session_end(&session);
    return status;
}

int fs_command_main(int argc, char **argv)
{
    struct fs_options options;
    struct fs_error err = FS_ERROR_INIT;
    int rank = 0;
    int status = fs_options_parse(argc, argv, &options, &err);
    bool on_ranks = status == 0 && options.page == FS_NO_PAGE && fs_commands[options.command].uses_ranks;
    bool with_mpi = on_ranks || launched_as_rank();
    if (with_mpi) {
        int provided;
        MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided); /* the main thread alone speaks MPI */
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    }
    fs_progress_setup(rank == 0, options.value[FS_OPTION_QUIET] != NULL);
    if (on_ranks) {
        fs_signals_install();
        char *command_line = join(argc, argv);
        status = command_line != NULL ? run_on_ranks(&options, command_line, &err)
                                      : fs_error_memory(&err, 1, "the command line");
        free(command_line);
    } else if (status == 0 && rank == 0) {
        status = run_local(&options, &err);
    }
    if (status != 0) {
        fflush(stdout);
        if (rank == 0) {
            fs_warn("%s", err.text);
            if (on_ranks && err.code != FS_EXIT_INTERRUPTED && err.code != FS_EXIT_USAGE &&
                err.code != FS_EXIT_CHECK_FAILED) {
                tell_place(&err);
            }
        } else {
            fs_log("ends: %s", err.text);
        }
    }
    fs_log_memory("at the end");
    fs_log_close();
    if (with_mpi) {
        MPI_Finalize();
    }
    fs_options_release(&options);
    return status == 0 ? FS_EXIT_OK : err.code;
}

#include "pipeline/commands/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/console/log.h"
#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/digest.h"
#include "io/values.h"
#include "pipeline/commands/help.h"
#include "pipeline/commands/options_common.h"
#include "pipeline/commands/pages.h"
#include "pipeline/commands/parse.h"
#include "pipeline/ranks/blas_kernels.h"
#include "pipeline/ranks/launch.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/signals.h"
#include "pipeline/ranks/stop.h"
#include "pipeline/ranks/watch.h"
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

static bool uses_ranks(const struct fs_options *options)
{
    const struct fs_command *command = options->command;
    return command->uses_ranks || (command->on_ranks != NULL && fs_option_given(options, command->on_ranks));
}

static fs_command_function *function_of(const struct fs_options *options)
{
    return options->action != NULL ? options->action->run : options->command->run;
}

/* What one process computes: a page, help, or a command without ranks. */
static int run_local(const struct fs_options *options, struct fs_error *err)
{
    struct fs_session session = {.options = options};
    if (options->page != NULL) {
        return options->page->print(fs_pages, stdout, err) == 0 ? fs_finish_output(err) : -1;
    }
    if (options->help) {
        fs_help_command(options->command, stdout);
        return fs_finish_output(err);
    }
    return function_of(options)(&session, err);
}

/*
 * Root: the sign of --connected. What is in a file that is there already stays. A sign that cannot be made is an error now,
 * because whoever waits for it would end a job that works.
 */
static int tell_connected(const char *path, struct fs_error *err)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    int status = file >= 0 ? futimens(file, NULL) : -1;
    if (status != 0) {
        fs_error_set(err, FS_EXIT_CANNOT_CREATE,
                     "--connected %s: cannot be created: %s; its folder must exist and be writable", path,
                     strerror(errno));
    }
    if (file >= 0) {
        close(file);
    }
    return status;
}

/* Logs and requests to stop, as the options say. Collective. */
static int prepare_session(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *log_folder = fs_option_value(options, &fs_option_log_dir);
    const char *seconds = fs_option_value(options, &fs_option_max_seconds);
    const struct fs_runner *runner = session->runner;
    const char *connected = fs_option_value(options, &fs_option_connected);
    int status = 0;
    if (connected != NULL && fs_session_is_root(session)) {
        status = tell_connected(connected, err);
    }
    if (log_folder != NULL && status == 0) {
        status = fs_log_open(log_folder, runner->rank, err);
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
    if (seconds != NULL && fs_parse_number("--max-seconds", seconds, 0, 1e9, &limit, err) != 0) {
        return -1;
    }
    if (fs_session_is_root(session)) {
        fs_stop_watch(fs_option_value(options, &fs_option_stop_file), limit);
    }
    fs_digest_stop_when(fs_stop_asked);
    return 0;
}

/* The root, after its error: where it arose, and with which libraries. */
static void tell_place(const struct fs_error *err)
{
    struct fs_error place = *err;
    char libraries[FS_LIBRARIES_SIZE];
    fs_mpi_place_error(&place, MPI_COMM_WORLD);
    fs_libraries_text(libraries);
    fs_warn("(%s; %s)", place.where, libraries);
}

/* Collective. `command_line` NULL: this rank has no memory for it. */
static int run_on_ranks(const struct fs_options *options, const char *command_line, struct fs_error *err)
{
    struct fs_session session = {.options = options, .command_line = command_line};
    int status = fs_session_begin(&session, MPI_COMM_WORLD, 0, err);
    if (status == 0) {
        if (fs_session_is_root(&session)) {
            fs_launch_warn(session.runner->ranks);
        }
        fs_session_tell(&session);
        status = command_line != NULL ? 0 : fs_error_memory(err, 1, "the command line");
        status = fs_session_agree(&session, status, err);
    }
    if (status == 0) {
        status = prepare_session(&session, err);
    }
    if (status == 0) {
        status = function_of(options)(&session, err);
    }
    fs_session_end(&session);
    return status;
}

/* --wait-seconds, or its default for what takes no such option. */
static int read_wait_seconds(const struct fs_options *options, double *seconds, struct fs_error *err)
{
    const char *text = options->command != NULL ? fs_option_value(options, &fs_option_wait_seconds) : NULL;
    text = text != NULL ? text : FS_WATCH_SECONDS;
    return fs_parse_number(fs_option_wait_seconds.name, text, 0, 1e9, seconds, err);
}

/* Before MPI_Init, which may fail or wait for ever then: one line a node, where the launcher tells who speaks. */
static void warn_of_full_folder(void)
{
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    char folder[512], node[64] = "";
    local = local != NULL ? local : getenv("SLURM_LOCALID");
    uint64_t left = local == NULL || strcmp(local, "0") == 0 ? fs_mpi_folder(folder, sizeof folder) : UINT64_MAX;
    if (left < FS_MPI_FOLDER_LEAST) {
        gethostname(node, sizeof node - 1);
        fprintf(
            stderr,
            "fairstamp: %s on node %s has %.1f MiB left: MPI keeps files there, and may fail or wait for ever; make "
            "room, or set TMPDIR\n",
            folder, node, (double)left / 1048576.0);
    }
}

/* Returns this process's rank. Collective. */
static int begin_mpi(int *argc, char ***argv, double wait_seconds)
{
    int provided, rank, ranks;
    warn_of_full_folder();
    fs_watch_start(wait_seconds);
    fs_watch_limit("MPI_Init");
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided); /* the main thread alone speaks MPI */
    fs_watch_end();
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    fs_watch_place(rank, ranks);
    return rank;
}

int fs_program(int argc, char **argv)
{
    struct fs_options options;
    struct fs_error err = FS_ERROR_INIT;
    int rank = 0;
    if (fs_kernels_choose(argv, &err) != 0) {
        fs_warn("%s", err.text);
        return err.code;
    }
    int status = fs_options_parse(argc, argv, &options, &err);
    double wait_seconds = 0;
    if (status == 0) {
        status = read_wait_seconds(&options, &wait_seconds, &err);
    }
    bool on_ranks = status == 0 && options.page == NULL && !options.help && uses_ranks(&options);
    bool with_mpi = on_ranks || launched_as_rank();
    if (with_mpi) {
        rank = begin_mpi(&argc, &argv, wait_seconds);
    }
    fs_progress_setup(rank == 0, fs_option_given(&options, &fs_option_quiet));
    if (on_ranks) {
        fs_signals_install();
        char *command_line = join(argc, argv);
        status = run_on_ranks(&options, command_line, &err);
        free(command_line);
    } else if (status == 0 && rank == 0) {
        status = run_local(&options, &err);
    }
    if (status != 0) {
        fflush(stdout);
        if (rank == 0) {
            fs_warn("%s", err.text);
            if (on_ranks && err.code != FS_EXIT_INTERRUPTED && err.code != FS_EXIT_USAGE &&
                err.code != FS_EXIT_CHECK_FAILED && err.code != FS_EXIT_DIFFERENT) {
                tell_place(&err);
            }
        } else {
            fs_log("ends: %s", err.text);
        }
    }
    fs_log_memory("at the end");
    fs_log_close();
    if (with_mpi) {
        fs_mpi_finalize(on_ranks);
        fs_watch_stop();
    }
    fs_options_release(&options);
    return status == 0 ? FS_EXIT_OK : err.code;
}

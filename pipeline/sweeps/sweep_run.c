/* Runs the cells of a sweep on this machine, as processes of their own. */
#include "pipeline/sweeps/sweep_run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/child.h"
#include "io/console/progress.h"
#include "io/scratch.h"
#include "pipeline/sweeps/cell_log.h"
#include "results/sweep_status.h"

#define MOST_AT_ONCE 1024

static volatile sig_atomic_t asked; /* the signal that came */

static void note_signal(int signal_number)
{
    asked = signal_number;
}

/* One cell under way. */
struct running {
    pid_t process;
    size_t cell, place; /* `place`: which share of the cores */
    char *scratch;      /* Open MPI's files of this cell; NULL: the usual place */
};

struct crew {
    const struct fs_sweep *sweep;
    struct running running[MOST_AT_ONCE];
    size_t count, at_once;
    bool taken[MOST_AT_ONCE]; /* shares of the cores */
    bool *begun;              /* [cells], or not to be done */
    bool *runs;               /* [cells] under way here */
    size_t elsewhere;         /* cells that another sweep run is at */
    struct fs_argv launch;    /* the launcher, or no words */
    char program[4096];
};

/*
 * A place of its own for the files of a cell's launcher: Open MPI 4 lets one mpirun that ends remove the common folder
 * that another one which starts has just made. NULL where it cannot be made; the usual place then serves. The caller
 * frees.
 */
static char *make_scratch(void)
{
    struct fs_error ignored = FS_ERROR_INIT;
    char *path;
    (void)fs_scratch_make(getenv("OMPI_MCA_orte_tmpdir_base"), &path, &ignored);
    return path;
}

static void remove_scratch(char *scratch)
{
    fs_folder_remove(scratch);
    free(scratch);
}

/* In the child: its share of the cores, so that cells at once are not all bound to the first ones. */
static void take_share(size_t place, size_t places)
{
    cpu_set_t all, own;
    if (sched_getaffinity(0, sizeof all, &all) != 0) {
        return;
    }
    size_t cores = (size_t)CPU_COUNT(&all), nth = 0;
    size_t first = cores >= places ? place * cores / places : place % cores;
    size_t end = cores >= places ? (place + 1) * cores / places : first + 1;
    CPU_ZERO(&own);
    for (size_t core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &all)) {
            if (nth >= first && nth < end) {
                CPU_SET(core, &own);
            }
            nth++;
        }
    }
    (void)sched_setaffinity(0, sizeof own, &own);
    setenv("OMPI_MCA_hwloc_base_binding_policy", "none", 0);
}

/* In the child: never returns. */
static void become(const struct crew *crew, const struct running *running, int log)
{
    static const int handed_on[] = {SIGINT, SIGTERM, SIGUSR1};
    const char *argv[FS_ARGV_MOST + 4];
    size_t count = 0;
    for (; count < crew->launch.count; count++) {
        argv[count] = crew->launch.word[count];
    }
    argv[count++] = crew->program;
    argv[count++] = "run";
    argv[count++] = crew->sweep->cell[running->cell].job;
    argv[count] = NULL;
    for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++) {
        signal(handed_on[i], SIG_DFL);
    }
    setpgid(0, 0); /* the terminal's Ctrl-C comes to the sweep alone, which hands it on once */
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (crew->at_once > 1) {
        take_share(running->place, crew->at_once);
    }
    if (running->scratch != NULL) {
        setenv("OMPI_MCA_orte_tmpdir_base", running->scratch, 1);
    }
    execvp(argv[0], (char *const *)argv);
    dprintf(STDERR_FILENO, "fairstamp: sweep: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Whether another process has the lock. The launcher's helpers may hold it for a moment after their cell has ended. */
static bool is_locked(int log)
{
    static const struct timespec moment = {0, 100000000};
    int tries = 50;
    while (!fs_cell_log_lock(log)) {
        if (tries-- == 0) {
            return true;
        }
        nanosleep(&moment, NULL);
    }
    return false;
}

static int begin(struct crew *crew, size_t cell, struct fs_error *err)
{
    const char *id = crew->sweep->cell[cell].id;
    int log = fs_cell_log_open(crew->sweep, id, err);
    if (log < 0) {
        return -1;
    }
    /* The lock goes with the log to the cell's process: it is held as long as that one lives, whatever becomes of us.
     */
    if (is_locked(log)) {
        fs_say("sweep: cell %s is under way in another sweep run", id);
        crew->elsewhere++;
        close(log);
        return 0;
    }
    struct running running = {.cell = cell, .scratch = crew->at_once > 1 ? make_scratch() : NULL};
    while (crew->taken[running.place]) {
        running.place++;
    }
    fflush(NULL);
    running.process = fork();
    if (running.process == 0) {
        become(crew, &running, log);
    }
    close(log);
    if (running.process < 0) {
        remove_scratch(running.scratch);
        return fs_error_set(err, FS_EXIT_OS, "sweep: a process cannot be made: %s", strerror(errno));
    }
    crew->taken[running.place] = true;
    crew->running[crew->count++] = running;
    crew->runs[cell] = true;
    fs_say("sweep: cell %s begins", id);
    return 0;
}

/* The launcher's process alone: mpirun hands SIGUSR1, after which its ranks save, on to them and returns their 75. */
static void hand_on(const struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        kill(crew->running[i].process, SIGUSR1);
    }
}

/* Notes a cell that has ended; where none has, a moment passes. */
static void reap(struct crew *crew, size_t *failed)
{
    static const struct timespec moment = {0, 20000000};
    int state;
    pid_t process = waitpid(-1, &state, WNOHANG);
    if (process <= 0) {
        nanosleep(&moment, NULL); /* a signal ends it at once */
        return;
    }
    for (size_t i = 0; i < crew->count; i++) {
        if (crew->running[i].process != process) {
            continue;
        }
        const char *id = crew->sweep->cell[crew->running[i].cell].id;
        int code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
        if (code == 0) {
            fs_say("sweep: cell %s is done", id);
        } else {
            fs_say("sweep: cell %s ended with exit code %d; see %s/logs/%s.log", id, code, crew->sweep->folder, id);
            ++*failed;
        }
        remove_scratch(crew->running[i].scratch);
        crew->runs[crew->running[i].cell] = false;
        crew->taken[crew->running[i].place] = false;
        crew->running[i] = crew->running[--crew->count];
        break;
    }
}

/* The next cell to be done, if any can be begun now. `*left`: any is left. */
static bool find_next(struct crew *crew, size_t *cell, bool *left)
{
    *left = false;
    for (size_t i = 0; i < crew->sweep->cells; i++) {
        if (!crew->begun[i]) {
            *left = true;
            if (!fs_cell_waits(crew->sweep, crew->runs, i)) {
                *cell = i;
                return true;
            }
        }
    }
    return false;
}

static void catch_signals(struct sigaction old[3], bool on)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = note_signal}; /* no SA_RESTART: nanosleep ends */
    for (size_t i = 0; i < 3; i++) {
        sigaction(caught[i], on ? &action : &old[i], on ? &old[i] : NULL);
    }
}

/* Until all is done, or a signal has come. */
static int work(struct crew *crew, size_t *failed, struct fs_error *err)
{
    bool told = false, left = true;
    size_t before = 0;
    int status = 0;
    while (status == 0 && ((left && asked == 0) || crew->count > 0)) {
        size_t cell = 0;
        if (asked != 0 && !told) {
            hand_on(crew);
            told = true;
        }
        bool room = crew->count < crew->at_once && asked == 0;
        if (room && find_next(crew, &cell, &left)) {
            struct fs_cell_progress progress;
            crew->begun[cell] = true;
            status = fs_sweep_look(&crew->sweep->cell[cell], &progress, err);
            fs_sweep_warn_changed(&crew->sweep->cell[cell], &progress);
            before += status == 0 && progress.complete;
            if (status == 0 && !progress.complete) {
                status = begin(crew, cell, err);
            }
        } else if (crew->count > 0) {
            reap(crew, failed);
        }
    }
    if (before > 0) {
        fs_say("sweep: %zu of %zu cells were complete before", before, crew->sweep->cells);
    }
    if (crew->count > 0) { /* after an error */
        hand_on(crew);
    }
    while (crew->count > 0) {
        reap(crew, failed);
    }
    return status;
}

int fs_sweep_run(const struct fs_sweep *sweep, size_t at_once, const char *launcher, size_t *failed, size_t *elsewhere,
                 struct fs_error *err)
{
    struct crew *crew = fs_allocate(1, sizeof *crew, "the cells under way", err);
    struct sigaction old[3];
    *failed = *elsewhere = 0;
    if (crew == NULL) {
        return -1;
    }
    crew->sweep = sweep;
    crew->at_once = at_once;
    crew->begun = fs_allocate(sweep->cells + 1, sizeof *crew->begun, "the cells of a sweep", err);
    crew->runs = fs_allocate(sweep->cells + 1, sizeof *crew->runs, "the cells of a sweep", err);
    int status = crew->begun != NULL && crew->runs != NULL && fs_argv_split(&crew->launch, launcher, err) == 0 ? 0 : -1;
    if (status == 0 && launcher != NULL && crew->launch.count == 0) {
        status = fs_error_set(err, FS_EXIT_USAGE,
                              "--launcher: found \"%.80s\", expected a command such as \"mpirun -n 4\"", launcher);
    }
    status = status == 0 ? fs_own_path(crew->program, sizeof crew->program, err) : -1;
    if (status == 0) {
        asked = 0;
        catch_signals(old, true);
        status = work(crew, failed, err);
        catch_signals(old, false);
        *elsewhere = crew->elsewhere;
    }
    fs_argv_release(&crew->launch);
    free(crew->begun);
    free(crew->runs);
    free(crew);
    if (status == 0 && asked != 0) {
        return fs_error_set(err, FS_EXIT_INTERRUPTED,
                            "sweep: stopped by signal %d; run the same command again to go on", (int)asked);
    }
    return status;
}

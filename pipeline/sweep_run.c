/* Runs the cells of a sweep on this machine, as processes of their own. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/publish.h"
#include "pipeline/progress.h"
#include "pipeline/sweep.h"

#define MOST_AT_ONCE 1024

static volatile sig_atomic_t asked; /* the signal that came */

static void note_signal(int signal_number)
{
    asked = signal_number;
}

/* One cell under way. */
struct running {
    pid_t process;
    size_t cell;
    char *scratch; /* Open MPI's files of this cell; NULL: the usual place */
};

struct crew {
    const struct fs_sweep *sweep;
    struct running running[MOST_AT_ONCE];
    size_t count;
    char **launch; /* words of the launcher, NULL-terminated; NULL: none */
    char program[4096];
};

static int open_log(const struct fs_sweep *sweep, const char *id, struct fs_error *err)
{
    char *folder = NULL, *path = NULL;
    if (asprintf(&folder, "%s/logs", sweep->folder) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    int file = -1, status = fs_make_folder(folder, err);
    if (status == 0 && asprintf(&path, "%s/%s.log", folder, id) >= 0) {
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (file < 0) {
            fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
        }
    }
    free(folder);
    free(path);
    return file;
}

/*
 * A place of its own for the files of a cell's launcher: Open MPI 4 lets one mpirun that ends remove the common folder
 * that another one which starts has just made. NULL where it cannot be made; the usual place then serves. The caller
 * frees.
 */
static char *make_scratch(void)
{
    const char *base = getenv("OMPI_MCA_orte_tmpdir_base");
    base = base != NULL ? base : getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/fs.XXXXXX", base != NULL ? base : "/tmp") < 0) {
        return NULL;
    }
    if (mkdtemp(path) == NULL) {
        free(path);
        return NULL;
    }
    return path;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    remove(path);
    return 0;
}

static void remove_scratch(char *scratch)
{
    if (scratch != NULL) {
        nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(scratch);
    }
}

/* In the child: never returns. */
static void become(const struct crew *crew, const struct fs_sweep_cell *cell, int log, bool alone, const char *scratch)
{
    static const int handed_on[] = {SIGINT, SIGTERM, SIGUSR1};
    const char *words[64 + 4];
    size_t count = 0;
    for (; crew->launch != NULL && crew->launch[count] != NULL; count++) {
        words[count] = crew->launch[count];
    }
    words[count++] = crew->program;
    words[count++] = "run";
    words[count++] = cell->job;
    words[count] = NULL;
    for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++) {
        signal(handed_on[i], SIG_DFL);
    }
    setpgid(0, 0); /* the terminal's Ctrl-C comes to the sweep alone, which hands it on once */
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (!alone && crew->launch == NULL && getenv("OMP_NUM_THREADS") == NULL) {
        setenv("OMP_NUM_THREADS", "1", 1); /* several cells at once share the cores */
    }
    if (scratch != NULL) {
        setenv("OMPI_MCA_orte_tmpdir_base", scratch, 1);
    }
    execvp(words[0], (char *const *)words);
    dprintf(STDERR_FILENO, "fairstamp: sweep: %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

static int begin(struct crew *crew, size_t cell, bool alone, struct fs_error *err)
{
    int log = open_log(crew->sweep, crew->sweep->cell[cell].id, err);
    if (log < 0) {
        return -1;
    }
    char *scratch = alone ? NULL : make_scratch();
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        become(crew, &crew->sweep->cell[cell], log, alone, scratch);
    }
    close(log);
    if (process < 0) {
        remove_scratch(scratch);
        return fs_error_set(err, FS_EXIT_OS, "sweep: a process cannot be made: %s", strerror(errno));
    }
    crew->running[crew->count++] = (struct running){process, cell, scratch};
    fs_say("sweep: cell %s begins", crew->sweep->cell[cell].id);
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
        crew->running[i] = crew->running[--crew->count];
        break;
    }
}

/* The words of the launcher, in one block. */
static int split_words(const char *text, char ***words, struct fs_error *err)
{
    enum { MOST = 64 };
    *words = NULL;
    if (text == NULL) {
        return 0;
    }
    size_t pointers = (MOST + 1) * sizeof(char *);
    char **block = fs_allocate(1, pointers + strlen(text) + 1, "a launcher", err), *rest = NULL;
    if (block == NULL) {
        return -1;
    }
    strcpy((char *)block + pointers, text);
    size_t count = 0;
    for (char *word = strtok_r((char *)block + pointers, " \t", &rest); word != NULL && count < MOST;
         word = strtok_r(NULL, " \t", &rest)) {
        block[count++] = word;
    }
    if (count == 0 || count == MOST) {
        free(block);
        return fs_error_set(err, FS_EXIT_USAGE,
                            "--launcher: found \"%.80s\", expected a command such as \"mpirun -n 4\"", text);
    }
    *words = block;
    return 0;
}

static void catch_signals(struct sigaction old[3], bool on)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = note_signal}; /* no SA_RESTART: nanosleep ends */
    for (size_t i = 0; i < 3; i++) {
        sigaction(caught[i], on ? &action : &old[i], on ? &old[i] : NULL);
    }
}

int fs_sweep_run(const struct fs_sweep *sweep, size_t at_once, const char *launcher, size_t *failed,
                 struct fs_error *err)
{
    struct crew *crew = fs_allocate(1, sizeof *crew, "the cells under way", err);
    struct sigaction old[3];
    *failed = 0;
    if (crew == NULL || split_words(launcher, &crew->launch, err) != 0) {
        free(crew);
        return -1;
    }
    crew->sweep = sweep;
    ssize_t length = readlink("/proc/self/exe", crew->program, sizeof crew->program - 1);
    int status = length > 0 ? 0 : fs_error_set(err, FS_EXIT_OS, "sweep: the program's path cannot be read");
    bool told = false;
    asked = 0;
    catch_signals(old, true);
    for (size_t cell = 0; status == 0 && (cell < sweep->cells || crew->count > 0);) {
        if (asked != 0 && !told) {
            hand_on(crew);
            told = true;
        }
        if (cell < sweep->cells && crew->count < at_once && crew->count < MOST_AT_ONCE && asked == 0) {
            struct fs_cell_progress progress;
            status = fs_sweep_look(&sweep->cell[cell], &progress, err);
            if (status == 0 && !progress.complete) {
                status = begin(crew, cell, at_once == 1, err);
            }
            cell++;
        } else if (crew->count > 0) {
            reap(crew, failed);
        } else {
            break;
        }
    }
    if (crew->count > 0) { /* after an error */
        hand_on(crew);
    }
    while (crew->count > 0) {
        reap(crew, failed);
    }
    catch_signals(old, false);
    free(crew->launch);
    free(crew);
    if (status == 0 && asked != 0) {
        return fs_error_set(err, FS_EXIT_INTERRUPTED,
                            "sweep: stopped by signal %d; run the same command again to go on", (int)asked);
    }
    return status;
}

#include "pipeline/ranks/watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/console/log.h"
#include "io/error.h"
#include "pipeline/ranks/launch.h"
#include "pipeline/ranks/silence.h"

#define TICKS 10          /* looks in `seconds`; the first tick of a wait is a part of one */
#define LOOKS 6           /* for nodes that do not answer, in a tick */
#define STAGGERED_RANKS 8 /* so many end one tick after the other: mostly one line, from the lowest waiting rank */
#define DEPUTY 10         /* times later than the root, rank 1 tells */

/* Of a node that does not answer: of `seconds`, but not less than MPI's connections can be made to tell apart. */
#define SILENCE_SHARE 0.1
#define SILENCE_LEAST 3.0
#define SILENCE_TOLD 0.4    /* of that, when the root tells */
#define SILENCE_ASKS 8.0    /* so many times a connection asks in it */
#define SILENCE_TURNS 2     /* ranks that end one after the other, for mostly one line */
#define SILENT_LOOKS_TOLD 2 /* one after the other: after a stop of this process one may find what is just being sent */
#define SILENT_LOOKS_ENDS 4
#define TURN_LOOKS 2        /* between two, after the first has ended */
#define FORWARDED_SECONDS 1 /* a launcher has passed on a line */

static struct {
    pthread_t thread;
    pthread_mutex_t lock; /* of `stop` */
    pthread_cond_t wake;
    bool runs, stop;
    double seconds;
    char who[128];
    atomic_int rank;            /* -1: not known */
    _Atomic(const char *) call; /* that the main thread is in; NULL: none */
    atomic_bool limited;        /* that call */
    atomic_uint ticks, told_at; /* since the call began; of the last line about it, 0: none */
    unsigned silent_looks;      /* one after the other, of the thread */
    atomic_bool silent;         /* a node does not answer */
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .rank = -1};

static void name_process(const char *rank, const char *words)
{
    char node[64] = "";
    gethostname(node, sizeof node - 1);
    snprintf(watch.who, sizeof watch.who, "rank %s%s on node %s", rank, words, node);
}

/* Not by way of stderr's buffer, whose lock the main thread may hold. */
static void tell(const char *call, bool ends, double seconds)
{
    static const char ending[] =
        ": one is gone, stopped or cannot be reached; exit code 68 (--wait-seconds N waits longer)";
    char line[512];
    int length = snprintf(line, sizeof line, "fairstamp: %s has waited %.0f s in %s for the other ranks%s\n", watch.who,
                          seconds, call, ends ? ending : "; the job goes on waiting");
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
    (void)ignored;
}

static void look(void)
{
    const char *call = atomic_load(&watch.call);
    if (call == NULL) {
        return;
    }
    unsigned ticks = atomic_fetch_add(&watch.ticks, 1) + 1, told = atomic_load(&watch.told_at);
    int rank = atomic_load(&watch.rank);
    double waited = (ticks - 1) * watch.seconds / TICKS;
    if (atomic_load(&watch.limited)) {
        unsigned extra = rank < 0 || rank > STAGGERED_RANKS ? STAGGERED_RANKS : (unsigned)rank;
        if (ticks > TICKS + extra) {
            tell(call, true, waited);
            _exit(FS_EXIT_NO_ANSWER);
        }
        return;
    }
    unsigned first = rank == 0 ? TICKS : DEPUTY * TICKS;
    if ((rank == 0 || rank == 1) && ticks > (told > 0 ? 2 * told : first)) {
        tell(call, false, waited);
        atomic_store(&watch.told_at, ticks - 1);
    }
}

static double silence_limit(void)
{
    double limit = watch.seconds * SILENCE_SHARE;
    return limit > SILENCE_LEAST ? limit : SILENCE_LEAST;
}

static void tell_of_silence(const char *node, double seconds, bool ends)
{
    static const char ending[] = "; exit code 68, or what the launcher makes of it; what is saved stays, the same "
                                 "command goes on";
    char line[1024], rest[96] = "";
    if (!ends) {
        (void)snprintf(rest, sizeof rest, "; the job ends after %.0f s without an answer", silence_limit());
    }
    int length =
        snprintf(line, sizeof line,
                 "fairstamp: %s: node %s has not answered for %.0f s, it is down or cut off, or this one is%s\n",
                 watch.who, node, seconds, ends ? ending : rest);
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
    (void)ignored;
}

/* A node that is down or cut off for long ends this process; the lowest rank that knows of it is the first. */
static void look_for_silence(void)
{
    char node[FS_NODE_SIZE];
    double limit = silence_limit(), told = limit * SILENCE_TOLD, ask = limit / SILENCE_ASKS;
    double seconds = fs_silence_longest(ask, told, node);
    int rank = atomic_load(&watch.rank);
    int turn = rank < 0 || rank > SILENCE_TURNS ? SILENCE_TURNS : rank;
    watch.silent_looks = seconds > ask ? watch.silent_looks + 1 : 0;
    if (seconds < told || watch.silent_looks < SILENT_LOOKS_TOLD) {
        atomic_store(&watch.silent, false);
        return;
    }
    if (!atomic_exchange(&watch.silent, true) && rank == 0) {
        tell_of_silence(node, seconds, false);
    }
    limit += turn * (FORWARDED_SECONDS + TURN_LOOKS * watch.seconds / (TICKS * LOOKS));
    if (seconds >= limit && watch.silent_looks >= SILENT_LOOKS_ENDS) {
        tell_of_silence(node, seconds, true);
        nanosleep(&(struct timespec){FORWARDED_SECONDS, 0}, NULL);
        fs_launch_end();
        _exit(FS_EXIT_NO_ANSWER);
    }
}

static void *run(void *nothing)
{
    (void)nothing;
    struct timespec next;
    pthread_mutex_lock(&watch.lock);
    for (unsigned looks = 1; !watch.stop; looks++) {
        double tick = watch.seconds / (TICKS * LOOKS);
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec += (time_t)tick;
        next.tv_nsec += (long)((tick - (double)(time_t)tick) * 1e9);
        if (next.tv_nsec >= 1000000000L) {
            next.tv_nsec -= 1000000000L;
            next.tv_sec++;
        }
        /* after a stop of the whole process this returns once, however long that took */
        if (pthread_cond_timedwait(&watch.wake, &watch.lock, &next) != 0 && !watch.stop) {
            look_for_silence();
            if (looks % LOOKS == 0) {
                look();
            }
        }
    }
    pthread_mutex_unlock(&watch.lock);
    return NULL;
}

void fs_watch_start(double seconds)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    const char *rank = NULL;
    for (size_t i = 0; rank == NULL && i < sizeof names / sizeof names[0]; i++) {
        rank = getenv(names[i]);
    }
    name_process(rank != NULL ? rank : "?", "");
    atomic_store(&watch.rank, rank != NULL ? (int)strtol(rank, NULL, 10) : -1);
    watch.seconds = seconds;
    if (!(seconds > 0)) {
        return;
    }
    sigset_t all, before;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch.wake, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    watch.stop = false;
    watch.runs = pthread_create(&watch.thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL); /* where no thread can be had, the runner will say so */
}

void fs_watch_stop(void)
{
    if (!watch.runs) {
        return;
    }
    pthread_mutex_lock(&watch.lock);
    watch.stop = true;
    pthread_cond_signal(&watch.wake);
    pthread_mutex_unlock(&watch.lock);
    pthread_join(watch.thread, NULL);
    pthread_cond_destroy(&watch.wake);
    watch.runs = false;
}

void fs_watch_place(int rank, int ranks)
{
    char number[16], words[32];
    snprintf(number, sizeof number, "%d", rank);
    snprintf(words, sizeof words, " of %d", ranks);
    pthread_mutex_lock(&watch.lock);
    name_process(number, words);
    atomic_store(&watch.rank, rank);
    pthread_mutex_unlock(&watch.lock);
}

static void begin(const char *call, bool limited)
{
    atomic_store(&watch.limited, limited);
    atomic_store(&watch.ticks, 0);
    atomic_store(&watch.told_at, 0);
    atomic_store(&watch.call, call);
}

void fs_watch_limit(const char *call)
{
    begin(call, true);
}

void fs_watch_patiently(const char *call)
{
    begin(call, false);
}

void fs_watch_end(void)
{
    const char *call = atomic_load(&watch.call);
    unsigned ticks = atomic_load(&watch.ticks);
    atomic_store(&watch.call, NULL);
    if (call != NULL && ticks > TICKS) {
        fs_log("waited %.0f s in %s for the other ranks", (ticks - 1) * watch.seconds / TICKS, call);
    }
}

double fs_watch_seconds(void)
{
    return watch.seconds;
}

bool fs_watch_node_is_silent(void)
{
    return atomic_load(&watch.silent);
}

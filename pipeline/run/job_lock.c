#include "pipeline/run/job_lock.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "io/console/progress.h"
#include "io/lock.h"
#include "io/publish.h"
#include "pipeline/ranks/stop.h"
#include "stages/work/runner.h"

#define FIRST_PAUSE 0.05 /* seconds between two attempts; grows to the last */
#define LAST_PAUSE 1.0

/* The root's. */
static struct {
    struct fs_lock *lock;
    char job[FS_STAGE_COUNT * (FS_DIGEST_SIZE + 16)];
    bool held;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ends;
    bool ending;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

enum turn { TURN_OURS, TURN_NEEDLESS, TURN_LATER };

/* What publishing asks for. */
static int may_publish(struct fs_error *err)
{
    if (fs_lock_check(state.lock, err) == 0) {
        return 0;
    }
    fs_stop_because("the output folder was taken over by another process");
    return -1;
}

static void *beat(void *unused)
{
    (void)unused;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&state.mutex);
    while (!state.ending) {
        next.tv_sec += (time_t)FS_LOCK_BEAT_SECONDS;
        while (!state.ending && pthread_cond_timedwait(&state.ends, &state.mutex, &next) == 0) {
        }
        if (!state.ending && may_publish(NULL) == 0) {
            fs_lock_beat(state.lock);
        }
        clock_gettime(CLOCK_MONOTONIC, &next);
    }
    pthread_mutex_unlock(&state.mutex);
    return NULL;
}

/* The thread leaves signals to the main one. */
static int begin_beating(struct fs_error *err)
{
    sigset_t all, old;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&state.ends, &monotonic);
    pthread_condattr_destroy(&monotonic);
    state.ending = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&state.thread, NULL, beat, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0) {
        pthread_cond_destroy(&state.ends);
        return fs_error_set(err, FS_EXIT_OS, "a thread cannot be made: %s", strerror(failure));
    }
    state.held = true;
    fs_publish_when(may_publish);
    return 0;
}

static void release(void)
{
    if (state.held) {
        fs_publish_when(NULL);
        pthread_mutex_lock(&state.mutex);
        state.ending = true;
        pthread_cond_signal(&state.ends);
        pthread_mutex_unlock(&state.mutex);
        pthread_join(state.thread, NULL);
        pthread_cond_destroy(&state.ends);
        state.held = false;
    }
    fs_lock_close(state.lock);
    state.lock = NULL;
}

static int open_lock(const struct fs_session *session, const struct fs_job_lock_request *request, struct fs_error *err)
{
    struct fs_lock_process process;
    size_t used = 0;
    state.job[0] = '\0';
    for (size_t stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (request->stages[stage]) {
            used += (size_t)snprintf(state.job + used, sizeof state.job - used, "%s%s=%s", used > 0 ? " " : "",
                                     fs_stage_names[stage], request->fingerprint->digest[stage]);
        }
    }
    fs_lock_process_get(&process);
    return fs_lock_open(request->folder, &process, state.job, session->command_line, &state.lock, err);
}

/* Somebody else holds the lock. `*told`: whether we have said that we wait. */
static int give_way(const struct fs_job_lock_request *request, bool *told, enum turn *turn, struct fs_error *err)
{
    const struct fs_lock_record *holder = fs_lock_holder(state.lock);
    char who[512] = "another process";
    *turn = request->needless(request->context) ? TURN_NEEDLESS : TURN_LATER;
    if (*turn == TURN_NEEDLESS) {
        return 0;
    }
    bool other = holder != NULL && fs_lock_jobs_differ(state.job, holder->job);
    if (holder != NULL) {
        fs_lock_describe(holder, who, sizeof who);
    }
    if (other && fs_lock_holder_lives(state.lock)) {
        return fs_error_set(err, FS_EXIT_OTHER_JOB,
                            "%s: %s is at work there on a job with other settings; choose another output, or wait "
                            "until it has ended",
                            request->folder, who);
    }
    if (!*told) {
        fs_warn("%s: %s is at work %s", request->folder, who,
                other ? "there on a job with other settings, if it still lives; finding out"
                      : "on this job; waiting until it has ended");
        *told = true;
    }
    return 0;
}

/* The root's attempt. */
static int attempt(const struct fs_job_lock_request *request, bool *told, enum turn *turn, struct fs_error *err)
{
    bool held = false;
    *turn = TURN_LATER;
    if (fs_lock_try(state.lock, fs_seconds(), &held, err) != 0) {
        bool unwritable = err->code == FS_EXIT_CANNOT_CREATE || err->code == FS_EXIT_IO;
        if (unwritable && request->needless(request->context)) {
            *err = (struct fs_error)FS_ERROR_INIT;
            *turn = TURN_NEEDLESS;
            return 0;
        }
        return -1;
    }
    if (!held) {
        return give_way(request, told, turn, err);
    }
    *turn = TURN_OURS;
    return begin_beating(err);
}

static void pause_for(double *seconds)
{
    const struct timespec length = {(time_t)*seconds, (long)(1e9 * (*seconds - (double)(time_t)*seconds))};
    nanosleep(&length, NULL);
    *seconds = 2 * *seconds < LAST_PAUSE ? 2 * *seconds : LAST_PAUSE;
}

int fs_job_lock_take(struct fs_session *session, const struct fs_job_lock_request *request, bool *locked,
                     struct fs_error *err)
{
    bool root = fs_session_is_root(session), told = false;
    double pause = FIRST_PAUSE;
    enum turn turn = TURN_LATER;
    int status = root ? open_lock(session, request, err) : 0;
    for (;;) {
        if (root && status == 0) {
            status = attempt(request, &told, &turn, err);
        }
        if (fs_session_agree(session, status, err) != 0) {
            return -1;
        }
        if (fs_runner_broadcast(session->runner, &turn, sizeof turn, err) != 0) {
            return -1;
        }
        *locked = turn == TURN_OURS;
        if (turn != TURN_LATER) {
            return 0;
        }
        if (fs_runner_stop_requested(session->runner)) {
            return fs_error_set(err, FS_EXIT_INTERRUPTED,
                                "%s: interrupted while another process was at work on this job; run the same command "
                                "again to go on",
                                request->folder);
        }
        if (root) {
            pause_for(&pause);
        }
    }
}

int fs_job_lock_end(struct fs_session *session, int status, struct fs_error *err)
{
    struct fs_error lost = FS_ERROR_INIT;
    bool root = fs_session_is_root(session);
    int verdict = root && status != 0 && state.held ? fs_lock_check(state.lock, &lost) : 0;
    if (root) {
        release();
    }
    if (fs_session_agree(session, verdict, &lost) != 0) {
        *err = lost;
    }
    return status;
}

#include "pipeline/ranks/signals.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_INTERRUPT_SECONDS 2
/*
 * A rank that was told to terminate but waits for a dead one must not wait for ever. Launchers kill sooner; this is for
 * ranks whose launcher is gone.
 */
#define LAST_SECONDS 120

static volatile sig_atomic_t stop;
static volatile sig_atomic_t interrupted;
static struct timespec first_interrupt;

static void on_signal(int number)
{
    if (number == SIGINT) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (interrupted && now.tv_sec - first_interrupt.tv_sec <= SECOND_INTERRUPT_SECONDS) {
            static const char words[] = "fairstamp: interrupted twice, ending at once\n";
            ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
            (void)ignored;
            signal(SIGINT, SIG_DFL);
            raise(SIGINT);
        }
        first_interrupt = now;
        interrupted = 1;
    }
    if (number == SIGTERM && !stop) {
        alarm(LAST_SECONDS);
    }
    stop = 1;
}

void fs_signals_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, with a message */
    signal(SIGXFSZ, SIG_IGN); /* so is a file beyond the limit of its size */
}

bool fs_signals_stop(void)
{
    return stop != 0;
}

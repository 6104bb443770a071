#include "io/console/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/console/log.h"

/* Seconds between two lines of a log: a tenth of what has passed, so that long runs fill no pages. */
#define LINE_SHARE 0.1
#define SHORTEST_LINE_SECONDS 5.0
#define LONGEST_LINE_SECONDS 600.0
#define BAR_SECONDS 0.2
#define BAR_WIDTH 30

static struct {
    bool speaks, quiet, muted, terminal;
    char name[64];
    size_t total, resumed;
    double begin, last;
    bool bar_shown;
    FILE *stream; /* NULL: standard error */
} state;

void fs_progress_setup(bool speaks, bool quiet)
{
    state.speaks = speaks;
    state.quiet = quiet;
    state.terminal = isatty(STDERR_FILENO) == 1;
}

void fs_progress_to(FILE *stream)
{
    state.stream = stream;
    state.name[0] = '\0'; /* of other work */
}

static bool speaks(void)
{
    return (state.speaks || state.stream != NULL) && !state.muted;
}

static bool is_quiet(void)
{
    return state.quiet && state.stream == NULL;
}

void fs_progress_mute(bool mute)
{
    state.muted = mute;
}

static void clear_bar(void)
{
    if (state.bar_shown) {
        fprintf(stderr, "\r\033[K");
        state.bar_shown = false;
    }
}

static void say(FILE *stream, const char *format, va_list arguments) FS_PRINTF(2, 0);
static void say(FILE *stream, const char *format, va_list arguments)
{
    clear_bar();
    fprintf(stream, "fairstamp: ");
    vfprintf(stream, format, arguments);
    fputc('\n', stream);
}

static FILE *own_stream(void)
{
    return state.stream != NULL ? state.stream : stderr;
}

void fs_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fs_log_words(format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    if (speaks() && !is_quiet()) {
        say(own_stream(), format, arguments);
    }
    va_end(arguments);
}

void fs_announce(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fs_log_words(format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    if (!state.quiet) {
        say(stderr, format, arguments);
    }
    va_end(arguments);
}

void fs_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fs_log_words(format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    if (state.speaks || state.stream != NULL) {
        say(own_stream(), format, arguments);
    }
    va_end(arguments);
}

void fs_progress_begin(const char *name, size_t total, size_t resumed)
{
    snprintf(state.name, sizeof state.name, "%s", name);
    state.total = total;
    state.resumed = resumed;
    state.begin = state.last = fs_seconds();
    if (resumed > 0) {
        fs_say("%s: %zu of %zu are there from an earlier run", name, resumed, total);
    }
}

static void show(size_t done, double now)
{
    double elapsed = now - state.begin;
    double rate = elapsed > 0 && done > state.resumed ? (double)(done - state.resumed) / elapsed : 0;
    double percent = state.total > 0 ? 100.0 * (double)done / (double)state.total : 100.0;
    char left[32] = "?";
    if (rate > 0) {
        double seconds = (double)(state.total - done) / rate;
        if (seconds < 90) {
            snprintf(left, sizeof left, "%.0f s", seconds);
        } else if (seconds < 5400) {
            snprintf(left, sizeof left, "%.0f min", seconds / 60);
        } else {
            snprintf(left, sizeof left, "%.1f h", seconds / 3600);
        }
    }
    if (state.terminal && state.stream == NULL) {
        char bar[BAR_WIDTH + 1];
        size_t full = (size_t)(percent / 100 * BAR_WIDTH);
        memset(bar, '.', BAR_WIDTH);
        memset(bar, '#', full > BAR_WIDTH ? BAR_WIDTH : full);
        bar[BAR_WIDTH] = '\0';
        fprintf(stderr, "\r\033[K%s [%s] %zu/%zu, %.1f/s, %s left", state.name, bar, done, state.total, rate, left);
        fflush(stderr);
        state.bar_shown = true;
    } else {
        fs_say("%s: %zu/%zu (%.0f %%), %.1f/s, %s left", state.name, done, state.total, percent, rate, left);
    }
}

double fs_progress_interval(double elapsed)
{
    double seconds = LINE_SHARE * elapsed;
    if (seconds < SHORTEST_LINE_SECONDS) {
        return SHORTEST_LINE_SECONDS;
    }
    return seconds < LONGEST_LINE_SECONDS ? seconds : LONGEST_LINE_SECONDS;
}

void fs_progress_update(size_t done)
{
    if (!speaks() || is_quiet()) {
        return;
    }
    bool bar = state.terminal && state.stream == NULL;
    double now = fs_seconds();
    if (now - state.last >= (bar ? BAR_SECONDS : fs_progress_interval(now - state.begin))) {
        state.last = now;
        show(done, now);
    }
}

void fs_progress_end(size_t done)
{
    clear_bar();
    if (done > state.resumed) {
        double elapsed = fs_seconds() - state.begin;
        fs_say("%s: %zu/%zu in %.1f s", state.name, done, state.total, elapsed);
    }
}

void fs_progress_step(const char *name, size_t done, size_t total)
{
    if (strcmp(state.name, name) != 0 || state.total != total) {
        snprintf(state.name, sizeof state.name, "%s", name);
        state.total = total;
        state.resumed = done;
        state.begin = state.last = fs_seconds();
    }
    fs_progress_update(done);
}

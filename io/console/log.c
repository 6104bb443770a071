#include "io/console/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/publish.h"

static FILE *stream;
static double begin;

int fs_log_open(const char *folder, size_t rank, struct fs_error *err)
{
    char *path;
    if (fs_make_folder(folder, err) != 0) {
        return fs_error_prepend(err, "--log-dir");
    }
    if (asprintf(&path, "%s/rank-%zu.log", folder, rank) < 0) {
        return fs_error_memory(err, strlen(folder), "a path");
    }
    begin = fs_seconds();
    stream = fopen(path, "ae");
    int status = 0;
    if (stream == NULL) {
        status = fs_error_set(err, FS_EXIT_CANNOT_CREATE, "--log-dir: %s: cannot be opened: %s", path, strerror(errno));
    } else {
        setvbuf(stream, NULL, _IOLBF, BUFSIZ); /* what was written last is what one looks for after a kill */
    }
    free(path);
    return status;
}

void fs_log_close(void)
{
    if (stream != NULL) {
        fclose(stream);
        stream = NULL;
    }
}

void fs_log_words(const char *format, va_list arguments)
{
    if (stream == NULL) {
        return;
    }
    char now[32];
    fs_time_text(now);
    fprintf(stream, "%s %10.3f ", now, fs_seconds() - begin);
    vfprintf(stream, format, arguments);
    fputc('\n', stream);
}

void fs_log(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fs_log_words(format, arguments);
    va_end(arguments);
}

void fs_log_memory(const char *when)
{
    FILE *status = stream != NULL ? fopen("/proc/self/status", "re") : NULL;
    if (status == NULL) {
        return;
    }
    char line[256];
    unsigned long now = 0, most = 0; /* KiB */
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            now = strtoul(line + 6, NULL, 10);
        } else if (strncmp(line, "VmHWM:", 6) == 0) {
            most = strtoul(line + 6, NULL, 10);
        }
    }
    fclose(status);
    fs_log("memory: %.1f MiB %s, %.1f MiB at most", (double)now / 1024, when, (double)most / 1024);
}

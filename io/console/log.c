#include "io/console/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/publish.h"
#include "io/resident.h"

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
    const double mib = 1 << 20;
    struct fs_resident resident;
    if (stream != NULL && fs_resident_read(&resident)) {
        fs_log("memory: %.1f MiB %s, %.1f MiB of them mapped or shared; %.1f MiB at most", resident.now / mib, when,
               resident.shared / mib, resident.most / mib);
    }
}

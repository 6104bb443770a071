/*
 * A log of each rank on request (--log-dir): one file a rank, a line at a time, each with the date, the seconds since
 * the start, and words; what an earlier run has written stays. Local; from the main thread.
 */
#ifndef FAIRSTAMP_IO_CONSOLE_LOG_H
#define FAIRSTAMP_IO_CONSOLE_LOG_H

#include <stdarg.h>
#include <stddef.h>

#include "io/error.h"

/* Opens `folder`/rank-<rank>.log, made where it is not there. Without this call the functions below do nothing. */
int fs_log_open(const char *folder, size_t rank, struct fs_error *err);
void fs_log_close(void);

void fs_log(const char *format, ...) FS_PRINTF(1, 2);
void fs_log_words(const char *format, va_list arguments) FS_PRINTF(1, 0);
/* What this process holds now and held at most. */
void fs_log_memory(const char *when);

#endif

/*
 * Words for people on stderr, from the root rank alone: a plain progress line every few seconds, later every few
 * minutes, a bar that renews itself on a terminal, nothing with --quiet. Local.
 */
#ifndef FAIRSTAMP_IO_CONSOLE_PROGRESS_H
#define FAIRSTAMP_IO_CONSOLE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "io/error.h"

/* Who may speak; called once, before anything else here. */
void fs_progress_setup(bool speaks, bool quiet);

/* From here on fs_say and progress are silent, or not any more. */
void fs_progress_mute(bool mute);

/*
 * From here on the words of this process, whoever it is, and its progress go to `stream`, also with --quiet; NULL: as before,
 * to standard error. The caller keeps it open.
 */
void fs_progress_to(FILE *stream);

/* One line, "fairstamp: ...", dropped on other ranks and with --quiet; the rank's log has it in any case (log.h). */
void fs_say(const char *format, ...) FS_PRINTF(1, 2);
/* As fs_say, but also with --quiet. */
void fs_warn(const char *format, ...) FS_PRINTF(1, 2);

/* As fs_say, but to standard error and from any rank. */
void fs_announce(const char *format, ...) FS_PRINTF(1, 2);

/* `done` of `total` units of `name`, `resumed` of which were there at the beginning. */
void fs_progress_begin(const char *name, size_t total, size_t resumed);
void fs_progress_update(size_t done);
void fs_progress_end(size_t done);

/* As begin, where `name` is not what runs already, and update: for work whose steps come one by one. */
void fs_progress_step(const char *name, size_t done, size_t total);

/* Seconds between two progress lines of a log, once a piece of work has run for so long. */
double fs_progress_interval(double elapsed);

#endif

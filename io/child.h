/* Programs that a command starts and whose output it reads, such as sbatch. Local. */
#ifndef FAIRSTAMP_IO_CHILD_H
#define FAIRSTAMP_IO_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_ARGV_MOST 300

/* The words of a command line, the program first; begins zeroed. */
struct fs_argv {
    char *word[FS_ARGV_MOST + 1]; /* [count], and NULL */
    size_t count;
};

/* Appends a word; FS_EXIT_USAGE where there are FS_ARGV_MOST. */
int fs_argv_add(struct fs_argv *argv, struct fs_error *err, const char *format, ...) FS_PRINTF(3, 4);
/* Appends the words of `text`, which blanks separate; `text` NULL: none. */
int fs_argv_split(struct fs_argv *argv, const char *text, struct fs_error *err);
void fs_argv_release(struct fs_argv *argv); /* takes a zeroed struct, leaves one */

/*
 * Runs the command, found by PATH, to its end; `*output`: what it printed, which the caller frees. Its exit code; -1
 * where a signal ended it, or where it cannot be started, and then `*output` is NULL. `quiet`: its standard error is
 * dropped.
 */
int fs_run_program(const struct fs_argv *argv, bool quiet, char **output);

/* This program's path, into `path` of `size` bytes; FS_EXIT_OS. */
int fs_own_path(char *path, size_t size, struct fs_error *err);

#endif

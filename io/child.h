/* Programs that a command starts and whose output it reads, such as sbatch. Local. */
#ifndef FAIRSTAMP_IO_CHILD_H
#define FAIRSTAMP_IO_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_WORDS 80

/* The words of a command line, the program first; begins zeroed. */
struct fs_words {
    char *word[FS_WORDS + 1]; /* [count], and NULL */
    size_t count;
};

/* Appends a word; FS_EXIT_USAGE where there are FS_WORDS. */
int fs_words_add(struct fs_words *words, struct fs_error *err, const char *format, ...) FS_PRINTF(3, 4);
/* Appends the words of `text`, which blanks separate; `text` NULL: none. */
int fs_words_split(struct fs_words *words, const char *text, struct fs_error *err);
void fs_words_release(struct fs_words *words); /* takes a zeroed struct, leaves one */

/*
 * Runs the command, found by PATH, to its end; `*output`: what it printed, which the caller frees. Its exit code; -1
 * where a signal ended it, or where it cannot be started, and then `*output` is NULL. `quiet`: its standard error is
 * dropped.
 */
int fs_capture(const struct fs_words *words, bool quiet, char **output);

/* This program's path, into `path` of `size` bytes; FS_EXIT_OS. */
int fs_own_path(char *path, size_t size, struct fs_error *err);

#endif

/* Lines of standard input, and token ids on standard output. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_LINES_H
#define FAIRSTAMP_PIPELINE_COMMANDS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

/* The line that was read last; begins zeroed. */
struct fs_lines {
    char *text; /* [length], without its end */
    size_t length;
    size_t number; /* from 1 */
    size_t capacity;
    size_t offset; /* bytes of standard input before the next line */
    char *buffer;  /* as getline() keeps it */
};

/*
 * The next line of standard input: UTF-8, without its end ("\n" or "\r\n"), the first without a byte order mark. False at
 * the end of the input, and, with `err` set, where it cannot be read; FS_EXIT_DATA where a line is no UTF-8 or holds NUL,
 * with its number, the place in it, and what the text may be instead.
 */
bool fs_next_line(struct fs_lines *lines, struct fs_error *err);
void fs_lines_release(struct fs_lines *lines);

/* "[1, 2, 3]" of id [count]. */
void fs_print_ids(const int32_t *id, size_t count);

#endif

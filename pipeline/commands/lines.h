/* Lines of standard input, and token ids on standard output. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_LINES_H
#define FAIRSTAMP_PIPELINE_COMMANDS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

/*
 * The next line of standard input without its end, in `line`, which grows as for getline(); the caller frees. False at
 * the end of the input, and, with `err` set, where it cannot be read.
 */
bool fs_next_line(char **line, size_t *capacity, size_t *length, struct fs_error *err);

/* "[1, 2, 3]" of id [count]. */
void fs_print_ids(const int32_t *id, size_t count);

#endif

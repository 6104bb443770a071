#include "pipeline/commands/lines.h"

#include <stdio.h>

bool fs_next_line(char **line, size_t *capacity, size_t *length, struct fs_error *err)
{
    ssize_t count = getline(line, capacity, stdin);
    if (count < 0) {
        if (ferror(stdin) || !feof(stdin)) {
            fs_error_set(err, FS_EXIT_IO, "standard input: a line cannot be read");
        }
        return false;
    }
    *length = (size_t)count - (count > 0 && (*line)[count - 1] == '\n');
    if (*length<(size_t)count && * length> 0 && (*line)[*length - 1] == '\r') {
        --*length; /* a line end as Windows writes it */
    }
    return true;
}

void fs_print_ids(const int32_t *id, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        printf(i == 0 ? "%d" : ", %d", (int)id[i]);
    }
    putchar(']');
}

#include <stdio.h>
#include <string.h>

#include "stages/plan/statement.h"

char *fs_close_context(const char *before, struct fs_error *err)
{
    size_t length = strlen(before);
    if (length > 0 && before[length - 1] == ' ') {
        length--;
    }
    bool open = length > 0 && strchr(".!?", before[length - 1]) == NULL;
    char *closed;
    if (asprintf(&closed, "%.*s%s%s", (int)length, before, open ? "." : "", before + length) < 0) {
        fs_error_memory(err, length, "a context");
        return NULL;
    }
    return closed;
}

#include <stdlib.h>
#include <string.h>

#include "stages/methods/method.h"
#include "stages/methods/method_rows.h"

#define DECLARE(row) extern const struct fs_method fs_method_##row;
#define POINT(row) &fs_method_##row,

FS_TRAINED_METHODS(DECLARE)
FS_TAKEN_METHODS(DECLARE)
const struct fs_method *const fs_methods[] = {FS_TRAINED_METHODS(POINT) FS_TAKEN_METHODS(POINT)};
const size_t fs_method_count = sizeof fs_methods / sizeof fs_methods[0];

const struct fs_method *fs_method_find(const char *name)
{
    for (size_t i = 0; i < fs_method_count; i++) {
        if (strcmp(fs_methods[i]->name, name) == 0) {
            return fs_methods[i];
        }
    }
    return NULL;
}

void fs_training_history_release(struct fs_training_history *history)
{
    free(history->value);
    *history = (struct fs_training_history){0};
}

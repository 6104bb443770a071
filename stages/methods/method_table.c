#include <stdlib.h>
#include <string.h>

#include "stages/methods/method.h"

/* One row a method: its struct fs_method is fs_method_<row>, in a file of its own. The first is the default. */
#define METHODS(ROW)                                                                                                   \
    ROW(stamp)                                                                                                         \
    ROW(checkpoint)

#define DECLARE(method) extern const struct fs_method fs_method_##method;
#define POINT(method) &fs_method_##method,

METHODS(DECLARE)
const struct fs_method *const fs_methods[] = {METHODS(POINT)};
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

const struct fs_method *fs_method_trained(void)
{
    for (size_t i = 0; i < fs_method_count; i++) {
        if (fs_methods[i]->trainer != NULL) {
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

#include <string.h>

#include "model/backends/backend.h"

extern const struct fs_backend fs_backend_openblas;

const struct fs_backend *const fs_backends[] = {&fs_backend_openblas};
const size_t fs_backend_count = sizeof fs_backends / sizeof *fs_backends;

const struct fs_backend *fs_backend_find(const char *name)
{
    for (size_t i = 0; i < fs_backend_count; i++) {
        if (name == NULL || strcmp(fs_backends[i]->name, name) == 0) {
            return fs_backends[i];
        }
    }
    return NULL;
}

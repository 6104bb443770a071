#include <string.h>

#include "model/backends/backend.h"

/* One row a backend: its struct fs_backend is fs_backend_<row>, in a file of its own. The first is the default. */
#define BACKENDS(ROW) ROW(openblas)

#define DECLARE(backend) extern const struct fs_backend fs_backend_##backend;
#define POINT(backend) &fs_backend_##backend,

BACKENDS(DECLARE)
const struct fs_backend *const fs_backends[] = {BACKENDS(POINT)};
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

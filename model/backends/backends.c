#include <string.h>

#include "model/backends/backend.h"

/* One row a backend: its struct fs_backend is fs_backend_<row>, in a file of its own. The first is the default. */
#ifdef FS_DOUBLE
#define BACKENDS(ROW) ROW(openblas)
#else
#define BACKENDS(ROW) ROW(openblas) ROW(onednn)
#endif

#define DECLARE(backend) extern const struct fs_backend fs_backend_##backend;
#define POINT(backend) &fs_backend_##backend,
#define CHOICE(backend) "|" #backend

BACKENDS(DECLARE)
const struct fs_backend *const fs_backends[] = {BACKENDS(POINT)};
const size_t fs_backend_count = sizeof fs_backends / sizeof *fs_backends;
const char fs_backend_choices[] = "auto" BACKENDS(CHOICE);

const struct fs_backend *fs_backend_find(const char *name)
{
    for (size_t i = 0; i < fs_backend_count; i++) {
        if (name == NULL || strcmp(fs_backends[i]->name, name) == 0) {
            return fs_backends[i];
        }
    }
    return NULL;
}

const struct fs_backend *fs_backend_choose(const struct fs_compute *compute)
{
    const char *name = compute->backend;
    bool any = name == NULL || strcmp(name, "auto") == 0;
    for (size_t i = 0; i < fs_backend_count; i++) {
        const struct fs_backend *backend = compute->type == FS_COMPUTE_BF16 ? fs_backends[i]->bf16 : fs_backends[i];
        if (backend != NULL && (any || strcmp(backend->name, name) == 0)) {
            return backend;
        }
    }
    return NULL;
}

const char *fs_backend_unusable(const struct fs_backend *backend)
{
    return backend->unusable == NULL ? NULL : backend->unusable();
}

const char *fs_compute_type_name(enum fs_compute_type type)
{
    return type == FS_COMPUTE_BF16 ? "bf16" : "f32";
}

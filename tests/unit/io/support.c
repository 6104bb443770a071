#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *join(const char *first, const char *second)
{
    static char buffers[8][4096];
    static size_t next;
    char *buffer = buffers[next++ % 8];
    snprintf(buffer, sizeof buffers[0], "%s/%s", first, second);
    return buffer;
}

const char *shared_path(const char *name)
{
    const char *shared = getenv("FAIRSTAMP_SHARED");
    const char *source = getenv("FAIRSTAMP_SOURCE");
    char fallback[2048];
    snprintf(fallback, sizeof fallback, "%s/../shared", source == NULL ? "." : source);
    const char *path = join(shared == NULL ? fallback : shared, name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        return NULL;
    }
    return path;
}

void check_error(int result, struct fs_error *err, enum fs_exit code, const char *file, const char *key)
{
    if (result != -1 || err->code != (int)code || strstr(err->text, file) == NULL || strstr(err->text, key) == NULL) {
        fail_msg("got %d, code %d, \"%s\"; expected code %d with \"%s\" and \"%s\"", result, err->code, err->text,
                 (int)code, file, key);
    }
    *err = (struct fs_error)FS_ERROR_INIT;
}

void check_success(int result, const struct fs_error *err)
{
    if (result != 0) {
        fail_msg("got %d, code %d, \"%s\"", result, err->code, err->text);
    }
}

const char *write_archive(const char *name, const char *dataset, enum fs_archive_type type, size_t rows, size_t columns,
                          const void *data)
{
    struct fs_error err = FS_ERROR_INIT;
    const char *path = scratch_path(name);
    const size_t shape[2] = {rows, columns};
    struct fs_archive *archive;
    check_success(fs_archive_create(path, "part", "job", &archive, &err), &err);
    check_success(fs_archive_write(archive, dataset, type, 2, shape, data, &err), &err);
    check_success(fs_archive_publish(archive, &err), &err);
    return path;
}

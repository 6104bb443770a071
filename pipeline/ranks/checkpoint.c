#include "pipeline/ranks/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "io/archive/archive.h"

int fs_checkpoint_save(const char *path, const char *job, const char *work, size_t units, size_t bytes,
                       const unsigned char *done, const unsigned char *results, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_create(path, FS_CHECKPOINT_FORMAT, job, &archive, err) != 0) {
        return -1;
    }
    if (fs_archive_attribute_text(archive, "/", "work", work, err) != 0 ||
        fs_archive_attribute_integer(archive, "/", "units", (int64_t)units, err) != 0 ||
        fs_archive_attribute_integer(archive, "/", "bytes", (int64_t)bytes, err) != 0 ||
        fs_archive_write(archive, "/done", FS_ARCHIVE_U8, 1, &units, done, err) != 0 ||
        (bytes > 0 && fs_archive_write(archive, "/results", FS_ARCHIVE_U8, 1, &bytes, results, err) != 0)) {
        fs_archive_abort(archive);
        return -1;
    }
    return fs_archive_publish(archive, err);
}

static int read_part(const struct fs_archive *archive, const char *path, const char *job, const char *work,
                     size_t units, size_t bytes, unsigned char *done, unsigned char *results, struct fs_error *err)
{
    char *found_work = NULL;
    int64_t found_units = 0, found_bytes = 0;
    if (fs_archive_read_attribute_text(archive, "/", "work", &found_work, err) != 0) {
        return -1;
    }
    bool same_work = strcmp(found_work, work) == 0;
    free(found_work);
    if (fs_archive_read_attribute_integer(archive, "/", "units", &found_units, err) != 0 ||
        fs_archive_read_attribute_integer(archive, "/", "bytes", &found_bytes, err) != 0) {
        return -1;
    }
    if (strcmp(fs_archive_job(archive), job) != 0 || !same_work || found_units != (int64_t)units ||
        found_bytes != (int64_t)bytes) {
        return fs_error_set(err, FS_EXIT_OTHER_JOB, "%s: partial results of another job", path);
    }
    if (fs_archive_read(archive, "/done", FS_ARCHIVE_U8, units, done, err) != 0 ||
        (bytes > 0 && fs_archive_read(archive, "/results", FS_ARCHIVE_U8, bytes, results, err) != 0)) {
        return -1;
    }
    for (size_t unit = 0; unit < units; unit++) {
        if (done[unit] > 1) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: /done: found %u, expected 0 or 1", path, (unsigned)done[unit]);
        }
    }
    return 0;
}

int fs_checkpoint_load(const char *path, const char *job, const char *work, size_t units, size_t bytes,
                       unsigned char *done, unsigned char *results, bool *loaded, struct fs_error *err)
{
    struct fs_archive *archive;
    *loaded = false;
    if (fs_archive_open(path, FS_CHECKPOINT_FORMAT, &archive, err) != 0) {
        if (err->code == FS_EXIT_NO_INPUT) {
            *err = (struct fs_error)FS_ERROR_INIT;
        }
        return err->code == FS_EXIT_OS ? -1 : 0;
    }
    *loaded = read_part(archive, path, job, work, units, bytes, done, results, err) == 0;
    fs_archive_close(archive);
    if (!*loaded) {
        memset(done, 0, units);
        memset(results, 0, results != NULL ? bytes : 0);
    }
    return 0;
}

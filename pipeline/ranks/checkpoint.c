#include "pipeline/ranks/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "io/archive/archive.h"

int fs_checkpoint_save(const char *path, const struct fs_partial *partial, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_create(path, FS_CHECKPOINT_FORMAT, partial->job, &archive, err) != 0) {
        return -1;
    }
    if (fs_archive_attribute_text(archive, "/provenance", "settings", partial->settings, err) != 0 ||
        fs_archive_attribute_text(archive, "/", "work", partial->work, err) != 0 ||
        fs_archive_attribute_integer(archive, "/", "units", (int64_t)partial->units, err) != 0 ||
        fs_archive_attribute_integer(archive, "/", "bytes", (int64_t)partial->bytes, err) != 0 ||
        fs_archive_write(archive, "/done", FS_ARCHIVE_U8, 1, &partial->units, partial->done, err) != 0 ||
        (partial->bytes > 0 &&
         fs_archive_write(archive, "/results", FS_ARCHIVE_U8, 1, &partial->bytes, partial->results, err) != 0)) {
        fs_archive_abort(archive);
        return -1;
    }
    return fs_archive_publish(archive, err);
}

static int read_part(const struct fs_archive *archive, const char *path, const struct fs_partial *partial,
                     struct fs_error *err)
{
    char *found_work = NULL;
    int64_t found_units = 0, found_bytes = 0;
    if (fs_archive_read_attribute_text(archive, "/", "work", &found_work, err) != 0) {
        return -1;
    }
    bool same_work = strcmp(found_work, partial->work) == 0;
    free(found_work);
    if (fs_archive_read_attribute_integer(archive, "/", "units", &found_units, err) != 0 ||
        fs_archive_read_attribute_integer(archive, "/", "bytes", &found_bytes, err) != 0) {
        return -1;
    }
    if (strcmp(fs_archive_job(archive), partial->job) != 0 || !same_work || found_units != (int64_t)partial->units ||
        found_bytes != (int64_t)partial->bytes) {
        return fs_error_set(err, FS_EXIT_OTHER_JOB, "%s: partial results of other work", path);
    }
    if (fs_archive_read(archive, "/done", FS_ARCHIVE_U8, partial->units, partial->done, err) != 0 ||
        (partial->bytes > 0 &&
         fs_archive_read(archive, "/results", FS_ARCHIVE_U8, partial->bytes, partial->results, err) != 0)) {
        return -1;
    }
    for (size_t unit = 0; unit < partial->units; unit++) {
        if (partial->done[unit] > 1) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: /done: found %u, expected 0 or 1", path,
                                (unsigned)partial->done[unit]);
        }
    }
    return 0;
}

int fs_checkpoint_load(const char *path, const struct fs_partial *partial, bool *loaded, struct fs_error *err)
{
    struct fs_archive *archive;
    *loaded = false;
    if (fs_archive_open(path, FS_CHECKPOINT_FORMAT, &archive, err) != 0) {
        if (err->code == FS_EXIT_NO_INPUT) {
            *err = (struct fs_error)FS_ERROR_INIT;
        }
        return err->code == FS_EXIT_OS ? -1 : 0;
    }
    *loaded = read_part(archive, path, partial, err) == 0;
    fs_archive_close(archive);
    if (!*loaded) {
        memset(partial->done, 0, partial->units);
        if (partial->results != NULL) {
            memset(partial->results, 0, partial->bytes);
        }
    }
    return 0;
}

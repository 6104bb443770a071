#include "jobs/stage_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME(row) [FS_STAGE_OF_##row] = #row,
#define DECLARE(row) extern const struct fs_method fs_method_##row;
#define METHOD(row) [FS_STAGE_OF_##row] = &fs_method_##row,

_Static_assert(FS_STAGE_COUNT < 31, "a bit of an unsigned a stage, and one more");

/* clang-format off */
const char *const fs_stage_names[FS_STAGE_COUNT] = {
    [FS_STAGE_TRACE] = "trace",
    FS_TRAINED_METHODS(NAME)
    [FS_STAGE_EVALUATE] = "evaluate",
    [FS_STAGE_LAYER_SWEEP] = "layer_sweep",
};
/* clang-format on */

FS_TRAINED_METHODS(DECLARE)

const struct fs_method *fs_stage_method(enum fs_stage stage)
{
    static const struct fs_method *const method[FS_STAGE_COUNT] = {FS_TRAINED_METHODS(METHOD)};
    return method[stage];
}

enum fs_stage fs_method_stage(const struct fs_method *method)
{
    int stage = 0;
    while (stage < FS_STAGE_COUNT && (method->trainer == NULL || fs_stage_method((enum fs_stage)stage) != method)) {
        stage++;
    }
    return (enum fs_stage)stage;
}

unsigned fs_training_stages(void)
{
    unsigned stages = 0;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        stages |= fs_stage_method((enum fs_stage)stage) != NULL ? 1u << stage : 0;
    }
    return stages;
}

const struct fs_former_stage fs_former_stages[] = {{"layers", FS_STAGE_LAYER_SWEEP}, {NULL, FS_STAGE_COUNT}};

static bool is_name(const char *known, const char *name, size_t length)
{
    return strlen(known) == length && strncmp(known, name, length) == 0;
}

enum fs_stage fs_stage_named(const char *name, size_t length)
{
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (is_name(fs_stage_names[stage], name, length)) {
            return (enum fs_stage)stage;
        }
    }
    const struct fs_former_stage *former = fs_former_stages;
    while (former->name != NULL && !is_name(former->name, name, length)) {
        former++;
    }
    return former->stage;
}

static char *file_named(const char *folder, const char *name, struct fs_error *err)
{
    char *path;
    if (asprintf(&path, "%s/%s.h5", folder, name) < 0) {
        fs_error_memory(err, strlen(folder), "a path");
        return NULL;
    }
    return path;
}

char *fs_stage_find_file(const char *folder, enum fs_stage stage, struct fs_error *err)
{
    char *path = file_named(folder, fs_stage_names[stage], err);
    for (const struct fs_former_stage *former = fs_former_stages; path != NULL && former->name != NULL; former++) {
        if (former->stage != stage || access(path, F_OK) == 0) {
            continue;
        }
        char *other = file_named(folder, former->name, err);
        if (other == NULL || access(other, F_OK) == 0) {
            free(path);
            path = other;
        } else {
            free(other);
        }
    }
    return path;
}

void fs_stage_find_group(const struct fs_archive *archive, const char *parent, enum fs_stage stage, char *group,
                         size_t size)
{
    snprintf(group, size, "%s/%s", parent, fs_stage_names[stage]);
    for (const struct fs_former_stage *former = fs_former_stages; former->name != NULL; former++) {
        if (former->stage == stage && !fs_archive_has(archive, group)) {
            snprintf(group, size, "%s/%s", parent, former->name);
        }
    }
}

int fs_stage_open_file(const char *path, enum fs_stage stage, struct fs_archive **archive, struct fs_error *err)
{
    const char *format = fs_stage_names[stage];
    struct fs_archive *any;
    if (fs_archive_open(path, NULL, &any, err) != 0) {
        return -1;
    }
    const char *found = fs_archive_format(any);
    if (fs_stage_named(found, strlen(found)) == stage) {
        *archive = any;
        return 0;
    }
    fs_archive_close(any);
    return fs_archive_open(path, format, archive, err); /* says which format was found */
}

#include "results/stage_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/console/progress.h"
#include "io/file_map.h"
#include "io/folder.h"
#include "io/publish.h"

char *fs_stage_path(const char *folder, enum fs_stage stage, const char *suffix, struct fs_error *err)
{
    char *path;
    if (asprintf(&path, "%s/%s%s", folder, fs_stage_names[stage], suffix) < 0) {
        fs_error_memory(err, strlen(folder), "a path");
        return NULL;
    }
    return path;
}

int fs_stage_open(const char *folder, enum fs_stage stage, struct fs_archive **archive, struct fs_error *err)
{
    char *path = fs_stage_path(folder, stage, ".h5", err);
    if (path == NULL) {
        return -1;
    }
    int status = fs_archive_open(path, fs_stage_names[stage], archive, err);
    free(path);
    return status;
}

int fs_stage_move_aside(const char *path, const char *what_next, struct fs_error *err)
{
    char *aside;
    if (asprintf(&aside, "%s.damaged", path) < 0) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    int status = rename(path, aside);
    if (status != 0) {
        fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be moved to %s: %s", path, aside, strerror(errno));
    } else {
        fs_warn("%s; moved aside to %s, %s", err->text, aside, what_next);
        *err = (struct fs_error)FS_ERROR_INIT;
    }
    free(aside);
    return status;
}

static int refuse_other_job(const char *path, const struct fs_archive *archive, const char *wanted,
                            struct fs_error *err)
{
    char names[512] = "", *settings = NULL;
    struct fs_error ignored = FS_ERROR_INIT;
    if (fs_archive_read_attribute_text(archive, "/provenance", "settings", &settings, &ignored) == 0) {
        fs_fingerprint_difference(settings, wanted, names, sizeof names);
    }
    free(settings);
    return fs_error_set(err, FS_EXIT_OTHER_JOB,
                        "%s: belongs to another job; what differs: %s; choose another output, or "
                        "--force to replace it",
                        path, names[0] != '\0' ? names : "unknown");
}

static int check_open(const char *path, const struct fs_archive *archive, enum fs_stage stage,
                      const struct fs_fingerprint *fingerprint, enum fs_stage_policy policy, bool *there,
                      struct fs_error *err)
{
    if (strcmp(fs_archive_job(archive), fingerprint->digest[stage]) == 0) {
        *there = true;
        return 0;
    }
    refuse_other_job(path, archive, fingerprint->settings[stage], err);
    if (policy == FS_STAGE_FORCED) {
        fs_warn("%s: belongs to another job, and will be replaced", path);
        *err = (struct fs_error)FS_ERROR_INIT;
        return 0;
    }
    return -1;
}

int fs_stage_check(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                   enum fs_stage_policy policy, bool *there, struct fs_error *err)
{
    struct fs_archive *archive;
    char *path = fs_stage_path(folder, stage, ".h5", err);
    if (path == NULL) {
        return -1;
    }
    *there = false;
    int status = fs_archive_open(path, fs_stage_names[stage], &archive, err);
    if (status == 0) {
        status = check_open(path, archive, stage, fingerprint, policy, there, err);
        fs_archive_close(archive);
    } else if (err->code == FS_EXIT_NO_INPUT && access(path, F_OK) != 0) {
        status = 0;
        if (policy == FS_STAGE_NEEDED) {
            bool command = fs_stage_method(stage) == NULL || stage == FS_STAGE_STAMP;
            status = fs_error_set(err, FS_EXIT_NO_INPUT, "%s: missing; do %s%s%s`fairstamp run` for all stages", path,
                                  command ? "`fairstamp " : "", command ? fs_stage_names[stage] : "",
                                  command ? "` with this job first, or " : "");
        } else {
            *err = (struct fs_error)FS_ERROR_INIT;
        }
    } else if (err->code == FS_EXIT_DATA && policy != FS_STAGE_NEEDED) {
        status = fs_stage_move_aside(path, "the stage is done again", err);
    }
    free(path);
    return status;
}

bool fs_stage_is_there(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint)
{
    struct fs_archive *archive;
    if (fs_stage_open(folder, stage, &archive, NULL) != 0) {
        return false;
    }
    bool there = strcmp(fs_archive_job(archive), fingerprint->digest[stage]) == 0;
    fs_archive_close(archive);
    return there;
}

static int copy_file(const char *from, const char *to, struct fs_error *err)
{
    struct fs_file_map map;
    if (fs_file_map_open(from, &map, err) != 0) {
        return -1;
    }
    int status = fs_publish_text(to, (const char *)map.data, map.size, err);
    fs_file_map_close(&map);
    return status;
}

int fs_stage_reuse(const char *from, const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                   struct fs_error *err)
{
    struct fs_error ignored = FS_ERROR_INIT;
    struct fs_archive *archive;
    char *source = fs_stage_path(from, stage, ".h5", err), *path = fs_stage_path(folder, stage, ".h5", err);
    int status = source != NULL && path != NULL ? 0 : -1;
    if (status == 0 && access(path, F_OK) != 0 && fs_stage_open(from, stage, &archive, &ignored) == 0) {
        bool same = strcmp(fs_archive_job(archive), fingerprint->digest[stage]) == 0;
        fs_archive_close(archive);
        if (!same) {
            fs_warn("%s: belongs to another job, and is not taken", source);
        } else if ((status = copy_file(source, path, err)) == 0) {
            fs_say("%s: taken from %s", fs_stage_names[stage], from);
        }
    }
    free(source);
    free(path);
    return status;
}

/* Whether `name` is "<stage>.part.h5", or "<stage>_<anything>.part.h5". */
static bool is_part_of(const char *name, const char *stage)
{
    static const char suffix[] = ".part.h5";
    size_t length = strlen(name), begin = strlen(stage), end = sizeof suffix - 1;
    return length >= begin + end && strncmp(name, stage, begin) == 0 && strcmp(name + length - end, suffix) == 0 &&
           (length == begin + end || name[begin] == '_');
}

/* The stage whose partial file has this name, that of the longest name; FS_STAGE_COUNT: none. */
static enum fs_stage stage_of_part(const char *name)
{
    enum fs_stage found = FS_STAGE_COUNT;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const char *own = fs_stage_names[stage];
        if (is_part_of(name, own) && (found == FS_STAGE_COUNT || strlen(own) > strlen(fs_stage_names[found]))) {
            found = (enum fs_stage)stage;
        }
    }
    return found;
}

/* The partial files of a stage. */
static int list_parts(const char *folder, enum fs_stage stage, struct fs_folder *parts, struct fs_error *err)
{
    struct fs_error none = FS_ERROR_INIT;
    if (fs_folder_list(folder, ".part.h5", parts, &none) != 0) {
        if (none.code == FS_EXIT_NO_INPUT) {
            return 0;
        }
        *err = none;
        return -1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < parts->count; i++) {
        char *path = parts->path[i];
        if (stage_of_part(strrchr(path, '/') + 1) == stage) {
            parts->path[kept++] = path;
        } else {
            free(path);
        }
    }
    parts->count = kept;
    return 0;
}

static int check_part(const char *path, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                      enum fs_stage_policy policy, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_open(path, FS_ARCHIVE_PARTIAL, &archive, err) != 0) {
        return err->code == FS_EXIT_DATA ? fs_stage_move_aside(path, "what it held is done again", err) : -1;
    }
    bool own = false;
    int status = check_open(path, archive, stage, fingerprint, policy, &own, err);
    fs_archive_close(archive);
    if (status == 0 && !own && unlink(path) != 0) {
        return fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be removed: %s", path, strerror(errno));
    }
    return status;
}

int fs_stage_check_parts(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                         enum fs_stage_policy policy, struct fs_error *err)
{
    struct fs_folder parts = {0};
    int status = list_parts(folder, stage, &parts, err);
    for (size_t i = 0; status == 0 && i < parts.count; i++) {
        status = check_part(parts.path[i], stage, fingerprint, policy, err);
    }
    fs_folder_release(&parts);
    return status;
}

void fs_stage_remove_own_part(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint)
{
    struct fs_folder parts = {0};
    struct fs_error ignored = FS_ERROR_INIT;
    struct fs_archive *archive;
    (void)list_parts(folder, stage, &parts, &ignored);
    for (size_t i = 0; i < parts.count; i++) {
        if (fs_archive_open(parts.path[i], FS_ARCHIVE_PARTIAL, &archive, &ignored) != 0) {
            continue;
        }
        bool own = strcmp(fs_archive_job(archive), fingerprint->digest[stage]) == 0;
        fs_archive_close(archive);
        if (own) {
            (void)unlink(parts.path[i]);
        } else {
            fs_warn("%s: saved progress of another job, which stays as it is", parts.path[i]);
        }
    }
    fs_folder_release(&parts);
}

/* All of them, or (`own` false) without the stage's own. */
static void remove_parts(const char *folder, enum fs_stage stage, bool own)
{
    struct fs_folder parts = {0};
    struct fs_error ignored = FS_ERROR_INIT;
    (void)list_parts(folder, stage, &parts, &ignored);
    for (size_t i = 0; i < parts.count; i++) {
        const char *name = strrchr(parts.path[i], '/') + 1;
        if (own || name[strlen(fs_stage_names[stage])] == '_') {
            (void)unlink(parts.path[i]);
        }
    }
    fs_folder_release(&parts);
}

void fs_stage_remove_layer(const char *folder)
{
    remove_parts(folder, FS_STAGE_LAYER_SWEEP, false);
}

void fs_stage_remove_part(const char *folder, enum fs_stage stage)
{
    remove_parts(folder, stage, true);
}

/* Whether `name` is "<a stage's file>.<host>.<pid>.tmp" (io/publish.h). */
static bool is_temporary(const char *name)
{
    char file[256];
    const char *end = strstr(name, ".h5."), *host = end != NULL ? end + 4 : NULL, *tmp = strrchr(name, '.');
    if (end == NULL || strcmp(tmp, ".tmp") != 0 || (size_t)(end + 3 - name) >= sizeof file) {
        return false;
    }
    const char *pid = tmp;
    while (pid > host && pid[-1] >= '0' && pid[-1] <= '9') {
        pid--;
    }
    if (pid == tmp || pid < host + 2 || pid[-1] != '.') {
        return false;
    }
    snprintf(file, sizeof file, "%.*s", (int)(end + 3 - name), name);
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        size_t length = strlen(fs_stage_names[stage]);
        if (strncmp(file, fs_stage_names[stage], length) == 0 && strcmp(file + length, ".h5") == 0) {
            return true;
        }
    }
    return stage_of_part(file) != FS_STAGE_COUNT;
}

void fs_stage_remove_temporaries(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (is_temporary(entry->d_name)) {
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
        }
    }
    closedir(directory);
}

#include "io/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/digest_cache.h"

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name), wanted = suffix != NULL ? strlen(suffix) : 0;
    return length >= wanted && (wanted == 0 || strcmp(name + length - wanted, suffix) == 0);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes `path` over. */
static int add_path(struct fs_folder *folder, char *path, struct fs_error *err)
{
    if (path == NULL) {
        return fs_error_memory(err, 64, "the files of a folder");
    }
    if (fs_grow(&folder->path, &folder->capacity, folder->count + 1, sizeof *folder->path, "the files of a folder",
                err) != 0) {
        free(path);
        return -1;
    }
    folder->path[folder->count++] = path;
    return 0;
}

int fs_folder_add(struct fs_folder *folder, const char *path, struct fs_error *err)
{
    return add_path(folder, strdup(path), err);
}

static int read_below(const char *path, size_t levels, struct fs_folder *folder, struct fs_error *err);

/* With `levels` the files of so many levels of folders below too. */
static int read_folder(const char *path, const char *suffix, size_t levels, DIR *directory, struct fs_folder *folder,
                       struct fs_error *err)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        struct stat info;
        char *full = NULL;
        if (entry->d_name[0] == '.' || !ends_in(entry->d_name, suffix)) {
            continue;
        }
        if (asprintf(&full, "%s/%s", path, entry->d_name) < 0) {
            return fs_error_memory(err, strlen(path), "a path");
        }
        if (stat(full, &info) == 0 && S_ISREG(info.st_mode)) {
            if (add_path(folder, full, err) != 0) {
                return -1;
            }
        } else {
            int status = levels > 0 ? read_below(full, levels, folder, err) : 0;
            free(full);
            if (status != 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* What is no folder, or cannot be read, is passed by. */
static int read_below(const char *path, size_t levels, struct fs_folder *folder, struct fs_error *err)
{
    DIR *directory = opendir(path);
    int status = directory != NULL ? read_folder(path, NULL, levels - 1, directory, folder, err) : 0;
    if (directory != NULL) {
        closedir(directory);
    }
    return status;
}

static int list(const char *path, const char *suffix, size_t levels, struct fs_folder *folder, struct fs_error *err)
{
    struct stat info;
    *folder = (struct fs_folder){0};
    if (stat(path, &info) != 0) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(info.st_mode)) {
        return add_path(folder, strdup(path), err);
    }
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s", path, strerror(errno));
    }
    int status = read_folder(path, suffix, levels, directory, folder, err);
    closedir(directory);
    if (status == 0 && folder->count == 0) {
        status = fs_error_set(err, FS_EXIT_NO_INPUT, "%s: found no file%s%s in this folder", path,
                              suffix != NULL ? " named *" : "", suffix != NULL ? suffix : "");
    }
    if (status != 0) {
        fs_folder_release(folder);
        return -1;
    }
    qsort(folder->path, folder->count, sizeof *folder->path, compare_paths);
    return 0;
}

int fs_folder_list(const char *path, const char *suffix, struct fs_folder *folder, struct fs_error *err)
{
    return list(path, suffix, 0, folder, err);
}

int fs_folder_list_nested(const char *path, struct fs_folder *folder, struct fs_error *err)
{
    return list(path, NULL, FS_FOLDER_LEVELS, folder, err);
}

void fs_folder_release(struct fs_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        free(folder->path[i]);
    }
    free(folder->path);
    *folder = (struct fs_folder){0};
}

int fs_folder_digest(const char *path, bool nested, char hex[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return fs_digest_once(path, hex, err);
    }
    struct fs_folder folder;
    struct fs_digest *digest = NULL;
    if (list(path, NULL, nested ? FS_FOLDER_LEVELS : 0, &folder, err) != 0) {
        return -1;
    }
    int status = fs_digest_begin(&digest, err);
    for (size_t i = 0; status == 0 && i < folder.count; i++) {
        char own[FS_DIGEST_SIZE];
        status = fs_digest_once(folder.path[i], own, err);
        if (status == 0) {
            fs_digest_add_text(digest, folder.path[i] + strlen(path) + 1);
            fs_digest_add_text(digest, own);
        }
    }
    if (digest != NULL) {
        fs_digest_end(digest, hex);
    }
    fs_folder_release(&folder);
    return status;
}

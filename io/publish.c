#include "io/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/scratch.h"

static int (*may_publish)(struct fs_error *err);

void fs_publish_when(int (*may)(struct fs_error *err))
{
    may_publish = may;
}

static void host_name(char *host, size_t size)
{
    if (gethostname(host, size) != 0) {
        snprintf(host, size, "localhost");
    }
    host[size - 1] = '\0';
}

/* The folder part of `path`, "." where it has none; the caller frees. `base` points into `path`. */
static char *folder_of(const char *path, const char **base, struct fs_error *err)
{
    const char *slash = strrchr(path, '/');
    *base = slash == NULL ? path : slash + 1;
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL) {
        fs_error_memory(err, strlen(path), "a path");
    }
    return folder;
}

/* Whether `name` is "<base>.<host>.<pid>.tmp" with a pid that runs no more, or with ours. */
static bool is_stale(const char *name, const char *base, const char *host)
{
    size_t base_length = strlen(base);
    size_t host_length = strlen(host);
    if (strncmp(name, base, base_length) != 0 || name[base_length] != '.') {
        return false;
    }
    name += base_length + 1;
    if (strncmp(name, host, host_length) != 0 || name[host_length] != '.') {
        return false;
    }
    name += host_length + 1;
    if (name[0] < '1' || name[0] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    long pid = strtol(name, &end, 10);
    if (errno != 0 || pid > INT_MAX || strcmp(end, ".tmp") != 0) {
        return false;
    }
    return (pid_t)pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

static int remove_stale(const char *folder, const char *base, const char *host, struct fs_error *err)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be opened as a folder: %s; make the folder first",
                            folder, strerror(errno));
    }
    const struct dirent *entry;
    int status = 0;
    while (status == 0 && (entry = readdir(directory)) != NULL) {
        char *path;
        if (!is_stale(entry->d_name, base, host)) {
            continue;
        }
        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
            status = fs_error_memory(err, strlen(folder), "a path");
        } else {
            fs_folder_remove(path);
            free(path);
        }
    }
    closedir(directory);
    return status;
}

int fs_publish_begin(const char *path, char **temporary, struct fs_error *err)
{
    *temporary = NULL;
    char host[256];
    host_name(host, sizeof host);
    const char *base;
    char *folder = folder_of(path, &base, err);
    if (folder == NULL) {
        return -1;
    }
    int result = base[0] == '\0'
                     ? fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: is a folder, expected the path of a file", path)
                     : remove_stale(folder, base, host, err);
    free(folder);
    if (result == 0 && asprintf(temporary, "%s.%s.%ld.tmp", path, host, (long)getpid()) < 0) {
        *temporary = NULL;
        result = fs_error_memory(err, strlen(path), "a path");
    }
    return result;
}

/* fsync of the file or folder `path`. A file system that cannot sync a folder (EINVAL) needs none. */
static int sync_path(const char *path, int flags, struct fs_error *err)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (descriptor < 0) {
        return fs_error_set(err, FS_EXIT_IO, "%s: cannot be opened to be synced: %s", path, strerror(errno));
    }
    int failure = fsync(descriptor) == 0 || ((flags & O_DIRECTORY) != 0 && errno == EINVAL) ? 0 : errno;
    close(descriptor);
    return failure == 0 ? 0
                        : fs_error_set(err, FS_EXIT_IO, "%s: syncing to disk failed: %s; is the disk full?", path,
                                       strerror(failure));
}

static int move_into_place(const char *temporary, const char *path, struct fs_error *err)
{
    if (sync_path(temporary, 0, err) != 0 || (may_publish != NULL && may_publish(err) != 0)) {
        return -1;
    }
    if (rename(temporary, path) != 0) {
        return fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be put in place: %s; remove what is there", path,
                            strerror(errno));
    }
    const char *base;
    char *folder = folder_of(path, &base, err);
    int result = folder == NULL ? -1 : sync_path(folder, O_DIRECTORY, err);
    free(folder);
    return result;
}

int fs_publish_commit(const char *temporary, const char *path, struct fs_error *err)
{
    int result = move_into_place(temporary, path, err);
    if (result != 0) {
        fs_publish_abort(temporary);
    }
    return result;
}

void fs_publish_abort(const char *temporary)
{
    fs_folder_remove(temporary);
}

int fs_publish_write(const char *temporary, const void *bytes, size_t length, struct fs_error *err)
{
    const char *next = bytes;
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be made: %s", temporary, strerror(errno));
    }
    int failure = 0;
    while (length > 0 && failure == 0) {
        ssize_t written = write(descriptor, next, length);
        if (written < 0) {
            failure = errno == EINTR ? 0 : errno;
        } else {
            next += written;
            length -= (size_t)written;
        }
    }
    if (close(descriptor) != 0 && failure == 0) {
        failure = errno;
    }
    return failure == 0 ? 0
                        : fs_error_set(err, FS_EXIT_IO, "%s: writing failed: %s; is the disk full?", temporary,
                                       strerror(failure));
}

int fs_publish_text(const char *path, const char *text, size_t length, struct fs_error *err)
{
    char *temporary;
    if (fs_publish_begin(path, &temporary, err) != 0) {
        return -1;
    }
    int result = fs_publish_write(temporary, text, length, err);
    if (result == 0) {
        result = fs_publish_commit(temporary, path, err);
    } else {
        fs_publish_abort(temporary);
    }
    free(temporary);
    return result;
}

/* One level; `path` that is there as a folder is fine. */
static int make_level(const char *path, struct fs_error *err)
{
    struct stat status;
    if (mkdir(path, 0777) == 0) {
        return 0;
    }
    int failure = errno;
    if (stat(path, &status) == 0) {
        return S_ISDIR(status.st_mode) ? 0
                                       : fs_error_set(err, FS_EXIT_CANNOT_CREATE,
                                                      "%s: is no folder; remove it or choose another one", path);
    }
    return fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: the folder cannot be made: %s", path, strerror(failure));
}

int fs_make_folder(const char *path, struct fs_error *err)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    int result = 0;
    for (char *at = copy + 1; copy[0] != '\0' && *at != '\0' && result == 0; at++) {
        if (*at == '/') {
            *at = '\0';
            result = make_level(copy, err);
            *at = '/';
        }
    }
    if (result == 0) {
        result = make_level(copy, err);
    }
    free(copy);
    return result;
}

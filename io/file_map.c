#include "io/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What `data` points at where the file is empty: mmap refuses a length of zero. */
static const unsigned char nothing[1];

static int map_descriptor(int descriptor, const char *path, struct fs_file_map *map, struct fs_error *err)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: cannot be examined: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is %s, expected a regular file; give the path of a file", path,
                            S_ISDIR(status.st_mode) ? "a folder" : "a pipe or device");
    }
    if (status.st_size == 0) {
        map->data = nothing;
        map->size = 0;
        return 0;
    }
    if ((uintmax_t)status.st_size > SIZE_MAX / 2) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: too large to be mapped", path);
    }
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
        return fs_error_set(err, FS_EXIT_OS,
                            "%s: cannot be mapped into memory: %s; check the address space limit (ulimit -v)", path,
                            strerror(errno));
    }
    map->data = data;
    map->size = (size_t)status.st_size;
    return 0;
}

static int cannot_open(const char *path, int reason, struct fs_error *err)
{
    char target[1024];
    ssize_t length = reason == ENOENT ? readlink(path, target, sizeof target) : -1;
    if (length > 0) {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "%s: cannot be opened for reading: is a link to %.*s, which is not there; copy or download "
                            "the file again",
                            path, (int)length, target);
    }
    return fs_error_set(err, reason == EMFILE || reason == ENFILE ? FS_EXIT_OS : FS_EXIT_NO_INPUT,
                        "%s: cannot be opened for reading: %s%s", path, strerror(reason),
                        path[0] == '~' ? "; ~ stands for the home folder in a shell alone, write the whole path" : "");
}

int fs_file_map_open(const char *path, struct fs_file_map *map, struct fs_error *err)
{
    *map = (struct fs_file_map){NULL, 0};
    /* O_NONBLOCK: a named pipe must be refused, not waited for. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return cannot_open(path, errno, err);
    }
    int result = map_descriptor(descriptor, path, map, err);
    close(descriptor);
    return result;
}

void fs_file_map_close(struct fs_file_map *map)
{
    if (map->data != NULL && map->data != nothing) {
        munmap((void *)(uintptr_t)map->data, map->size);
    }
    *map = (struct fs_file_map){NULL, 0};
}

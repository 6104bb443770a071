/* A file that cannot be what its name says: links to nothing, and what downloads leave. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/file_kind.h"
#include "io/formats/tensor_format.h"
#include "model/folder/folder_parts.h"

/* `path` is a link that leads nowhere. */
static int refuse_link(const char *folder, const char *path, int reason, struct fs_error *err)
{
    char target[FS_PATH_ROOM], hub[256];
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (reason == ELOOP) {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "%s: is a link to %s, which leads back to itself; make the link anew", path, target);
    }
    if (reason != ENOENT && reason != ENOTDIR) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is a link to %s, which cannot be read: %s", path, target,
                            strerror(reason));
    }
    if (fs_hub_name(folder, hub)) {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "%s: is a link to %s, which is not there: the download broke off; download it again: hf "
                            "download %s",
                            path, target, hub);
    }
    return fs_error_set(err, FS_EXIT_NO_INPUT,
                        "%s: is a link to %s, which is not there; download or copy the file again (cp -L, rsync -L "
                        "copy what links lead to)",
                        path, target);
}

static int check_first_bytes(const char *path, const char *name, struct fs_error *err)
{
    unsigned char first[FS_KIND_SAMPLE];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return 0; /* its reader says why */
    }
    ssize_t length = read(descriptor, first, sizeof first);
    close(descriptor);
    const struct fs_tensor_format *format = fs_tensor_format_named(name);
    if (length == 0 && (format != NULL || fnmatch("*.json", name, 0) == 0)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: is empty; the download or copy broke off (is the disk or the quota full?), fetch it "
                            "again",
                            path);
    }
    char fix[FS_KIND_FIX];
    size_t size = length > 0 ? (size_t)length : 0;
    const char *kind =
        format != NULL && format->may_be(first, size) ? NULL : fs_file_kind(path, first, size, FS_PLACE_MODEL, fix);
    return kind == NULL ? 0 : fs_error_set(err, FS_EXIT_DATA, "%s: is %s; %s", path, kind, fix);
}

int fs_check_file(const char *folder, const char *name, struct fs_error *err)
{
    char path[FS_PATH_ROOM];
    struct stat link, file;
    if (!fs_join(folder, name, path) || lstat(path, &link) != 0) {
        return 0; /* not there: what is missing is told elsewhere */
    }
    if (stat(path, &file) != 0) {
        return refuse_link(folder, path, errno, err);
    }
    return S_ISREG(file.st_mode) ? check_first_bytes(path, name, err) : 0;
}

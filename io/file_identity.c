#include "io/file_identity.h"

#include <sys/stat.h>
#include <time.h>

#define SETTLED_SECONDS 2 /* FAT's tick, the longest */

bool fs_file_identity_get(const char *path, struct fs_file_identity *identity)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    *identity = (struct fs_file_identity){(uint64_t)info.st_dev, (uint64_t)info.st_ino, (uint64_t)info.st_size,
                                          info.st_mtim.tv_sec,   info.st_mtim.tv_nsec,  info.st_ctim.tv_sec,
                                          info.st_ctim.tv_nsec};
    return true;
}

bool fs_file_identity_same(const struct fs_file_identity *one, const struct fs_file_identity *other, bool device)
{
    return (!device || one->device == other->device) && one->inode == other->inode && one->size == other->size &&
           one->written == other->written && one->written_ns == other->written_ns && one->changed == other->changed &&
           one->changed_ns == other->changed_ns;
}

bool fs_file_identity_settled(const struct fs_file_identity *identity)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return identity->written + SETTLED_SECONDS < now.tv_sec && identity->changed + SETTLED_SECONDS < now.tv_sec;
}

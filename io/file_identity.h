/* Which file a path names, and whether it is still the same: what a hash or a copy of it is remembered by. Local. */
#ifndef FAIRSTAMP_IO_FILE_IDENTITY_H
#define FAIRSTAMP_IO_FILE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/* No padding: ranks exchange it, and it is hashed. Times in seconds and nanoseconds. */
struct fs_file_identity {
    uint64_t device, inode, size;
    int64_t written, written_ns, changed, changed_ns;
};

/* Of the regular file `path`, behind links; false where there is none. */
bool fs_file_identity_get(const char *path, struct fs_file_identity *identity);
/* Whether two are one unchanged file. Hosts that share a file system number its device as they like: without `device`. */
bool fs_file_identity_same(const struct fs_file_identity *one, const struct fs_file_identity *other, bool device);
/*
 * Whether its times prove that it has not changed since: a file that was written within the last seconds may be written
 * again within one tick of its file system's clock.
 */
bool fs_file_identity_settled(const struct fs_file_identity *identity);

#endif

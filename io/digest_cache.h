/*
 * SHA-256 of files, each read once a process: remembered in its memory by device, inode, size and times, never on disk. So
 * jobs of one process that have a model or data in common hash them once, and a rank takes over what another has hashed.
 * Local; from the main thread.
 */
#ifndef FAIRSTAMP_IO_DIGEST_CACHE_H
#define FAIRSTAMP_IO_DIGEST_CACHE_H

#include "io/digest.h"
#include "io/file_identity.h"

/* As fs_digest_file, but of a file that is known and unchanged without reading it. */
int fs_digest_once(const char *path, char hex[FS_DIGEST_SIZE], struct fs_error *err);

/* Whether the file `path` is known. */
bool fs_digest_known(const char *path);

/*
 * The file that `identity` was of when its hash was `hex`. What was written within the last seconds is not taken
 * (fs_file_identity_settled), nor what there is no memory for: it will be hashed again.
 */
void fs_digest_remember(const struct fs_file_identity *identity, const char hex[FS_DIGEST_SIZE]);

#endif

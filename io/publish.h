/*
 * Atomic publishing: a reader sees the old file or the whole new one, never a part.
 *
 *     fs_publish_begin(path) -> a temporary path in the same folder -> the caller makes a file or a folder of it
 *     -> fs_publish_commit: fsync, rename, fsync of the folder
 *
 * Local: called by the one rank that writes.
 */
#ifndef FAIRSTAMP_IO_PUBLISH_H
#define FAIRSTAMP_IO_PUBLISH_H

#include "io/error.h"

/*
 * Sets `temporary` (allocated; the caller frees) to a fresh name beside `path`: "<path>.<host>.<pid>.tmp". Removes what
 * an earlier, killed process left under "<path>.*.tmp" when that process ran on this host and is gone. The folder must
 * be there: FS_EXIT_CANNOT_CREATE otherwise. Hosts that share a folder have different names.
 */
int fs_publish_begin(const char *path, char **temporary, struct fs_error *err);
/* Makes the temporary file, which is not there yet, of `length` bytes. */
int fs_publish_write(const char *temporary, const void *bytes, size_t length, struct fs_error *err);
/* From here on every rename is asked for first: where `may` returns -1, with its error, nothing is published. NULL: none.
 */
void fs_publish_when(int (*may)(struct fs_error *err));
/* On failure the temporary file or folder is removed; `path` is then the old one, or the new one where only the fsync of
 * the folder around it failed. What is in a folder is synced by the caller. */
int fs_publish_commit(const char *temporary, const char *path, struct fs_error *err);
void fs_publish_abort(const char *temporary); /* removes it, a folder with what is in it; takes NULL */

/* All in one, for text files. */
int fs_publish_text(const char *path, const char *text, size_t length, struct fs_error *err);

/* mkdir -p. FS_EXIT_CANNOT_CREATE where a part of the path is a file. */
int fs_make_folder(const char *path, struct fs_error *err);

#endif

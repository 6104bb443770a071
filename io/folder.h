/* The files of a folder. Local. */
#ifndef FAIRSTAMP_IO_FOLDER_H
#define FAIRSTAMP_IO_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "io/digest.h"
#include "io/error.h"

/*
 * path[count]: the regular files directly in the folder `path` whose names end in `suffix` (NULL: any) and do not begin
 * with a dot, sorted by bytes; where `path` is a file itself, that one. Freed by fs_folder_release. FS_EXIT_NO_INPUT
 * where `path` is missing, unreadable or has no such file.
 */
struct fs_folder {
    char **path;
    size_t count, capacity;
};
int fs_folder_list(const char *path, const char *suffix, struct fs_folder *folder, struct fs_error *err);
/* The same of all files in the folder and in so many levels of folders in it. */
enum { FS_FOLDER_LEVELS = 3 };
int fs_folder_list_nested(const char *path, struct fs_folder *folder, struct fs_error *err);
/* Adds a copy of `path` behind the others. */
int fs_folder_add(struct fs_folder *folder, const char *path, struct fs_error *err);
void fs_folder_release(struct fs_folder *folder); /* takes a zeroed struct */

/* SHA-256 of a file; of a folder, that of its files' names and digests, as fs_folder_list gives them, or with `nested`
 * fs_folder_list_nested, names from the folder on. Each file is read once a process (digest_cache.h). */
int fs_folder_digest(const char *path, bool nested, char hex[FS_DIGEST_SIZE], struct fs_error *err);

#endif

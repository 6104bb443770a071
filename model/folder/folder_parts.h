/* What the files of model/folder/ share. Private to them. */
#ifndef FAIRSTAMP_MODEL_FOLDER_FOLDER_PARTS_H
#define FAIRSTAMP_MODEL_FOLDER_FOLDER_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

#define FS_PATH_ROOM 4352 /* of a folder's path, a slash, a name */

/* Names of a folder's entries, sorted, numbers by value; hidden ones are left out. */
struct fs_entries {
    char **name;
    size_t count, capacity;
    bool unlisted; /* the folder cannot be listed, or is none */
};

/* Takes a zeroed struct. -1: out of memory. */
int fs_entries_read(const char *folder, struct fs_entries *entries, struct fs_error *err);
void fs_entries_release(struct fs_entries *entries);

/* "folder/name" in a buffer of FS_PATH_ROOM; false where it does not fit. */
bool fs_join(const char *folder, const char *name, char path[FS_PATH_ROOM]);
/* Whether folder/name is there and no folder, or a folder. */
bool fs_has_file(const char *folder, const char *name);
bool fs_has_folder(const char *folder, const char *name);

/* path.c: says why `path` is no folder that can be read; 0 where it is one. */
int fs_check_path(const char *path, struct fs_error *err);
/* "org/name" of a path with a folder models--org--name of the Hub's cache in it; else "ORG/NAME". Returns whether found. */
bool fs_hub_name(const char *path, char name[256]);

/* files.c: whether folder/name, if it is there, can be what its name says. */
int fs_check_file(const char *folder, const char *name, struct fs_error *err);

/* adapters.c: refuses an adapter that lies in `folder`. */
int fs_check_adapter(const char *folder, bool whole, struct fs_error *err);

/* instead.c: what the folder has in place of the first missing part. Returns -1. */
int fs_say_instead(const char *folder, unsigned missing, struct fs_error *err);

#endif

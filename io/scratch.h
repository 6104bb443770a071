/* Folders for a short time, and folders removed with what is in them. Local. */
#ifndef FAIRSTAMP_IO_SCRATCH_H
#define FAIRSTAMP_IO_SCRATCH_H

#include "io/error.h"

/*
 * Makes the empty folder "PARENT/fs.XXXXXX", which is this process's alone; `parent` NULL or "": TMPDIR, /tmp where that
 * is not set. *folder: allocated; the caller removes it by fs_folder_remove and frees it. NULL on failure:
 * FS_EXIT_CANNOT_CREATE. Short, for Open MPI keeps sockets below it, and their paths have 107 bytes.
 */
int fs_scratch_make(const char *parent, char **folder, struct fs_error *err);

/* Removes the file or folder `path` with all that is in it, and follows no links; takes NULL. What cannot be removed stays. */
void fs_folder_remove(const char *path);

#endif

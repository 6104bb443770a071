#include "io/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTORS 16 /* folders that are open at once */

int fs_scratch_make(const char *parent, char **folder, struct fs_error *err)
{
    const char *base = parent != NULL && parent[0] != '\0' ? parent : getenv("TMPDIR");
    if (asprintf(folder, "%s/fs.XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp") < 0) {
        *folder = NULL;
        return fs_error_memory(err, 64, "a path");
    }
    if (mkdtemp(*folder) != NULL) {
        return 0;
    }
    fs_error_set(err, FS_EXIT_CANNOT_CREATE,
                 "%s: a temporary folder cannot be made: %s; set TMPDIR to a folder that can be written", *folder,
                 strerror(errno));
    free(*folder);
    *folder = NULL;
    return -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    (void)remove(path);
    return 0;
}

void fs_folder_remove(const char *path)
{
    if (path != NULL) {
        (void)nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    }
}

/* A model that is one GGUF file. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/formats/gguf.h"
#include "io/formats/tensor_format.h"
#include "model/folder/folder.h"
#include "model/folder/folder_parts.h"

#define PATTERN "*.gguf"

/* The only file of that name in `folder`; NULL where there are several or none. */
static int find_only(const char *folder, char **file, struct fs_error *err)
{
    struct fs_entries entries = {0};
    const char *only = NULL;
    size_t found = 0;
    char path[FS_PATH_ROOM];
    int status = fs_entries_read(folder, &entries, err);
    for (size_t i = 0; status == 0 && i < entries.count; i++) {
        if (fnmatch(PATTERN, entries.name[i], 0) == 0 && fs_has_file(folder, entries.name[i])) {
            only = entries.name[i];
            found++;
        }
    }
    if (status == 0 && found == 1 && fs_join(folder, only, path)) {
        *file = strdup(path);
        status = *file == NULL ? fs_error_memory(err, strlen(path), "a path") : 0;
    }
    fs_entries_release(&entries);
    return status;
}

int fs_model_gguf_file(const char *path, char **file, struct fs_error *err)
{
    struct stat info;
    *file = NULL;
    if (stat(path, &info) != 0) {
        return 0;
    }
    if (S_ISDIR(info.st_mode)) {
        return fs_has_file(path, "config.json") || fs_tensor_format_in(path) != NULL ? 0 : find_only(path, file, err);
    }
    if (S_ISREG(info.st_mode) && (fs_is_gguf_file(path) || fnmatch(PATTERN, path, 0) == 0)) {
        *file = strdup(path);
        return *file == NULL ? fs_error_memory(err, strlen(path), "a path") : 0;
    }
    return 0;
}

/* Paths that are no folder of a model: what they are instead. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/folder/folder_parts.h"

static bool is_hub_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

/* Whether `path` may be the name of a model on the Hub, "name" or "org/name". */
static bool is_hub_name(const char *path)
{
    size_t slashes = 0, length = strlen(path);
    for (size_t i = 0; i < length; i++) {
        if (path[i] == '/') {
            slashes++;
        } else if (!is_hub_character(path[i])) {
            return false;
        }
    }
    return length > 0 && slashes <= 1 && path[0] != '.' && path[0] != '/' && path[length - 1] != '/';
}

bool fs_hub_name(const char *path, char name[256])
{
    snprintf(name, 256, "ORG/NAME");
    const char *found = strstr(path, "models--");
    while (found != NULL && found != path && found[-1] != '/') {
        found = strstr(found + 1, "models--");
    }
    if (found == NULL) {
        return false;
    }
    found += strlen("models--");
    size_t length = 0;
    for (; *found != '\0' && *found != '/' && length + 1 < 256; length++) {
        bool slash = strncmp(found, "--", 2) == 0;
        name[length] = *found;
        if (slash) {
            name[length] = '/';
        }
        found += slash ? 2 : 1;
    }
    name[length] = '\0';
    return length > 0;
}

/* "https://huggingface.co/org/name/tree/main" and the like. */
static int refuse_address(const char *path, struct fs_error *err)
{
    const char *name = strstr(path, "huggingface.co/");
    name = name != NULL ? name + strlen("huggingface.co/") : strncmp(path, "hf://", 5) == 0 ? path + 5 : NULL;
    size_t length = 0;
    for (size_t slashes = 0; name != NULL && name[length] != '\0'; length++) {
        slashes += name[length] == '/';
        if (slashes == 2) {
            break;
        }
    }
    return fs_error_set(err, FS_EXIT_NO_INPUT,
                        "%s: is an address, and nothing is downloaded here; download the model first: hf download %.*s "
                        "--local-dir DIR, and give DIR",
                        path, length > 0 ? (int)length : 8, length > 0 ? name : "ORG/NAME");
}

static int refuse_home(const char *path, struct fs_error *err)
{
    const char *home = getenv("HOME");
    bool own = path[1] == '/' || path[1] == '\0';
    return fs_error_set(err, FS_EXIT_NO_INPUT,
                        "%s: there is no such folder; ~ stands for the home folder in a shell alone, not in a job file "
                        "or in quotes: write %s%s",
                        path, own && home != NULL ? home : "the whole path, from /",
                        own && home != NULL ? path + 1 : "");
}

/* The first part of `path` that is not there, as the error says it. */
static int refuse_missing(const char *path, struct fs_error *err)
{
    char above[FS_PATH_ROOM], here[FS_PATH_ROOM] = "", hint[1024] = "";
    struct stat info;
    size_t length = strlen(path), end = length;
    if (length >= sizeof above) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%.200s...: %s", path, strerror(ENAMETOOLONG));
    }
    memcpy(above, path, length + 1);
    for (char *slash; (slash = strrchr(above, '/')) != NULL && slash != above;) {
        *slash = '\0';
        if (stat(above, &info) == 0) {
            break;
        }
        end = (size_t)(slash - above);
    }
    bool relative = path[0] != '/';
    if (relative && strchr(above, '/') == NULL && stat(above, &info) != 0) { /* nothing of it is there */
        end = strcspn(path, "/");
        above[0] = '\0';
    }
    if (relative && getcwd(here, sizeof here) == NULL) {
        here[0] = '\0';
    }
    const char *tail = path; /* what is missing: names in a job file come with the job's folder before them */
    for (const char *slash = path; slash != NULL && (size_t)(slash - path) < end; slash = strchr(slash + 1, '/')) {
        tail = *slash == '/' ? slash + 1 : slash;
    }
    bool below_root = !relative && tail == path + 1; /* no job file lies there */
    if (is_hub_name(tail) && !below_root) {
        snprintf(hint, sizeof hint,
                 "; if %.200s is the name of a model on the Hub, nothing is downloaded here: hf download %.200s "
                 "--local-dir DIR, and give DIR",
                 tail, tail);
    }
    char part[FS_PATH_ROOM] = "";
    if (end < length) {
        snprintf(part, sizeof part, ", found no %.*s", (int)end, path);
    }
    return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: there is no such folder%s%s%s%s", path,
                        here[0] != '\0' ? " in " : "", here, part,
                        hint[0] != '\0' ? hint : "; give the folder of a HuggingFace model");
}

/* What people give in place of a folder, by the file's name. */
static const struct {
    const char *pattern, *says;
} file_kinds[] = {
    {"*.zip", "is an archive; unpack it, and give the folder"},
    {"*.tar", "is an archive; unpack it, and give the folder"},
    {"*.tar.*", "is an archive; unpack it, and give the folder"},
    {"*.tgz", "is an archive; unpack it, and give the folder"},
};

static int refuse_file(const char *path, struct fs_error *err)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    for (size_t i = 0; i < sizeof file_kinds / sizeof *file_kinds; i++) {
        if (fnmatch(file_kinds[i].pattern, base, 0) == 0) {
            return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s", path, file_kinds[i].says);
        }
    }
    return fs_error_set(err, FS_EXIT_NO_INPUT,
                        "%s: is a file, expected a model's folder; give the folder that holds it: %.*s", path,
                        slash == NULL || slash == path ? 1 : (int)(slash - path),
                        slash == NULL   ? "."
                        : slash == path ? "/"
                                        : path);
}

int fs_check_path(const char *path, struct fs_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            /* A folder that may be listed but not entered, or the other way, is told by the readers of its files. */
            return access(path, X_OK) == 0
                       ? 0
                       : fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s; check the folder's permissions", path,
                                      strerror(errno));
        }
        return S_ISREG(info.st_mode)
                   ? refuse_file(path, err)
                   : fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is a pipe or device, expected a model's folder", path);
    }
    int reason = errno;
    if (path[0] == '\0') {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "the path of the model is empty (is a variable not set?); give the folder of a "
                            "HuggingFace model");
    }
    if (strstr(path, "://") != NULL) {
        return refuse_address(path, err);
    }
    if (path[0] == '~') {
        return refuse_home(path, err);
    }
    if (reason == ENOENT && lstat(path, &info) == 0) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is a link to a folder that is not there; make the link anew",
                            path);
    }
    if (reason == ENOENT || reason == ENAMETOOLONG) {
        return refuse_missing(path, err);
    }
    return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: %s; give the folder of a HuggingFace model", path,
                        strerror(reason));
}

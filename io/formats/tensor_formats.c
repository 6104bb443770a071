#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/formats/tensor_format.h"

/* One row a format: its struct fs_tensor_format is fs_tensor_format_<row>, in a file of its own. A folder is searched in
 * this order, which is that of transformers. */
#define FORMATS(ROW)                                                                                                   \
    ROW(safetensors)                                                                                                   \
    ROW(pytorch)

#define DECLARE(format) extern const struct fs_tensor_format fs_tensor_format_##format;
#define POINT(format) &fs_tensor_format_##format,

FORMATS(DECLARE)
const struct fs_tensor_format *const fs_tensor_formats[] = {FORMATS(POINT)};
const size_t fs_tensor_format_count = sizeof fs_tensor_formats / sizeof *fs_tensor_formats;

/* A link to nothing is there: another format in its place would be another model, perhaps. */
static bool is_there(const char *folder, const char *name)
{
    char *path;
    struct stat status;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        return false;
    }
    bool there = lstat(path, &status) == 0;
    free(path);
    return there;
}

const char *fs_tensor_format_entry(const struct fs_tensor_format *format, const char *folder)
{
    return is_there(folder, format->file) ? format->file : is_there(folder, format->index) ? format->index : NULL;
}

const struct fs_tensor_format *fs_tensor_format_in(const char *folder)
{
    for (size_t i = 0; i < fs_tensor_format_count; i++) {
        if (fs_tensor_format_entry(fs_tensor_formats[i], folder) != NULL) {
            return fs_tensor_formats[i];
        }
    }
    return NULL;
}

const struct fs_tensor_format *fs_tensor_format_named(const char *name)
{
    for (size_t i = 0; i < fs_tensor_format_count; i++) {
        if (fnmatch(fs_tensor_formats[i]->pattern, name, 0) == 0) {
            return fs_tensor_formats[i];
        }
    }
    return NULL;
}

void fs_tensor_format_names(char *text, size_t size)
{
    for (size_t i = 0; i < fs_tensor_format_count; i++) {
        fs_error_add_name(text, size, i, fs_tensor_format_count, fs_tensor_formats[i]->file);
    }
}

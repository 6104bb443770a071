#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/archive/archive_internal.h"

hid_t fs_archive_file_type(enum fs_archive_type type)
{
    switch (type) {
    case FS_ARCHIVE_F32:
        return H5T_IEEE_F32LE;
    case FS_ARCHIVE_F64:
        return H5T_IEEE_F64LE;
    case FS_ARCHIVE_I32:
        return H5T_STD_I32LE;
    case FS_ARCHIVE_I64:
        return H5T_STD_I64LE;
    case FS_ARCHIVE_U8:
        return H5T_STD_U8LE;
    }
    return -1;
}

hid_t fs_archive_memory_type(enum fs_archive_type type)
{
    switch (type) {
    case FS_ARCHIVE_F32:
        return H5T_NATIVE_FLOAT;
    case FS_ARCHIVE_F64:
        return H5T_NATIVE_DOUBLE;
    case FS_ARCHIVE_I32:
        return H5T_NATIVE_INT32;
    case FS_ARCHIVE_I64:
        return H5T_NATIVE_INT64;
    case FS_ARCHIVE_U8:
        return H5T_NATIVE_UINT8;
    }
    return -1;
}

size_t fs_archive_type_size(enum fs_archive_type type)
{
    static const size_t sizes[] = {4, 8, 4, 8, 1};
    return sizes[type];
}

const char *fs_archive_type_name(enum fs_archive_type type)
{
    static const char *const names[] = {"f32", "f64", "i32", "i64", "u8"};
    return names[type];
}

hid_t fs_archive_text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, size) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
                      H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

void fs_archive_prepare_hdf5(void)
{
    /* At exit HDF5 would close once more, and crash on, a file that a full disk kept from being closed. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* The first error of the stack, walked upward, is where the failure was found. */
static herr_t take_description(unsigned depth, const H5E_error2_t *error, void *context)
{
    if (depth == 0 && error->desc != NULL) {
        snprintf(context, 256, "%s", error->desc);
    }
    return 0;
}

int fs_archive_hdf5_error(const char *path, const char *name, enum fs_exit code, const char *what, struct fs_error *err)
{
    char description[256] = "no further word from HDF5";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_description, description);
    H5Eclear2(H5E_DEFAULT);
    return fs_error_set(err, code, "%s: %s: %s: HDF5: %s", path, name, what, description);
}

bool fs_archive_valid_name(const char *name)
{
    if (name[0] != '/' || strlen(name) > FS_ARCHIVE_MAX_NAME || strchr(name, '@') != NULL) {
        return false;
    }
    const char *part = name + 1;
    while (name[1] != '\0') {
        size_t length = strcspn(part, "/");
        bool dots = (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.');
        if (length == 0 || dots) {
            return false;
        }
        if (part[length] == '\0') {
            return true;
        }
        part += length + 1;
    }
    return true;
}

hid_t fs_archive_select(hid_t dataset, size_t first, size_t count)
{
    hid_t space = dataset >= 0 ? H5Dget_space(dataset) : -1;
    const hsize_t begin = first, length = count;
    hsize_t all = 0;
    if (space >= 0 && H5Sget_simple_extent_ndims(space) == 1 && H5Sget_simple_extent_dims(space, &all, NULL) == 1 &&
        length > 0 && begin <= all && length <= all - begin &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, &begin, NULL, &length, NULL) >= 0) {
        return space;
    }
    H5Sclose(space);
    return -1;
}

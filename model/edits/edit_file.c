#include "model/edits/edit_file.h"

#include <math.h>
#include <stdlib.h>

int fs_edit_write_reals(struct fs_archive *archive, const char *name, size_t dimensions, const size_t *shape,
                        const fs_real *data, struct fs_error *err)
{
    size_t count = dimensions == 1 ? shape[0] : shape[0] * shape[1];
    float *numbers = fs_allocate(count, sizeof *numbers, name, err);
    if (numbers == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (float)data[i];
    }
    int status = fs_archive_write(archive, name, FS_ARCHIVE_F32, dimensions, shape, numbers, err);
    free(numbers);
    return status;
}

int fs_edit_read_reals(const struct fs_archive *archive, const char *name, size_t count, fs_real *data,
                       struct fs_error *err)
{
    float *numbers = fs_allocate(count, sizeof *numbers, name, err);
    int status = numbers != NULL ? fs_archive_read(archive, name, FS_ARCHIVE_F32, count, numbers, err) : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (!isfinite(numbers[i])) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: element %zu is not finite; train again", name, i);
        }
        data[i] = (fs_real)numbers[i];
    }
    free(numbers);
    return status;
}

int fs_edit_read_size(const struct fs_archive *archive, const char *group, const char *name, int64_t least,
                      int64_t most, size_t *value, struct fs_error *err)
{
    int64_t number;
    if (fs_archive_read_attribute_integer(archive, group, name, &number, err) != 0) {
        return -1;
    }
    if (number < least || number > most) {
        return fs_error_set(err, FS_EXIT_DATA, "%s@%s: found %lld, expected %lld to %lld; train again", group, name,
                            (long long)number, (long long)least, (long long)most);
    }
    *value = (size_t)number;
    return 0;
}

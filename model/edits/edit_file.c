#include "model/edits/edit_file.h"

#include <math.h>
#include <stdlib.h>

/* A copy in float32; the caller frees. */
static float *narrow(const char *name, const fs_real *data, size_t count, struct fs_error *err)
{
    float *numbers = fs_allocate(count, sizeof *numbers, name, err);
    for (size_t i = 0; numbers != NULL && i < count; i++) {
        numbers[i] = (float)data[i];
    }
    return numbers;
}

/* `first`: the place of numbers[0] in the dataset. */
static int widen(const char *name, const float *numbers, size_t first, size_t count, fs_real *data,
                 struct fs_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(numbers[i])) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: element %zu is not finite; train again", name, first + i);
        }
        data[i] = (fs_real)numbers[i];
    }
    return 0;
}

int fs_edit_write_reals(struct fs_archive *archive, const char *name, size_t dimensions, const size_t *shape,
                        const fs_real *data, struct fs_error *err)
{
    float *numbers = narrow(name, data, dimensions == 1 ? shape[0] : shape[0] * shape[1], err);
    int status =
        numbers != NULL ? fs_archive_write(archive, name, FS_ARCHIVE_F32, dimensions, shape, numbers, err) : -1;
    free(numbers);
    return status;
}

int fs_edit_read_reals(const struct fs_archive *archive, const char *name, size_t count, fs_real *data,
                       struct fs_error *err)
{
    float *numbers = fs_allocate(count, sizeof *numbers, name, err);
    int status = numbers != NULL ? fs_archive_read(archive, name, FS_ARCHIVE_F32, count, numbers, err) : -1;
    status = status == 0 ? widen(name, numbers, 0, count, data, err) : -1;
    free(numbers);
    return status;
}

int fs_edit_write_part(struct fs_archive *archive, const char *name, size_t first, size_t count, const fs_real *data,
                       struct fs_error *err)
{
    float *numbers = narrow(name, data, count, err);
    int status =
        numbers != NULL ? fs_archive_write_part(archive, name, FS_ARCHIVE_F32, first, count, numbers, err) : -1;
    free(numbers);
    return status;
}

int fs_edit_read_part(const struct fs_archive *archive, const char *name, size_t first, size_t count, fs_real *data,
                      struct fs_error *err)
{
    float *numbers = fs_allocate(count, sizeof *numbers, name, err);
    int status = numbers != NULL ? fs_archive_read_part(archive, name, FS_ARCHIVE_F32, first, count, numbers, err) : -1;
    status = status == 0 ? widen(name, numbers, first, count, data, err) : -1;
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

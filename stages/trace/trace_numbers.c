#include "stages/trace/trace_numbers.h"

#include <stdint.h>
#include <stdlib.h>

int fs_trace_write_sizes(struct fs_archive *archive, const char *name, size_t dimensions, const size_t *shape,
                         const size_t *value, struct fs_error *err)
{
    size_t count = 1;
    for (size_t i = 0; i < dimensions; i++) {
        count *= shape[i];
    }
    int64_t *number = fs_allocate(count, sizeof *number, name, err);
    if (number == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        number[i] = (int64_t)value[i];
    }
    int status = fs_archive_write(archive, name, FS_ARCHIVE_I64, dimensions, shape, number, err);
    free(number);
    return status;
}

void *fs_trace_read_numbers(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t size,
                            size_t count, struct fs_error *err)
{
    void *data = fs_allocate(count, size, name, err);
    if (data != NULL && fs_archive_read(archive, name, type, count, data, err) != 0) {
        free(data);
        return NULL;
    }
    return data;
}

static void refuse(const char *name, size_t element, int64_t found, size_t most, struct fs_error *err)
{
    if (most == SIZE_MAX) {
        fs_error_set(err, FS_EXIT_DATA, "%s: element %zu is %lld, expected 0 or more; trace again", name, element,
                     (long long)found);
    } else {
        fs_error_set(err, FS_EXIT_DATA, "%s: element %zu is %lld, expected 0 to %zu; trace again", name, element,
                     (long long)found, most);
    }
}

size_t *fs_trace_read_sizes(const struct fs_archive *archive, const char *name, size_t count, size_t most,
                            struct fs_error *err)
{
    int64_t *number = fs_trace_read_numbers(archive, name, FS_ARCHIVE_I64, sizeof *number, count, err);
    size_t *value = number != NULL ? fs_allocate(count, sizeof *value, name, err) : NULL;
    for (size_t i = 0; value != NULL && i < count; i++) {
        if (number[i] < 0 || (uint64_t)number[i] > most) {
            refuse(name, i, number[i], most, err);
            free(value);
            value = NULL;
            break;
        }
        value[i] = (size_t)number[i];
    }
    free(number);
    return value;
}

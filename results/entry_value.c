#include "results/entry_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *fs_entry_type(const struct fs_archive_entry *entry)
{
    static const char *const names[] = {[FS_ARCHIVE_F32] = "f32",
                                        [FS_ARCHIVE_F64] = "f64",
                                        [FS_ARCHIVE_I32] = "i32",
                                        [FS_ARCHIVE_I64] = "i64",
                                        [FS_ARCHIVE_U8] = "u8"};
    return entry->is_text ? "text" : names[entry->type];
}

size_t fs_entry_elements(const struct fs_archive_entry *entry)
{
    size_t elements = 1;
    for (size_t i = 0; i < entry->dimensions; i++) {
        elements *= entry->shape[i];
    }
    return elements;
}

bool fs_entry_is_real(const struct fs_archive_entry *entry)
{
    return entry->type == FS_ARCHIVE_F32 || entry->type == FS_ARCHIVE_F64;
}

double fs_entry_real(const struct fs_archive_entry *entry, size_t i)
{
    return entry->type == FS_ARCHIVE_F32 ? (double)((const float *)entry->data)[i] : ((const double *)entry->data)[i];
}

int64_t fs_entry_integer(const struct fs_archive_entry *entry, size_t i)
{
    switch (entry->type) {
    case FS_ARCHIVE_I32:
        return ((const int32_t *)entry->data)[i];
    case FS_ARCHIVE_I64:
        return ((const int64_t *)entry->data)[i];
    default:
        return ((const unsigned char *)entry->data)[i];
    }
}

void fs_entry_print_number(const struct fs_archive_entry *entry, size_t i, const char *not_finite)
{
    if (!fs_entry_is_real(entry)) {
        printf("%" PRId64, fs_entry_integer(entry, i));
    } else if (!isfinite(fs_entry_real(entry, i)) && not_finite != NULL) {
        fputs(not_finite, stdout);
    } else {
        printf(entry->type == FS_ARCHIVE_F32 ? "%.9g" : "%.17g", fs_entry_real(entry, i));
    }
}

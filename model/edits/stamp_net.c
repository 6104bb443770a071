#include "model/edits/stamp_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"

size_t fs_stamp_parameters(size_t hidden, size_t width)
{
    return 2 * width * hidden + width + hidden;
}

size_t fs_stamp_offset_key_bias(const struct fs_stamp *stamp)
{
    return stamp->width * stamp->hidden;
}

size_t fs_stamp_offset_value(const struct fs_stamp *stamp)
{
    return stamp->width * stamp->hidden + stamp->width;
}

size_t fs_stamp_offset_value_bias(const struct fs_stamp *stamp)
{
    return 2 * stamp->width * stamp->hidden + stamp->width;
}

int fs_stamp_create(size_t layer, size_t hidden, size_t width, uint64_t seed, struct fs_stamp *stamp,
                    struct fs_error *err)
{
    memset(stamp, 0, sizeof *stamp);
    size_t matrix;
    if (hidden == 0 || width == 0 || fs_multiply(hidden, width, &matrix) != 0 || matrix > SIZE_MAX / 64) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "stamp: found width %zu and hidden size %zu, expected sizes from 1 that "
                            "fit in memory",
                            width, hidden);
    }
    size_t count = fs_stamp_parameters(hidden, width);
    fs_real *parameters = fs_allocate_aligned(count, sizeof *parameters, "a stamp's parameters", err);
    if (parameters == NULL) {
        return -1;
    }
    memset(parameters, 0, count * sizeof *parameters);
    struct fs_random random = fs_random_start(seed, 0);
    double deviation = 1.0 / sqrt((double)hidden);
    for (size_t i = 0; i < matrix; i++) {
        parameters[i] = (fs_real)(deviation * fs_random_normal(&random));
    }
    *stamp = (struct fs_stamp){layer, hidden, width, parameters};
    return 0;
}

void fs_stamp_release(struct fs_stamp *stamp)
{
    free(stamp->parameters);
    memset(stamp, 0, sizeof *stamp);
}

/* For tests that are built in float32 and in float64: include behind cmocka.h. */
#ifndef FAIRSTAMP_TESTS_REALS_H
#define FAIRSTAMP_TESTS_REALS_H

#include <stdlib.h>

#include "io/error.h"
#include "model/numbers/real.h"
#include "tests/unit/bounds.h"

/* Zeros; the caller frees. */
static inline fs_real *numbers(size_t count)
{
    fs_real *array = calloc(count, sizeof *array);
    assert_non_null(array);
    return array;
}

static inline void expect(int result, const struct fs_error *err)
{
    if (result != 0) {
        fail_msg("%s", err->text);
    }
}

static inline double bound_real(double depth)
{
    return sizeof(fs_real) == sizeof(double) ? bound_f64(depth) : bound_f32(depth);
}

#endif

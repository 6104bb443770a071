/* The percentile interval against numpy.quantile. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stages/metrics/quantile.h"

static const double drawn[7] = {3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.3};

static void check(enum fs_quantile rule, double expected_low, double expected_high)
{
    double value[7], low, high;
    memcpy(value, drawn, sizeof value);
    fs_quantile_interval(value, 7, rule, &low, &high);
    assert_true(fabs(low - expected_low) < 1e-15);
    assert_true(fabs(high - expected_high) < 1e-14);
}

static void test_numpy(void **state)
{
    (void)state;
    check(FS_QUANTILE_LINEAR, 1.075, 8.445); /* method="linear" */
    check(FS_QUANTILE_OUTER, 1.0, 9.0);      /* method="lower" and "higher" */
}

static void test_few(void **state)
{
    (void)state;
    double one = 2.5, low, high;
    fs_quantile_interval(&one, 1, FS_QUANTILE_LINEAR, &low, &high);
    assert_true(low == 2.5 && high == 2.5);
    fs_quantile_interval(&one, 1, FS_QUANTILE_OUTER, &low, &high);
    assert_true(low == 2.5 && high == 2.5);
    fs_quantile_interval(&one, 0, FS_QUANTILE_LINEAR, &low, &high);
    assert_true(isnan(low) && isnan(high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numpy), cmocka_unit_test(test_few)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

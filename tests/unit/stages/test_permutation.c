/* The permutation test: cases counted by hand, and scipy.stats.permutation_test (1.17.1; independent, greater, the
 * difference of means, all partitions). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stages/metrics/permutation.h"

static double p_of(const double *value, size_t x, size_t y, size_t most)
{
    size_t index[32];
    struct fs_random random = fs_random_start(7, 1);
    assert_true(x + y <= sizeof index / sizeof *index);
    return fs_permutation_p(value, x, y, most, &random, index);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* of the ten pairs, 3+1 and 3+2 reach 3+1 */
    assert_true(p_of((const double[]){3, 1, 2, 0, -1}, 2, 3, 1000) == 0.2);
    /* one against three, and the same turned round: of four sums one is as large, and all are, and one is */
    assert_true(p_of((const double[]){5, 1, 2, 3}, 1, 3, 1000) == 0.25);
    assert_true(p_of((const double[]){1, 2, 3, 5}, 3, 1, 1000) == 1.0);
    assert_true(p_of((const double[]){2, 3, 5, 1}, 3, 1, 1000) == 0.25);
    assert_true(p_of((const double[]){1, 1, 1, 1}, 1, 3, 1000) == 1.0); /* equal ones reach */
    assert_true(p_of((const double[]){1, 0}, 1, 1, 1000) == 0.5);
}

static const double scipy[] = {0.31, -0.12, 0.5, 0.44, 0.05, 0.27, 0.19, 0.02, -0.33, 0.21, 0.11};

static void test_scipy(void **state)
{
    (void)state;
    assert_true(fabs(p_of(scipy, 7, 4, 1000) - 0.07272727272727272) < 1e-15);
    assert_true(fabs(p_of((const double[]){0.25, -1.5, 0.75, 0.5, 2.0}, 3, 2, 1000) - 0.9) < 1e-15);
    assert_true(fabs(p_of((const double[]){0.9, 0.1, 0.8, 0.35, 0.2, 0.7, 0.05, 0.6}, 4, 4, 1000) -
                     0.2857142857142857) < 1e-15);
}

/* Drawn ones come as near as their number allows: four standard errors. */
static void test_drawn(void **state)
{
    (void)state;
    const double p = 0.07272727272727272, draws = 329.0; /* one partition less than there are */
    assert_true(fabs(p_of(scipy, 7, 4, 329) - p) < 4.0 * sqrt(p * (1.0 - p) / draws));
    assert_true(p_of(scipy, 7, 4, 329) == p_of(scipy, 7, 4, 329));
    assert_true(p_of(scipy, 7, 4, 1) == 1.0); /* the given one alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_scipy),
                                       cmocka_unit_test(test_drawn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

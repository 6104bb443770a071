/* Paired tests: McNemar by hand and by scipy.stats.binomtest, differences by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stages/paired.h"

static const struct fs_bootstrap some = {500, 7}, none = {0, 0};

static void mcnemar(void **state)
{
    (void)state;
    static const struct {
        size_t gained, lost;
        double p;
    } cases[] = {
        {0, 0, 1.0},
        {0, 1, 1.0},
        {3, 3, 1.0},
        {0, 5, 2.0 / 32.0},
        {1, 9, 22.0 / 1024.0},
        {9, 1, 22.0 / 1024.0},
        {7, 20, 0.0191572904586792},           /* scipy 1.16, binomtest */
        {480, 520, 0.2174482932041415},        /* scipy */
        {40000, 41000, 0.0004478218231375636}, /* scipy */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double p = fs_mcnemar(cases[i].gained, cases[i].lost);
        if (!(fabs(p - cases[i].p) <= 1e-9 * cases[i].p)) {
            fail_msg("%zu against %zu: found %.17g, expected %.17g", cases[i].gained, cases[i].lost, p, cases[i].p);
        }
    }
    assert_true(fs_mcnemar(0, 100000) < 1e-300);
}

static void mean(void **state)
{
    (void)state;
    const double before[] = {1, 2, NAN, 4}, after[] = {3, 4, 5, 6};
    struct fs_paired paired;
    assert_int_equal(fs_paired_mean(4, before, after, 10.0, false, &some, &paired, NULL), 0);
    assert_true(paired.difference == 20.0); /* 10 x 2, the pair with NaN left out */
    assert_true(paired.low == 20.0 && paired.high == 20.0);
    assert_true(isnan(paired.p_value));
    assert_int_equal(paired.gained, -1);
    assert_int_equal(fs_paired_mean(0, before, after, 1.0, true, &some, &paired, NULL), 0);
    assert_true(isnan(paired.difference));
}

static void share(void **state)
{
    (void)state;
    /* unedited: yes yes no tie; stamped: yes no yes yes */
    const double a0[] = {2, 2, 1, 1}, b0[] = {1, 1, 2, 1}, a1[] = {5, 1, 5, 5}, b1[] = {1, 5, 1, 1};
    const double *const a[2] = {a0, a1}, *const b[2] = {b0, b1};
    struct fs_paired paired;
    assert_int_equal(fs_paired_share(4, a, b, false, &none, &paired, NULL), 0);
    assert_true(paired.difference == 25.0); /* 50 to 75 */
    assert_int_equal(paired.gained, 2);
    assert_int_equal(paired.lost, 1);
    assert_true(fabs(paired.p_value - 1.0) < 1e-12); /* 2 x (1 + 3) / 8 */
    assert_true(isnan(paired.low));
    assert_int_equal(fs_paired_share(4, a, b, true, &none, &paired, NULL), 0);
    assert_true(paired.difference == 0.0); /* without the tie 2 of 3 both times */
    assert_int_equal(paired.gained, 1);
    assert_int_equal(paired.lost, 1);
}

/* The difference of the macro metrics is the difference of their values; models that swap places turn its sign. */
static void stereoset(void **state)
{
    (void)state;
    enum { N = 7 };
    const double stereo[2][N] = {{3, 1, 3, 1, 3, 3, 1}, {1, 3, 3, 1, 1, 3, 3}};
    const double anti[N] = {2, 2, 2, 2, 2, 2, 2}, unrelated[N] = {1, 2.5, 0, 0, 2.5, 0, 0};
    const size_t term[N] = {0, 0, 0, 1, 1, 2, 2};
    struct fs_stereoset_columns column[2];
    struct fs_stereoset_metrics metrics[2];
    struct fs_metric forth[FS_STEREOSET_VALUES], back[FS_STEREOSET_VALUES];
    for (size_t model = 0; model < 2; model++) {
        column[model] = (struct fs_stereoset_columns){stereo[model], anti, unrelated, NULL};
        assert_int_equal(
            fs_metrics_stereoset(N, stereo[model], anti, unrelated, NULL, term, &none, &metrics[model], NULL), 0);
    }
    assert_int_equal(fs_metrics_stereoset_difference(N, column, term, &some, forth, NULL), 0);
    const struct fs_stereoset_columns swapped[2] = {column[1], column[0]};
    assert_int_equal(fs_metrics_stereoset_difference(N, swapped, term, &some, back, NULL), 0);
    const double wanted[FS_STEREOSET_VALUES] = {metrics[1].ss_macro.value - metrics[0].ss_macro.value,
                                                metrics[1].ss_micro.value - metrics[0].ss_micro.value,
                                                metrics[1].lms_macro.value - metrics[0].lms_macro.value,
                                                metrics[1].lms_micro.value - metrics[0].lms_micro.value,
                                                metrics[1].icat_macro.value - metrics[0].icat_macro.value,
                                                metrics[1].icat_micro.value - metrics[0].icat_micro.value};
    /* by hand: terms 2/3, 1/2, 1/2 before, 2/3, 0, 1 after */
    assert_true(fabs(metrics[0].ss_macro.value - 100.0 * (2.0 / 3 + 0.5 + 0.5) / 3) < 1e-12);
    assert_true(fabs(metrics[1].ss_macro.value - 100.0 * (2.0 / 3 + 0.0 + 1.0) / 3) < 1e-12);
    for (size_t k = 0; k < FS_STEREOSET_VALUES; k++) {
        assert_true(fabs(forth[k].value - wanted[k]) < 1e-12);
        assert_true(fabs(forth[k].value + back[k].value) < 1e-12);
        assert_true(fabs(forth[k].low + back[k].high) < 1e-9 && fabs(forth[k].high + back[k].low) < 1e-9);
        assert_true(forth[k].low <= forth[k].value + 1e-9 && forth[k].value <= forth[k].high + 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mcnemar), cmocka_unit_test(mean), cmocka_unit_test(share),
                                       cmocka_unit_test(stereoset)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

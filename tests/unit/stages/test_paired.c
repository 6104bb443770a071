/* Paired tests: McNemar by hand and by scipy.stats.binomtest, differences by hand, their intervals by numpy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stages/metrics/paired.h"

static const struct fs_bootstrap some = {.resamples = 500, .seed = 7}, none = {0};

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
        {499000, 501000, 0.0456082998653896},  /* scipy */
        {502000, 498000, 6.3609337500788e-05}, /* scipy */
        {500000, 500000, 1.0},
        {997, 3, 3.110894301402977e-293}, /* scipy */
        {0, 1000, 1.8665272370064378e-301},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double p = fs_mcnemar(cases[i].gained, cases[i].lost);
        if (!(fabs(p - cases[i].p) <= 1e-8 * cases[i].p)) { /* lgamma of a million leaves nine digits */
            fail_msg("%zu against %zu: found %.17g, expected %.17g", cases[i].gained, cases[i].lost, p, cases[i].p);
        }
    }
    assert_true(fs_mcnemar(0, 100000) < 1e-300);
    assert_true(fs_mcnemar(300000, 700000) < 1e-300);
}

/* Of a fixed number of changes: the more uneven, the smaller p; the same either way round. */
static void mcnemar_falls_with_the_imbalance(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 101; n += 4) {
        double last = -1.0;
        for (size_t fewer = 0; fewer <= n / 2; fewer++) {
            double p = fs_mcnemar(fewer, n - fewer);
            assert_true(p >= last && p <= 1.0);
            assert_true(p == fs_mcnemar(n - fewer, fewer));
            last = p;
        }
        /* of an odd number half of all is below the middle; a sum of at most 51 terms */
        assert_true(fabs(last - 1.0) < 1e-12);
    }
}

static void mean(void **state)
{
    (void)state;
    const double before[] = {1, 2, NAN, 4}, after[] = {3, 4, 5, 6};
    struct fs_paired paired;
    assert_int_equal(fs_paired_mean(&(struct fs_paired_values){4, before, after, 10.0, false}, &some, &paired, NULL),
                     0);
    assert_true(paired.difference == 20.0); /* 10 x 2, the pair with NaN left out */
    assert_true(paired.low == 20.0 && paired.high == 20.0);
    assert_true(isnan(paired.p_value));
    assert_int_equal(paired.gained, -1);
    assert_int_equal(fs_paired_mean(&(struct fs_paired_values){0, before, after, 1.0, true}, &some, &paired, NULL), 0);
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

/* Float64 arithmetic by hand or by numpy on a handful of items, of 100 at most. */
static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void nothing_changes_and_everything_does(void **state)
{
    (void)state;
    const double low[] = {1, 1, 1, 1, 1, 1}, high[] = {2, 2, 2, 2, 2, 2};
    const double *const a[2] = {low, high}, *const b[2] = {high, low}, *const same[2] = {low, low};
    struct fs_paired paired;
    assert_int_equal(fs_paired_share(6, same, b, false, &some, &paired, NULL), 0); /* no to a tie, which is no */
    assert_true(paired.difference == 0.0 && paired.low == 0.0 && paired.high == 0.0);
    assert_true(paired.gained == 0 && paired.lost == 0);
    near(paired.p_value, 1.0);
    assert_int_equal(fs_paired_share(6, a, b, false, &some, &paired, NULL), 0);
    assert_true(paired.difference == 100.0 && paired.low == 100.0 && paired.high == 100.0);
    assert_true(paired.gained == 6 && paired.lost == 0);
    near(paired.p_value, 2.0 / 64.0);
    assert_int_equal(fs_paired_share(1, b, a, false, &some, &paired, NULL), 0);
    assert_true(paired.difference == -100.0 && isnan(paired.low) && isnan(paired.high)); /* one item alone */
    assert_true(paired.gained == 0 && paired.lost == 1);
}

/* What numpy has from the same streams: tests/golden/make_intervals.py. */
static void interval_of_a_mean(void **state)
{
    (void)state;
    const double before[] = {0.5, 1.25, 2, 0.75, 3}, after[] = {0.25, 1.5, 0.5, 0.75, 1};
    struct fs_paired paired;
    assert_int_equal(fs_paired_mean(&(struct fs_paired_values){5, before, after, 1.0, false}, &some, &paired, NULL), 0);
    near(paired.difference, -0.7);
    near(paired.low, -1.52625);
    near(paired.high, 0.05);
    const size_t cluster[] = {5, 5, 0, 5, 0, 9, 2, 9, 2}; /* the fifth item is left out */
    const double value[] = {0.5, 1.25, 4, 0.75, NAN, 3, -2, 2, -1}, other[] = {1, 0.25, 5, 0.75, 8, 1, -2.5, 2, 1};
    struct fs_bootstrap by_cluster = some;
    by_cluster.cluster = cluster;
    assert_int_equal(
        fs_paired_mean(&(struct fs_paired_values){9, value, other, 1.0, false}, &by_cluster, &paired, NULL), 0);
    near(paired.difference, 0.0);
    near(paired.low, -0.7142857142857143);
    near(paired.high, 0.8683333333333318);
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
        assert_int_equal(fs_metrics_stereoset(N, &column[model], term, &none, &metrics[model], NULL), 0);
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
    /* a few operations in float64 on percentages; with intervals some hundred. By hand: terms 2/3, 1/2, 1/2 before,
     * 2/3, 0, 1 after */
    assert_true(fabs(metrics[0].ss_macro.value - 100.0 * (2.0 / 3 + 0.5 + 0.5) / 3) < 1e-12);
    assert_true(fabs(metrics[1].ss_macro.value - 100.0 * (2.0 / 3 + 0.0 + 1.0) / 3) < 1e-12);
    /* tests/golden/make_intervals.py */
    static const double low[FS_STEREOSET_VALUES] = {-50, -50, -25, -25, -100, -100};
    static const double high[FS_STEREOSET_VALUES] = {50, 50, 0, 0, 0.3086419753086531, 10.9375};
    for (size_t k = 0; k < FS_STEREOSET_VALUES; k++) {
        near(forth[k].low, low[k]);
        near(forth[k].high, high[k]);
        assert_true(fabs(forth[k].value - wanted[k]) < 1e-12);
        assert_true(fabs(forth[k].value + back[k].value) < 1e-12);
        assert_true(fabs(forth[k].low + back[k].high) < 1e-9 && fabs(forth[k].high + back[k].low) < 1e-9);
        assert_true(forth[k].low <= forth[k].value + 1e-9 && forth[k].value <= forth[k].high + 1e-9);
    }
}

/* With one resample the interval is that resample: the difference there is the difference of the metrics there. */
static void differences_lie_where_the_metrics_do(void **state)
{
    (void)state;
    enum { N = 9 };
    const double stereo[2][N] = {{3, 1, 3, 1, 3, 3, 1, 4, 0}, {1, 3, 3, 1, 1, 3, 3, 1, 5}};
    const double anti[N] = {2, 2, 2, 2, 2, 2, 2, 2, 2}, unrelated[N] = {1, 2.5, 0, 0, 2.5, 0, 0, 1, 3};
    const size_t term[N] = {0, 0, 0, 1, 1, 2, 2, 3, 3};
    const double *const a[2] = {stereo[0], stereo[1]}, *const b[2] = {anti, anti};
    for (uint64_t seed = 0; seed < 50; seed++) {
        const struct fs_bootstrap once = {.resamples = 1, .seed = seed};
        struct fs_stereoset_columns column[2];
        struct fs_stereoset_metrics metrics[2];
        struct fs_metric difference[FS_STEREOSET_VALUES], one[2];
        struct fs_paired paired;
        for (size_t model = 0; model < 2; model++) {
            column[model] = (struct fs_stereoset_columns){stereo[model], anti, unrelated, NULL};
            assert_int_equal(fs_metrics_stereoset(N, &column[model], term, &once, &metrics[model], NULL), 0);
            assert_int_equal(fs_metrics_share(N, stereo[model], anti, &once, &one[model], NULL), 0);
        }
        assert_int_equal(fs_metrics_stereoset_difference(N, column, term, &once, difference, NULL), 0);
        near(difference[0].low, metrics[1].ss_macro.low - metrics[0].ss_macro.low);
        near(difference[1].low, metrics[1].ss_micro.low - metrics[0].ss_micro.low);
        near(difference[2].low, metrics[1].lms_macro.low - metrics[0].lms_macro.low);
        near(difference[3].low, metrics[1].lms_micro.low - metrics[0].lms_micro.low);
        near(difference[4].low, metrics[1].icat_macro.low - metrics[0].icat_macro.low);
        near(difference[5].low, metrics[1].icat_micro.low - metrics[0].icat_micro.low);
        assert_int_equal(fs_paired_share(N, a, b, false, &once, &paired, NULL), 0);
        near(paired.low, one[1].low - one[0].low);
    }
}

/* An item that one model alone has no score of is left out of both. */
static void items_are_left_out_of_both(void **state)
{
    (void)state;
    const double stereo[2][5] = {{NAN, 3, 1, 3, 1}, {3, 1, 3, NAN, 1}}, anti[5] = {2, 2, 2, 2, 2};
    const double unrelated[2][5] = {{0, 0, 0, 0, 0}, {0, 0, 0, 0, NAN}};
    const double kept_stereo[2][2] = {{3, 1}, {1, 3}}, zero[2] = {0, 0};
    const size_t term[5] = {4, 1, 0, 1, 0}, kept_term[2] = {1, 0};
    struct fs_stereoset_columns column[2], kept[2];
    struct fs_metric found[FS_STEREOSET_VALUES], expected[FS_STEREOSET_VALUES];
    for (size_t model = 0; model < 2; model++) {
        column[model] = (struct fs_stereoset_columns){stereo[model], anti, unrelated[model], NULL};
        kept[model] = (struct fs_stereoset_columns){kept_stereo[model], anti, zero, NULL};
    }
    assert_int_equal(fs_metrics_stereoset_difference(5, column, term, &some, found, NULL), 0);
    assert_int_equal(fs_metrics_stereoset_difference(2, kept, kept_term, &some, expected, NULL), 0);
    for (size_t k = 0; k < FS_STEREOSET_VALUES; k++) {
        assert_int_equal(found[k].n, 2);
        near(found[k].value, expected[k].value);
        near(found[k].low, expected[k].low);
        near(found[k].high, expected[k].high);
    }
    const double missing[5] = {NAN, NAN, NAN, NAN, NAN};
    column[1].stereo = missing;
    assert_int_equal(fs_metrics_stereoset_difference(5, column, term, &some, found, NULL), 0);
    assert_true(isnan(found[0].value) && isnan(found[0].low));
    assert_int_equal(found[0].n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mcnemar),
        cmocka_unit_test(mcnemar_falls_with_the_imbalance),
        cmocka_unit_test(mean),
        cmocka_unit_test(share),
        cmocka_unit_test(nothing_changes_and_everything_does),
        cmocka_unit_test(interval_of_a_mean),
        cmocka_unit_test(stereoset),
        cmocka_unit_test(differences_lie_where_the_metrics_do),
        cmocka_unit_test(items_are_left_out_of_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

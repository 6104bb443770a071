/* Metrics worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/numbers/random.h"
#include "stages/metrics/metrics.h"

static const struct fs_bootstrap none = {0};

/* Float64 arithmetic on a handful of items: percentages round by 1e-13, one item moves them by more than 1. */
static void is(double found, double expected)
{
    if (isnan(expected)) {
        assert_true(isnan(found));
    } else {
        assert_true(fabs(found - expected) < 1e-9);
    }
}

static void stereoset_by_hand(void **state)
{
    (void)state;
    /* term 7: one of three stereotyped, 2 of 6 related; term 2: all of it; the last item is incomplete */
    const double stereo[] = {0.9, 0.2, 0.1, 0.6, NAN}, anti[] = {0.1, 0.2, 0.4, 0.5, 0.3};
    const double unrelated[] = {0.5, 0.2, 0.3, 0.1, 0.2}, other[] = {0.05, 0.2, 0.5, 0.6, 0.2};
    const size_t term[] = {7, 7, 7, 2, 4};
    struct fs_stereoset_metrics m;
    assert_int_equal(
        fs_metrics_stereoset(5, &(struct fs_stereoset_columns){stereo, anti, unrelated, NULL}, term, &none, &m, NULL),
        0);
    is(m.ss_macro.value, (100.0 / 3 + 100) / 2);
    is(m.lms_macro.value, (100.0 / 3 + 100) / 2);
    is(m.icat_macro.value, 200.0 / 3 * (100.0 / 3) / 50);
    is(m.ss_micro.value, 50);
    is(m.lms_micro.value, 50);
    is(m.icat_micro.value, 50);
    is(m.ss_macro.low, NAN);
    assert_int_equal(m.terms, 2);
    assert_int_equal(m.ss_macro.n, 4);
    assert_int_equal(m.ss_macro.ties, 1);
    assert_int_equal(m.lms_micro.ties, 1);

    /* anti against an unrelated candidate of its own: 1+1, 0+0, 0+0; 1+0 */
    assert_int_equal(
        fs_metrics_stereoset(5, &(struct fs_stereoset_columns){stereo, anti, unrelated, other}, term, &none, &m, NULL),
        0);
    is(m.lms_macro.value, (100.0 / 3 + 50) / 2);
    is(m.lms_micro.value, 100.0 * 3 / 8);
    is(m.ss_micro.value, 50);

    assert_int_equal(
        fs_metrics_stereoset(5, &(struct fs_stereoset_columns){stereo, anti, NULL, NULL}, term, &none, &m, NULL), 0);
    is(m.ss_micro.value, 50);
    is(m.lms_macro.value, NAN);
    is(m.icat_micro.value, NAN);
    assert_int_equal(m.lms_macro.n, 0);
}

static void one_term_and_no_items(void **state)
{
    (void)state;
    const double stereo[] = {0.1, 0.4}, anti[] = {0.2, 0.3}, unrelated[] = {0.0, 0.0};
    const size_t term[] = {0, 0};
    const struct fs_bootstrap bootstrap = {.resamples = 200, .seed = 1};
    struct fs_stereoset_metrics m;
    assert_int_equal(fs_metrics_stereoset(2, &(struct fs_stereoset_columns){stereo, anti, unrelated, NULL}, term,
                                          &bootstrap, &m, NULL),
                     0);
    is(m.ss_macro.value, 50);
    is(m.ss_micro.value, 50);
    is(m.ss_macro.low, NAN); /* how terms differ, one of them does not tell */
    is(m.lms_macro.high, NAN);
    const size_t two_terms[] = {3, 1};
    assert_int_equal(fs_metrics_stereoset(2, &(struct fs_stereoset_columns){stereo, anti, unrelated, NULL}, two_terms,
                                          &bootstrap, &m, NULL),
                     0);
    is(m.ss_macro.low, 0); /* of two terms, one in four resamples has the same one twice */
    is(m.ss_macro.high, 100);
    is(m.lms_macro.low, 100);
    assert_int_equal(fs_metrics_stereoset(2, &(struct fs_stereoset_columns){stereo, anti, unrelated, NULL}, term,
                                          &bootstrap, &m, NULL),
                     0);
    is(m.icat_macro.value, 100);
    assert_int_equal(m.terms, 1);
    assert_int_equal(fs_metrics_stereoset(0, &(struct fs_stereoset_columns){stereo, anti, unrelated, NULL}, term,
                                          &bootstrap, &m, NULL),
                     0);
    is(m.ss_macro.value, NAN);
    is(m.icat_macro.high, NAN);
    assert_int_equal(m.ss_macro.n, 0);
    assert_int_equal(m.terms, 0);

    struct fs_metric share, gap, flags;
    struct fs_crows_metrics crows;
    assert_int_equal(fs_metrics_share(0, NULL, NULL, &bootstrap, &share, NULL), 0);
    assert_int_equal(fs_metrics_gap(0, NULL, NULL, &bootstrap, &gap, NULL), 0);
    assert_int_equal(fs_metrics_flags(0, NULL, &bootstrap, &flags, NULL), 0);
    assert_int_equal(fs_metrics_crows(0, NULL, NULL, NULL, &bootstrap, &crows, NULL), 0);
    is(share.value, NAN);
    is(gap.low, NAN);
    is(flags.value, NAN);
    is(crows.antistereo.value, NAN);
    assert_int_equal(share.n + gap.n + flags.n + crows.all.n, 0);
}

static void crows_by_hand(void **state)
{
    (void)state;
    const double more[] = {-1, -2, -3, -4, -5, NAN, -7}, less[] = {-2, -1, -3, -5, -4, -1, -7};
    const bool antistereo[] = {false, false, false, true, true, false, true};
    struct fs_crows_metrics m;
    assert_int_equal(fs_metrics_crows(7, more, less, antistereo, &none, &m, NULL), 0);
    is(m.all.value, 100.0 * 2 / 6);
    assert_int_equal(m.all.n, 6);
    assert_int_equal(m.all.ties, 2);
    is(m.stereo.value, 50); /* ties left out, as published */
    assert_int_equal(m.stereo.n, 2);
    assert_int_equal(m.stereo.ties, 1);
    is(m.antistereo.value, 50);
    assert_int_equal(m.antistereo.ties, 1);
}

static void shares_and_gaps(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3, NAN, -1}, b[] = {0, 2, 5, 1, -4};
    const bool flag[] = {true, false, true, true};
    struct fs_metric m;
    assert_int_equal(fs_metrics_share(5, a, b, &none, &m, NULL), 0);
    is(m.value, 50);
    assert_int_equal(m.n, 4);
    assert_int_equal(m.ties, 1);
    assert_int_equal(fs_metrics_gap(5, a, b, &none, &m, NULL), 0);
    is(m.value, (1 + 0 + 2 + 3) / 4.0);
    assert_int_equal(m.n, 4);
    assert_int_equal(fs_metrics_flags(4, flag, &none, &m, NULL), 0);
    is(m.value, 75);
    is(m.low, NAN);
}

/* By hand: 3 of 4 against 1 of 2; 0 of 0 is 0; with one cluster twice, 1 of 1 or 2 of 3 (of 4 resamples one each). */
static void ratios(void **state)
{
    (void)state;
    const double over[] = {1, 2, 0, 0}, under[] = {1, 2, 1, 0}, over_before[] = {0, 1, 0, 0}, none_at_all[4] = {0};
    const struct fs_ratio ratio = {over, under}, before = {over_before, under}, empty = {none_at_all, none_at_all};
    const size_t cluster[] = {7, 3, 3, 7};
    const struct fs_bootstrap bootstrap = {.resamples = 400, .seed = 1, .cluster = cluster};
    struct fs_metric m;
    assert_int_equal(fs_metrics_ratio(4, &ratio, NULL, 100, &bootstrap, &m, NULL), 0);
    is(m.value, 75);
    assert_int_equal(m.n, 4);
    is(m.low, 200.0 / 3);
    is(m.high, 100);
    assert_int_equal(fs_metrics_ratio(4, &ratio, &before, 100, &bootstrap, &m, NULL), 0);
    is(m.value, 50);
    is(m.low, 100.0 / 3);
    is(m.high, 100);
    assert_int_equal(fs_metrics_ratio(4, &empty, NULL, 1, &bootstrap, &m, NULL), 0);
    is(m.value, 0);
    assert_int_equal(fs_metrics_ratio(0, &ratio, NULL, 1, &bootstrap, &m, NULL), 0);
    is(m.value, NAN);
}

static void intervals_are_seeded_and_right(void **state)
{
    (void)state;
    enum { N = 400 };
    bool flag[N];
    double stereo[N], anti[N];
    size_t term[N];
    for (size_t i = 0; i < N; i++) {
        flag[i] = i % 2 == 0;
        stereo[i] = flag[i] ? 1 : 0;
        anti[i] = 0.5;
        term[i] = i / 40;
    }
    const struct fs_bootstrap bootstrap = {.resamples = 2000, .seed = 5}, other = {.resamples = 2000, .seed = 6};
    struct fs_metric m, again, different;
    assert_int_equal(fs_metrics_flags(N, flag, &bootstrap, &m, NULL), 0);
    assert_int_equal(fs_metrics_flags(N, flag, &bootstrap, &again, NULL), 0);
    assert_int_equal(fs_metrics_flags(N, flag, &other, &different, NULL), 0);
    assert_memory_equal(&m, &again, sizeof m);
    assert_true(m.low != different.low || m.high != different.high);
    /* binomial: 50 +- 1.96 x 2.5; the ends move in steps of 0.25, and err by 0.15 in 2000 resamples */
    assert_true(fabs(m.low - 45.1) < 0.6);
    assert_true(fabs(m.high - 54.9) < 0.6);
    /* ten terms that are alike, however their items differ */
    struct fs_stereoset_metrics s;
    assert_int_equal(
        fs_metrics_stereoset(N, &(struct fs_stereoset_columns){stereo, anti, anti, NULL}, term, &bootstrap, &s, NULL),
        0);
    is(s.ss_micro.value, 50);
    is(s.ss_micro.low, 50);
    is(s.ss_micro.high, 50);
    is(s.ss_macro.low, 50);
    is(s.ss_macro.high, 50);
    const bool one = true;
    assert_int_equal(fs_metrics_flags(1, &one, &bootstrap, &m, NULL), 0);
    is(m.value, 100);
    is(m.low, NAN);
}

/* What numpy has from the same streams: tests/golden/make_intervals.py. */
static void clusters_by_numpy(void **state)
{
    (void)state;
    const size_t cluster[] = {5, 5, 0, 5, 0, 9, 2, 9, 2}; /* the fifth item is left out, of a cluster that stays */
    const double value[] = {0.5, 1.25, 4, 0.75, NAN, 3, -2, 2, -1}, other[] = {1, 0.25, 5, 0.75, 8, 1, -2.5, 2, 1};
    const double yes[] = {1, 1, 0, 1, NAN, 0, 1, 1, 1}, half[] = {.5, .5, .5, .5, .5, .5, .5, .5, .5};
    const struct fs_bootstrap bootstrap = {.resamples = 500, .seed = 7, .cluster = cluster};
    struct fs_metric m;
    assert_int_equal(fs_metrics_mean(9, value, 1.0, &bootstrap, &m, NULL), 0);
    assert_int_equal(m.n, 8);
    is(m.value, 1.0625);
    is(m.low, -0.7142857142857143);
    is(m.high, 3.0);
    assert_int_equal(fs_metrics_share(9, yes, half, &bootstrap, &m, NULL), 0);
    is(m.value, 75);
    is(m.low, 33.333333333333336);
    is(m.high, 100);
    assert_int_equal(fs_metrics_gap(9, value, other, &bootstrap, &m, NULL), 0);
    is(m.low, 0.55);
    is(m.high, 1.1875);
}

/* Of CrowS-Pairs' directions each resamples its own pairs: as a share of them alone has it. */
static void crows_clusters(void **state)
{
    (void)state;
    const double more[] = {2, 0, 1, 2, 0, NAN, 2, 2}, less[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const bool antistereo[] = {false, false, false, true, false, true, true, false};
    const size_t cluster[] = {4, 4, 4, 1, 6, 1, 0, 6}, of_stereo[] = {4, 4, 6, 6};
    const double stereo_more[] = {2, 0, 0, 2};
    struct fs_bootstrap bootstrap = {.resamples = 100, .seed = 3, .cluster = cluster};
    struct fs_crows_metrics crows;
    struct fs_metric m;
    assert_int_equal(fs_metrics_crows(8, more, less, antistereo, &bootstrap, &crows, NULL), 0);
    assert_int_equal(fs_metrics_share(8, more, less, &bootstrap, &m, NULL), 0);
    assert_memory_equal(&m, &crows.all, sizeof m);
    bootstrap.cluster = of_stereo;
    assert_int_equal(fs_metrics_share(4, stereo_more, less, &bootstrap, &m, NULL), 0);
    is(crows.stereo.value, m.value);
    is(crows.stereo.low, m.low);
    is(crows.stereo.high, m.high);
    is(crows.antistereo.low, 100);
}

/* Items that are copies of one another tell no more than one of them does. */
static void copies_tell_nothing_new(void **state)
{
    (void)state;
    enum { N = 7, COPIES = 5 };
    const double value[N] = {1, -2, 4, 0, 3, 8, 1};
    double copied[N * COPIES];
    size_t cluster[N * COPIES];
    for (size_t i = 0; i < N * COPIES; i++) {
        copied[i] = value[i % N];
        cluster[i] = i % N;
    }
    struct fs_bootstrap bootstrap = {.resamples = 300, .seed = 2};
    struct fs_metric once, copies, narrower;
    assert_int_equal(fs_metrics_mean(N, value, 1.0, &bootstrap, &once, NULL), 0);
    assert_int_equal(fs_metrics_mean(N * COPIES, copied, 1.0, &bootstrap, &narrower, NULL), 0);
    bootstrap.cluster = cluster;
    assert_int_equal(fs_metrics_mean(N * COPIES, copied, 1.0, &bootstrap, &copies, NULL), 0);
    is(copies.value, once.value);
    is(copies.low, once.low);
    is(copies.high, once.high);
    assert_true(narrower.high - narrower.low < 0.6 * (once.high - once.low)); /* by sqrt(5), if they were new */
}

/* Of 400 samples of 25 terms with 6 items each, whose mean is 0 by chance of the terms: how many intervals hold 0. */
static void intervals_cover(void **state)
{
    (void)state;
    enum { SAMPLES = 400, TERMS = 25, EACH = 6, N = TERMS * EACH };
    size_t cluster[N], by_term = 0, by_item = 0;
    for (uint64_t sample = 0; sample < SAMPLES; sample++) {
        struct fs_random random = fs_random_start(11, sample);
        double value[N], effect = 0.0;
        for (size_t i = 0; i < N; i++) {
            effect = i % EACH == 0 ? fs_random_normal(&random) : effect;
            value[i] = effect + 0.5 * fs_random_normal(&random);
            cluster[i] = i / EACH;
        }
        struct fs_bootstrap bootstrap = {.resamples = 200, .seed = sample};
        struct fs_metric m;
        assert_int_equal(fs_metrics_mean(N, value, 1.0, &bootstrap, &m, NULL), 0);
        by_item += m.low <= 0 && 0 <= m.high;
        bootstrap.cluster = cluster;
        assert_int_equal(fs_metrics_mean(N, value, 1.0, &bootstrap, &m, NULL), 0);
        by_term += m.low <= 0 && 0 <= m.high;
    }
    /* percentiles of 25 draws are a little narrow, 93 %; a count of 400 errs by 1.3 points. By item the deviation is
     * sqrt((1.25 / 150) / (1 / 25 + 0.25 / 150)) = 0.45 of what it should be: 62 % */
    assert_in_range(by_term, 0.89 * SAMPLES, 0.97 * SAMPLES);
    assert_in_range(by_item, 0.55 * SAMPLES, 0.69 * SAMPLES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stereoset_by_hand),
        cmocka_unit_test(one_term_and_no_items),
        cmocka_unit_test(crows_by_hand),
        cmocka_unit_test(shares_and_gaps),
        cmocka_unit_test(ratios),
        cmocka_unit_test(intervals_are_seeded_and_right),
        cmocka_unit_test(clusters_by_numpy),
        cmocka_unit_test(crows_clusters),
        cmocka_unit_test(copies_tell_nothing_new),
        cmocka_unit_test(intervals_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Mean and spread over seeds: by hand, and by numpy.std(ddof=1). */
#include "../io/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/over_seeds.h"

/* Float64 arithmetic on a handful of numbers. */
static void is(double found, double expected)
{
    if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) <= 1e-12)) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

static void spread(void **state)
{
    (void)state;
    const double value[] = {2.5, -1, NAN, 4, 0.5};
    struct fs_spread four = fs_spread_of(value, 5), one = fs_spread_of(value + 1, 2), none = fs_spread_of(value + 2, 1);
    assert_int_equal(four.n, 4);
    is(four.mean, 1.5);
    is(four.deviation, 2.1984843263788196); /* numpy */
    is(four.least, -1);
    is(four.most, 4);
    assert_int_equal(one.n, 1);
    is(one.mean, -1);
    is(one.deviation, NAN);
    is(one.least, -1);
    assert_int_equal(none.n, 0);
    is(none.mean, NAN);
    is(none.most, NAN);
}

enum { ROWS = 9 };

/* Rows of a table that is not read from a file: all texts but subset and edit are the same. */
static void groups(void **state)
{
    (void)state;
    static const struct {
        const char *series, *seed, *subset, *edit;
        double after;
    } rows[ROWS] = {
        {"a", "1", "edited", "stamp", 1},  {"a", "1", "all", "stamp", 10},  {"b", "1", "edited", "stamp", 100},
        {"a", "30", "edited", "stamp", 5}, {"a", "30", "all", "stamp", 14}, {"a", "1", "edited", "stamp", 1},
        {"a", "2", "edited", "other", 7},  {"", "1", "edited", "stamp", 3}, {"", "1", "edited", "stamp", 4}};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_result_table table = {.rows = ROWS};
    const char *series[ROWS], *seed[ROWS];
    for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
        table.text[c] = calloc(ROWS, sizeof *table.text[c]);
    }
    for (size_t c = 0; c < FS_RESULT_NUMBERS; c++) {
        table.number[c] = calloc(ROWS, sizeof *table.number[c]);
    }
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
            table.text[c][row] = "same";
        }
        series[row] = rows[row].series;
        seed[row] = rows[row].seed;
        table.text[FS_RESULT_SUBSET][row] = rows[row].subset;
        table.text[FS_RESULT_EDIT][row] = rows[row].edit;
        table.number[FS_RESULT_BEFORE][row] = 2;
        table.number[FS_RESULT_AFTER][row] = rows[row].after;
        table.number[FS_RESULT_DIFFERENCE][row] = rows[row].after - 2;
    }
    const size_t wanted[] = {8, 0, 1, 2, 3, 4, 5, 6, 7};
    static const struct {
        size_t first, seeds;
        double mean, deviation, least, most;
    } expected[] = {
        {8, 1, 4, NAN, 4, 4},                /* a job of an older file stands by itself */
        {0, 2, 3, 2.8284271247461903, 1, 5}, /* one seed twice is the same job */
        {1, 2, 12, 2.8284271247461903, 10, 14},
        {2, 1, 100, NAN, 100, 100},
        {6, 1, 7, NAN, 7, 7},
        {7, 1, 3, NAN, 3, 3},
    };
    enum { GROUPS = sizeof expected / sizeof expected[0] };
    struct fs_over_seeds over;
    check_success(fs_over_seeds_make(&table, wanted, ROWS, series, seed, &over, &err), &err);
    assert_int_equal(over.groups, GROUPS);
    for (size_t g = 0; g < GROUPS; g++) {
        assert_int_equal(over.first[g], expected[g].first);
        assert_int_equal(over.seeds[g], expected[g].seeds);
        is(over.spread[g][0].mean, 2);
        is(over.spread[g][1].mean, expected[g].mean);
        is(over.spread[g][1].deviation, expected[g].deviation);
        is(over.spread[g][1].least, expected[g].least);
        is(over.spread[g][1].most, expected[g].most);
        is(over.spread[g][2].mean, expected[g].mean - 2);
    }
    fs_over_seeds_release(&over);
    check_success(fs_over_seeds_make(&table, wanted, 0, series, seed, &over, &err), &err);
    assert_int_equal(over.groups, 0);
    fs_over_seeds_release(&over);
    fs_result_table_release(&table);
}

static void names(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"m.gender.seed=3", "3", "m.gender"},
                                           {"m.gender.seed=3.stamp.width=8", "3", "m.gender.stamp.width=8"},
                                           {"m.gender.seed=30.stamp.width=8", "3", "m.gender.seed=30.stamp.width=8"},
                                           {"m.split.seed=30.seed=3", "3", "m.split.seed=30"},
                                           {"m.gender", "3", "m.gender"},
                                           {"m.seed=", "", "m"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *name = fs_name_without_seed(cases[i][0], cases[i][1]);
        assert_string_equal(name, cases[i][2]);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(spread), cmocka_unit_test(groups), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

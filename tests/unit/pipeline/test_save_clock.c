/* When partial results are saved: given times and costs, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/console/progress.h"
#include "pipeline/ranks/save_clock.h"

#define GUESS 0.1

static void waits_for_the_interval(void **state)
{
    (void)state;
    struct fs_save_clock clock;
    fs_save_clock_begin(&clock, 60, 0.02, 1000);
    assert_false(fs_save_waited(&clock, 1059.9));
    assert_true(fs_save_waited(&clock, 1060));
    fs_save_note(&clock, 1060, 1061);
    assert_false(fs_save_waited(&clock, 1120.5)); /* counted from the end of the save */
    assert_true(fs_save_waited(&clock, 1121));
}

static void stays_below_the_share(void **state)
{
    (void)state;
    struct fs_save_clock clock;
    fs_save_clock_begin(&clock, 1, 0.02, 0);
    /* 0.1 s guessed: 2 % of 5 s, the save counted in */
    assert_false(fs_save_affordable(&clock, GUESS, 4.8));
    assert_true(fs_save_affordable(&clock, GUESS, 5));
    fs_save_note(&clock, 5, 7); /* 2 s in truth: with another such one, 4 s are 2 % of 200 s */
    assert_false(fs_save_affordable(&clock, GUESS, 197.9));
    assert_true(fs_save_affordable(&clock, GUESS, 198));
    fs_save_note(&clock, 198, 198.5); /* a quick one does not make the next one cheap: 2.5 s + 2 s */
    assert_false(fs_save_affordable(&clock, GUESS, 222.9));
    assert_true(fs_save_affordable(&clock, GUESS, 223));
}

/* A run of ten hours with saves of 3 s, looked at each second: never above 2 % once a save is over. */
static void a_long_run(void **state)
{
    (void)state;
    struct fs_save_clock clock;
    fs_save_clock_begin(&clock, 60, 0.02, 0);
    for (double now = 0; now < 36000; now += 1) {
        if (fs_save_waited(&clock, now) && fs_save_affordable(&clock, 3, now)) {
            fs_save_note(&clock, now, now + 3);
            now += 3;
            assert_true(clock.spent <= 0.02 * now);
        }
    }
    assert_in_range(clock.saves, 230, 240); /* each 150 s, 240 in all at most; 600 without the rule */
}

static void no_limit(void **state)
{
    (void)state;
    struct fs_save_clock clock;
    fs_save_clock_begin(&clock, 0.5, 1, 10);
    fs_save_note(&clock, 10.5, 60);
    assert_true(fs_save_affordable(&clock, 1000, 60));
    assert_int_equal(clock.saves, 1);
}

static void lines_of_a_log(void **state)
{
    (void)state;
    assert_true(fs_progress_interval(0) == 5);
    assert_true(fs_progress_interval(50) == 5);
    assert_true(fs_progress_interval(1000) == 100);
    assert_true(fs_progress_interval(1e6) == 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_the_interval),
        cmocka_unit_test(stays_below_the_share),
        cmocka_unit_test(a_long_run),
        cmocka_unit_test(no_limit),
        cmocka_unit_test(lines_of_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

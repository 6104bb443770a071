/* Schedules of a few units, worked by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/estimate/schedule.h"
#include "pipeline/ranks/window.h"

static double map_seconds(const double *second, size_t units, size_t ranks, size_t threads, size_t *owner)
{
    return fs_schedule_map(&(struct fs_schedule){second, units, ranks, threads}, owner, NULL);
}

static void units_go_to_the_first_free_thread(void **state)
{
    (void)state;
    const double second[4] = {3, 1, 2, 2};
    size_t owner[4];
    assert_true(map_seconds(second, 4, 1, 1, owner) == 8);
    assert_true(map_seconds(second, 4, 2, 1, owner) == 5); /* 3 + 2 and 1 + 2 */
    const size_t wanted[4] = {0, 1, 1, 0};
    assert_memory_equal(owner, wanted, sizeof owner);
    assert_true(map_seconds(second, 4, 1, 2, owner) == 5);
    assert_true(map_seconds(second, 4, 4, 1, owner) == 3);
    assert_true(map_seconds(second, 4, 1024, 8, owner) == 3);
    assert_true(map_seconds(second, 0, 2, 1, owner) == 0);
    /* two ranks of two threads: the ranks take turns */
    assert_true(map_seconds(second, 4, 2, 2, owner) == 3);
    const size_t turns[4] = {0, 1, 0, 1};
    assert_memory_equal(owner, turns, sizeof owner);
}

/* 33 units of one second. A rank of one thread holds 32, of two ranks each 16, of 64 ranks each 2: two for a thread. */
static void windows_wait_for_each_other(void **state)
{
    (void)state;
    enum { UNITS = 33 };
    const struct fs_machine none = {0, INFINITY, 0};
    double second[UNITS];
    size_t alternating[UNITS], own[UNITS], all[UNITS] = {0};
    for (size_t unit = 0; unit < UNITS; unit++) {
        second[unit] = 1;
        alternating[unit] = unit % 2;
        own[unit] = unit;
    }
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, UNITS, 1, 1}, all, 10, 4, &none, NULL) == 33);
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, UNITS, 1, 2}, all, 10, 4, &none, NULL) == 17);
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, UNITS, 2, 1}, alternating, 10, 4, &none, NULL) == 17);
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, UNITS, 64, 1}, own, 10, 4, &none, NULL) == 1);
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, UNITS, 64, 8}, all, 10, 4, &none, NULL) ==
                2 + 2 + 1); /* 16, 16 and 1 of 8 */
    all[0] = 1;             /* 1 and 16, then 16 */
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, UNITS, 2, 1}, all, 10, 4, &none, NULL) == 32);
    size_t held[64];
    assert_int_equal(fs_sum_window(all, UNITS, 0, 2, 1, held), 17);
    assert_int_equal(fs_sum_window(all, UNITS, 17, 2, 1, held), 33);
    assert_int_equal(fs_sum_window(alternating, UNITS, 0, 2, 1, held), 32);
    assert_int_equal(fs_sum_window(alternating, UNITS, 32, 2, 1, held), 33);
    assert_int_equal(fs_sum_window(own, UNITS, 0, 64, 1, held), 33);
}

/* Latency 1 s, 1 byte a second, 1 s an addition; one unit of rank 0, 8 numbers of 4 bytes, two ranks. */
static void messages_take_their_time(void **state)
{
    (void)state;
    const struct fs_machine slow = {1, 1, 1};
    const double second[1] = {0};
    const size_t owner[1] = {0};
    /* 8 added on one rank */
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, 1, 1, 1}, owner, 8, 4, &slow, NULL) == 8);
    /* 4 added by each; agreed 1; 1 message; 16 bytes sent; 8 packed; owners and failures agreed 3; 1 and 16 gathered */
    assert_true(fs_schedule_sum(&(struct fs_schedule){second, 1, 2, 1}, owner, 8, 4, &slow, NULL) ==
                4 + 1 + 1 + 16 + 8 + 3 + 1 + 16);
    assert_true(fs_schedule_agree(1, &slow) == 0);
    assert_true(fs_schedule_agree(2, &slow) == 1);
    assert_true(fs_schedule_agree(1024, &slow) == 10);
    assert_true(fs_schedule_agree(3, &slow) == 2);
    assert_true(fs_schedule_broadcast(8, 1, &slow) == 0);
    assert_true(fs_schedule_broadcast(8, 2, &slow) == 1 + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(units_go_to_the_first_free_thread),
                                       cmocka_unit_test(windows_wait_for_each_other),
                                       cmocka_unit_test(messages_take_their_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

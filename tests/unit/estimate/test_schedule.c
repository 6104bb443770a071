/* Schedules of a few units, worked by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/estimate/schedule.h"
#include "pipeline/ranks/sharing.h"

static double map_seconds(const double *second, size_t units, size_t ranks, size_t threads)
{
    return fs_schedule_map(&(struct fs_schedule){second, units, ranks, threads}, NULL);
}

static double sum_seconds(const double *second, size_t units, size_t ranks, size_t threads,
                          const struct fs_machine *machine)
{
    return fs_schedule_sum(&(struct fs_schedule){second, units, ranks, threads}, 8, 4, machine, NULL);
}

static void units_go_to_the_first_free_thread(void **state)
{
    (void)state;
    const double second[4] = {3, 1, 2, 2};
    assert_true(map_seconds(second, 4, 1, 1) == 8);
    assert_true(map_seconds(second, 4, 2, 1) == 5); /* 3 + 2 and 1 + 2 */
    assert_true(map_seconds(second, 4, 1, 2) == 5);
    assert_true(map_seconds(second, 4, 4, 1) == 3);
    assert_true(map_seconds(second, 4, 1024, 8) == 3);
    assert_true(map_seconds(second, 0, 2, 1) == 0);
    assert_true(map_seconds(second, 4, 2, 2) == 3);
}

static void expect_owners(const double *cost, size_t units, const size_t *threads, size_t ranks, const size_t *wanted)
{
    size_t owner[16] = {0};
    assert_int_equal(fs_share_units(cost, units, threads, ranks, owner, NULL), 0);
    assert_memory_equal(owner, wanted, units * sizeof *owner);
}

static void units_are_shared_out_by_cost(void **state)
{
    (void)state;
    const size_t ones[3] = {1, 1, 1}, uneven[2] = {1, 2};
    /* rounds of two: 3 and 1; then the 2 to the rank with 1, the other 2 to that with 3 = 1 + 2; 5 and 4 in the end */
    expect_owners((const double[5]){3, 1, 2, 2, 1}, 5, ones, 2, (const size_t[5]){0, 1, 1, 0, 1});
    /* equal ones in turn, every rank in each round */
    expect_owners((const double[7]){1, 1, 1, 1, 1, 1, 1}, 7, ones, 3, (const size_t[7]){0, 1, 2, 0, 1, 2, 0});
    /* a rank of two threads has twice as many; its second thread comes after the first ones of all */
    expect_owners((const double[6]){1, 1, 1, 1, 1, 1}, 6, uneven, 2, (const size_t[6]){0, 1, 1, 0, 1, 1});
    /* one that is dear stands alone */
    expect_owners((const double[5]){9, 1, 1, 1, 1}, 5, ones, 2, (const size_t[5]){0, 1, 1, 1, 1});
    assert_int_equal(fs_share_units(NULL, 0, ones, 3, NULL, NULL), 0);
}

static void vectors_that_are_held(void **state)
{
    (void)state;
    assert_int_equal(fs_sum_held(100, 1, 10, 1000), 100);
    assert_int_equal(fs_sum_held(7, 1, 10, 1000), 7);
    assert_int_equal(fs_sum_held(100, 8, 400, 1000), 9); /* 2 fit: each thread, and one that lies ready or travels */
    assert_int_equal(fs_sum_held(0, 8, 400, 1000), 0);
    assert_int_equal(fs_sum_ahead(1000, 4, 8, 400, 1000), 36);
    assert_int_equal(fs_sum_ahead(1000, 4, 8, 1001, 1000), 4); /* no vector fits: one of each rank */
    assert_int_equal(fs_sum_ahead(3, 4, 8, 1001, 1000), 3);
    assert_int_equal(fs_sum_ahead(2, 4, 8, 1001, 1000), 2);
    assert_int_equal(fs_sum_ahead(35, 4, 8, 400, 1000), 35);
    assert_int_equal(fs_sum_ahead(SIZE_MAX / 2, 4, 1, 1, 1000), 4000);
}

/* 33 units of one second. */
static void sums_wait_for_the_last_unit_alone(void **state)
{
    (void)state;
    enum { UNITS = 33 };
    const struct fs_machine none = {0, INFINITY, 0};
    double second[UNITS];
    for (size_t unit = 0; unit < UNITS; unit++) {
        second[unit] = 1;
    }
    assert_true(sum_seconds(second, UNITS, 1, 1, &none) == 33);
    assert_true(sum_seconds(second, UNITS, 1, 2, &none) == 17);
    assert_true(sum_seconds(second, UNITS, 2, 1, &none) == 17);
    assert_true(sum_seconds(second, UNITS, 16, 1, &none) == 3);
    assert_true(sum_seconds(second, UNITS, 64, 1, &none) == 1);
    assert_true(sum_seconds(second, UNITS, 4, 8, &none) == 2);
    second[0] = 5; /* the other three ranks take 28 = 33 - 5 of the others, 10 the most */
    assert_true(sum_seconds(second, UNITS, 4, 1, &none) == 10);
    const double costs[4] = {1, 1, 1, 1}, filled[4] = {4, 1, 1, 1};
    assert_true(fs_schedule_claim(&(struct fs_schedule){filled, 4, 2, 1}, costs, NULL) == 5);
}

/* Latency 1 s, 1 byte a second, 1 s an addition; vectors of 8 numbers of 4 bytes. */
static void messages_take_their_time(void **state)
{
    (void)state;
    const struct fs_machine slow = {1, 1, 1};
    const double second[2] = {0, 100};
    /* 8 added on one rank; of two units, the first while the second is computed */
    assert_true(sum_seconds(second, 1, 1, 1, &slow) == 8);
    assert_true(sum_seconds(second, 2, 1, 1, &slow) == 100 + 8);
    /* two ranks: 1 message of 16 bytes; 4 added by each; owners, memory, failures agreed 3; 1 and 16 gathered */
    assert_true(sum_seconds(second, 1, 2, 1, &slow) == 1 + 16 + 4 + 3 + 1 + 16);
    /* the first one's is hidden behind the second */
    assert_true(sum_seconds(second, 2, 2, 1, &slow) == 100 + 1 + 16 + 4 + 3 + 1 + 16);
    assert_true(fs_schedule_agree(1, &slow) == 0);
    assert_true(fs_schedule_agree(2, &slow) == 1);
    assert_true(fs_schedule_agree(1024, &slow) == 10);
    assert_true(fs_schedule_agree(3, &slow) == 2);
    assert_true(fs_schedule_broadcast(8, 1, &slow) == 0);
    assert_true(fs_schedule_broadcast(8, 2, &slow) == 1 + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_go_to_the_first_free_thread),
        cmocka_unit_test(units_are_shared_out_by_cost),
        cmocka_unit_test(vectors_that_are_held),
        cmocka_unit_test(sums_wait_for_the_last_unit_alone),
        cmocka_unit_test(messages_take_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

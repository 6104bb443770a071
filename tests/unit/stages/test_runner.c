/* The serial runner: results by index, sums in unit order, errors of the lowest unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/numbers/random.h"
#include "stages/work/runner.h"

enum { UNITS = 101, LENGTH = 3 };

static size_t uneven_bytes(const void *context, size_t unit)
{
    (void)context;
    return unit % 4;
}

static int write_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)err;
    assert_true(thread < *(size_t *)context);
    memset(result, (int)unit + 1, unit % 4);
    return 0;
}

static int write_vector(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context, (void)thread, (void)err;
    fs_real *vector = result;
    struct fs_random random = fs_random_start(3, unit);
    for (size_t i = 0; i < LENGTH; i++) {
        vector[i] = (fs_real)fs_random_normal(&random);
    }
    return 0;
}

static int write_doubles(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context, (void)thread, (void)err;
    ((double *)result)[0] = 1 + 1e-12 * (double)unit; /* which float32 would lose */
    ((double *)result)[1] = 1e-300;
    return 0;
}

static int fail_late(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context, (void)thread, (void)result;
    return unit < 5 ? 0 : fs_error_set(err, FS_EXIT_DATA, "unit %zu is bad", unit);
}

static void results_stand_by_index(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        struct fs_runner *runner;
        assert_int_equal(fs_runner_serial_create(threads, &runner, NULL), 0);
        struct fs_work work = {
            .name = "test", .units = UNITS, .context = &threads, .result_bytes = uneven_bytes, .run = write_unit};
        unsigned char results[3 * UNITS], mine[UNITS] = {0};
        assert_int_equal(fs_runner_map(runner, &work, NULL, results, NULL), 0);
        size_t at = 0;
        for (size_t unit = 0; unit < UNITS; unit++) {
            for (size_t i = 0; i < unit % 4; i++) {
                assert_int_equal(results[at++], unit + 1);
            }
        }
        work.run = write_vector;
        fs_real total[LENGTH], expected[LENGTH], vector[LENGTH];
        memset(mine, 1, sizeof mine);
        assert_int_equal(fs_runner_sum(runner, &work, mine, LENGTH, total, NULL), 0);
        for (size_t unit = 0; unit < UNITS; unit++) {
            (void)write_vector(NULL, 0, unit, vector, NULL);
            for (size_t i = 0; i < LENGTH; i++) {
                expected[i] = unit == 0 ? vector[i] : expected[i] + vector[i];
            }
        }
        assert_memory_equal(total, expected, sizeof total);
        double doubles[2], sum = 0;
        work.run = write_doubles;
        assert_int_equal(fs_runner_sum_double(runner, &work, mine, 2, doubles, NULL), 0);
        for (size_t unit = 0; unit < UNITS; unit++) {
            sum += 1 + 1e-12 * (double)unit;
        }
        assert_true(doubles[0] == sum && doubles[1] > 0);
        work.run = write_vector;
        work.units = 0;
        assert_int_equal(fs_runner_sum(runner, &work, mine, LENGTH, total, NULL), 0);
        assert_true(total[0] == 0);
        free(runner);
    }
}

static void the_lowest_error_is_told(void **state)
{
    (void)state;
    struct fs_runner *runner;
    struct fs_error err = FS_ERROR_INIT;
    unsigned char mine[UNITS] = {0};
    struct fs_work work = {.name = "test", .units = UNITS, .run = fail_late};
    assert_int_equal(fs_runner_serial_create(1, &runner, NULL), 0);
    assert_true(fs_runner_is_root(runner));
    assert_int_equal(fs_runner_map(runner, &work, NULL, NULL, &err), -1);
    assert_string_equal(err.text, "unit 5 is bad");
    assert_int_equal(fs_runner_claim(runner, &work, NULL, mine, NULL), -1);
    work.units = 5;
    assert_int_equal(fs_runner_claim(runner, &work, NULL, mine, &err), 0);
    assert_int_equal(mine[0] + mine[4], 2);
    assert_int_equal(fs_runner_agree(runner, -1, &err), -1);
    assert_int_equal(fs_runner_agree(runner, 0, &err), 0);
    assert_int_equal(fs_runner_broadcast(runner, mine, sizeof mine, &err), 0);
    assert_false(fs_runner_stop_requested(runner));
    free(runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_stand_by_index),
                                       cmocka_unit_test(the_lowest_error_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

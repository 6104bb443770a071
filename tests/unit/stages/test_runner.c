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

/* Stretches one behind the other, as even as they can be, the larger ones first. */
static void shares_are_cut_by_count_alone(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 3, 4, 5, 7, 1000003, ((size_t)1 << 31) + 5, ((size_t)1 << 40) + 3, SIZE_MAX};
    static const size_t ranks[] = {1, 2, 3, 4, 7, 4096};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t n = 0; n < sizeof ranks / sizeof *ranks; n++) {
            size_t at = 0, before = SIZE_MAX;
            for (size_t rank = 0; rank < ranks[n]; rank++) {
                const struct fs_share share = fs_runner_share(lengths[i], rank, ranks[n]);
                assert_true(share.first == at);
                assert_true(share.count == lengths[i] / ranks[n] || share.count == lengths[i] / ranks[n] + 1);
                assert_true(share.count <= before);
                before = share.count;
                at += share.count;
            }
            assert_true(at == lengths[i]);
        }
    }
    const struct fs_share third = fs_runner_share(((size_t)1 << 32) + 2, 2, 4); /* 2^30 each, and two have one more */
    assert_true(third.first == ((size_t)1 << 31) + 2 && third.count == (size_t)1 << 30);
}

struct passed {
    fs_real *vector;
    size_t calls, failing; /* the number of the call that fails; 0: none */
};

static int take(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err)
{
    struct passed *passed = context;
    assert_true(first == passed->calls * FS_RUNNER_PIECE && count <= FS_RUNNER_PIECE);
    memcpy(passed->vector + first, number, count * sizeof *number);
    return ++passed->calls == passed->failing ? fs_error_set(err, FS_EXIT_IO, "piece %zu", passed->calls) : 0;
}

static int give(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err)
{
    struct passed *passed = context;
    memcpy(number, passed->vector + first, count * sizeof *number);
    return ++passed->calls == passed->failing ? fs_error_set(err, FS_EXIT_IO, "piece %zu", passed->calls) : 0;
}

static void add_two(void *context, void *value)
{
    *(size_t *)value += *(const size_t *)context;
}

/* One rank has it all: pieces in their order, and none behind one that fails. */
static void one_rank_has_the_whole_vector(void **state)
{
    (void)state;
    const size_t length = 2 * FS_RUNNER_PIECE + 5;
    struct fs_runner *runner;
    struct fs_error err = FS_ERROR_INIT;
    fs_real *own = calloc(length, sizeof *own), *other = calloc(length, sizeof *other), total[LENGTH];
    unsigned char mine[UNITS];
    assert_int_equal(fs_runner_serial_create(2, &runner, NULL), 0);
    for (size_t i = 0; i < length; i++) {
        own[i] = (fs_real)(i % 1000);
    }
    struct passed passed = {other, 0, 0};
    assert_int_equal(fs_runner_collect(runner, own, length, take, &passed, &err), 0);
    assert_true(passed.calls == 3 && memcmp(own, other, length * sizeof *own) == 0);
    memset(own, 0, length * sizeof *own);
    passed.calls = 0;
    assert_int_equal(fs_runner_distribute(runner, own, length, give, &passed, &err), 0);
    assert_true(passed.calls == 3 && memcmp(own, other, length * sizeof *own) == 0);
    passed = (struct passed){other, 0, 2};
    assert_int_equal(fs_runner_distribute(runner, own, length, give, &passed, &err), -1);
    assert_true(passed.calls == 2 && strcmp(err.text, "piece 2") == 0);
    passed.calls = 0;
    assert_int_equal(fs_runner_collect(runner, own, length, take, &passed, &err), -1);
    assert_true(passed.calls == 2);
    passed = (struct passed){0};
    assert_int_equal(fs_runner_collect(runner, own, 0, take, &passed, &err), 0);
    fs_runner_gather(runner, own, length);
    assert_true(memcmp(own, other, FS_RUNNER_PIECE * sizeof *own) == 0 && passed.calls == 0);

    size_t value = 5, two = 2;
    assert_int_equal(fs_runner_fold(runner, &value, sizeof value, add_two, &two, &err), 0);
    assert_int_equal(value, 7);
    const struct fs_work work = {.name = "test", .units = UNITS, .run = write_vector};
    memset(mine, 1, sizeof mine);
    assert_int_equal(fs_runner_sum(runner, &work, mine, LENGTH, total, NULL), 0);
    assert_int_equal(fs_runner_sum_shared(runner, &work, mine, LENGTH - 1, 1, own, NULL), 0);
    assert_memory_equal(own, total, sizeof total);
    free(own);
    free(other);
    free(runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_stand_by_index), cmocka_unit_test(the_lowest_error_is_told),
        cmocka_unit_test(shares_are_cut_by_count_alone), cmocka_unit_test(one_rank_has_the_whole_vector)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

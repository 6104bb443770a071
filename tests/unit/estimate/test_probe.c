/* The probe: what runs, what is noted, and that results are where they belong; costs of a plan's units by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/edits/stamp_net.h"
#include "stages/plan/plan.h"
#include "stages/work/probe.h"

enum { UNITS = 37, LENGTH = 3 };
#define ALL 1e6        /* seconds: every unit runs */
#define ONE_ROUND 1e-9 /* no unit is that quick */

static size_t two_bytes(const void *context, size_t unit)
{
    (void)context, (void)unit;
    return 2;
}

static void cost_of(const void *context, size_t unit, struct fs_cost *cost)
{
    (void)context;
    *cost = (struct fs_cost){.flops = (double)unit, .passes = 1, .tokens = 2, .rows = 3};
}

/* Counts its calls in context[unit]. */
static int write_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)thread, (void)err;
    ((unsigned char *)context)[unit]++;
    if (result != NULL) {
        memset(result, (int)unit + 1, 2);
    }
    return 0;
}

static int write_vector(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context, (void)thread, (void)err;
    for (size_t i = 0; i < LENGTH; i++) {
        ((fs_real *)result)[i] = (fs_real)(unit + i);
    }
    return 0;
}

static int fail_always(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context, (void)thread, (void)result;
    return fs_error_set(err, FS_EXIT_DATA, "unit %zu is bad", unit);
}

static void a_map_runs_what_there_is_time_for(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        unsigned char ran[UNITS] = {0}, results[2 * UNITS];
        struct fs_runner *probe;
        struct fs_work work = {.name = "test",
                               .units = UNITS,
                               .context = ran,
                               .result_bytes = two_bytes,
                               .run = write_unit,
                               .cost = cost_of,
                               .held = 700};
        assert_int_equal(fs_probe_create(threads, &probe, NULL), 0);

        fs_probe_begin(probe, ALL);
        assert_int_equal(fs_runner_map(probe, &work, NULL, results, NULL), 0);
        for (size_t unit = 0; unit < UNITS; unit++) {
            assert_int_equal(ran[unit], 1);
            assert_int_equal(results[2 * unit], unit + 1);
        }
        const struct fs_probe_record *record = fs_probe_get(probe);
        assert_int_equal(record->works, 1);
        assert_int_equal(record->work[0].units, UNITS);
        assert_true(record->work[0].cost[5].flops == 5 && record->work[0].cost[5].rows == 3);
        assert_true(record->work[0].result_bytes == 2 * UNITS && record->work[0].held == 700);
        const struct fs_probe_rate *rate = fs_probe_find_rate(record, "test");
        assert_non_null(rate);
        assert_int_equal(rate->units, UNITS - threads); /* the first round warms up */
        assert_null(fs_probe_find_rate(record, "other"));

        memset(ran, 0, sizeof ran);
        fs_probe_begin(probe, ONE_ROUND);
        assert_int_equal(fs_runner_map(probe, &work, NULL, results, NULL), 0);
        size_t count = 0;
        for (size_t unit = 0; unit < UNITS; unit++) {
            count += ran[unit];
            assert_true(!ran[unit] || results[2 * unit] == unit + 1);
            assert_true(ran[results[2 * unit + 1] - 1]); /* the others repeat those that ran */
        }
        assert_int_equal(count, threads);

        memset(ran, 0, sizeof ran);
        fs_probe_begin(probe, 0);
        assert_int_equal(fs_runner_map(probe, &work, NULL, results, NULL), 0);
        for (size_t unit = 0; unit < UNITS; unit++) {
            assert_int_equal(ran[unit], 0);
        }
        assert_null(fs_probe_find_rate(fs_probe_get(probe), "test"));
        fs_probe_destroy(probe);
    }
}

static void sums_of_what_was_claimed(void **state)
{
    (void)state;
    unsigned char ran[UNITS] = {0}, mine[UNITS];
    fs_real total[LENGTH], expected[LENGTH] = {0};
    struct fs_runner *probe;
    struct fs_work fill = {.name = "fill", .units = UNITS, .context = ran, .run = write_unit, .cost = cost_of};
    struct fs_work step = {.name = "step", .units = UNITS, .run = write_vector, .cost = cost_of};
    assert_int_equal(fs_probe_create(2, &probe, NULL), 0);
    fs_probe_begin(probe, ONE_ROUND);
    assert_int_equal(fs_runner_claim(probe, &fill, NULL, mine, NULL), 0);
    for (size_t unit = 0; unit < UNITS; unit++) {
        assert_int_equal(mine[unit], ran[unit]);
        for (size_t i = 0; i < LENGTH; i++) {
            expected[i] += mine[unit] ? (fs_real)(unit + i) : 0;
        }
    }
    assert_true(expected[0] > 0);
    assert_int_equal(fs_runner_sum(probe, &step, mine, LENGTH, total, NULL), 0);
    assert_memory_equal(total, expected, sizeof total);
    for (int call = 0; call < 2; call++) { /* the time is spent */
        assert_int_equal(fs_runner_sum(probe, &step, mine, LENGTH, total, NULL), 0);
        assert_true(total[0] == 0 && total[LENGTH - 1] == 0);
    }
    step.step = (struct fs_step_kind){2, 0.5}; /* a step of another kind is a work of its own */
    for (int call = 0; call < 2; call++) {
        assert_int_equal(fs_runner_sum(probe, &step, mine, LENGTH, total, NULL), 0);
    }
    const struct fs_probe_record *record = fs_probe_get(probe);
    assert_int_equal(record->works, 3);
    assert_true(record->work[2].calls == 2 && record->work[2].step.share == 0.5);
    assert_int_equal(record->work[1].calls, 3);
    assert_int_equal(record->work[1].gaps, 2);
    assert_int_equal(record->work[1].length, LENGTH);
    assert_int_equal(fs_probe_find_rate(record, "step")->units, 2);
    assert_int_equal(fs_runner_broadcast(probe, total, 40, NULL), 0);
    assert_int_equal(fs_runner_agree(probe, 0, NULL), 0);
    assert_int_equal(fs_runner_agree(probe, -1, NULL), -1);
    assert_true(record->broadcast_bytes == 40 && record->agreements == 2);
    fs_probe_destroy(probe);
}

static void a_failing_unit_fails_the_probe(void **state)
{
    (void)state;
    struct fs_runner *probe;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_work work = {.name = "bad", .units = UNITS, .run = fail_always};
    assert_int_equal(fs_probe_create(1, &probe, NULL), 0);
    fs_probe_begin(probe, ALL);
    assert_int_equal(fs_runner_map(probe, &work, NULL, NULL, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    fs_probe_destroy(probe);
}

/*
 * bert-tiny has 2 layers, d 32, H D 32, F 64, V 161: a layer's matrices 32 x 96 + 32 x 32 + 2 x 32 x 64 = 8192 numbers.
 * Passes of 3 and 4 tokens with two rows to read.
 */
static void costs_of_a_plan_by_hand(void **state)
{
    (void)state;
    const int32_t id[4] = {1, 2, 3, 4};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *model;
    struct fs_plan *plan;
    struct fs_runner *probe;
    struct fs_stamp stamp;
    size_t pass, read;
    if (fs_model_load("tests/golden/models/bert-tiny", &model, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    for (size_t count = 3; count <= 4; count++) {
        assert_int_equal(fs_plan_add_pass(plan, id, count, &pass, &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass, 1, 7, &read, &err), 0);
    }
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){FS_UNIT_TOKENS, 96, 0, 0}, &err), 0);
    assert_int_equal(fs_probe_create(1, &probe, &err), 0);
    assert_int_equal(fs_stamp_create(0, 32, 8, 1, &stamp, &err), 0);
    const double layer = 2 * 7 * 8192 + 4 * 32 * (9 + 16), head = 2 * 2 * (32 * 161 + 32 * 32);
    const struct fs_edit edit = fs_stamp_edit(&stamp);
    for (size_t stamped = 0; stamped < 2; stamped++) {
        const struct fs_edit_list edits = {stamped, &edit};
        struct fs_plan_values values;
        fs_probe_begin(probe, ALL);
        assert_int_equal(fs_plan_execute(plan, model, &edits, probe, NULL, &values, &err), 0);
        const struct fs_probe_work *work = &fs_probe_get(probe)->work[0];
        assert_int_equal(work->units, 1);
        assert_true(work->cost[0].passes == 2 && work->cost[0].tokens == 7 && work->cost[0].rows == 2);
        double expected = stamped == 1 ? 3 * layer + 2 * head + 2 * (2 * 7 * 8 * 32) : 2 * layer + head;
        assert_true(work->cost[0].flops == expected);
        assert_true(fs_values_logprob(&values, 0, 0) < 0);
        fs_plan_values_release(&values);
    }
    fs_stamp_release(&stamp);
    fs_probe_destroy(probe);
    fs_plan_destroy(plan);
    fs_model_destroy(model);
}

/* Sums of two trainings of a stage are two works, though nothing is between them. */
static void trainings_are_apart(void **state)
{
    (void)state;
    unsigned char mine[UNITS];
    fs_real total[LENGTH];
    struct fs_runner *probe, *serial;
    memset(mine, 1, sizeof mine);
    const struct fs_work work = {.name = "sum", .units = UNITS, .run = write_vector, .cost = cost_of};
    assert_int_equal(fs_probe_create(1, &probe, NULL), 0);
    for (int round = 0; round < 2; round++) {
        fs_probe_begin(probe, ONE_ROUND);
        for (size_t sum = 0; sum < 5; sum++) {
            fs_probe_training(probe, sum / 3);
            assert_int_equal(fs_runner_sum(probe, &work, mine, LENGTH, total, NULL), 0);
        }
        const struct fs_probe_record *record = fs_probe_get(probe);
        assert_int_equal(record->works, 2);
        assert_int_equal(record->work[0].training, 0);
        assert_int_equal(record->work[0].calls, 3);
        assert_int_equal(record->work[1].training, 1);
        assert_int_equal(record->work[1].calls, 2);
    }
    fs_probe_destroy(probe);
    assert_int_equal(fs_runner_serial_create(1, &serial, NULL), 0);
    fs_probe_training(serial, 1); /* no probe: nothing */
    free(serial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_runs_what_there_is_time_for), cmocka_unit_test(sums_of_what_was_claimed),
        cmocka_unit_test(trainings_are_apart), cmocka_unit_test(a_failing_unit_fails_the_probe),
        cmocka_unit_test(costs_of_a_plan_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

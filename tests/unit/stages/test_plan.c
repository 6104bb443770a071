/* Merging and packing of plans; no model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/numbers/random.h"
#include "stages/plan/plan.h"

static struct fs_plan *new_plan(void)
{
    struct fs_plan *plan = NULL;
    assert_int_equal(fs_plan_create(&plan, NULL), 0);
    return plan;
}

static void equal_passes_and_reads_are_merged(void **state)
{
    (void)state;
    struct fs_plan *plan = new_plan();
    const int32_t one[] = {5, 6, 7}, other[] = {5, 6}, negative[] = {-1};
    size_t a, b, c, d, r, s, t;
    assert_int_equal(fs_plan_add_pass(plan, one, 3, &a, NULL), 0);
    assert_int_equal(fs_plan_add_pass(plan, other, 2, &b, NULL), 0);
    assert_int_equal(fs_plan_add_pass(plan, one, 3, &c, NULL), 0);
    assert_int_equal(fs_plan_add_pass(plan, negative, 1, &d, NULL), 0);
    assert_int_equal(a, c);
    assert_int_not_equal(a, b);
    assert_int_equal(fs_plan_passes(plan), 3);
    assert_int_equal(fs_plan_pass_length(plan, b), 2);
    assert_memory_equal(fs_plan_pass_ids(plan, a), one, sizeof one);
    assert_int_equal(fs_plan_add_read(plan, a, 2, 9, &r, NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, b, 1, 9, &s, NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, a, 2, 9, &t, NULL), 0);
    assert_int_equal(r, t);
    assert_int_not_equal(r, s);
    assert_int_equal(fs_plan_add_read(plan, a, 2, 8, &t, NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, a, 1, 9, &t, NULL), 0);
    assert_int_equal(fs_plan_reads(plan), 4);
    fs_plan_destroy(plan);
}

/* Three passes of 3, 2 and 2 tokens, of which 1 is shared; 4 reads in 3 rows, a choice of 5 tokens; a unit. */
static void bytes_by_hand(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct fs_plan *plan = new_plan();
        struct fs_error err = FS_ERROR_INIT;
        const int32_t one[] = {5, 6, 7}, two[] = {5, 8}, three[] = {9, 8}, set[] = {1, 2, 3, 4, 5};
        size_t pass[3], choice, read;
        assert_int_equal(fs_plan_add_pass(plan, one, 3, &pass[0], &err), 0);
        assert_int_equal(fs_plan_add_pass(plan, two, 2, &pass[1], &err), 0);
        assert_int_equal(fs_plan_add_pass(plan, three, 2, &pass[2], &err), 0);
        assert_int_equal(fs_plan_add_choice(plan, set, 5, &choice, &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass[0], 2, 9, &read, &err), 0);
        assert_int_equal(fs_plan_add_choosing_read(plan, pass[0], 2, 9, choice, &read, &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass[1], 1, 9, &read, &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass[2], 1, 9, &read, &err), 0);
        assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){100, 40, shared ? 40 : 0, 0}, &err), 0);
        assert_int_equal(fs_plan_units(plan), 1);
        assert_int_equal(fs_plan_tokens(plan), shared ? 6 : 7);
        double wanted = 3 * (shared ? 64 : 48) + 4 * (7 + (shared ? 6 : 7) + 5) + 4 * 52 + 3 * 16 + 104;
        assert_true(fs_plan_bytes(plan) == wanted);
        fs_plan_destroy(plan);
    }
}

static void units_are_whole_and_bounded(void **state)
{
    (void)state;
    struct fs_plan *plan = new_plan();
    enum { PASSES = 3000 };
    struct fs_random random = fs_random_start(7, 0);
    int32_t id[64];
    size_t pass, read, wanted_reads = 0;
    for (size_t i = 0; i < PASSES; i++) {
        size_t length = 1 + fs_random_below(&random, 40);
        for (size_t k = 0; k < length; k++) {
            id[k] = (int32_t)fs_random_below(&random, 5);
        }
        assert_int_equal(fs_plan_add_pass(plan, id, length, &pass, NULL), 0);
        for (size_t k = 0; k < 3; k++) {
            size_t position = fs_random_below(&random, length);
            assert_int_equal(fs_plan_add_read(plan, pass, position, (int32_t)(k % 2), &read, NULL), 0);
            wanted_reads = read + 1 > wanted_reads ? read + 1 : wanted_reads;
        }
    }
    assert_int_equal(fs_plan_reads(plan), wanted_reads);
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){100, 40, 0, 0}, &err), 0);

    unsigned char *pass_seen = calloc(fs_plan_passes(plan), 1), *read_seen = calloc(wanted_reads, 1);
    size_t tokens = 0, length_before = 0, index_before = 0;
    for (size_t u = 0; u < fs_plan_units(plan); u++) {
        struct fs_plan_unit unit;
        fs_plan_get_unit(plan, u, &unit);
        assert_true(unit.batch.tokens <= 100);
        assert_int_equal(unit.batch.start[0], 0);
        assert_int_equal(unit.batch.start[unit.batch.sequences], unit.batch.tokens);
        tokens += unit.batch.tokens;
        for (size_t s = 0; s < unit.batch.sequences; s++) {
            size_t index = unit.pass_index[s], length = unit.batch.start[s + 1] - unit.batch.start[s];
            assert_int_equal(pass_seen[index]++, 0);
            assert_int_equal(length, fs_plan_pass_length(plan, index));
            assert_memory_equal(unit.batch.token + unit.batch.start[s], fs_plan_pass_ids(plan, index),
                                length * sizeof(int32_t));
            assert_true(length > length_before || (length == length_before && index >= index_before));
            length_before = length;
            index_before = index;
        }
        if (u + 1 < fs_plan_units(plan)) { /* the next pass would not have fitted */
            struct fs_plan_unit next;
            fs_plan_get_unit(plan, u + 1, &next);
            assert_true(unit.batch.tokens + next.batch.start[1] > 100);
        }
        assert_int_equal(unit.reads.first[0], 0);
        for (size_t row = 0; row < unit.reads.rows; row++) {
            assert_true(row == 0 || unit.reads.row[row] > unit.reads.row[row - 1]);
            assert_true(unit.reads.row[row] < unit.batch.tokens);
            assert_true(unit.reads.first[row + 1] > unit.reads.first[row]);
            for (size_t i = unit.reads.first[row]; i < unit.reads.first[row + 1]; i++) {
                assert_int_equal(read_seen[unit.read_index[i]]++, 0);
            }
        }
    }
    assert_int_equal(tokens, fs_plan_tokens(plan));
    for (size_t i = 0; i < fs_plan_passes(plan); i++) {
        assert_int_equal(pass_seen[i], 1);
    }
    for (size_t i = 0; i < wanted_reads; i++) {
        assert_int_equal(read_seen[i], 1);
    }
    free(pass_seen);
    free(read_seen);
    assert_int_equal(fs_plan_add_pass(plan, id, 1, &pass, &err), -1);
    assert_int_equal(fs_plan_add_read(plan, 0, 0, 1, &read, &err), -1);
    fs_plan_destroy(plan);
}

static void a_read_stands_where_it_was_asked(void **state)
{
    (void)state;
    struct fs_plan *plan = new_plan();
    const int32_t longer[] = {1, 2, 3, 4}, shorter[] = {8, 9};
    size_t pass_long, pass_short, read[4];
    assert_int_equal(fs_plan_add_pass(plan, longer, 4, &pass_long, NULL), 0);
    assert_int_equal(fs_plan_add_pass(plan, shorter, 2, &pass_short, NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, pass_long, 3, 70, &read[0], NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, pass_long, 0, 71, &read[1], NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, pass_short, 1, 72, &read[2], NULL), 0);
    assert_int_equal(fs_plan_add_read(plan, pass_long, 3, 60, &read[3], NULL), 0);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, 4, 0, 0}, NULL), 0);
    assert_int_equal(fs_plan_units(plan), 1);
    struct fs_plan_unit unit;
    fs_plan_get_unit(plan, 0, &unit);
    const size_t row[] = {1, 2, 5}, first[] = {0, 1, 2, 4}, index[] = {2, 1, 0, 3};
    const int32_t token[] = {72, 71, 70, 60};
    assert_int_equal(unit.reads.rows, 3);
    assert_memory_equal(unit.reads.row, row, sizeof row);
    assert_memory_equal(unit.reads.first, first, sizeof first);
    assert_memory_equal(unit.reads.token, token, sizeof token);
    assert_memory_equal(unit.read_index, index, sizeof index);
    fs_plan_destroy(plan);
}

/* Each pass of a unit, with what it takes of others, is the pass that was added; each read is on its row. */
static size_t check_unit(const struct fs_plan *plan, size_t number, const size_t *read_pass,
                         const size_t *read_position)
{
    struct fs_plan_unit unit;
    size_t sequence_of[600];
    fs_plan_get_unit(plan, number, &unit);
    for (size_t s = 0; s < unit.batch.sequences; s++) {
        size_t pass = unit.pass_index[s];
        sequence_of[pass] = s;
        assert_int_equal(fs_batch_length(&unit.batch, s), fs_plan_pass_length(plan, pass));
        assert_true(s > 0 || fs_batch_depth(&unit.batch, 0) == 0);
        for (size_t p = 0; p < fs_batch_length(&unit.batch, s); p++) {
            size_t row = fs_batch_row(&unit.batch, s, p);
            assert_true(row < unit.batch.start[s + 1]);
            assert_int_equal(unit.batch.token[row], fs_plan_pass_ids(plan, pass)[p]);
        }
    }
    for (size_t r = 0; r < unit.reads.rows; r++) {
        assert_true(r == 0 || unit.reads.row[r] > unit.reads.row[r - 1]);
        for (size_t i = unit.reads.first[r]; i < unit.reads.first[r + 1]; i++) {
            size_t read = unit.read_index[i];
            assert_int_equal(fs_batch_row(&unit.batch, sequence_of[read_pass[read]], read_position[read]),
                             unit.reads.row[r]);
            assert_int_equal(fs_plan_read_token(plan, read), unit.reads.token[i]);
        }
    }
    return unit.batch.tokens;
}

/* Texts over few ids, so that many begin alike; those of more than 8 tokens share nothing. */
static void prefixes_are_shared(void **state)
{
    (void)state;
    struct fs_random random = fs_random_start(3, 1);
    struct fs_plan *plan = new_plan(), *whole = new_plan();
    size_t read_pass[1200], read_position[1200], pass, read, beginnings = 0;
    bool *seen = calloc((size_t)1 << 20, 1); /* [beginning as a number of up to ten digits to the base of 4] */
    assert_non_null(seen);
    for (size_t i = 0; i < 600; i++) {
        int32_t id[10];
        size_t length = 1 + fs_random_below(&random, 10), beginning = 0;
        for (size_t k = 0; k < length; k++) {
            id[k] = (int32_t)fs_random_below(&random, 3);
            beginning = 4 * beginning + (size_t)id[k] + 1;
            beginnings += seen[beginning] ? 0 : 1;
            seen[beginning] = true;
        }
        assert_int_equal(fs_plan_add_pass(plan, id, length, &pass, NULL), 0);
        assert_int_equal(fs_plan_add_pass(whole, id, length, &read, NULL), 0);
        for (size_t k = 0; k < 2; k++) {
            size_t position = fs_random_below(&random, length);
            assert_int_equal(fs_plan_add_read(plan, pass, position, (int32_t)k, &read, NULL), 0);
            read_pass[read] = pass;
            read_position[read] = position;
        }
    }
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){40, 10, 8, 0}, NULL), 0);
    size_t tokens = 0, sequences = 0;
    for (size_t u = 0; u < fs_plan_units(plan); u++) {
        struct fs_plan_unit unit;
        size_t own = check_unit(plan, u, read_pass, read_position);
        assert_true(own <= 40);
        tokens += own;
        fs_plan_get_unit(plan, u, &unit);
        sequences += unit.batch.sequences;
    }
    assert_int_equal(sequences, fs_plan_passes(plan));
    assert_int_equal(tokens, fs_plan_tokens(plan));
    assert_true(tokens > beginnings && tokens < fs_plan_given_tokens(plan));
    /* in one unit, where all may share, each beginning is computed once */
    assert_int_equal(fs_plan_seal(whole, (struct fs_plan_limits){SIZE_MAX, 10, SIZE_MAX, 0}, NULL), 0);
    assert_int_equal(fs_plan_units(whole), 1);
    assert_int_equal(fs_plan_tokens(whole), beginnings);
    free(seen);
    fs_plan_destroy(plan);
    fs_plan_destroy(whole);
}

/* By hand: "1 2 3 4", "1 2 3 5", "1 2", "7 8" are 1 2, 3 4, 5, 7 8: 7 tokens. */
static void a_small_forest(void **state)
{
    (void)state;
    const int32_t text[4][4] = {{1, 2, 3, 4}, {1, 2, 3, 5}, {1, 2}, {7, 8}};
    const size_t length[4] = {4, 4, 2, 2}, order[4] = {2, 0, 1, 3}, start[5] = {0, 2, 4, 5, 7}, depth[4] = {0, 2, 3, 0};
    struct fs_plan *plan = new_plan();
    struct fs_plan_unit unit;
    for (size_t i = 0; i < 4; i++) {
        size_t pass;
        assert_int_equal(fs_plan_add_pass(plan, text[i], length[i], &pass, NULL), 0);
    }
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, 4, SIZE_MAX, 0}, NULL), 0);
    assert_int_equal(fs_plan_tokens(plan), 7);
    fs_plan_get_unit(plan, 0, &unit);
    assert_memory_equal(unit.pass_index, order, sizeof order);
    assert_memory_equal(unit.batch.start, start, sizeof start);
    assert_memory_equal(unit.batch.depth, depth, sizeof depth);
    assert_true(unit.batch.parent[1] == 0 && unit.batch.parent[2] == 1);
    fs_plan_destroy(plan);
}

/* 192 units where they take long enough; never more tokens than 512, nor fewer than 128. */
static void units_have_about_as_much(void **state)
{
    (void)state;
    assert_int_equal(fs_unit_tokens(38400, 1e9), 200);
    assert_int_equal(fs_unit_tokens(38400, 2e7), 500);
    assert_int_equal(fs_unit_tokens(38400, 1e6), 512);
    assert_int_equal(fs_unit_tokens(192, 1e9), 128);
    assert_int_equal(fs_unit_tokens(1e6, 1e9), 512);
}

static void long_passes_stand_alone_or_fail(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    int32_t id[20] = {0};
    size_t pass;
    struct fs_plan_unit unit;
    struct fs_plan *plan = new_plan();
    for (size_t i = 0; i < 3; i++) {
        id[0] = (int32_t)i;
        assert_int_equal(fs_plan_add_pass(plan, id, i == 0 ? 4 : 20, &pass, NULL), 0);
    }
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){10, 20, 0, 0}, &err), 0);
    assert_int_equal(fs_plan_units(plan), 3);
    fs_plan_get_unit(plan, 2, &unit);
    assert_int_equal(unit.batch.sequences, 1);
    assert_int_equal(unit.batch.tokens, 20);
    assert_int_equal(unit.reads.rows, 0);
    fs_plan_destroy(plan);

    plan = new_plan();
    assert_int_equal(fs_plan_add_pass(plan, id, 20, &pass, NULL), 0);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){512, 19, 0, 0}, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "20 tokens (ids 2 0 0"));
    fs_plan_destroy(plan);

    plan = new_plan();
    assert_int_equal(fs_plan_add_pass(plan, id, 0, &pass, &err), -1);
    assert_int_equal(fs_plan_add_pass(plan, id, 2, &pass, &err), 0);
    assert_int_equal(fs_plan_add_read(plan, pass, 2, 1, &pass, &err), -1);
    fs_plan_destroy(plan);
    plan = new_plan();
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){512, 19, 0, 0}, &err), 0);
    assert_int_equal(fs_plan_units(plan), 0);
    fs_plan_destroy(plan);
    fs_plan_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_passes_and_reads_are_merged),
        cmocka_unit_test(bytes_by_hand),
        cmocka_unit_test(units_are_whole_and_bounded),
        cmocka_unit_test(a_read_stands_where_it_was_asked),
        cmocka_unit_test(prefixes_are_shared),
        cmocka_unit_test(a_small_forest),
        cmocka_unit_test(units_have_about_as_much),
        cmocka_unit_test(long_passes_stand_alone_or_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

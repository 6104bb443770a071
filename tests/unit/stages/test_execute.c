/* The executor of plans on small random-weight models: the same bits with and without a stamp, and on any threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/numbers/random.h"
#include "support.h"
#include "tests/unit/bounds.h"

static const char *const folders[] = {"tests/golden/models/bert-tiny", "tests/golden/models/gpt2-tiny",
                                      "tests/golden/models/llama-grouped"};

/* 60 passes of 1 to 20 tokens, which often begin as the one before, with up to 4 reads each and the states of some; and
 * one pass that is read at all tokens of its last position. */
static struct fs_plan *make_plan(const struct fs_spec *spec, size_t *whole)
{
    struct fs_plan *plan = NULL;
    struct fs_random random = fs_random_start(5, 0);
    struct fs_error err = FS_ERROR_INIT;
    int32_t id[20] = {0};
    size_t pass, read;
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    for (size_t i = 0; i < 60; i++) {
        size_t length = 1 + fs_random_below(&random, 20);
        for (size_t k = i > 0 ? fs_random_below(&random, length) : 0; k < length; k++) {
            id[k] = (int32_t)fs_random_below(&random, spec->vocabulary);
        }
        assert_int_equal(fs_plan_add_pass(plan, id, length, &pass, &err), 0);
        if (i % 7 == 0) {
            assert_int_equal(fs_plan_add_state(plan, pass, &read, &err), 0);
        }
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(fs_plan_add_read(plan, pass, fs_random_below(&random, length),
                                              (int32_t)fs_random_below(&random, spec->vocabulary), &read, &err),
                             0);
        }
    }
    *whole = fs_plan_reads(plan);
    id[0] = 3;
    id[1] = 9;
    assert_int_equal(fs_plan_add_pass(plan, id, 2, &pass, &err), 0);
    for (size_t token = 0; token < spec->vocabulary; token++) {
        assert_int_equal(fs_plan_add_read(plan, pass, 1, (int32_t)token, &read, &err), 0);
    }
    assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(spec, 64), &err), 0);
    assert_true(fs_plan_units(plan) > 5);
    return plan;
}

/* With a stamp, or the unedited model alone. */
static struct fs_plan_values execute(const struct loaded *loaded, const struct fs_plan *plan,
                                     const struct fs_stamp *stamp)
{
    struct fs_plan_values values;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_edit edit = stamp != NULL ? fs_stamp_edit(stamp) : (struct fs_edit){0};
    const struct fs_edit_list edits = {stamp != NULL ? 1 : 0, &edit};
    if (fs_plan_execute(plan, loaded->model, &edits, loaded->runner, NULL, &values, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(values.columns, 1 + edits.count);
    assert_int_equal(values.reads, fs_plan_reads(plan));
    return values;
}

static void a_stamp_leaves_the_unedited_bits(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        struct loaded loaded = load(folders[f], 1);
        const struct fs_spec *spec = fs_model_spec(loaded.model);
        size_t whole;
        struct fs_plan *plan = make_plan(spec, &whole);
        size_t reads = fs_plan_reads(plan);
        struct fs_plan_values plain = execute(&loaded, plan, NULL);
        for (size_t i = 0; i < reads; i++) {
            assert_true(plain.read[i].logprob < 0 && plain.read[i].top1 >= 0);
        }
        double sum = 0;
        for (size_t i = whole; i < reads; i++) {
            sum += exp(plain.read[i].logprob);
            assert_true(plain.read[i].logprob <= plain.read[whole + (size_t)plain.read[whole].top1].logprob);
        }
        assert_true(fabs(sum - 1) < bound_log_p(spec));

        for (size_t layer = 0; layer < spec->layers; layer++) {
            struct fs_stamp stamp = {0};
            assert_int_equal(fs_stamp_create(layer, spec->hidden, 8, 3, &stamp, NULL), 0);
            struct fs_plan_values fresh = execute(&loaded, plan, &stamp);
            struct fs_random random = fs_random_start(1, 1);
            for (size_t i = 0; i < fs_stamp_parameters(spec->hidden, 8); i++) {
                stamp.parameters[i] = (fs_real)fs_random_normal(&random);
            }
            struct fs_plan_values stamped = execute(&loaded, plan, &stamp);
            size_t changed = 0;
            for (size_t i = 0; i < reads; i++) {
                for (size_t column = 0; column < 2; column++) {
                    assert_true(fs_values_logprob(&fresh, column, i) == plain.read[i].logprob);
                    assert_int_equal(fs_values_top1(&fresh, column, i), plain.read[i].top1);
                }
                assert_true(fs_values_logprob(&stamped, 0, i) == plain.read[i].logprob);
                assert_int_equal(fs_values_top1(&stamped, 0, i), plain.read[i].top1);
                changed += fs_values_logprob(&stamped, 1, i) != plain.read[i].logprob ? 1 : 0;
            }
            assert_true(changed > reads / 2);
            fs_plan_values_release(&fresh);
            fs_plan_values_release(&stamped);
            fs_stamp_release(&stamp);
        }
        struct loaded threads = load(folders[f], 3);
        struct fs_plan_values parallel = execute(&threads, plan, NULL);
        for (size_t i = 0; i < reads; i++) {
            assert_true(parallel.read[i].logprob == plain.read[i].logprob);
            assert_int_equal(parallel.read[i].top1, plain.read[i].top1);
        }
        unload(&threads);
        fs_plan_values_release(&parallel);
        fs_plan_values_release(&plain);
        fs_plan_destroy(plan);
        unload(&loaded);
    }
}

/* Columns of the unedited model and of a stamp, reads and states. */
static void sharing_prefixes_changes_no_number(void **state)
{
    (void)state;
    for (size_t f = 1; f < sizeof folders / sizeof *folders; f++) {
        struct loaded loaded = load(folders[f], 2);
        struct fs_spec spec = *fs_model_spec(loaded.model);
        struct fs_stamp stamp = {0};
        struct fs_random random = fs_random_start(1, 1);
        size_t whole;
        assert_int_equal(fs_stamp_create(0, spec.hidden, 8, 3, &stamp, NULL), 0);
        for (size_t i = 0; i < fs_stamp_parameters(spec.hidden, 8); i++) {
            stamp.parameters[i] = (fs_real)(0.1 * fs_random_normal(&random));
        }
        struct fs_plan *shared = make_plan(&spec, &whole);
        spec.apart = true;
        struct fs_plan *apart = make_plan(&spec, &whole);
        assert_int_equal(fs_plan_tokens(apart), fs_plan_given_tokens(shared));
        assert_true(10 * fs_plan_tokens(shared) < 8 * fs_plan_tokens(apart));
        struct fs_plan_values one = execute(&loaded, shared, &stamp), other = execute(&loaded, apart, &stamp);
        for (size_t i = 0; i < 2 * one.reads; i++) {
            assert_true(fabs(one.read[i].logprob - other.read[i].logprob) < bound_log_p(&spec));
        }
        assert_true(one.states > 5);
        for (size_t i = 0; i < 2 * one.states * one.hidden; i++) {
            double scale = fmax(1, fabs(other.state[i]));
            assert_true(fabs(one.state[i] - other.state[i]) < bound_f32(forward_depth(&spec)) * scale);
        }
        fs_plan_values_release(&one);
        fs_plan_values_release(&other);
        fs_plan_destroy(shared);
        fs_plan_destroy(apart);
        fs_stamp_release(&stamp);
        unload(&loaded);
    }
}

/* The most probable token of a set by reads of each of its tokens, the first of equal ones. */
static int32_t best_of(const struct fs_plan_values *values, size_t column, const size_t *read, const int32_t *token,
                       size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = fs_values_logprob(values, column, read[i]) > fs_values_logprob(values, column, read[best]) ? i : best;
    }
    return token[best];
}

/*
 * Reads with a choice beside reads of each of its tokens, in one plan and so in the same rows: two sets of 7 and 2 tokens, one
 * of them twice in the first, at two positions of passes that are read besides; with a stamp, and on several threads.
 */
static void a_choice_names_its_most_probable_token(void **state)
{
    (void)state;
    enum { PASSES = 20, SETS = 2, MOST = 7 };
    static const int32_t set[SETS][MOST] = {{40, 3, 9, 77, 9, 12, 61}, {5, 88}};
    static const size_t count[SETS] = {7, 2};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        struct loaded loaded = load(folders[f], 2);
        const struct fs_spec *spec = fs_model_spec(loaded.model);
        struct fs_random random = fs_random_start(8, 0);
        struct fs_stamp stamp = {0};
        struct fs_plan *plan = NULL;
        struct fs_error err = FS_ERROR_INIT;
        size_t choice[SETS], own[PASSES][SETS], chosen[PASSES][SETS], each[PASSES][SETS][MOST], plain[PASSES], pass;
        assert_int_equal(fs_stamp_create(0, spec->hidden, 8, 3, &stamp, &err), 0);
        for (size_t i = 0; i < fs_stamp_parameters(spec->hidden, 8); i++) {
            stamp.parameters[i] = (fs_real)fs_random_normal(&random);
        }
        assert_int_equal(fs_plan_create(&plan, &err), 0);
        assert_int_equal(fs_plan_add_choice(plan, set[0], 0, &choice[0], &err), -1);
        assert_int_equal(fs_plan_add_choice(plan, set[0], count[0], &choice[0], &err), 0);
        assert_int_equal(fs_plan_add_choice(plan, set[1], count[1], &choice[1], &err), 0);
        for (size_t p = 0; p < PASSES; p++) {
            int32_t id[6] = {1};
            for (size_t i = 1; i < 6; i++) {
                id[i] = (int32_t)fs_random_below(&random, spec->vocabulary);
            }
            assert_int_equal(fs_plan_add_pass(plan, id, 6, &pass, &err), 0);
            assert_int_equal(fs_plan_add_read(plan, pass, 5, 50, &plain[p], &err), 0);
            for (size_t s = 0; s < SETS; s++) {
                size_t at = 2 + 3 * ((s + p) % 2); /* now and then in one row with the plain read */
                assert_int_equal(fs_plan_add_read(plan, pass, at, 50, &own[p][s], &err), 0);
                assert_int_equal(fs_plan_add_choosing_read(plan, pass, at, 50, choice[s], &chosen[p][s], &err), 0);
                assert_true(chosen[p][s] != own[p][s]);
                for (size_t i = 0; i < count[s]; i++) {
                    assert_int_equal(fs_plan_add_read(plan, pass, at, set[s][i], &each[p][s][i], &err), 0);
                }
            }
            assert_int_equal(fs_plan_add_choosing_read(plan, pass, 5, 50, choice[p % 2], &pass, &err), 0);
        }
        assert_int_equal(fs_plan_add_choosing_read(plan, 0, 2, 50, SETS, &pass, &err), -1);
        err = (struct fs_error)FS_ERROR_INIT;
        assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(spec, 64), &err), 0);
        struct fs_plan_values values = execute(&loaded, plan, &stamp);
        size_t differs = 0;
        for (size_t k = 0; k < (size_t)2 * PASSES * SETS; k++) {
            size_t column = k % 2, p = k / 2 / SETS, s = k / 2 % SETS;
            int32_t best = best_of(&values, column, each[p][s], set[s], count[s]);
            assert_int_equal(fs_values_top1(&values, column, chosen[p][s]), best);
            assert_true(fs_values_logprob(&values, column, chosen[p][s]) ==
                        fs_values_logprob(&values, column, own[p][s]));
            differs += best != set[s][0] ? 1 : 0;
            assert_true(fs_values_logprob(&values, column, plain[p]) < 0);
        }
        assert_true(differs > PASSES / 2);
        fs_plan_values_release(&values);
        fs_plan_destroy(plan);
        fs_stamp_release(&stamp);
        unload(&loaded);
    }
}

static void what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct loaded loaded = load(folders[0], 2);
    const struct fs_spec *spec = fs_model_spec(loaded.model);
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_edit_list none = {0};
    struct fs_plan_values values;
    struct fs_stamp stamp = {0};
    struct fs_plan *plan = NULL;
    size_t pass, read;
    int32_t id[] = {1, (int32_t)spec->vocabulary};
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    assert_int_equal(fs_plan_add_pass(plan, id, 2, &pass, &err), 0);
    assert_int_equal(fs_plan_add_read(plan, pass, 0, 1, &read, &err), 0);
    assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(spec, FS_UNIT_TOKENS), &err), 0);
    assert_int_equal(fs_plan_execute(plan, loaded.model, &none, loaded.runner, NULL, &values, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    fs_plan_values_release(&values);
    assert_int_equal(fs_stamp_create(spec->layers, spec->hidden, 4, 1, &stamp, &err), 0);
    const struct fs_edit edit = fs_stamp_edit(&stamp);
    const struct fs_edit_list edits = {1, &edit};
    assert_int_equal(fs_plan_execute(plan, loaded.model, &edits, loaded.runner, NULL, &values, &err), -1);
    assert_non_null(strstr(err.text, "found layer 2"));
    assert_non_null(strstr(err.text, "expected a layer below 2"));
    fs_plan_values_release(&values);
    fs_stamp_release(&stamp);
    fs_plan_destroy(plan);
    /* nothing to do is no error */
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(spec, FS_UNIT_TOKENS), &err), 0);
    assert_int_equal(fs_plan_execute(plan, loaded.model, &none, loaded.runner, NULL, &values, &err), 0);
    fs_plan_values_release(&values);
    fs_plan_destroy(plan);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_leaves_the_unedited_bits), cmocka_unit_test(sharing_prefixes_changes_no_number),
        cmocka_unit_test(a_choice_names_its_most_probable_token), cmocka_unit_test(what_does_not_fit_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

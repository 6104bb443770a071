/* The split of edited and held-out pairs by target term. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stages/metrics/split.h"

enum { TERMS = 20, PAIRS = 3 * 2 * TERMS + 1 };

static struct fs_pair pair[PAIRS];
static char target[TERMS][8];

/* 20 terms in "gender" and in "race", three pairs each, and one term alone in "religion". */
static struct fs_pair_list make_pairs(void)
{
    static char category[][16] = {"gender", "race", "religion"};
    for (size_t i = 0; i < PAIRS; i++) {
        char *term = target[(i / 2) % TERMS];
        (void)snprintf(term, sizeof target[0], "t%zu", (i / 2) % TERMS);
        pair[i] = (struct fs_pair){.target = term, .category = category[i + 1 == PAIRS ? 2 : i % 2]};
    }
    return (struct fs_pair_list){.count = PAIRS, .item = pair};
}

static size_t held_terms(const bool *held_out, const char *category, bool held)
{
    bool seen[TERMS] = {false};
    size_t count = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        size_t term = (size_t)(pair[i].target - target[0]) / sizeof target[0];
        if (strcmp(pair[i].category, category) == 0 && held_out[i] == held && !seen[term]) {
            seen[term] = true;
            count++;
        }
    }
    return count;
}

static void terms_stay_whole(void **state)
{
    (void)state;
    struct fs_pair_list pairs = make_pairs();
    bool held[PAIRS], other[PAIRS];
    assert_int_equal(fs_split_by_target(&pairs, 0.3, 11, held, NULL), 0);
    assert_int_equal(held_terms(held, "gender", true), 6);
    assert_int_equal(held_terms(held, "gender", false), 14);
    assert_int_equal(held_terms(held, "race", true), 6);
    assert_int_equal(held_terms(held, "race", false), 14);
    assert_false(held[PAIRS - 1]); /* never all terms of a category */
    for (size_t i = 0; i < PAIRS; i++) {
        for (size_t k = 0; k < i; k++) {
            if (pair[i].target == pair[k].target && pair[i].category == pair[k].category) {
                assert_int_equal(held[i], held[k]);
            }
        }
    }
    assert_int_equal(fs_split_by_target(&pairs, 0.3, 12, other, NULL), 0);
    assert_memory_not_equal(held, other, sizeof held);
    /* another order of the file, the same split */
    for (size_t i = 0; i < PAIRS / 2; i++) {
        struct fs_pair swap = pair[i];
        pair[i] = pair[PAIRS - 1 - i];
        pair[PAIRS - 1 - i] = swap;
    }
    assert_int_equal(fs_split_by_target(&pairs, 0.3, 11, other, NULL), 0);
    for (size_t i = 0; i < PAIRS; i++) {
        assert_int_equal(other[i], held[PAIRS - 1 - i]);
    }
}

static void fractions(void **state)
{
    (void)state;
    struct fs_pair_list pairs = make_pairs();
    struct fs_error err = FS_ERROR_INIT;
    bool held[PAIRS];
    const struct {
        double fraction;
        size_t terms;
    } cases[] = {{0.0, 0}, {1e-6, 1}, {0.05, 1}, {0.15, 3}, {0.151, 4}, {0.5, 10}, {0.96, 19}, {0.999, 19}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fs_split_by_target(&pairs, cases[i].fraction, 3, held, NULL), 0);
        assert_int_equal(held_terms(held, "race", true), cases[i].terms);
    }
    const double wrong[] = {1.0, -0.1, NAN, 2.0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fs_split_by_target(&pairs, wrong[i], 3, held, &err), -1);
        assert_int_equal(err.code, FS_EXIT_CONFIG);
    }
    pairs.count = 0;
    assert_int_equal(fs_split_by_target(&pairs, 0.5, 3, held, &err), 0);
}

/* Pairs that cannot be used change nothing for the others: one of a term, all of a term, all of a category. */
static void unusable_pairs_have_no_part(void **state)
{
    (void)state;
    for (size_t variant = 0; variant < 3; variant++) {
        struct fs_pair_list pairs = make_pairs();
        struct fs_pair usable[PAIRS];
        bool held[PAIRS], held_without[PAIRS];
        size_t kept = 0;
        for (size_t i = 0; i < PAIRS; i++) {
            bool wrong = variant == 0   ? i == 7 || i == 20 || i == 41
                         : variant == 1 ? pair[i].target == target[3] || pair[i].target == target[11]
                                        : strcmp(pair[i].category, "race") == 0;
            pair[i].skip = wrong ? FS_SKIP_NO_FILL : FS_KEPT;
            if (!wrong) {
                usable[kept++] = pair[i];
            }
        }
        assert_int_equal(fs_split_by_target(&pairs, 0.3, 11, held, NULL), 0);
        const struct fs_pair_list without = {.count = kept, .item = usable};
        assert_int_equal(fs_split_by_target(&without, 0.3, 11, held_without, NULL), 0);
        for (size_t i = 0, next = 0; i < PAIRS; i++) {
            if (pair[i].skip == FS_KEPT) {
                assert_int_equal(held[i], held_without[next++]);
            } else if (variant > 0) {
                assert_false(held[i]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(terms_stay_whole), cmocka_unit_test(fractions),
                                       cmocka_unit_test(unusable_pairs_have_no_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The result table, by hand: names of any length, those of neighbours shared, columns, what is skipped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stages/suites/results.h"

static struct fs_results new_table(size_t edits, const char *const *name)
{
    struct fs_results results;
    assert_int_equal(fs_results_create(edits, name, &results, NULL), 0);
    return results;
}

static struct fs_result_row *add(struct fs_results *results, const char *suite, const char *category,
                                 const char *metric)
{
    const char *const text[FS_ROW_TEXTS] = {suite, category, "all", metric, "target.prob"};
    struct fs_result_row *row = fs_results_add(results, text, NULL);
    assert_non_null(row);
    return row;
}

static void columns_are_named_by_copies(void **state)
{
    (void)state;
    char first[] = "a", second[] = "a longer name";
    const char *const names[] = {first, second};
    struct fs_results results = new_table(2, names);
    first[0] = second[0] = '?';
    assert_int_equal(results.columns, 3);
    assert_int_equal(results.rows, 0);
    assert_string_equal(results.column[0], "unedited");
    assert_string_equal(results.column[1], "a");
    assert_string_equal(results.column[2], "a longer name");
    fs_results_release(&results);
    fs_results_release(&results); /* takes a zeroed struct */
    assert_null(results.column);
    results = new_table(0, NULL);
    assert_int_equal(results.columns, 1);
    fs_results_release(&results);
}

static void a_new_row_knows_nothing(void **state)
{
    (void)state;
    const char *const names[] = {"one", "other"};
    struct fs_results results = new_table(2, names);
    const struct fs_result_row *row = add(&results, "suite", "gender", "ss.macro");
    assert_true(isnan(row->ideal));
    for (size_t i = 0; i < 3; i++) {
        assert_true(isnan(row->value[i].value) && isnan(row->value[i].low) && isnan(row->value[i].high));
        assert_int_equal(row->value[i].n + row->value[i].ties, 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_true(isnan(row->change[i].difference) && isnan(row->change[i].p_value));
        assert_true(row->change[i].gained == -1 && row->change[i].lost == -1);
    }
    assert_int_equal(fs_row_skipped(row), 0);
    fs_results_release(&results);
}

static void names_are_copied_and_shared(void **state)
{
    (void)state;
    static const char *const edit[] = {"stamp"};
    struct fs_results results = new_table(1, edit);
    char suite[8] = "suite", category[5001], metric[16];
    memset(category, 'c', sizeof category - 1);
    category[sizeof category - 1] = '\0';
    enum { ROWS = 300 }; /* more than a first block holds */
    for (size_t i = 0; i < ROWS; i++) {
        (void)snprintf(metric, sizeof metric, "m%zu", i);
        category[0] = i < 200 ? 'a' : 'b';
        (void)add(&results, suite, category, metric);
    }
    suite[0] = metric[0] = category[0] = '?';
    assert_int_equal(results.rows, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        const struct fs_result_row *row = &results.row[i];
        assert_string_equal(row->suite, "suite");
        assert_int_equal(strlen(row->category), 5000);
        assert_int_equal(row->category[0], i < 200 ? 'a' : 'b');
        (void)snprintf(metric, sizeof metric, "m%zu", i);
        assert_string_equal(row->metric, metric);
        const char *const text[FS_ROW_TEXTS] = {row->suite, row->category, row->subset, row->metric, row->scoring};
        for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
            assert_ptr_equal(fs_row_text(row, k), text[k]);
        }
        if (i > 0) { /* a text that neighbours have in common is there once */
            assert_ptr_equal(row->suite, row[-1].suite);
            assert_ptr_not_equal(row->metric, row[-1].metric);
            assert_int_equal(row->category == row[-1].category, i != 200);
        }
    }
    fs_results_release(&results);
}

/* A text that comes back after another one is a copy of its own, and each is freed once. */
static void a_name_that_comes_back_is_another_copy(void **state)
{
    (void)state;
    struct fs_results results = new_table(0, NULL);
    (void)add(&results, "one", "x", "m");
    (void)add(&results, "other", "x", "m");
    (void)add(&results, "one", "y", "m");
    assert_string_equal(results.row[0].suite, results.row[2].suite);
    assert_ptr_not_equal(results.row[0].suite, results.row[2].suite);
    assert_ptr_equal(results.row[0].metric, results.row[2].metric);
    fs_results_release(&results);
}

static void skipped_items_are_added_up(void **state)
{
    (void)state;
    struct fs_results results = new_table(0, NULL);
    struct fs_result_row *row = add(&results, "suite", "all", "gap");
    row->skipped[FS_KEPT] = 100; /* no reason to leave out */
    row->skipped[FS_SKIP_TOO_LONG] = 2;
    row->skipped[FS_SKIP_SUBJECT_MISSING] = 3;
    assert_int_equal(fs_row_skipped(row), 5);
    fs_results_release(&results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_named_by_copies), cmocka_unit_test(a_new_row_knows_nothing),
        cmocka_unit_test(names_are_copied_and_shared), cmocka_unit_test(a_name_that_comes_back_is_another_copy),
        cmocka_unit_test(skipped_items_are_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

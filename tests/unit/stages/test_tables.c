/*
 * Whole methods on small models of both kinds: trained on the edited pairs of a file and on a text, by the settings of a job,
 * they leave the log probabilities that PyTorch leaves in float64 (tests/golden/make_tables.py), of all sentences of the pairs.
 * Built twice.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tables_support.h"

/* Of log P. float64: the golden numbers have nine digits; float32: passes and trainings of so few steps that these do not
 * yet drive them apart. */
static const double bound = sizeof(fs_real) == sizeof(double) ? 1e-8 : 1e-4, least_change = 1e-2;

static struct fs_json_document *golden, *maps;
static struct fs_attribute_table *words;
static char text_path[1024];

static int setup(void **state)
{
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("tables.json");
    maps = open_golden("maps.json"); /* whose text and words these are */
    snprintf(text_path, sizeof text_path, "%s", write_golden_text(maps));
    words = read_golden_words(maps);
    return 0;
}

static int teardown(void **state)
{
    fs_attribute_table_destroy(words);
    fs_json_destroy(golden);
    fs_json_destroy(maps);
    return remove_folder(state);
}

/* The largest difference of log P from the golden ones; `*change`: the largest that the column makes. */
static double apart(const struct fs_suite *suite, const cJSON *expected, size_t column, double *change)
{
    double worst = 0;
    const cJSON *pair, *number;
    size_t item = 0;
    *change = 0;
    cJSON_ArrayForEach(pair, expected)
    {
        size_t k = 0;
        cJSON_ArrayForEach(number, pair)
        {
            double found = log(suite->score[fs_suite_at(suite, item, k, column)]);
            worst = fmax(worst, fabs(found - number->valuedouble));
            *change = fmax(*change, fabs(found - log(suite->score[fs_suite_at(suite, item, k, 0)])));
            k++;
        }
        item++;
    }
    assert_int_equal(item, suite->items);
    return worst;
}

static void check_split(const struct table_world *world, const cJSON *expected)
{
    const cJSON *held;
    size_t item = 0;
    assert_int_equal(cJSON_GetArraySize(expected), world->pairs.count);
    cJSON_ArrayForEach(held, expected)
    {
        assert_true(cJSON_IsTrue(held) == world->held_out[item++]);
    }
}

static void check_model(const cJSON *model, const char *kind)
{
    const cJSON *made = member(model, kind);
    struct table_world world = {.loaded = load_golden(model->string, 1),
                                .kind = kind,
                                .settings = member(model, "world"),
                                .text = text_path,
                                .words = words};
    struct table_columns columns;
    bool done = true;
    read_golden_pairs(golden, kind, &world.pairs);
    table_world_begin(&world, golden);
    check_split(&world, member(made, "held_out"));
    table_columns_train(&columns, member(model, "cases"), &world);
    struct fs_suite *suite = table_suite(&world);
    struct fs_results results = table_evaluate(&world, &columns, &suite, 1);
    for (size_t c = 0; c <= columns.count; c++) {
        const char *name = c == 0 ? "unedited" : columns.name[c - 1];
        double change, worst = apart(suite, member(member(made, "columns"), name), c, &change);
        print_message("%-16s %-8s %-16s off by %.1e, changes %.1e\n", model->string, kind, name, worst, change);
        done = done && worst <= bound && (c == 0 || change > least_change);
    }
    fs_results_release(&results);
    fs_suite_destroy(suite);
    table_columns_release(&columns);
    table_world_end(&world);
    assert_true(done);
}

static void check_kind(const char *kind)
{
    const cJSON *model;
    cJSON_ArrayForEach(model, member(fs_json_root(golden), "models"))
    {
        check_model(model, kind);
    }
}

static void methods_on_completions(void **state)
{
    (void)state;
    check_kind("fills");
}

static void methods_on_subjects(void **state)
{
    (void)state;
    check_kind("subjects");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(methods_on_completions), cmocka_unit_test(methods_on_subjects)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

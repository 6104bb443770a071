/*
 * Whole methods on the trained models of the shared data: SS, LMS and gap of the pairs that they learn from and of those held out, PS
 * and CrowS-Pairs, against PyTorch in float64 (tests/golden/make_tables.py), which makes the same of the methods' definitions.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tables_support.h"

/* In points, of which one pair of the largest term is more; the gap is a mean of differences of two log P within 1e-4. */
#define POINTS 0.01
#define GAP 2e-4

static struct fs_json_document *golden, *maps;
static struct fs_attribute_table *words;
static char shared[1024], text_path[2048];
static const char *const gender[] = {"gender", NULL};
static bool all_as_expected;

static int setup(void **state)
{
    const char *source = getenv("FAIRSTAMP_SOURCE"), *named = getenv("FAIRSTAMP_SHARED");
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("tables.json");
    maps = open_golden("maps.json"); /* whose words these are */
    snprintf(shared, sizeof shared, "%s%s", named != NULL ? named : source, named != NULL ? "" : "/../shared");
    snprintf(text_path, sizeof text_path, "%s/data/wikitext2/wiki.valid.tokens", shared);
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

static void read_pairs(struct table_world *world)
{
    struct fs_fact_list facts = {0};
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    bool fills = strcmp(world->kind, "fills") == 0;
    snprintf(path, sizeof path, fills ? "%s/data/stereoset/dev.json" : "%s/benchmark/biaske/gender.json",
             fills ? shared : source);
    if ((fills ? fs_stereoset_read(path, gender, &world->pairs, &err)
               : fs_biaske_read(path, gender, &world->pairs, &facts, &err)) != 0) {
        fail_msg("%s", err.text);
    }
    fs_fact_list_release(&facts);
}

static void check_value(const char *where, const char *metric, double found, double wanted)
{
    double most = strcmp(metric, "gap") == 0 ? GAP : POINTS;
    bool is_it = fabs(found - wanted) <= most;
    print_message("%-60s %-9s %9.4f, expected %9.4f%s\n", where, metric, found, wanted, is_it ? "" : "  <--");
    all_as_expected = all_as_expected && is_it;
}

/* Of the first pairs of CrowS-Pairs: 100 x share(P[more] > P[less]) of those that are scored. */
static double crows_of(const struct fs_suite *suite, size_t first, size_t column)
{
    double more = 0, kept = 0;
    for (size_t i = 0; i < first; i++) {
        const double a = suite->score[fs_suite_at(suite, i, 0, column)];
        const double b = suite->score[fs_suite_at(suite, i, 1, column)];
        more += a > b ? 1 : 0;
        kept += isnan(a) || isnan(b) ? 0 : 1;
    }
    return 100 * more / kept;
}

/* What a column is compared with. */
struct table {
    const char *model;
    const struct fs_results *results;
    const struct fs_suite *crows;
    size_t crows_pairs; /* the first ones */
};

static void check_column(const struct table *table, const cJSON *expected, size_t column)
{
    const cJSON *subset, *metric;
    cJSON_ArrayForEach(subset, expected)
    {
        char where[256];
        snprintf(where, sizeof where, "%s %s %s", table->model, expected->string, subset->string);
        cJSON_ArrayForEach(metric, subset)
        {
            const char *name = metric->string;
            if (strcmp(name, "crows") == 0) {
                check_value(where, name, crows_of(table->crows, table->crows_pairs, column), metric->valuedouble);
            } else if (strcmp(name, "near_ties") == 0) {
                assert_int_equal(metric->valueint, 0);
            } else if (strcmp(name, "n") != 0) {
                const struct fs_result_row *row = row_of(table->results, "gender", subset->string, name);
                check_value(where, name, row->value[column].value, metric->valuedouble);
            }
        }
    }
}

/* CrowS-Pairs' gender pairs. The caller destroys. */
static struct fs_suite *open_crows(const struct table_world *world)
{
    const struct fs_suite_options options = {.kind = world->loaded.style.kind,
                                             .scoring = world->loaded.style.kind == FS_MASKED ? "pll.modified"
                                                                                              : "sentence.mean",
                                             .categories = gender};
    char path[2048];
    snprintf(path, sizeof path, "%s/data/crows_pairs/crows_pairs_anonymized.csv", shared);
    return open_suite("crows_pairs", path, &options);
}

static void check_model(const cJSON *model, const char *kind)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/models/%s", shared, model->string);
    struct table_world world = {
        .loaded = load(path, 2), .kind = kind, .settings = member(model, "world"), .text = text_path, .words = words};
    const cJSON *first = member(world.settings, "first");
    struct table_columns columns;
    read_pairs(&world);
    const size_t all = world.pairs.count;
    world.pairs.count = (size_t)member(first, kind)->valuedouble;
    assert_in_range(world.pairs.count, 1, all);
    table_world_begin(&world, golden);
    table_columns_train(&columns, member(model, "cases"), &world);
    struct fs_suite *suite[2] = {table_suite(&world), open_crows(&world)};
    struct fs_results results = table_evaluate(&world, &columns, suite, 2);
    const struct table table = {model->string, &results, suite[1], (size_t)member(first, "crows")->valuedouble};
    for (size_t c = 0; c <= columns.count; c++) {
        const char *name = c == 0 ? "unedited" : columns.name[c - 1];
        check_column(&table, member(member(member(model, kind), "columns"), name), c);
    }
    fs_results_release(&results);
    fs_suite_destroy(suite[0]);
    fs_suite_destroy(suite[1]);
    table_columns_release(&columns);
    world.pairs.count = all;
    table_world_end(&world);
}

static void check_kind(const char *kind)
{
    const cJSON *model;
    if (access(shared, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        return;
    }
    all_as_expected = true;
    cJSON_ArrayForEach(model, member(fs_json_root(golden), "tables"))
    {
        check_model(model, kind);
    }
    assert_true(all_as_expected);
}

static void tables_of_completions(void **state)
{
    (void)state;
    check_kind("fills");
}

static void tables_of_subjects(void **state)
{
    (void)state;
    check_kind("subjects");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables_of_completions), cmocka_unit_test(tables_of_subjects)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

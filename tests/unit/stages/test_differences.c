/*
 * Methods against one of them, from a file of a few items written by hand: differences and McNemar's test by hand, intervals
 * by numpy from the same streams (tests/golden/make_intervals.py); what a damaged or hostile file gives. That all suites'
 * rows against the unedited model are the table's, test_registry.c has.
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

#include "stages/evaluate/differences.h"
#include "support.h"

enum { COLUMNS = 3, PAIRS = 8, PARAPHRASES = 3, FACTS = 6, QUESTIONS = 4 };

/* log P[stereotype] - log P[counterpart] of the unedited model and of methods a and b */
static const double margin[COLUMNS][PAIRS] = {
    {2, 1, 3, 1, 2, 1, -1, 2}, {1, -1, 2, -0.5, 1, 0.5, -1, 0.5}, {0.5, 0.25, -1, 0.5, -2, -0.25, 1, -1}};
static const char *const target[PAIRS] = {"nurse", "nurse", "nurse", "cook", "cook", "maid", "smith", "smith"};
static const double paraphrase_margin[COLUMNS][PARAPHRASES] = {{1, 1, 1}, {1, 1, 1}, {-1, 1, -1}};
static const int64_t paraphrase_pair[PARAPHRASES] = {0, 3, 5};
static const char *const subject[FACTS] = {"she", "she", "he", "he", "mother", "father"};
static const double fact_margin[COLUMNS][FACTS] = {{1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, {1, -1, -1, -1, -1, -1}};
static const int32_t top1[FACTS][COLUMNS] = {{1, 1, 1}, {2, 2, 9}, {3, 3, 9}, {4, 9, 4}, {5, 5, 9}, {6, 6, 9}};
/* of two suites: right or not, in each column */
static const uint8_t answer[QUESTIONS][COLUMNS] = {{1, 1, 0}, {0, 1, 1}, {1, 1, 0}, {0, 0, 0}};
static const double order[QUESTIONS][COLUMNS] = {{1, 1, 1}, {1, 1, -1}, {-1, 1, -1}, {1, 1, 1}};

/* ---- the file ---- */

enum fault {
    NONE,
    A_COLUMN_IS_MISSING,
    A_SCORE_IS_NAN,
    NO_SKIP,
    NO_SUCH_REASON,
    FEWER_CATEGORIES,
    FEWER_TARGETS,
    FEWER_CLUSTERS,
    NO_LOG,
    FEWER_HELD_OUT,
    A_SPLIT, /* none: nurses are held out */
    PARAPHRASES_OUT_OF_ORDER,
    PARAPHRASE_OF_NO_PAIR,
    NO_PARAPHRASE,
    NO_SCORING,
    ANOTHER_SCORING,
    FACTS_OF_ANOTHER_TYPE,
    FACTS_WITHOUT_TOP1,
    FEWER_ANSWERS,
    THREE_CANDIDATES,
    SCORES_OF_TWO_DIMENSIONS,
    NO_ITEM,
};
static struct fs_archive *writing;
static enum fault fault;

static void put(const char *suite, const char *dataset, enum fs_archive_type type, size_t dimensions,
                const size_t *shape, const void *data)
{
    char name[128];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(name, sizeof name, "/suites/%s/%s", suite, dataset);
    if (fs_archive_write(writing, name, type, dimensions, shape, data, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void put_texts(const char *suite, const char *dataset, size_t count, const char *const *texts)
{
    char name[128];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(name, sizeof name, "/suites/%s/%s", suite, dataset);
    if (fs_archive_write_texts(writing, name, count, texts, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

/* Scores [items][candidates][columns]: the margin, 0, then -5 for an unrelated one and NaN for its counterpart. */
static void put_scores(const char *suite, const char *dataset, size_t items, size_t candidates, const double *margins)
{
    double score[PAIRS * 4 * COLUMNS];
    const size_t columns = COLUMNS - (fault == A_COLUMN_IS_MISSING ? 1 : 0), shape[3] = {items, candidates, columns};
    for (size_t i = 0; i < items * candidates * columns; i++) {
        size_t item = i / columns / candidates, candidate = i / columns % candidates, column = i % columns;
        const double of[4] = {margins[column * items + item], 0, -5, NAN};
        score[i] = of[candidate];
    }
    if (fault == A_SCORE_IS_NAN) {
        score[2] = NAN; /* of the first item in column b */
    }
    put(suite, dataset, FS_ARCHIVE_F64, fault == SCORES_OF_TWO_DIMENSIONS ? 2 : 3, shape, score);
}

static void put_base(const char *suite, size_t items, const char *category, const char *const *clusters)
{
    const char *categories[PAIRS];
    char group[128];
    struct fs_error err = FS_ERROR_INIT;
    uint8_t skip[PAIRS] = {fault == NO_SUCH_REASON ? 200 : 0};
    for (size_t i = 0; i < items; i++) {
        categories[i] = category;
    }
    put_texts(suite, "category", fault == NO_ITEM ? 0 : items - (fault == FEWER_CATEGORIES), categories);
    if (clusters != NULL) {
        put_texts(suite, "cluster", items - (fault == FEWER_CLUSTERS), clusters);
    }
    if (fault != NO_SKIP) {
        put(suite, "skip", FS_ARCHIVE_U8, 1, &items, skip);
    }
    snprintf(group, sizeof group, "/suites/%s", suite);
    if (fault != NO_SCORING &&
        fs_archive_attribute_text(writing, group, "scoring", fault == ANOTHER_SCORING ? "by.ear" : "object.mean",
                                  &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void put_pairs(void)
{
    const size_t shape[3] = {PARAPHRASES, 2, COLUMNS}, held_out = PAIRS - 1;
    const int64_t disordered[PARAPHRASES] = {3, 0, 5}, none[PARAPHRASES] = {0, 3, PAIRS};
    const uint8_t zero[PAIRS] = {0};
    double log[PARAPHRASES * 2 * COLUMNS];
    for (size_t i = 0; i < PARAPHRASES * 2 * COLUMNS; i++) {
        log[i] = i / COLUMNS % 2 == 0 ? paraphrase_margin[i % COLUMNS][i / COLUMNS / 2] : 0;
    }
    put_base("biaske", PAIRS, "gender", target);
    put_scores("biaske", "score", PAIRS, 4, margin[0]);
    if (fault != NO_LOG) {
        put_scores("biaske", "log", PAIRS, 4, margin[0]);
    }
    put_texts("biaske", "target", PAIRS - (fault == FEWER_TARGETS), target);
    if (fault == FEWER_HELD_OUT) {
        put("biaske", "held_out", FS_ARCHIVE_U8, 1, &held_out, zero);
    } else if (fault == A_SPLIT) {
        static const uint8_t nurses[PAIRS] = {1, 1, 1};
        put("biaske", "held_out", FS_ARCHIVE_U8, 1, (const size_t[]){PAIRS}, nurses);
    }
    const size_t one[1] = {fault == NO_PARAPHRASE ? 0 : PARAPHRASES};
    put("biaske", "paraphrase_pair", FS_ARCHIVE_I64, 1, one,
        fault == PARAPHRASES_OUT_OF_ORDER ? disordered
        : fault == PARAPHRASE_OF_NO_PAIR  ? none
                                          : paraphrase_pair);
    put("biaske", "paraphrase_skip", FS_ARCHIVE_U8, 1, shape, zero);
    put("biaske", "paraphrase_log", FS_ARCHIVE_F64, 3, shape, log);
}

static void put_others(void)
{
    const size_t facts[2] = {FACTS, COLUMNS}, questions[2] = {QUESTIONS - (fault == FEWER_ANSWERS), COLUMNS};
    static const double eight[FACTS * COLUMNS] = {0};
    double orders[COLUMNS][QUESTIONS], none[COLUMNS * QUESTIONS] = {0};
    put_base("biaske_facts", FACTS, "gender", subject);
    put_scores("biaske_facts", "score", FACTS, 2, fact_margin[0]);
    if (fault != FACTS_WITHOUT_TOP1) {
        bool other = fault == FACTS_OF_ANOTHER_TYPE;
        put("biaske_facts", "object_top1", other ? FS_ARCHIVE_F64 : FS_ARCHIVE_I32, 2, facts,
            other ? (const void *)eight : (const void *)top1);
    }
    put_base("lambada", QUESTIONS, "none", NULL);
    put_scores("lambada", "score", QUESTIONS, 1, none);
    put("lambada", "answer", FS_ARCHIVE_U8, 2, questions, answer);
    for (size_t i = 0; i < QUESTIONS * COLUMNS; i++) {
        orders[i % COLUMNS][i / COLUMNS] = order[i / COLUMNS][i % COLUMNS];
    }
    put_base("winograd", QUESTIONS, "none", NULL);
    put_scores("winograd", "score", QUESTIONS, fault == THREE_CANDIDATES ? 3 : 2, orders[0]);
}

static struct fs_archive *make_file(enum fault with)
{
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    fault = with;
    if (fs_archive_create(path_of("file.h5"), "evaluate", "job", &writing, &err) != 0) {
        fail_msg("%s", err.text);
    }
    put_pairs();
    put_others();
    if (fs_archive_publish(writing, &err) != 0 || fs_archive_open(path_of("file.h5"), NULL, &archive, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return archive;
}

/* ---- the table, with b less a ---- */

static const struct expected {
    const char *suite, *category, *metric, *scoring;
    size_t n;
    double value[COLUMNS];
    double difference, low, high, p; /* NaN: none */
    int gained, lost;
} rows[] = {
    /* SS: 66.7 and 41.7, so 16.7 and 8.3 from 50; b says yes where a says no at 1, 3, 6, the other way round at 2, 4, 5, 7 */
    {"biaske", "all", "ss.macro", "object.mean", 8, {87.5, 200.0 / 3, 125.0 / 3}, -25.0 / 3, -50.0 / 3, 0, 1, 3, 4},
    {"biaske", "all", "ss.micro", "object.mean", 8, {87.5, 62.5, 50}, -12.5, -50.0 / 3, 0, 1, 3, 4},
    {"biaske", "all", "lms.macro", "object.mean", 8, {100, 100, 100}, 0, 0, 0, NAN, -1, -1},
    {"biaske",
     "all",
     "gap",
     "object.mean",
     8,
     {1.625, 0.9375, 0.8125},
     -0.125,
     -0.625,
     0.41629464285714185,
     NAN,
     -1,
     -1},
    /* 100 and 33.3 */
    {"biaske", "all", "ps", "object.mean", 3, {100, 100, 100.0 / 3}, -100.0 / 3, -100.0 / 3, 0, 0.5, 0, 2},
    {"biaske", "all", "ds", "object.mean", 6, {100, 100, 50.0 / 3}, -250.0 / 3, -100, -400.0 / 7, 2.0 / 32, 0, 5},
    /* a alone gives item 3 another answer, b alone keeps it */
    {"biaske", "all", "rs.top1", "object.mean", 6, {100, 250.0 / 3, 100.0 / 3}, -50, -100, -100.0 / 7, 0.375, 1, 4},
    {"lambada", "all", "accuracy", "object.mean", 4, {50, 75, 25}, -50, NAN, NAN, 0.5, 0, 2},
    {"winograd", "all", "accuracy", "object.mean", 4, {75, 100, 50}, -50, NAN, NAN, 0.5, 0, 2},
    /* of 62.5, 87.5 and 37.5 */
    {"capability", "none", "accuracy", "mean of suites", 8, {62.5, 87.5, 37.5}, -50, NAN, NAN, 0.125, 0, 4},
    /* made of something that no file has */
    {"seat", "test", "effect_size", "mean state", 8, {1, 0.5, -0.25}, -0.25, NAN, NAN, NAN, -1, -1},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static struct fs_results make_table(void)
{
    static const char *const names[] = {"a", "b"};
    struct fs_results results;
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_results_create(COLUMNS - 1, names, &results, &err), 0);
    for (size_t i = 0; i < ROWS; i++) {
        const struct expected *of = &rows[i];
        struct fs_result_row *row = fs_results_add(
            &results, (const char *const[FS_ROW_TEXTS]){of->suite, of->category, "all", of->metric, of->scoring}, &err);
        assert_non_null(row);
        for (size_t c = 0; c < COLUMNS; c++) {
            row->value[c] = (struct fs_metric){of->value[c], NAN, NAN, of->n, 0};
        }
        row->ideal = strcmp(of->suite, "seat") == 0                 ? 0
                     : of->metric[0] == 's' || of->metric[0] == 'p' ? 50
                     : strcmp(of->metric, "gap") == 0               ? 0
                                                                    : 100;
    }
    return results;
}

static int make(enum fault with, const struct fs_results *results, struct fs_differences *differences,
                struct fs_error *err)
{
    struct fs_archive *archive = make_file(with);
    const struct fs_differences_input input = {
        .archive = archive, .root = "", .results = results, .bootstrap = {.resamples = 500, .seed = 7}, .against = 1};
    int status = fs_differences_make(&input, differences, err);
    fs_archive_close(archive);
    return status;
}

/* Sums of eight numbers at most, and their quantiles. */
static void near(const char *metric, const char *what, double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9) && !(isnan(found) && isnan(expected))) {
        fail_msg("%s, %s: found %.17g, expected %.17g", metric, what, found, expected);
    }
}

static void a_few_items_by_hand(void **state)
{
    (void)state;
    struct fs_results results = make_table();
    struct fs_differences differences;
    struct fs_error err = FS_ERROR_INIT;
    if (make(NONE, &results, &differences, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(differences.rows, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        const struct fs_paired *found = fs_difference_at(&differences, i, 2);
        assert_true(isnan(fs_difference_at(&differences, i, 1)->difference)); /* of itself */
        assert_int_equal(differences.known[i], strcmp(rows[i].suite, "seat") != 0);
        near(rows[i].metric, "difference", found->difference, rows[i].difference);
        near(rows[i].metric, "p", found->p_value, rows[i].p);
        assert_int_equal(found->gained, rows[i].gained);
        assert_int_equal(found->lost, rows[i].lost);
        if (!isnan(rows[i].low)) {
            near(rows[i].metric, "low", found->low, rows[i].low);
            near(rows[i].metric, "high", found->high, rows[i].high);
        }
    }
    fs_differences_release(&differences);
    fs_results_release(&results);
}

/* Items without a score in a column give other numbers than the table's: no interval is made of them. */
static void a_row_that_does_not_follow_is_not_known(void **state)
{
    (void)state;
    struct fs_results results = make_table();
    struct fs_differences differences;
    struct fs_error err = FS_ERROR_INIT;
    if (make(A_SCORE_IS_NAN, &results, &differences, &err) != 0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < ROWS; i++) {
        const struct fs_paired *found = fs_difference_at(&differences, i, 2);
        bool follows = strcmp(rows[i].metric, "ps") == 0 || strcmp(rows[i].suite, "lambada") == 0 ||
                       strcmp(rows[i].metric, "rs.top1") == 0;
        if (differences.known[i] != follows) {
            fail_msg("%s of %s is %sknown", rows[i].metric, rows[i].suite, follows ? "not " : "");
        }
        near(rows[i].metric, "difference", found->difference, rows[i].difference);
        assert_true(follows || (isnan(found->low) && isnan(found->p_value)));
    }
    fs_differences_release(&differences);
    fs_results_release(&results);
}

/* Gaps of the three that are held out, by the name that the table has for them, and of the five others. */
static void the_sides_of_a_split(void **state)
{
    (void)state;
    static const char *const held_out[] = {"held_out", "validation"}, *const names[] = {"a", "b"};
    static const double gap[2][COLUMNS] = {{2, 4.0 / 3, 1.75 / 3}, {7.0 / 5, 3.5 / 5, 4.75 / 5}};
    for (size_t i = 0; i < 2; i++) {
        struct fs_results results;
        struct fs_differences differences;
        struct fs_error err = FS_ERROR_INIT;
        assert_int_equal(fs_results_create(COLUMNS - 1, names, &results, &err), 0);
        for (size_t side = 0; side < 2; side++) {
            const char *subset = side == 0 ? held_out[i] : "edited";
            struct fs_result_row *row = fs_results_add(
                &results, (const char *const[FS_ROW_TEXTS]){"biaske", "gender", subset, "gap", "object.mean"}, &err);
            assert_non_null(row);
            for (size_t c = 0; c < COLUMNS; c++) {
                row->value[c] = (struct fs_metric){gap[side][c], NAN, NAN, side == 0 ? 3 : 5, 0};
            }
            row->ideal = 0;
        }
        if (make(A_SPLIT, &results, &differences, &err) != 0) {
            fail_msg("%s", err.text);
        }
        for (size_t side = 0; side < 2; side++) {
            assert_true(differences.known[side]);
            near("gap", "difference", fs_difference_at(&differences, side, 2)->difference, side == 0 ? -0.75 : 0.25);
        }
        assert_true(fs_difference_at(&differences, 1, 2)->low < 0.25); /* of three terms; the nurses are one */
        fs_differences_release(&differences);
        fs_results_release(&results);
    }
}

static void a_hostile_file_is_one_line(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        const char *says;
    } cases[] = {
        {A_COLUMN_IS_MISSING,
         "/score: found another shape than 6 x 2 x 3, as the suite's items and the table's 3 columns"},
        {NO_SKIP, "/skip"},
        {NO_SUCH_REASON, "/skip: found 200, expected a reason below"},
        {FEWER_CATEGORIES, "/cluster: found 6 texts, expected one for each of 5 items"},
        {FEWER_CLUSTERS, "/cluster: found 5 texts, expected one for each of 6 items"},
        {FEWER_TARGETS, "/suites/biaske/target: found 7 texts, expected one for each of 8 items"},
        {NO_LOG, "/suites/biaske/log"},
        {FEWER_HELD_OUT, "/suites/biaske/held_out: found another shape than 8"},
        {PARAPHRASES_OUT_OF_ORDER, "/suites/biaske/paraphrase_pair: found 0 at 1, expected pairs of 0 to 7 in order"},
        {PARAPHRASE_OF_NO_PAIR, "/suites/biaske/paraphrase_pair: found 8 at 2"},
        {NO_PARAPHRASE, "/suites/biaske/paraphrase_pair: found"},
        {NO_SCORING, "scoring"},
        {ANOTHER_SCORING, "found \"by.ear\""},
        {FACTS_OF_ANOTHER_TYPE, "/suites/biaske_facts/object_top1"},
        {FACTS_WITHOUT_TOP1, "/suites/biaske_facts/object_top1"},
        {FEWER_ANSWERS, "/suites/lambada/answer: found another shape than 4 x 3"},
        {THREE_CANDIDATES, "/suites/winograd/score: found 3 candidates, expected 2"},
        {SCORES_OF_TWO_DIMENSIONS, "/score: found"},
        {NO_ITEM, "/category: found 0 texts"},
    };
    struct fs_results results = make_table();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_differences differences;
        if (make(cases[i].fault, &results, &differences, &err) == 0) {
            fail_msg("case %zu was taken, expected \"%s\"", i, cases[i].says);
        }
        assert_int_equal(err.code, FS_EXIT_DATA);
        if (strstr(err.text, cases[i].says) == NULL || strchr(err.text, '\n') != NULL) {
            fail_msg("found \"%s\", expected \"%s\" in it", err.text, cases[i].says);
        }
        fs_differences_release(&differences);
    }
    fs_results_release(&results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_items_by_hand),
        cmocka_unit_test(a_row_that_does_not_follow_is_not_known),
        cmocka_unit_test(the_sides_of_a_split),
        cmocka_unit_test(a_hostile_file_is_one_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

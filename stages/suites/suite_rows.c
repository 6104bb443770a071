#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/result_rows.h"
#include "stages/suites/suite.h"

/* What the rows of a suite are made in. */
struct workplace {
    struct fs_suite_rows *rows;
    const struct fs_suite *suite;
    const struct fs_suite_question *question;
    double *a, *b;   /* [columns][items] of the items that are left */
    size_t *cluster; /* [items] of them */
    struct fs_bootstrap bootstrap;
    struct fs_metric *value;  /* [columns] */
    struct fs_paired *change; /* [columns - 1] */
};

static bool has_two_columns(const struct fs_suite_question *question)
{
    return question->kind != FS_QUESTION_YES && question->kind != FS_QUESTION_MEAN;
}

static double at(struct fs_suite_column column, size_t item, size_t which)
{
    return column.value[item * column.stride + which];
}

/* Whether the question has an answer for the item in all columns. */
static bool is_scored(const struct workplace *place, size_t item)
{
    const struct fs_suite_question *question = place->question;
    for (size_t c = 0; c < place->suite->columns; c++) {
        if (isnan(at(question->a, item, c)) || (has_two_columns(question) && isnan(at(question->b, item, c)))) {
            return false;
        }
    }
    return true;
}

static int answer(const struct workplace *place, size_t n, size_t column, struct fs_error *err)
{
    const double *a = place->a + column * place->suite->items, *b = place->b + column * place->suite->items;
    const struct fs_bootstrap of_values = fs_value_bootstrap(place->rows, place->bootstrap), *bootstrap = &of_values;
    switch (place->question->kind) {
    case FS_QUESTION_SHARE:
        return fs_metrics_share(n, a, b, bootstrap, &place->value[column], err);
    case FS_QUESTION_GAP:
        return fs_metrics_gap(n, a, b, bootstrap, &place->value[column], err);
    case FS_QUESTION_RATIO:
        return fs_metrics_ratio(n, &(struct fs_ratio){a, b}, NULL, place->question->scale, bootstrap,
                                &place->value[column], err);
    default:
        return fs_metrics_mean(n, a, place->question->scale, bootstrap, &place->value[column], err);
    }
}

/* The paired test of one edit, from the columns [2] of both models. */
static int compare_edit(const struct workplace *place, size_t n, const double *const a[2], const double *const b[2],
                        struct fs_paired *change, struct fs_error *err)
{
    const struct fs_suite_question *question = place->question;
    const struct fs_paired_values values = {n, a[0], a[1], question->scale, question->kind == FS_QUESTION_YES};
    double ideal;
    const struct fs_bootstrap bootstrap = fs_change_bootstrap(place->rows, question->metric, place->bootstrap, &ideal);
    switch (question->kind) {
    case FS_QUESTION_SHARE:
        return fs_paired_share(n, a, b, false, &bootstrap, change, err);
    case FS_QUESTION_RATIO:
        return fs_paired_ratio(n, a, b, question->scale, &bootstrap, change, err);
    default:
        return fs_paired_mean(&values, &bootstrap, change, err);
    }
}

/* The paired tests of all edits. Turns the columns of a gap into gaps. */
static int compare(struct workplace *place, size_t n, struct fs_error *err)
{
    const struct fs_suite_question *question = place->question;
    size_t items = place->suite->items, against = place->rows->against * items;
    for (size_t i = 0; question->kind == FS_QUESTION_GAP && i < place->suite->columns * n; i++) {
        size_t k = i / n * items + i % n;
        place->a[k] = fabs(place->a[k] - place->b[k]);
    }
    for (size_t edit = 1; edit < place->suite->columns; edit++) {
        const double *const a[2] = {place->a + against, place->a + edit * items};
        const double *const b[2] = {place->b + against, place->b + edit * items};
        if (compare_edit(place, n, a, b, &place->change[edit - 1], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static const char *table_of(const struct fs_suite *suite)
{
    return suite->table != NULL ? suite->table : suite->name;
}

/* The row of one category; NULL: all items. */
static int add_category(struct workplace *place, const char *category, struct fs_error *err)
{
    const struct fs_suite *suite = place->suite;
    const struct fs_suite_question *question = place->question;
    const bool *among = question->a.among;
    size_t n = 0, skipped[FS_SKIP_COUNT] = {0};
    for (size_t item = 0; item < suite->items; item++) {
        if ((among != NULL && !among[item]) || (category != NULL && strcmp(suite->category[item], category) != 0)) {
            continue;
        }
        if (suite->skip[item] != FS_KEPT) {
            skipped[suite->skip[item]]++;
        } else if (is_scored(place, item)) {
            for (size_t c = 0; c < suite->columns; c++) {
                place->a[c * suite->items + n] = at(question->a, item, c);
                place->b[c * suite->items + n] = has_two_columns(question) ? at(question->b, item, c) : 0.0;
            }
            place->cluster[n++] = suite->cluster_number[item];
        }
    }
    for (size_t c = 0; c < suite->columns; c++) {
        if (answer(place, n, c, err) != 0) {
            return -1;
        }
    }
    if (n == 0) {
        return 0;
    }
    if (compare(place, n, err) != 0) {
        return -1;
    }
    const struct fs_new_row row = {
        .text = {table_of(suite), category != NULL ? category : "all", "all", question->metric, suite->scoring},
        .value = place->value,
        .change = place->change,
        .skipped = skipped};
    return fs_add_row(place->rows, &row, err);
}

static bool is_first(const char *const *category, size_t item)
{
    for (size_t before = 0; before < item; before++) {
        if (strcmp(category[before], category[item]) == 0) {
            return false;
        }
    }
    return true;
}

static int add_categories(struct workplace *place, struct fs_error *err)
{
    const struct fs_suite *suite = place->suite;
    const char *last = NULL; /* items of one category stand side by side mostly */
    for (size_t item = 0; item < suite->items; item++) {
        const char *name = suite->category[item];
        if ((last == NULL || strcmp(last, name) != 0) && is_first(suite->category, item) &&
            add_category(place, name, err) != 0) {
            return -1;
        }
        last = name;
    }
    return add_category(place, NULL, err);
}

int fs_suite_add(struct fs_suite_rows *rows, const struct fs_suite *suite, const struct fs_suite_question *question,
                 struct fs_error *err)
{
    struct workplace place = {.rows = rows,
                              .suite = suite,
                              .question = question,
                              .a = fs_allocate(suite->items, suite->columns * sizeof *place.a, "a suite's rows", err),
                              .b = fs_allocate(suite->items, suite->columns * sizeof *place.b, "a suite's rows", err),
                              .cluster = fs_allocate(suite->items, sizeof *place.cluster, "a suite's rows", err),
                              .value = fs_allocate(suite->columns, sizeof *place.value, "a suite's rows", err),
                              .change = fs_allocate(suite->columns - 1, sizeof *place.change, "a suite's rows", err)};
    place.bootstrap = (struct fs_bootstrap){rows->bootstrap.resamples, rows->bootstrap.seed, place.cluster, NULL};
    int status =
        place.a != NULL && place.b != NULL && place.cluster != NULL && place.value != NULL && place.change != NULL
            ? add_categories(&place, err)
            : -1;
    free(place.a);
    free(place.b);
    free(place.cluster);
    free(place.value);
    free(place.change);
    return status;
}

int fs_suite_add_share(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric,
                       struct fs_suite_column a, struct fs_suite_column b, struct fs_error *err)
{
    return fs_suite_add(rows, suite, &(struct fs_suite_question){metric, FS_QUESTION_SHARE, 100.0, a, b}, err);
}

int fs_suite_add_yes(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric,
                     struct fs_suite_column yes, struct fs_error *err)
{
    return fs_suite_add(rows, suite, &(struct fs_suite_question){metric, FS_QUESTION_YES, 100.0, yes, yes}, err);
}

int fs_suite_add_mean(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric, double scale,
                      struct fs_suite_column value, struct fs_error *err)
{
    return fs_suite_add(rows, suite, &(struct fs_suite_question){metric, FS_QUESTION_MEAN, scale, value, value}, err);
}

int fs_suite_add_gap(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric,
                     struct fs_suite_column a, struct fs_suite_column b, struct fs_error *err)
{
    return fs_suite_add(rows, suite, &(struct fs_suite_question){metric, FS_QUESTION_GAP, 1.0, a, b}, err);
}

int fs_suite_add_row(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *category, const char *metric,
                     const struct fs_metric *value, struct fs_error *err)
{
    size_t skipped[FS_SKIP_COUNT] = {0};
    for (size_t item = 0; item < suite->items; item++) {
        if (suite->skip[item] != FS_KEPT && strcmp(suite->category[item], category) == 0) {
            skipped[suite->skip[item]]++;
        }
    }
    const struct fs_new_row row = {
        .text = {table_of(suite), category, "all", metric, suite->scoring}, .value = value, .skipped = skipped};
    return fs_add_row(rows, &row, err);
}

void fs_suite_first_is_higher(const struct fs_suite *suite, double *yes)
{
    for (size_t i = 0; i < suite->items * suite->columns; i++) {
        const double *score = &suite->score[fs_suite_at(suite, i / suite->columns, 0, i % suite->columns)];
        yes[i] = score[0] > score[suite->columns] ? 1.0 : 0.0;
    }
}

const struct fs_bootstrap *fs_suite_bootstrap(const struct fs_suite_rows *rows)
{
    return &rows->bootstrap;
}

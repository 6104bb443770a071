#include "stages/suites/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/result_rows.h"

enum kind { SHARE, YES, MEAN, GAP };

/* One metric over some columns; b is read for SHARE and GAP alone. */
struct question {
    const char *const *category; /* [items] */
    const char *metric;
    enum kind kind;
    double ideal, scale;
    struct fs_suite_column a, b;
};

static bool has_two_columns(const struct question *question)
{
    return question->kind == SHARE || question->kind == GAP;
}

static double at(struct fs_suite_column column, size_t item, size_t model)
{
    return column.value[item * column.stride + model];
}

static int add_row(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *category, const char *metric,
                   double ideal, const struct fs_metric value[2], const struct fs_paired *paired, const size_t *skipped,
                   struct fs_error *err)
{
    const struct fs_row_name name = {suite->name, category, "all", metric, suite->scoring};
    return fs_add_row(rows, &name, ideal, value, paired, skipped, err);
}

int fs_suite_add_row(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *category, const char *metric,
                     double ideal, const struct fs_metric value[2], struct fs_error *err)
{
    struct fs_paired paired = fs_paired_none();
    paired.difference = rows->models == 2 ? value[1].value - value[0].value : NAN;
    return add_row(rows, suite, category, metric, ideal, value, &paired, NULL, err);
}

/* Whether the question has an answer for the item, of all models. */
static bool is_scored(const struct fs_suite_rows *rows, const struct question *question, size_t item)
{
    for (size_t model = 0; model < rows->models; model++) {
        if (isnan(at(question->a, item, model)) || (has_two_columns(question) && isnan(at(question->b, item, model)))) {
            return false;
        }
    }
    return true;
}

static int answer(const struct fs_suite_rows *rows, const struct question *question, size_t n, const double *a,
                  const double *b, struct fs_metric *metric, struct fs_error *err)
{
    switch (question->kind) {
    case SHARE:
        return fs_metrics_share(n, a, b, &rows->bootstrap, metric, err);
    case GAP:
        return fs_metrics_gap(n, a, b, &rows->bootstrap, metric, err);
    default:
        return fs_metrics_mean(n, a, question->scale, &rows->bootstrap, metric, err);
    }
}

/* The paired test; column [models][2][items]: a, b of the unedited model, then of the stamped. */
static int compare(const struct fs_suite_rows *rows, const struct question *question, size_t n, double *column,
                   size_t items, struct fs_paired *paired, struct fs_error *err)
{
    const double *const a[2] = {column, column + 2 * items}, *const b[2] = {column + items, column + 3 * items};
    if (question->kind == SHARE) {
        return fs_paired_share(n, a, b, false, &rows->bootstrap, paired, err);
    }
    for (size_t i = 0; question->kind == GAP && i < 2 * n; i++) {
        double *gap = &column[i / n * 2 * items + i % n];
        *gap = fabs(*gap - gap[items]);
    }
    return fs_paired_mean(n, a[0], a[1], question->scale, question->kind == YES, &rows->bootstrap, paired, err);
}

/* The row of one category; NULL: all items. column: room for 4 x items numbers. */
static int add_category(struct fs_suite_rows *rows, const struct fs_suite *suite, const struct question *question,
                        const char *category, double *column, struct fs_error *err)
{
    size_t n = 0, skipped[FS_SKIP_COUNT] = {0};
    for (size_t item = 0; item < suite->items; item++) {
        if (category != NULL && strcmp(question->category[item], category) != 0) {
            continue;
        }
        if (suite->skip[item] != FS_KEPT) {
            skipped[suite->skip[item]]++;
        } else if (is_scored(rows, question, item)) {
            for (size_t model = 0; model < rows->models; model++) {
                column[2 * model * suite->items + n] = at(question->a, item, model);
                column[(2 * model + 1) * suite->items + n] =
                    has_two_columns(question) ? at(question->b, item, model) : 0.0;
            }
            n++;
        }
    }
    struct fs_metric metric[2] = {{0}};
    for (size_t model = 0; model < rows->models; model++) {
        const double *a = column + 2 * model * suite->items;
        if (answer(rows, question, n, a, a + suite->items, &metric[model], err) != 0) {
            return -1;
        }
    }
    if (n == 0) {
        return 0;
    }
    struct fs_paired paired = fs_paired_none();
    if (rows->models == 2 && compare(rows, question, n, column, suite->items, &paired, err) != 0) {
        return -1;
    }
    return add_row(rows, suite, category != NULL ? category : "all", question->metric, question->ideal, metric, &paired,
                   skipped, err);
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

static int add_categories(struct fs_suite_rows *rows, const struct fs_suite *suite, struct question question,
                          struct fs_error *err)
{
    question.category = question.category != NULL ? question.category : suite->category;
    double *column = fs_allocate(suite->items, 4 * sizeof *column, "a suite's rows", err);
    const char *last = NULL; /* items of one category stand side by side mostly */
    int status = column != NULL ? 0 : -1;
    for (size_t item = 0; status == 0 && item < suite->items; item++) {
        const char *name = question.category[item];
        if ((last == NULL || strcmp(last, name) != 0) && is_first(question.category, item)) {
            status = add_category(rows, suite, &question, name, column, err);
        }
        last = name;
    }
    if (status == 0) {
        status = add_category(rows, suite, &question, NULL, column, err);
    }
    free(column);
    return status;
}

int fs_suite_add_share(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                       const char *metric, double ideal, struct fs_suite_column a, struct fs_suite_column b,
                       struct fs_error *err)
{
    return add_categories(rows, suite, (struct question){category, metric, SHARE, ideal, 100.0, a, b}, err);
}

int fs_suite_add_yes(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                     const char *metric, double ideal, struct fs_suite_column yes, struct fs_error *err)
{
    return add_categories(rows, suite, (struct question){category, metric, YES, ideal, 100.0, yes, yes}, err);
}

int fs_suite_add_mean(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                      const char *metric, double ideal, double scale, struct fs_suite_column value,
                      struct fs_error *err)
{
    return add_categories(rows, suite, (struct question){category, metric, MEAN, ideal, scale, value, value}, err);
}

int fs_suite_add_gap(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *const *category,
                     const char *metric, struct fs_suite_column a, struct fs_suite_column b, struct fs_error *err)
{
    return add_categories(rows, suite, (struct question){category, metric, GAP, 0.0, 1.0, a, b}, err);
}

size_t fs_suite_models(const struct fs_suite_rows *rows)
{
    return rows->models;
}

const struct fs_bootstrap *fs_suite_bootstrap(const struct fs_suite_rows *rows)
{
    return &rows->bootstrap;
}

#include "stages/suites/suite_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *name_of(const char *metric, const char *part, struct fs_error *err)
{
    char *name;
    if (asprintf(&name, "%s.%s", metric, part) < 0) {
        (void)fs_error_memory(err, strlen(metric) + strlen(part), "the name of a row");
        return NULL;
    }
    return name;
}

/* Adds the question's rows under the name of the part. */
static int add(struct fs_suite_rows *rows, const struct fs_suite *suite, struct fs_suite_question question,
               const char *part, struct fs_error *err)
{
    char *name = name_of(question.metric, part, err);
    question.metric = name;
    int status = name != NULL ? fs_suite_add(rows, suite, &question, err) : -1;
    free(name);
    return status;
}

int fs_suite_add_part(struct fs_suite_rows *rows, const struct fs_suite *suite,
                      const struct fs_suite_question *question, const struct fs_parting *parting, size_t part,
                      struct fs_error *err)
{
    bool *among = fs_allocate(suite->items, sizeof *among, "the parts of a suite", err);
    struct fs_suite_question of_part = *question;
    int status = -1;
    of_part.a.among = among;
    for (size_t i = 0; among != NULL && i < suite->items; i++) {
        among[i] = parting->of[i] == part;
    }
    if (among != NULL) {
        status = add(rows, suite, of_part, parting->name[part], err);
    }
    free(among);
    return status;
}

int fs_suite_add_parts(struct fs_suite_rows *rows, const struct fs_suite *suite,
                       const struct fs_suite_question *question, const struct fs_parting *parting, struct fs_error *err)
{
    int status = 0;
    for (size_t part = 0; status == 0 && part < parting->count; part++) {
        status = fs_suite_add_part(rows, suite, question, parting, part, err);
    }
    return status;
}

static double answer(const struct fs_suite_question *question, size_t item, size_t column)
{
    double a = question->a.value[item * question->a.stride + column];
    if (question->kind != FS_QUESTION_SHARE) {
        return a;
    }
    double b = question->b.value[item * question->b.stride + column];
    return isnan(a) || isnan(b) ? NAN : a > b ? 1.0 : 0.0;
}

static bool is_answered(const struct fs_suite *suite, const struct fs_suite_question *question, size_t item)
{
    bool answered = suite->skip[item] == FS_KEPT;
    for (size_t column = 0; answered && column < suite->columns; column++) {
        answered = !isnan(answer(question, item, column));
    }
    return answered;
}

/* Fills value [items][columns], NaN where there is no answer: the mean over parts is that over items, each weighted by how
 * few its part has. */
static void weigh(const struct fs_suite *suite, const struct fs_suite_question *question,
                  const struct fs_parting *parting, size_t *count, double *value)
{
    size_t all = 0, parts = 0;
    for (size_t i = 0; i < suite->items; i++) {
        if (parting->of[i] != SIZE_MAX && is_answered(suite, question, i)) {
            parts += count[parting->of[i]]++ == 0 ? 1 : 0;
            all++;
        }
    }
    for (size_t i = 0; i < suite->items * suite->columns; i++) {
        size_t item = i / suite->columns;
        if (parting->of[item] != SIZE_MAX && is_answered(suite, question, item)) {
            double weight = (double)all / (double)(parts * count[parting->of[item]]);
            value[i] = answer(question, item, i % suite->columns) * weight;
        }
    }
}

int fs_suite_add_macro(struct fs_suite_rows *rows, const struct fs_suite *suite,
                       const struct fs_suite_question *question, const struct fs_parting *parting, struct fs_error *err)
{
    size_t *count = fs_allocate(parting->count, sizeof *count, "the parts of a suite", err);
    double *value = fs_suite_scores(suite, suite->items, 1, err);
    struct fs_suite_question mean = {question->metric, FS_QUESTION_MEAN, question->scale, fs_suite_own(suite, value),
                                     fs_suite_own(suite, value)};
    int status = count != NULL && value != NULL ? 0 : -1;
    if (status == 0) {
        weigh(suite, question, parting, count, value);
        status = add(rows, suite, mean, "macro", err);
    }
    free(count);
    free(value);
    return status;
}

/*
 * The datasets of an evaluate file. Last index 2: the unedited model, the stamped one (NaN, -1 where there is none). A
 * suite that was not evaluated has no group.
 *
 *     /pairs/id, category, target   texts [pairs]; attributes of /pairs: "suite", "variant"
 *     /pairs/held_out               u8 [pairs], where there is a split
 *     /pairs/skip                   u8 [pairs], an fs_skip
 *     /pairs/score, log             f64 [pairs][4 candidates, as enum fs_candidate][2]
 *     /paraphrases/pair             i64 [paraphrases], index into the pairs
 *     /paraphrases/skip             u8 [paraphrases]
 *     /paraphrases/log              f64 [paraphrases][2 statements][2]
 *     /crows_pairs/id, category     texts [items]; attribute "variant"
 *     /crows_pairs/antistereo, skip u8 [items]
 *     /crows_pairs/score            f64 [items][2: sent_more, sent_less][2]
 *     /facts/id, category           texts [facts]; attribute "variant"
 *     /facts/skip                   u8 [facts]
 *     /facts/log                    f64 [facts][2: true, counterpart][2]
 *     /facts/top1                   i32 [facts][2]
 *     /results/suite, category, subset, metric, scoring   texts [rows]
 *     /results/ideal                f64 [rows]
 *     /results/value, low, high     f64 [rows][2]
 *     /results/n, ties              i64 [rows][2]
 *     /results/difference, difference_low, difference_high, p_value   f64 [rows], stamped against unedited (paired.h)
 *     /results/gained, lost         i64 [rows], -1 where the metric is no share of yes-or-no items
 *     /results/skipped              i64 [rows][FS_SKIP_COUNT], by fs_skip; their names are the attribute "reasons"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate/evaluate.h"

#define RESULT_TEXTS 5
#define RESULT_NUMBERS 3
#define RESULT_COUNTS 2
static const char *const text_names[RESULT_TEXTS] = {"/results/suite", "/results/category", "/results/subset",
                                                     "/results/metric", "/results/variant"};
static const char *const number_names[RESULT_NUMBERS] = {"/results/value", "/results/low", "/results/high"};
static const char *const count_names[RESULT_COUNTS] = {"/results/n", "/results/ties"};

#define PAIRED_NUMBERS 4
#define PAIRED_COUNTS 2
static const char *const paired_names[PAIRED_NUMBERS] = {"/results/difference", "/results/difference_low",
                                                         "/results/difference_high", "/results/p_value"};
static const char *const paired_count_names[PAIRED_COUNTS] = {"/results/gained", "/results/lost"};

/* The fields of a row in the order of the names above. */
static char *row_text(struct fs_result_row *row, size_t which, size_t *size)
{
    const struct {
        char *text;
        size_t size;
    } field[RESULT_TEXTS] = {{row->suite, sizeof row->suite},
                             {row->category, sizeof row->category},
                             {row->subset, sizeof row->subset},
                             {row->metric, sizeof row->metric},
                             {row->scoring, sizeof row->scoring}};
    *size = field[which].size;
    return field[which].text;
}

static double *row_number(struct fs_metric *metric, size_t which)
{
    return which == 0 ? &metric->value : (which == 1 ? &metric->low : &metric->high);
}

static size_t *row_count(struct fs_metric *metric, size_t which)
{
    return which == 0 ? &metric->n : &metric->ties;
}

static double *paired_number(struct fs_paired *paired, size_t which)
{
    double *const field[PAIRED_NUMBERS] = {&paired->difference, &paired->low, &paired->high, &paired->p_value};
    return field[which];
}

static int64_t *paired_count(struct fs_paired *paired, size_t which)
{
    return which == 0 ? &paired->gained : &paired->lost;
}

/* `text_of(list, i)`: the text of item i. */
static int write_texts(struct fs_archive *archive, const char *name, const void *list, size_t count,
                       const char *(*text_of)(const void *list, size_t item), struct fs_error *err)
{
    const char **texts = fs_allocate(count, sizeof *texts, "texts of an archive", err);
    if (texts == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = text_of(list, i);
    }
    int status = fs_archive_write_texts(archive, name, count, texts, err);
    free(texts);
    return status;
}

static const char *pair_id(const void *list, size_t i)
{
    return ((const struct fs_pair_list *)list)->item[i].id;
}

static const char *pair_category(const void *list, size_t i)
{
    return ((const struct fs_pair_list *)list)->item[i].category;
}

static const char *pair_target(const void *list, size_t i)
{
    return ((const struct fs_pair_list *)list)->item[i].target;
}

static const char *crows_id(const void *list, size_t i)
{
    return ((const struct fs_crows_list *)list)->item[i].id;
}

static const char *crows_category(const void *list, size_t i)
{
    return ((const struct fs_crows_list *)list)->item[i].category;
}

static const char *fact_id(const void *list, size_t i)
{
    return ((const struct fs_fact_list *)list)->item[i].id;
}

static const char *fact_category(const void *list, size_t i)
{
    return ((const struct fs_fact_list *)list)->item[i].category;
}

static int write_paraphrases(struct fs_archive *archive, const struct fs_pair_list *pairs,
                             const struct fs_evaluate_result *result, struct fs_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        count += pairs->item[i].paraphrases;
    }
    if (count == 0) {
        return 0;
    }
    int64_t *pair = fs_allocate(count, sizeof *pair, "paraphrases of an archive", err);
    if (pair == NULL) {
        return -1;
    }
    size_t next = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        for (size_t k = 0; k < pairs->item[i].paraphrases; k++) {
            pair[next++] = (int64_t)i;
        }
    }
    const size_t shape[3] = {count, 2, 2};
    int status = fs_archive_write(archive, "/paraphrases/pair", FS_ARCHIVE_I64, 1, shape, pair, err) == 0 &&
                         fs_archive_write(archive, "/paraphrases/skip", FS_ARCHIVE_U8, 1, shape,
                                          result->paraphrase_skip, err) == 0 &&
                         fs_archive_write(archive, "/paraphrases/log", FS_ARCHIVE_F64, 3, shape, result->paraphrase_log,
                                          err) == 0
                     ? 0
                     : -1;
    free(pair);
    return status;
}

/* A bool is one byte, 0 or 1. */
_Static_assert(sizeof(bool) == 1, "bool arrays are written as u8");

static int write_pairs(struct fs_archive *archive, const struct fs_evaluate_input *input,
                       const struct fs_evaluate_result *result, struct fs_error *err)
{
    const struct fs_pair_list *pairs = input->pairs;
    const size_t shape[3] = {pairs->count, 4, 2};
    return write_texts(archive, "/pairs/id", pairs, pairs->count, pair_id, err) == 0 &&
                   write_texts(archive, "/pairs/category", pairs, pairs->count, pair_category, err) == 0 &&
                   write_texts(archive, "/pairs/target", pairs, pairs->count, pair_target, err) == 0 &&
                   (input->held_out == NULL ||
                    fs_archive_write(archive, "/pairs/held_out", FS_ARCHIVE_U8, 1, shape, input->held_out, err) == 0) &&
                   fs_archive_write(archive, "/pairs/skip", FS_ARCHIVE_U8, 1, shape, result->pair_skip, err) == 0 &&
                   fs_archive_write(archive, "/pairs/score", FS_ARCHIVE_F64, 3, shape, result->pair_score, err) == 0 &&
                   fs_archive_write(archive, "/pairs/log", FS_ARCHIVE_F64, 3, shape, result->pair_log, err) == 0 &&
                   fs_archive_attribute_text(archive, "/pairs", "suite", input->pairs_suite, err) == 0 &&
                   fs_archive_attribute_text(archive, "/pairs", "variant", fs_scoring_name(input->pair_scoring), err) ==
                       0
               ? write_paraphrases(archive, pairs, result, err)
               : -1;
}

static int write_crows(struct fs_archive *archive, const struct fs_evaluate_input *input,
                       const struct fs_evaluate_result *result, struct fs_error *err)
{
    const struct fs_crows_list *crows = input->crows;
    const size_t shape[3] = {crows->count, 2, 2};
    uint8_t *antistereo = fs_allocate(crows->count, 1, "directions of an archive", err);
    if (antistereo == NULL) {
        return -1;
    }
    for (size_t i = 0; i < crows->count; i++) {
        antistereo[i] = crows->item[i].antistereo ? 1 : 0;
    }
    int status =
        write_texts(archive, "/crows_pairs/id", crows, crows->count, crows_id, err) == 0 &&
                write_texts(archive, "/crows_pairs/category", crows, crows->count, crows_category, err) == 0 &&
                fs_archive_write(archive, "/crows_pairs/antistereo", FS_ARCHIVE_U8, 1, shape, antistereo, err) == 0 &&
                fs_archive_write(archive, "/crows_pairs/skip", FS_ARCHIVE_U8, 1, shape, result->crows_skip, err) == 0 &&
                fs_archive_write(archive, "/crows_pairs/score", FS_ARCHIVE_F64, 3, shape, result->crows_score, err) == 0
            ? fs_archive_attribute_text(archive, "/crows_pairs", "variant", fs_scoring_name(input->crows_scoring), err)
            : -1;
    free(antistereo);
    return status;
}

static int write_facts(struct fs_archive *archive, const struct fs_evaluate_input *input,
                       const struct fs_evaluate_result *result, struct fs_error *err)
{
    const struct fs_fact_list *facts = input->facts;
    const size_t shape[3] = {facts->count, 2, 2};
    return write_texts(archive, "/facts/id", facts, facts->count, fact_id, err) == 0 &&
                   write_texts(archive, "/facts/category", facts, facts->count, fact_category, err) == 0 &&
                   fs_archive_write(archive, "/facts/skip", FS_ARCHIVE_U8, 1, shape, result->fact_skip, err) == 0 &&
                   fs_archive_write(archive, "/facts/log", FS_ARCHIVE_F64, 3, shape, result->fact_log, err) == 0 &&
                   fs_archive_write(archive, "/facts/top1", FS_ARCHIVE_I32, 2, shape, result->fact_top1, err) == 0
               ? fs_archive_attribute_text(archive, "/facts", "variant", fs_scoring_name(input->fact_scoring), err)
               : -1;
}

/* The table's columns, one dataset each; `column` has room for rows x max(FS_SKIP_COUNT, 2) numbers of 8 bytes. */
static int write_columns(struct fs_archive *archive, const struct fs_evaluate_result *result, void *column,
                         const char **texts, struct fs_error *err)
{
    const size_t two[2] = {result->rows, 2}, skips[2] = {result->rows, FS_SKIP_COUNT};
    double *number = column;
    int64_t *count = column;
    size_t size;
    for (size_t k = 0; k < RESULT_TEXTS; k++) {
        for (size_t i = 0; i < result->rows; i++) {
            texts[i] = row_text(&result->row[i], k, &size);
        }
        if (fs_archive_write_texts(archive, text_names[k], result->rows, texts, err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < RESULT_NUMBERS; k++) {
        for (size_t i = 0; i < 2 * result->rows; i++) {
            number[i] = *row_number(&result->row[i / 2].model[i % 2], k);
        }
        if (fs_archive_write(archive, number_names[k], FS_ARCHIVE_F64, 2, two, number, err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < RESULT_COUNTS; k++) {
        for (size_t i = 0; i < 2 * result->rows; i++) {
            count[i] = (int64_t)*row_count(&result->row[i / 2].model[i % 2], k);
        }
        if (fs_archive_write(archive, count_names[k], FS_ARCHIVE_I64, 2, two, count, err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < PAIRED_NUMBERS; k++) {
        for (size_t i = 0; i < result->rows; i++) {
            number[i] = *paired_number(&result->row[i].paired, k);
        }
        if (fs_archive_write(archive, paired_names[k], FS_ARCHIVE_F64, 1, two, number, err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < PAIRED_COUNTS; k++) {
        for (size_t i = 0; i < result->rows; i++) {
            count[i] = *paired_count(&result->row[i].paired, k);
        }
        if (fs_archive_write(archive, paired_count_names[k], FS_ARCHIVE_I64, 1, two, count, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < result->rows; i++) {
        number[i] = result->row[i].ideal;
    }
    if (fs_archive_write(archive, "/results/ideal", FS_ARCHIVE_F64, 1, two, number, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < result->rows * FS_SKIP_COUNT; i++) {
        count[i] = (int64_t)result->row[i / FS_SKIP_COUNT].skipped[i % FS_SKIP_COUNT];
    }
    return fs_archive_write(archive, "/results/skipped", FS_ARCHIVE_I64, 2, skips, count, err);
}

static int write_table(struct fs_archive *archive, const struct fs_evaluate_result *result, struct fs_error *err)
{
    char reasons[256] = "";
    size_t used = 0;
    for (int i = 0; i < FS_SKIP_COUNT; i++) {
        used += (size_t)snprintf(reasons + used, sizeof reasons - used, "%s%s", i > 0 ? "," : "",
                                 fs_skip_name((enum fs_skip)i));
    }
    void *column = fs_allocate(result->rows, FS_SKIP_COUNT * sizeof(int64_t), "a table's column", err);
    const char **texts = fs_allocate(result->rows, sizeof *texts, "a table's column", err);
    int status = column != NULL && texts != NULL ? write_columns(archive, result, column, texts, err) : -1;
    free(column);
    free(texts);
    return status == 0 ? fs_archive_attribute_text(archive, "/results", "reasons", reasons, err) : -1;
}

int fs_evaluate_write(struct fs_archive *archive, const struct fs_evaluate_input *input,
                      const struct fs_evaluate_result *result, struct fs_error *err)
{
    if (input->pairs != NULL && input->pairs->count > 0 && write_pairs(archive, input, result, err) != 0) {
        return -1;
    }
    if (input->crows != NULL && input->crows->count > 0 && write_crows(archive, input, result, err) != 0) {
        return -1;
    }
    if (input->facts != NULL && input->facts->count > 0 && write_facts(archive, input, result, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < input->suites; i++) {
        if (fs_suite_write(input->suite[i], archive, err) != 0) {
            return -1;
        }
    }
    return result->rows > 0 ? write_table(archive, result, err) : 0;
}

static int read_text_column(const struct fs_archive *archive, size_t which, struct fs_evaluate_result *result,
                            struct fs_error *err)
{
    char **texts = NULL;
    size_t count, size;
    if (fs_archive_read_texts(archive, text_names[which], &count, &texts, err) != 0) {
        return -1;
    }
    int status = 0;
    if (count != result->rows) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found %zu rows, expected %zu as in /results/ideal",
                              text_names[which], count, result->rows);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        char *field = row_text(&result->row[i], which, &size);
        if (strlen(texts[i]) >= size) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: row %zu: found %zu bytes, expected fewer than %zu",
                                  text_names[which], i, strlen(texts[i]), size);
        } else {
            memcpy(field, texts[i], strlen(texts[i]) + 1);
        }
    }
    free(texts);
    return status;
}

/* `number` and `count` share one block of rows x FS_SKIP_COUNT numbers. */
static int read_columns(const struct fs_archive *archive, void *column, struct fs_evaluate_result *result,
                        struct fs_error *err)
{
    double *number = column;
    int64_t *count = column;
    for (size_t k = 0; k < RESULT_TEXTS; k++) {
        if (read_text_column(archive, k, result, err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < RESULT_NUMBERS; k++) {
        if (fs_archive_read(archive, number_names[k], FS_ARCHIVE_F64, 2 * result->rows, number, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < 2 * result->rows; i++) {
            *row_number(&result->row[i / 2].model[i % 2], k) = number[i];
        }
    }
    for (size_t k = 0; k < RESULT_COUNTS; k++) {
        if (fs_archive_read(archive, count_names[k], FS_ARCHIVE_I64, 2 * result->rows, count, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < 2 * result->rows; i++) {
            *row_count(&result->row[i / 2].model[i % 2], k) = (size_t)count[i];
        }
    }
    if (fs_archive_read(archive, "/results/ideal", FS_ARCHIVE_F64, result->rows, number, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < result->rows; i++) {
        result->row[i].ideal = number[i];
    }
    if (fs_archive_read(archive, "/results/skipped", FS_ARCHIVE_I64, result->rows * FS_SKIP_COUNT, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < result->rows * FS_SKIP_COUNT; i++) {
        result->row[i / FS_SKIP_COUNT].skipped[i % FS_SKIP_COUNT] = (size_t)count[i];
    }
    return 0;
}

/* Files of before there were paired tests have none of their columns. */
static int read_paired(const struct fs_archive *archive, void *column, struct fs_evaluate_result *result,
                       struct fs_error *err)
{
    double *number = column;
    int64_t *count = column;
    for (size_t i = 0; i < result->rows; i++) {
        result->row[i].paired = fs_paired_none();
    }
    if (!fs_archive_has(archive, paired_names[0])) {
        return 0;
    }
    for (size_t k = 0; k < PAIRED_NUMBERS; k++) {
        if (fs_archive_read(archive, paired_names[k], FS_ARCHIVE_F64, result->rows, number, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < result->rows; i++) {
            *paired_number(&result->row[i].paired, k) = number[i];
        }
    }
    for (size_t k = 0; k < PAIRED_COUNTS; k++) {
        if (fs_archive_read(archive, paired_count_names[k], FS_ARCHIVE_I64, result->rows, count, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < result->rows; i++) {
            *paired_count(&result->row[i].paired, k) = count[i];
        }
    }
    return 0;
}

int fs_evaluate_read_table(const struct fs_archive *archive, struct fs_evaluate_result *result, struct fs_error *err)
{
    size_t dimensions, shape[4];
    *result = (struct fs_evaluate_result){0};
    if (!fs_archive_has(archive, "/results/ideal")) {
        return 0; /* nothing was evaluated */
    }
    if (fs_archive_shape(archive, "/results/ideal", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 1) {
        return fs_error_set(err, FS_EXIT_DATA, "/results/ideal: found %zu dimensions, expected 1", dimensions);
    }
    result->row = fs_allocate(shape[0], sizeof *result->row, "the result table", err);
    void *column = fs_allocate(shape[0], FS_SKIP_COUNT * sizeof(int64_t), "a table's column", err);
    int status = -1;
    if (result->row != NULL && column != NULL) {
        result->rows = shape[0];
        status = read_columns(archive, column, result, err) == 0 ? read_paired(archive, column, result, err) : -1;
    }
    free(column);
    if (status != 0) {
        fs_evaluate_result_release(result);
    }
    return status;
}

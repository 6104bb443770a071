#include "stages/suites/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/metrics/labels.h"

int fs_suite_create(struct fs_suite *suite, struct fs_error *err)
{
    suite->id = fs_allocate(suite->items, sizeof *suite->id, "a suite's items", err);
    suite->category = fs_allocate(suite->items, sizeof *suite->category, "a suite's items", err);
    suite->cluster = fs_allocate(suite->items, sizeof *suite->cluster, "a suite's items", err);
    suite->unusable = fs_allocate(suite->items, 1, "a suite's items", err);
    suite->skip = fs_allocate(suite->items, 1, "a suite's items", err);
    suite->first_unscored = fs_allocate(suite->items, sizeof *suite->first_unscored, "a suite's items", err);
    return suite->id != NULL && suite->category != NULL && suite->cluster != NULL && suite->unusable != NULL &&
                   suite->skip != NULL && suite->first_unscored != NULL
               ? 0
               : -1;
}

int fs_suite_skip(struct fs_suite *suite, size_t item, const char *path, enum fs_skip reason,
                  const struct fs_error *why, struct fs_error *err)
{
    suite->unusable[item] = (uint8_t)reason;
    return fs_item_skip(&suite->report, path, reason, why, err);
}

int fs_suite_set_cluster(struct fs_suite *suite, size_t item, const char *text, size_t length, struct fs_error *err)
{
    char *name = length > 0 ? fs_allocate(length + 1, 1, "the cluster of an item", err) : NULL;
    if (length > 0 && name == NULL) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        bool upper = text[i] >= 'A' && text[i] <= 'Z';
        name[i] = (char)(upper ? text[i] - 'A' + 'a' : text[i]);
    }
    free(suite->cluster[item]);
    suite->cluster[item] = name;
    return 0;
}

void fs_suite_destroy(struct fs_suite *suite)
{
    if (suite == NULL) {
        return;
    }
    if (suite->operations->release != NULL) {
        suite->operations->release(suite);
    }
    free(suite->id);
    free(suite->category);
    for (size_t i = 0; suite->cluster != NULL && i < suite->items; i++) {
        free(suite->cluster[i]);
    }
    free(suite->cluster);
    free(suite->cluster_number);
    free(suite->unusable);
    free(suite->skip);
    free(suite->first_unscored);
    free(suite->score);
    free(suite);
}

int fs_suite_compile(struct fs_suite *suite, size_t columns, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                     const struct fs_prompt_style *style, struct fs_error *err)
{
    suite->columns = columns;
    free(suite->score);
    suite->score = NULL;
    if (suite->skip != NULL) {
        memcpy(suite->skip, suite->unusable, suite->items);
        memset(suite->first_unscored, 0, suite->items * sizeof *suite->first_unscored);
    }
    return suite->operations->compile(suite, plan, tokenizer, style, err) == 0
               ? 0
               : fs_error_prepend(err, "%s", suite->name);
}

size_t fs_suite_first_unscored(const struct fs_suite *suite)
{
    size_t count = 0;
    for (size_t i = 0; suite->first_unscored != NULL && i < suite->items; i++) {
        count += suite->first_unscored[i] && suite->skip[i] == FS_KEPT;
    }
    return count;
}

double *fs_suite_scores(const struct fs_suite *suite, size_t count, size_t each, struct fs_error *err)
{
    size_t scores;
    if (fs_multiply(count, each * suite->columns, &scores) != 0) {
        fs_error_memory(err, SIZE_MAX, "a suite's scores");
        return NULL;
    }
    double *score = fs_allocate(scores, sizeof *score, "a suite's scores", err);
    for (size_t i = 0; score != NULL && i < scores; i++) {
        score[i] = NAN;
    }
    return score;
}

/* An item without a cluster has a number of its own. */
int fs_suite_number_clusters(struct fs_suite *suite, struct fs_error *err)
{
    const char **text = fs_allocate(suite->items, sizeof *text, "clusters of items", err);
    struct fs_labels labels = {0};
    for (size_t i = 0; text != NULL && i < suite->items; i++) {
        text[i] = suite->cluster[i] != NULL ? suite->cluster[i] : "";
    }
    int status = text != NULL ? fs_labels_create(text, suite->items, &labels, err) : -1;
    for (size_t i = 0; status == 0 && i < suite->items; i++) {
        labels.of[i] = suite->cluster[i] != NULL ? labels.of[i] : labels.count + i;
    }
    free(suite->cluster_number);
    suite->cluster_number = labels.of;
    labels.of = NULL;
    fs_labels_release(&labels);
    free(text);
    return status;
}

int fs_suite_fold(struct fs_suite *suite, const struct fs_plan_values *values, struct fs_suite_rows *rows,
                  struct fs_error *err)
{
    const struct fs_suite_operations *operations = suite->operations;
    suite->score = fs_suite_scores(suite, suite->items, suite->candidates, err);
    int status = suite->score != NULL ? fs_suite_number_clusters(suite, err) : -1;
    status = status == 0 && operations->allocate != NULL ? operations->allocate(suite, err) : status;
    for (size_t column = 0; status == 0 && column < suite->columns; column++) {
        status = operations->fold(suite, values, column, err);
    }
    status = status == 0 ? operations->add_rows(suite, rows, err) : -1;
    return status == 0 ? 0 : fs_error_prepend(err, "%s", suite->name);
}

char *fs_suite_path(const struct fs_suite *suite, const char *dataset, struct fs_error *err)
{
    char *path;
    if (asprintf(&path, "/suites/%s%s%s", suite->name, dataset[0] != '\0' ? "/" : "", dataset) < 0) {
        fs_error_memory(err, strlen(suite->name), "the name of a dataset");
        return NULL;
    }
    return path;
}

static int write_texts(const struct fs_suite *suite, const char *dataset, size_t count, const char *const *text,
                       struct fs_archive *archive, struct fs_error *err)
{
    char *path = fs_suite_path(suite, dataset, err);
    int status = path != NULL ? fs_archive_write_texts(archive, path, count, text, err) : -1;
    free(path);
    return status;
}

static int write_array(const struct fs_suite *suite, const char *dataset, enum fs_archive_type type, size_t dimensions,
                       const void *data, struct fs_archive *archive, struct fs_error *err)
{
    const size_t shape[3] = {suite->items, suite->candidates, suite->columns};
    char *path = fs_suite_path(suite, dataset, err);
    int status = path != NULL ? fs_archive_write(archive, path, type, dimensions, shape, data, err) : -1;
    free(path);
    return status;
}

/* The clusters, "" for an item by itself, and what they are. */
static int write_clusters(const struct fs_suite *suite, const char *group, struct fs_archive *archive,
                          struct fs_error *err)
{
    const char **text = fs_allocate(suite->items, sizeof *text, "texts of an archive", err);
    for (size_t i = 0; text != NULL && i < suite->items; i++) {
        text[i] = suite->cluster[i] != NULL ? suite->cluster[i] : "";
    }
    int status = text != NULL && write_texts(suite, "cluster", suite->items, text, archive, err) == 0
                     ? fs_archive_attribute_text(archive, group, "cluster", suite->cluster_kind, err)
                     : -1;
    free(text);
    return status;
}

/* The answers that capability is made of, 0 of skipped items. */
static int write_answers(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err)
{
    const size_t count = suite->items * suite->columns, shape[2] = {suite->items, suite->columns};
    if (suite->operations->answers == NULL || suite->operations->answers == fs_suite_first_is_higher) {
        return 0;
    }
    double *yes = fs_suite_scores(suite, suite->items, 1, err);
    uint8_t *answer = fs_allocate(count, 1, "answers of an archive", err);
    char *path = fs_suite_path(suite, FS_SUITE_ANSWER, err);
    int status = yes != NULL && answer != NULL && path != NULL ? 0 : -1;
    if (status == 0) {
        suite->operations->answers(suite, yes);
        for (size_t i = 0; i < count; i++) {
            answer[i] = suite->skip[i / suite->columns] == FS_KEPT && yes[i] > 0.5 ? 1 : 0;
        }
        status = fs_archive_write(archive, path, FS_ARCHIVE_U8, 2, shape, answer, err);
    }
    free(yes);
    free(answer);
    free(path);
    return status;
}

/* A bool is one byte, 0 or 1. */
_Static_assert(sizeof(bool) == 1, "bool arrays are written as u8");

int fs_suite_write(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err)
{
    char *group = fs_suite_path(suite, "", err);
    int status =
        group != NULL && write_texts(suite, "id", suite->items, suite->id, archive, err) == 0 &&
                write_texts(suite, "category", suite->items, suite->category, archive, err) == 0 &&
                write_texts(suite, "candidate", suite->candidates, suite->candidate, archive, err) == 0 &&
                write_array(suite, "skip", FS_ARCHIVE_U8, 1, suite->skip, archive, err) == 0 &&
                write_array(suite, "score", FS_ARCHIVE_F64, 3, suite->score, archive, err) == 0 &&
                (fs_suite_first_unscored(suite) == 0 ||
                 write_array(suite, "first_unscored", FS_ARCHIVE_U8, 1, suite->first_unscored, archive, err) == 0) &&
                (suite->held_out == NULL ||
                 write_array(suite, "held_out", FS_ARCHIVE_U8, 1, suite->held_out, archive, err) == 0) &&
                fs_archive_attribute_text(archive, group, "scoring", suite->scoring, err) == 0 &&
                fs_archive_attribute_text(archive, group, "unit", suite->unit, err) == 0 &&
                write_answers(suite, archive, err) == 0 &&
                (suite->cluster_kind == NULL || write_clusters(suite, group, archive, err) == 0)
            ? 0
            : -1;
    free(group);
    return status == 0 && suite->operations->write != NULL ? suite->operations->write(suite, archive, err) : status;
}

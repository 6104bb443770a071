#include "stages/suites/stored_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/suite_statements.h"

/* "<root>/suites/<suite>/<dataset>", or that group; the caller frees. */
static char *path_of(const struct fs_suite_file *file, const char *suite, const char *dataset, struct fs_error *err)
{
    char *path;
    if (asprintf(&path, "%s/suites/%s%s%s", file->root, suite, dataset[0] != '\0' ? "/" : "", dataset) < 0) {
        (void)fs_error_memory(err, strlen(suite), "the name of a dataset");
        return NULL;
    }
    return path;
}

bool fs_stored_has(const struct fs_suite_file *file, const char *suite, const char *dataset)
{
    struct fs_error ignored = FS_ERROR_INIT; /* without memory for a name the reading fails too, and says so */
    char *path = path_of(file, suite, dataset, &ignored);
    bool has = path != NULL && fs_archive_has(file->archive, path);
    free(path);
    return has;
}

/* Sizes of a shape of up to 3; 0 ends it. */
static size_t dimensions_of(const size_t shape[3])
{
    size_t dimensions = 0;
    while (dimensions < 3 && shape[dimensions] > 0) {
        dimensions++;
    }
    return dimensions;
}

static int check_shape(const struct fs_suite_file *file, const char *path, const size_t shape[3], size_t *elements,
                       struct fs_error *err)
{
    const size_t wanted = dimensions_of(shape);
    size_t dimensions, found[4];
    if (fs_archive_shape(file->archive, path, &dimensions, found, err) != 0) {
        return -1;
    }
    bool same = dimensions == wanted;
    *elements = 1;
    for (size_t i = 0; same && i < wanted; i++) {
        same = found[i] == shape[i] && fs_multiply(*elements, shape[i], elements) == 0;
    }
    char words[96] = "";
    for (size_t i = 0, used = 0; i < wanted; i++) {
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%zu", i > 0 ? " x " : "", shape[i]);
    }
    return same ? 0
                : fs_error_set(
                      err, FS_EXIT_DATA,
                      "%s: found another shape than %s, as the suite's items and the table's %zu columns have it", path,
                      words, file->columns);
}

void *fs_stored_read(const struct fs_suite_file *file, const struct fs_suite *base, const char *dataset,
                     enum fs_archive_type type, const size_t shape[3], struct fs_error *err)
{
    static const size_t bytes[] = {
        [FS_ARCHIVE_F32] = 4, [FS_ARCHIVE_F64] = 8, [FS_ARCHIVE_I32] = 4, [FS_ARCHIVE_I64] = 8, [FS_ARCHIVE_U8] = 1};
    char *path = path_of(file, base->name, dataset, err);
    size_t elements;
    void *data = NULL;
    if (path != NULL && check_shape(file, path, shape, &elements, err) == 0) {
        data = fs_allocate(elements, bytes[type], "scores of a file", err);
        if (data != NULL && fs_archive_read(file->archive, path, type, elements, data, err) != 0) {
            free(data);
            data = NULL;
        }
    }
    free(path);
    return data;
}

char **fs_stored_texts(const struct fs_suite_file *file, struct fs_suite *base, const char *dataset,
                       struct fs_error *err)
{
    char *path = path_of(file, base->name, dataset, err), **text = NULL;
    size_t count = 0;
    if (path == NULL || fs_archive_read_texts(file->archive, path, &count, &text, err) != 0) {
        free(path);
        return NULL;
    }
    base->items = base->category == NULL ? count : base->items; /* the categories come first */
    if (count != base->items || count == 0) {
        (void)fs_error_set(err, FS_EXIT_DATA, "%s: found %zu texts, expected one for each of %zu items", path, count,
                           base->items);
        free(text);
        text = NULL;
    }
    free(path);
    return text;
}

static int read_clusters(const struct fs_suite_file *file, struct fs_suite *base, struct fs_error *err)
{
    if (!fs_stored_has(file, base->name, "cluster")) {
        return 0;
    }
    char **text = fs_stored_texts(file, base, "cluster", err);
    int status = text != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < base->items; i++) {
        status = fs_suite_set_cluster(base, i, text[i], strlen(text[i]), err);
    }
    free(text);
    return status;
}

int fs_stored_count(const struct fs_suite_file *file, const struct fs_suite *base, const char *dataset, size_t *count,
                    struct fs_error *err)
{
    char *path = path_of(file, base->name, dataset, err);
    size_t dimensions, shape[4];
    int status = path != NULL ? fs_archive_shape(file->archive, path, &dimensions, shape, err) : -1;
    if (status == 0 && (dimensions != 1 || shape[0] == 0)) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found %zu dimensions, expected one that is not empty", path,
                              dimensions);
    }
    *count = status == 0 ? shape[0] : 0;
    free(path);
    return status;
}

int fs_stored_check_skips(const struct fs_suite_file *file, const struct fs_suite *base, const char *dataset,
                          const uint8_t *skip, size_t count, struct fs_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (skip[i] >= FS_SKIP_COUNT) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s/suites/%s/%s: found %u, expected a reason below %d; is it of a later version?",
                                file->root, base->name, dataset, (unsigned)skip[i], FS_SKIP_COUNT);
        }
    }
    return 0;
}

static int read_skips(const struct fs_suite_file *file, struct fs_suite *base, struct fs_error *err)
{
    free(base->skip);
    base->skip = fs_stored_read(file, base, "skip", FS_ARCHIVE_U8, (const size_t[3]){base->items}, err);
    return base->skip != NULL ? fs_stored_check_skips(file, base, "skip", base->skip, base->items, err) : -1;
}

/* The name of the scoring in this program, which lives as long as it does. */
static int read_scoring(const struct fs_suite_file *file, struct fs_suite *base, struct fs_error *err)
{
    char *group = path_of(file, base->name, "", err), *name = NULL;
    int status = group != NULL ? fs_archive_read_attribute_text(file->archive, group, "scoring", &name, err) : -1;
    for (int i = 0; status == 0 && i < FS_SCORING_COUNT; i++) {
        if (strcmp(fs_scoring_name((enum fs_scoring)i), name) == 0) {
            base->scoring = fs_scoring_name((enum fs_scoring)i);
        }
    }
    if (status == 0 && base->scoring == NULL) {
        status = fs_error_set(err, FS_EXIT_DATA,
                              "%s: attribute scoring: found \"%.40s\", which this version does not have", group, name);
    }
    free(group);
    free(name);
    return status;
}

int fs_stored_suite_read(const struct fs_suite_file *file, const struct fs_suite_kind *kind, struct fs_suite *base,
                         struct fs_error *err)
{
    base->name = kind->name;
    base->table = kind->table;
    base->columns = file->columns;
    char **category = fs_stored_texts(file, base, "category", err);
    if (category == NULL || fs_suite_create(base, err) != 0) {
        free(category);
        return -1;
    }
    free(base->category);
    base->category = (const char **)category;
    if (read_clusters(file, base, err) != 0 || read_skips(file, base, err) != 0 || read_scoring(file, base, err) != 0) {
        return -1;
    }
    const size_t shape[3] = {base->items, base->candidates, base->columns};
    base->score = fs_stored_read(file, base, "score", FS_ARCHIVE_F64, shape, err);
    return base->score != NULL ? fs_suite_number_clusters(base, err) : -1;
}

double *fs_stored_answers(const struct fs_suite_file *file, const struct fs_suite *base, struct fs_error *err)
{
    const size_t shape[3] = {base->items, base->columns};
    uint8_t *answer = fs_stored_read(file, base, FS_SUITE_ANSWER, FS_ARCHIVE_U8, shape, err);
    double *yes = answer != NULL ? fs_suite_scores(base, base->items, 1, err) : NULL;
    for (size_t i = 0; yes != NULL && i < base->items * base->columns; i++) {
        yes[i] = answer[i] != 0 ? 1.0 : 0.0;
    }
    free(answer);
    return yes;
}

/* ---- suites of which accuracy is made ---- */

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_statement_suite *suite = (const struct fs_statement_suite *)base;
    return fs_suite_add_yes(rows, base, "accuracy", fs_suite_own(base, suite->found), err);
}

static const struct fs_suite_operations operations = {
    .add_rows = add_rows, .answers = fs_statement_suite_answers, .release = fs_statement_suite_release};

/* The suite with its base; candidates: as many as the scores have. */
static int restore(const struct fs_suite_kind *kind, const struct fs_suite_file *file,
                   struct fs_statement_suite **result, struct fs_error *err)
{
    size_t dimensions = 0, shape[4];
    struct fs_statement_suite *suite = fs_allocate(1, sizeof *suite, "a suite", err);
    char *path = path_of(file, kind->name, "score", err);
    if (suite != NULL) {
        suite->suite.operations = &operations;
    }
    int status = suite != NULL && path != NULL ? fs_archive_shape(file->archive, path, &dimensions, shape, err) : -1;
    if (status == 0 && (dimensions != 3 || shape[1] == 0)) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found %zu dimensions, expected items x candidates x columns",
                              path, dimensions);
    }
    free(path);
    if (status == 0) {
        suite->suite.candidates = shape[1];
        status = fs_stored_suite_read(file, kind, &suite->suite, err);
    }
    if (status != 0 && suite != NULL) {
        fs_suite_destroy(&suite->suite);
        suite = NULL;
    }
    *result = suite;
    return status;
}

int fs_restore_answers(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **suite,
                       struct fs_error *err)
{
    struct fs_statement_suite *made;
    *suite = NULL;
    if (!fs_stored_has(file, kind->name, FS_SUITE_ANSWER)) {
        return 0; /* files of former versions */
    }
    if (restore(kind, file, &made, err) != 0) {
        return -1;
    }
    made->found = fs_stored_answers(file, &made->suite, err);
    if (made->found == NULL) {
        fs_suite_destroy(&made->suite);
        return -1;
    }
    *suite = &made->suite;
    return 0;
}

int fs_restore_orders(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **suite,
                      struct fs_error *err)
{
    struct fs_statement_suite *made;
    *suite = NULL;
    if (restore(kind, file, &made, err) != 0) {
        return -1;
    }
    int status = made->suite.candidates == 2
                     ? 0
                     : fs_error_set(err, FS_EXIT_DATA, "%s/suites/%s/score: found %zu candidates, expected 2",
                                    file->root, kind->name, made->suite.candidates);
    made->found = status == 0 ? fs_suite_scores(&made->suite, made->suite.items, 1, err) : NULL;
    if (made->found == NULL) {
        fs_suite_destroy(&made->suite);
        return -1;
    }
    fs_suite_first_is_higher(&made->suite, made->found);
    *suite = &made->suite;
    return 0;
}

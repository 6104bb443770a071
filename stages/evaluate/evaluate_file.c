/*
 * The datasets of an evaluate file. C columns: the unedited model, then each edit; E = C - 1 edits.
 *
 *     /suites/<name>/...            what each suite has, suites/suite.c; /suites/<name>@scoring, unit
 *     /edits/name, method           texts [E], where there are edits
 *     /results/column               texts [C]: "unedited", then the edits' names
 *     /results/suite, category, subset, metric, scoring   texts [rows]
 *     /results/ideal                f64 [rows]
 *     /results/value, low, high     f64 [rows][C]
 *     /results/n, ties              i64 [rows][C]
 *     /results/change/difference, low, high, p_value      f64 [rows][E], each edit against the unedited model (paired.h)
 *     /results/change/gained, lost  i64 [rows][E], -1 where the metric is no share of yes-or-no items
 *     /results/skipped              i64 [rows][FS_SKIP_COUNT], by fs_skip; their names are the attribute "reasons"
 *
 * The former layout, which is still read, has two columns, the unedited model and the stamp; "variant" for "scoring";
 * the numbers of change as /results/difference, difference_low, difference_high, p_value, gained, lost [rows].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate/evaluate.h"

static const char *const text_names[FS_ROW_TEXTS] = {"/results/suite", "/results/category", "/results/subset",
                                                     "/results/metric", "/results/scoring"};
#define FORMER_SCORING "/results/variant"

/* Numbers of a row's values and changes, as f64 or i64 datasets. */
enum numbers { VALUES, CHANGES };
struct field {
    const char *name, *former; /* former NULL: the same */
    enum numbers of;
    bool is_count;
    size_t offset; /* in struct fs_metric, or struct fs_paired */
};
static const struct field fields[] = {
    {"/results/value", NULL, VALUES, false, offsetof(struct fs_metric, value)},
    {"/results/low", NULL, VALUES, false, offsetof(struct fs_metric, low)},
    {"/results/high", NULL, VALUES, false, offsetof(struct fs_metric, high)},
    {"/results/n", NULL, VALUES, true, offsetof(struct fs_metric, n)},
    {"/results/ties", NULL, VALUES, true, offsetof(struct fs_metric, ties)},
    {"/results/change/difference", "/results/difference", CHANGES, false, offsetof(struct fs_paired, difference)},
    {"/results/change/low", "/results/difference_low", CHANGES, false, offsetof(struct fs_paired, low)},
    {"/results/change/high", "/results/difference_high", CHANGES, false, offsetof(struct fs_paired, high)},
    {"/results/change/p_value", "/results/p_value", CHANGES, false, offsetof(struct fs_paired, p_value)},
    {"/results/change/gained", "/results/gained", CHANGES, true, offsetof(struct fs_paired, gained)},
    {"/results/change/lost", "/results/lost", CHANGES, true, offsetof(struct fs_paired, lost)},
};
#define FIELDS (sizeof fields / sizeof fields[0])
_Static_assert(sizeof(size_t) == sizeof(int64_t), "counts are written as i64");

/* Where a row keeps number `i` of a field. */
static void *place_of(const struct fs_result_row *row, const struct field *field, size_t i)
{
    unsigned char *base = field->of == VALUES ? (unsigned char *)&row->value[i] : (unsigned char *)&row->change[i];
    return base + field->offset;
}

static size_t width_of(const struct fs_results *results, const struct field *field)
{
    return field->of == VALUES ? results->columns : results->columns - 1;
}

/* `column` has room for rows x max(FS_SKIP_COUNT, columns) numbers of 8 bytes. */
static int write_field(struct fs_archive *archive, const struct fs_results *results, const struct field *field,
                       unsigned char *column, struct fs_error *err)
{
    const size_t width = width_of(results, field), shape[2] = {results->rows, width};
    if (width == 0) {
        return 0;
    }
    for (size_t i = 0; i < results->rows * width; i++) {
        memcpy(column + 8 * i, place_of(&results->row[i / width], field, i % width), 8);
    }
    return fs_archive_write(archive, field->name, field->is_count ? FS_ARCHIVE_I64 : FS_ARCHIVE_F64, 2, shape, column,
                            err);
}

static int write_texts(struct fs_archive *archive, const struct fs_results *results, const char **texts,
                       struct fs_error *err)
{
    for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
        for (size_t i = 0; i < results->rows; i++) {
            texts[i] = fs_row_text(&results->row[i], k);
        }
        if (fs_archive_write_texts(archive, text_names[k], results->rows, texts, err) != 0) {
            return -1;
        }
    }
    return fs_archive_write_texts(archive, "/results/column", results->columns, (const char *const *)results->column,
                                  err);
}

static int write_columns(struct fs_archive *archive, const struct fs_results *results, void *column,
                         struct fs_error *err)
{
    const size_t rows = results->rows, skips[2] = {rows, FS_SKIP_COUNT};
    double *number = column;
    int64_t *count = column;
    for (size_t k = 0; k < FIELDS; k++) {
        if (write_field(archive, results, &fields[k], column, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < rows; i++) {
        number[i] = results->row[i].ideal;
    }
    if (fs_archive_write(archive, "/results/ideal", FS_ARCHIVE_F64, 1, &rows, number, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < rows * FS_SKIP_COUNT; i++) {
        count[i] = (int64_t)results->row[i / FS_SKIP_COUNT].skipped[i % FS_SKIP_COUNT];
    }
    return fs_archive_write(archive, "/results/skipped", FS_ARCHIVE_I64, 2, skips, count, err);
}

/* Room for a column of the table, of any kind; the caller frees. */
static void *allocate_column(const struct fs_results *results, struct fs_error *err)
{
    size_t width = results->columns > FS_SKIP_COUNT ? results->columns : FS_SKIP_COUNT;
    return fs_allocate(results->rows, width * 8, "a table's column", err);
}

static int write_table(struct fs_archive *archive, const struct fs_results *results, struct fs_error *err)
{
    char reasons[256] = "";
    size_t used = 0;
    for (int i = 0; i < FS_SKIP_COUNT; i++) {
        used += (size_t)snprintf(reasons + used, sizeof reasons - used, "%s%s", i > 0 ? "," : "",
                                 fs_skip_name((enum fs_skip)i));
    }
    void *column = allocate_column(results, err);
    const char **texts = fs_allocate(results->rows, sizeof *texts, "a table's column", err);
    int status = column != NULL && texts != NULL && write_texts(archive, results, texts, err) == 0
                     ? write_columns(archive, results, column, err)
                     : -1;
    free(column);
    free(texts);
    return status == 0 ? fs_archive_attribute_text(archive, "/results", "reasons", reasons, err) : -1;
}

static int write_edits(struct fs_archive *archive, const struct fs_evaluate_input *input, struct fs_error *err)
{
    size_t count = input->edits.count;
    const char **method = fs_allocate(count, sizeof *method, "the edits of an archive", err);
    if (method == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        method[i] = input->edits.edit[i].kind->name;
    }
    int status = fs_archive_write_texts(archive, "/edits/name", count, input->edit_name, err) == 0
                     ? fs_archive_write_texts(archive, "/edits/method", count, method, err)
                     : -1;
    free(method);
    return status;
}

int fs_evaluate_write(struct fs_archive *archive, const struct fs_evaluate_input *input,
                      const struct fs_results *results, struct fs_error *err)
{
    for (size_t i = 0; i < input->suites; i++) {
        if (fs_suite_write(input->suite[i], archive, err) != 0) {
            return -1;
        }
    }
    if (input->edits.count > 0 && write_edits(archive, input, err) != 0) {
        return -1;
    }
    return results->rows > 0 ? write_table(archive, results, err) : 0;
}

/* ---- reading ---- */

/* What the datasets of a file say of its table. */
struct table_shape {
    size_t rows, columns;
    bool former;
};

static int read_shape(const struct fs_archive *archive, struct table_shape *shape, struct fs_error *err)
{
    size_t dimensions, size[4];
    if (fs_archive_shape(archive, "/results/value", &dimensions, size, err) != 0) {
        return -1;
    }
    shape->former = !fs_archive_has(archive, "/results/column");
    if (dimensions != 2 || size[1] < 1 || (shape->former && size[1] != 2)) {
        return fs_error_set(err, FS_EXIT_DATA, "/results/value: found another shape than rows x columns");
    }
    shape->rows = size[0];
    shape->columns = size[1];
    return 0;
}

static int read_column_names(const struct fs_archive *archive, const struct table_shape *shape,
                             struct fs_results *results, struct fs_error *err)
{
    static const char *const former[] = {"stamp"};
    char **name = NULL;
    size_t count = 0;
    if (shape->former) {
        return fs_results_create(1, former, results, err);
    }
    if (fs_archive_read_texts(archive, "/results/column", &count, &name, err) != 0) {
        return -1;
    }
    int status = count == shape->columns
                     ? fs_results_create(count - 1, (const char *const *)name + 1, results, err)
                     : fs_error_set(err, FS_EXIT_DATA, "/results/column: found %zu names, expected %zu as /results/value "
                                                       "has columns",
                                    count, shape->columns);
    free(name);
    return status;
}

static int read_rows(const struct fs_archive *archive, const struct table_shape *shape, struct fs_results *results,
                     struct fs_error *err)
{
    char **text[FS_ROW_TEXTS] = {NULL};
    int status = 0;
    for (enum fs_row_text k = 0; status == 0 && k < FS_ROW_TEXTS; k++) {
        const char *name = k == FS_ROW_SCORING && shape->former ? FORMER_SCORING : text_names[k];
        size_t count;
        status = fs_archive_read_texts(archive, name, &count, &text[k], err);
        if (status == 0 && count != shape->rows) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: found %zu rows, expected %zu as in /results/value", name, count,
                                  shape->rows);
        }
    }
    for (size_t i = 0; status == 0 && i < shape->rows; i++) {
        const char *row[FS_ROW_TEXTS];
        for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
            row[k] = text[k][i];
        }
        status = fs_results_add(results, row, err) != NULL ? 0 : -1;
    }
    for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
        free(text[k]);
    }
    return status;
}

static int read_field(const struct fs_archive *archive, const struct field *field, bool former, unsigned char *column,
                      struct fs_results *results, struct fs_error *err)
{
    const char *name = former && field->former != NULL ? field->former : field->name;
    size_t width = width_of(results, field), count = results->rows * width;
    if (width == 0 || (field->of == CHANGES && !fs_archive_has(archive, name))) {
        return 0; /* the first files have no paired tests */
    }
    if (fs_archive_read(archive, name, field->is_count ? FS_ARCHIVE_I64 : FS_ARCHIVE_F64, count, column, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(place_of(&results->row[i / width], field, i % width), column + 8 * i, 8);
    }
    return 0;
}

static int read_columns(const struct fs_archive *archive, bool former, void *column, struct fs_results *results,
                        struct fs_error *err)
{
    double *number = column;
    int64_t *count = column;
    for (size_t k = 0; k < FIELDS; k++) {
        if (read_field(archive, &fields[k], former, column, results, err) != 0) {
            return -1;
        }
    }
    if (fs_archive_read(archive, "/results/ideal", FS_ARCHIVE_F64, results->rows, number, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < results->rows; i++) {
        results->row[i].ideal = number[i];
    }
    if (fs_archive_read(archive, "/results/skipped", FS_ARCHIVE_I64, results->rows * FS_SKIP_COUNT, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < results->rows * FS_SKIP_COUNT; i++) {
        results->row[i / FS_SKIP_COUNT].skipped[i % FS_SKIP_COUNT] = (size_t)count[i];
    }
    return 0;
}

int fs_evaluate_read(const struct fs_archive *archive, struct fs_results *results, struct fs_error *err)
{
    struct table_shape shape = {0};
    void *column = NULL;
    *results = (struct fs_results){0};
    if (!fs_archive_has(archive, "/results/value")) {
        return fs_results_create(0, NULL, results, err); /* nothing was evaluated */
    }
    int status = read_shape(archive, &shape, err) == 0 && read_column_names(archive, &shape, results, err) == 0
                     ? read_rows(archive, &shape, results, err)
                     : -1;
    if (status == 0) {
        column = allocate_column(results, err);
        status = column != NULL ? read_columns(archive, shape.former, column, results, err) : -1;
    }
    free(column);
    if (status != 0) {
        fs_results_release(results);
    }
    return status;
}

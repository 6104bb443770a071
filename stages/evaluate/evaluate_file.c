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
 *     /results/first_unscored       i64 [rows], where any is above 0: items of the row's suite without their first token
 *
 * The former layout, which is still read, has two columns, the unedited model and the stamp; "variant" for "scoring";
 * the numbers of change as /results/difference, difference_low, difference_high, p_value, gained, lost [rows].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/evaluate/evaluate.h"

#define TABLE "/results"
#define NAME_SIZE 1280

/* The datasets of the group; what they were called in the former layout, NULL: the same. */
static const struct {
    const char *name, *former;
} texts[FS_ROW_TEXTS] = {
    {"suite", NULL}, {"category", NULL}, {"subset", NULL}, {"metric", NULL}, {"scoring", "variant"},
};

/* Numbers of a row's values and changes, as f64 or i64 datasets. */
enum numbers { VALUES, CHANGES };
struct field {
    const char *name, *former;
    enum numbers of;
    bool is_count;
    size_t offset; /* in struct fs_metric, or struct fs_paired */
};
static const struct field fields[] = {
    {"value", NULL, VALUES, false, offsetof(struct fs_metric, value)},
    {"low", NULL, VALUES, false, offsetof(struct fs_metric, low)},
    {"high", NULL, VALUES, false, offsetof(struct fs_metric, high)},
    {"n", NULL, VALUES, true, offsetof(struct fs_metric, n)},
    {"ties", NULL, VALUES, true, offsetof(struct fs_metric, ties)},
    {"change/difference", "difference", CHANGES, false, offsetof(struct fs_paired, difference)},
    {"change/low", "difference_low", CHANGES, false, offsetof(struct fs_paired, low)},
    {"change/high", "difference_high", CHANGES, false, offsetof(struct fs_paired, high)},
    {"change/p_value", "p_value", CHANGES, false, offsetof(struct fs_paired, p_value)},
    {"change/gained", "gained", CHANGES, true, offsetof(struct fs_paired, gained)},
    {"change/lost", "lost", CHANGES, true, offsetof(struct fs_paired, lost)},
};
#define FIELDS (sizeof fields / sizeof fields[0])
_Static_assert(sizeof(size_t) == sizeof(int64_t), "counts are written as i64");

/* "<group>/<dataset>", in `name`. */
static const char *name_in(const char *group, const char *dataset, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s/%s", group, dataset);
    return name;
}

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
    char name[NAME_SIZE];
    return fs_archive_write(archive, name_in(TABLE, field->name, name),
                            field->is_count ? FS_ARCHIVE_I64 : FS_ARCHIVE_F64, 2, shape, column, err);
}

static int write_texts(struct fs_archive *archive, const struct fs_results *results, const char **column,
                       struct fs_error *err)
{
    char name[NAME_SIZE];
    for (enum fs_row_text k = 0; k < FS_ROW_TEXTS; k++) {
        for (size_t i = 0; i < results->rows; i++) {
            column[i] = fs_row_text(&results->row[i], k);
        }
        if (fs_archive_write_texts(archive, name_in(TABLE, texts[k].name, name), results->rows, column, err) != 0) {
            return -1;
        }
    }
    return fs_archive_write_texts(archive, TABLE "/column", results->columns, (const char *const *)results->column,
                                  err);
}

/* Models with begin-of-text have none of them, and files as before. */
static int write_first_unscored(struct fs_archive *archive, const struct fs_results *results, int64_t *count,
                                struct fs_error *err)
{
    bool any = false;
    for (size_t i = 0; i < results->rows; i++) {
        count[i] = (int64_t)results->row[i].first_unscored;
        any = any || count[i] > 0;
    }
    return any ? fs_archive_write(archive, TABLE "/first_unscored", FS_ARCHIVE_I64, 1, &results->rows, count, err) : 0;
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
    if (fs_archive_write(archive, TABLE "/ideal", FS_ARCHIVE_F64, 1, &rows, number, err) != 0) {
        return -1;
    }
    if (write_first_unscored(archive, results, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < rows * FS_SKIP_COUNT; i++) {
        count[i] = (int64_t)results->row[i / FS_SKIP_COUNT].skipped[i % FS_SKIP_COUNT];
    }
    return fs_archive_write(archive, TABLE "/skipped", FS_ARCHIVE_I64, 2, skips, count, err);
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
    const char **text = fs_allocate(results->rows, sizeof *text, "a table's column", err);
    int status = column != NULL && text != NULL && write_texts(archive, results, text, err) == 0
                     ? write_columns(archive, results, column, err)
                     : -1;
    free(column);
    free(text);
    return status == 0 ? fs_archive_attribute_text(archive, TABLE, "reasons", reasons, err) : -1;
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
struct table {
    const struct fs_archive *archive;
    const char *group;
    size_t rows, columns;
    bool former;
};

static int read_shape(struct table *table, struct fs_error *err)
{
    size_t dimensions, size[4];
    char name[NAME_SIZE];
    table->former = !fs_archive_has(table->archive, name_in(table->group, "column", name));
    if (fs_archive_shape(table->archive, name_in(table->group, "value", name), &dimensions, size, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || size[1] < 1 || (table->former && size[1] != 2)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found another shape than rows x columns", name);
    }
    table->rows = size[0];
    table->columns = size[1];
    return 0;
}

static int read_column_names(const struct table *table, struct fs_results *results, struct fs_error *err)
{
    static const char *const former[] = {"stamp"};
    char **text = NULL, name[NAME_SIZE];
    size_t count = 0;
    if (table->former) {
        return fs_results_create(1, former, results, err);
    }
    if (fs_archive_read_texts(table->archive, name_in(table->group, "column", name), &count, &text, err) != 0) {
        return -1;
    }
    int status = count == table->columns ? fs_results_create(count - 1, (const char *const *)text + 1, results, err)
                                         : fs_error_set(err, FS_EXIT_DATA, "%s: found %zu names, expected %zu", name,
                                                        count, table->columns);
    free(text);
    return status;
}

static int read_rows(const struct table *table, struct fs_results *results, struct fs_error *err)
{
    char **text[FS_ROW_TEXTS] = {NULL}, name[NAME_SIZE];
    int status = 0;
    for (enum fs_row_text k = 0; status == 0 && k < FS_ROW_TEXTS; k++) {
        bool former = table->former && texts[k].former != NULL;
        size_t count;
        name_in(table->group, former ? texts[k].former : texts[k].name, name);
        status = fs_archive_read_texts(table->archive, name, &count, &text[k], err);
        if (status == 0 && count != table->rows) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: found %zu rows, expected %zu", name, count, table->rows);
        }
    }
    for (size_t i = 0; status == 0 && i < table->rows; i++) {
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

static int read_field(const struct table *table, const struct field *field, unsigned char *column,
                      struct fs_results *results, struct fs_error *err)
{
    char name[NAME_SIZE];
    size_t width = width_of(results, field), count = results->rows * width;
    name_in(table->group, table->former && field->former != NULL ? field->former : field->name, name);
    if (width == 0 || (field->of == CHANGES && !fs_archive_has(table->archive, name))) {
        return 0; /* the first files have no paired tests */
    }
    if (fs_archive_read(table->archive, name, field->is_count ? FS_ARCHIVE_I64 : FS_ARCHIVE_F64, count, column, err) !=
        0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(place_of(&results->row[i / width], field, i % width), column + 8 * i, 8);
    }
    return 0;
}

/* Former files know fewer reasons: the first ones. */
static int read_skipped(const struct table *table, int64_t *count, struct fs_results *results, struct fs_error *err)
{
    char name[NAME_SIZE];
    size_t dimensions, size[4];
    if (fs_archive_shape(table->archive, name_in(table->group, "skipped", name), &dimensions, size, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || size[0] != results->rows || size[1] > FS_SKIP_COUNT) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found another shape than %zu rows x at most %d reasons; is it of a later version?",
                            name, results->rows, FS_SKIP_COUNT);
    }
    const size_t width = size[1];
    if (fs_archive_read(table->archive, name, FS_ARCHIVE_I64, results->rows * width, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < results->rows * width; i++) {
        results->row[i / width].skipped[i % width] = (size_t)count[i];
    }
    return 0;
}

static int read_first_unscored(const struct table *table, int64_t *count, struct fs_results *results,
                               struct fs_error *err)
{
    char name[NAME_SIZE];
    if (!fs_archive_has(table->archive, name_in(table->group, "first_unscored", name))) {
        return 0;
    }
    if (fs_archive_read(table->archive, name, FS_ARCHIVE_I64, results->rows, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < results->rows; i++) {
        results->row[i].first_unscored = (size_t)count[i];
    }
    return 0;
}

static int read_columns(const struct table *table, void *column, struct fs_results *results, struct fs_error *err)
{
    double *number = column;
    int64_t *count = column;
    char name[NAME_SIZE];
    for (size_t k = 0; k < FIELDS; k++) {
        if (read_field(table, &fields[k], column, results, err) != 0) {
            return -1;
        }
    }
    if (fs_archive_read(table->archive, name_in(table->group, "ideal", name), FS_ARCHIVE_F64, results->rows, number,
                        err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < results->rows; i++) {
        results->row[i].ideal = number[i];
    }
    return read_first_unscored(table, count, results, err) == 0 ? read_skipped(table, count, results, err) : -1;
}

int fs_evaluate_read(const struct fs_archive *archive, const char *group, struct fs_results *results,
                     struct fs_error *err)
{
    struct table table = {.archive = archive, .group = group};
    char name[NAME_SIZE];
    void *column = NULL;
    *results = (struct fs_results){0};
    if (!fs_archive_has(archive, name_in(group, "value", name))) {
        return fs_results_create(0, NULL, results, err); /* nothing was evaluated */
    }
    int status = read_shape(&table, err) == 0 && read_column_names(&table, results, err) == 0
                     ? read_rows(&table, results, err)
                     : -1;
    if (status == 0) {
        column = allocate_column(results, err);
        status = column != NULL ? read_columns(&table, column, results, err) : -1;
    }
    free(column);
    if (status != 0) {
        fs_results_release(results);
    }
    return status;
}

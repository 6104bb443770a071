/* CrowS-Pairs (Nangia et al. 2020), the authors' crows_pairs_anonymized.csv. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/category.h"
#include "io/benchmarks/layouts.h"

struct columns {
    size_t id; /* SIZE_MAX: the row's index */
    size_t more;
    size_t less;
    size_t direction;
    size_t category;
};

/* A row of the file, while it is read. */
struct row {
    const struct fs_csv *csv;
    const char *path;
    size_t row;
    enum fs_skip reason; /* why it cannot be used, where reading it fails */
};

static bool is_empty(const char *field)
{
    return field[strspn(field, " \t\r\n")] == '\0';
}

/* A copy of a field that must hold more than white space. */
static int copy_field(struct row *row, size_t column, const char *name, char **copy, struct fs_error *err)
{
    const char *field = fs_csv_field(row->csv, row->row, column);
    if (is_empty(field)) {
        row->reason = FS_SKIP_EMPTY_TEXT;
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: %s is empty, expected text", row->path,
                            fs_csv_place(row->csv, row->row, (char[FS_CSV_PLACE]){0}), name);
    }
    *copy = fs_copy_text(field, strlen(field), err);
    return *copy != NULL ? 0 : -1;
}

/* The row's index as text; the caller frees. */
static char *index_text(const struct row *row, struct fs_error *err)
{
    char index[24];
    snprintf(index, sizeof index, "%zu", row->row);
    return fs_copy_text(index, strlen(index), err);
}

static int copy_category(struct row *row, const char *category, char **copy, struct fs_error *err)
{
    char place[FS_CSV_PLACE];
    const char *fault = fs_category_fault(category);
    fs_csv_place(row->csv, row->row, place);
    if (fs_crows_is_number(category)) {
        row->reason = FS_SKIP_BAD_LABEL;
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: bias_type: found %.60s, expected a text, or 0 (race-color) to 8 (age)", row->path,
                            place, category);
    }
    if (fault != NULL) {
        row->reason = FS_SKIP_BAD_LABEL;
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: bias_type: found %s, expected the name of a category",
                            row->path, place, fault);
    }
    *copy = fs_copy_text(category, strlen(category), err);
    return *copy != NULL ? 0 : -1;
}

static int read_fields(struct row *row, const struct columns *columns, struct fs_crows_pair *pair, struct fs_error *err)
{
    const char *id = columns->id == SIZE_MAX ? NULL : fs_csv_field(row->csv, row->row, columns->id);
    pair->id = id == NULL ? index_text(row, err) : fs_copy_text(id, strlen(id), err);
    const char *category = fs_csv_field(row->csv, row->row, columns->category);
    if (pair->id == NULL ||
        (is_empty(category) ? copy_field(row, columns->category, "bias_type", &pair->category, err)
                            : copy_category(row, category, &pair->category, err)) != 0 ||
        copy_field(row, columns->more, "sent_more", &pair->more, err) != 0 ||
        copy_field(row, columns->less, "sent_less", &pair->less, err) != 0) {
        return -1;
    }
    const char *direction = fs_csv_field(row->csv, row->row, columns->direction);
    pair->antistereo = strcmp(direction, "antistereo") == 0;
    if (!pair->antistereo && strcmp(direction, "stereo") != 0) {
        row->reason = FS_SKIP_BAD_LABEL;
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: stereo_antistereo: found \"%.200s\", expected stereo or antistereo", row->path,
                            fs_csv_place(row->csv, row->row, (char[FS_CSV_PLACE]){0}), direction);
    }
    return 0;
}

static int read_pair(struct row *row, const struct columns *columns, struct fs_category_filter *filter,
                     struct fs_crows_list *pairs, struct fs_error *err)
{
    struct fs_crows_pair pair = {0};
    struct fs_error why = FS_ERROR_INIT;
    const char *category = fs_csv_field(row->csv, row->row, columns->category);
    if (fs_csv_check_row(row->csv, row->row, &why) != 0) { /* which field is which is not known */
        pair.id = columns->id == SIZE_MAX ? index_text(row, err) : fs_copy_text("", 0, err);
        return pair.id == NULL ? -1
                               : fs_crows_list_add(pairs, &pair, row->path, filter,
                                                   &(struct fs_unusable){FS_SKIP_BAD_RECORD, &why}, err);
    }
    if (fs_category_fault(category) == NULL && !fs_crows_is_number(category) &&
        !fs_category_filter_takes(filter, category)) {
        return 0;
    }
    int status = read_fields(row, columns, &pair, &why);
    return fs_crows_list_add(pairs, &pair, row->path, filter,
                             status != 0 ? &(struct fs_unusable){row->reason, &why} : NULL, err);
}

/* Whether every row that is not bad has a text in this column, and no two the same; `texts` has room for them. */
static bool has_ids(const struct fs_csv *csv, size_t column, const char **texts)
{
    size_t rows = fs_csv_rows(csv);
    struct fs_error ignored = FS_ERROR_INIT;
    size_t count = 0;
    for (size_t i = 0; i < rows; i++) {
        if (fs_csv_check_row(csv, i, NULL) == 0) {
            texts[count] = fs_csv_field(csv, i, column);
            if (is_empty(texts[count++])) {
                return false;
            }
        }
    }
    return fs_refuse_duplicates(fs_csv_path(csv), "id", texts, count, &ignored) == 0;
}

/* Translations leave rows out and keep the others' ids, by which their results can be joined. The last of the columns
 * counts: a table that was written by pandas twice has its first index in "Unnamed: 0". */
static int find_ids(const struct fs_csv *csv, size_t *id, struct fs_error *err)
{
    const char **texts = fs_allocate(fs_csv_rows(csv), sizeof *texts, "the ids of CrowS-Pairs", err);
    *id = SIZE_MAX;
    for (size_t i = 0; texts != NULL && fs_crows_id_columns[i] != NULL; i++) {
        size_t column;
        if (fs_csv_has_column(csv, fs_crows_id_columns[i], &column) && has_ids(csv, column, texts)) {
            *id = column;
        }
    }
    free(texts);
    return texts != NULL ? 0 : -1;
}

static int read_pairs(const struct fs_csv *csv, const char *path, const char *const *categories,
                      struct fs_crows_list *pairs, struct fs_error *err)
{
    struct columns columns;
    if (fs_csv_column(csv, "sent_more", &columns.more, err) != 0 ||
        fs_csv_column(csv, "sent_less", &columns.less, err) != 0 ||
        fs_csv_column(csv, "stereo_antistereo", &columns.direction, err) != 0 ||
        fs_csv_column(csv, "bias_type", &columns.category, err) != 0) {
        return -1;
    }
    size_t rows = fs_csv_rows(csv);
    if (fs_csv_need_rows(csv, err) != 0 || find_ids(csv, &columns.id, err) != 0) {
        return -1;
    }
    struct fs_category_filter filter;
    pairs->item = fs_allocate(rows, sizeof *pairs->item, "CrowS-Pairs", err);
    if (pairs->item == NULL || fs_category_filter_begin(&filter, categories, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < rows; i++) {
        struct row row = {csv, path, i, FS_SKIP_BAD_RECORD};
        if (read_pair(&row, &columns, &filter, pairs, err) != 0) {
            fs_category_filter_drop(&filter);
            return -1;
        }
    }
    return fs_category_filter_end(&filter, &pairs->report, path, err);
}

int fs_crows_read(const char *path, const char *const *categories, struct fs_crows_list *pairs, struct fs_error *err)
{
    *pairs = (struct fs_crows_list){0};
    struct fs_csv *csv;
    if (fs_crows_table_load(path, &csv, err) != 0) {
        return -1;
    }
    int result = read_pairs(csv, path, categories, pairs, err);
    fs_csv_destroy(csv);
    if (result != 0) {
        fs_crows_list_release(pairs);
    }
    return result;
}

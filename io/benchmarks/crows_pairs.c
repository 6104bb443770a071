/* CrowS-Pairs (Nangia et al. 2020), the authors' crows_pairs_anonymized.csv. */
#include <stdio.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/layouts.h"

struct columns {
    size_t more;
    size_t less;
    size_t direction;
    size_t category;
};

/* A field that must hold more than white space. */
static const char *filled_field(const struct fs_csv *csv, const char *path, size_t row, size_t column, const char *name,
                                struct fs_error *err)
{
    const char *field = fs_csv_field(csv, row, column);
    if (field[strspn(field, " \t\r\n")] == '\0') {
        fs_error_set(err, FS_EXIT_DATA, "%s: %s: %s is empty, expected text", path,
                     fs_csv_place(csv, row, (char[FS_CSV_PLACE]){0}), name);
        return NULL;
    }
    return field;
}

static int read_pair(const struct fs_csv *csv, const char *path, size_t row, const struct columns *columns,
                     struct fs_category_filter *filter, struct fs_crows_list *pairs, struct fs_error *err)
{
    const char *more = filled_field(csv, path, row, columns->more, "sent_more", err);
    const char *less = more == NULL ? NULL : filled_field(csv, path, row, columns->less, "sent_less", err);
    const char *category = less == NULL ? NULL : filled_field(csv, path, row, columns->category, "bias_type", err);
    if (category == NULL) {
        return -1;
    }
    const char *direction = fs_csv_field(csv, row, columns->direction);
    bool antistereo = strcmp(direction, "antistereo") == 0;
    if (!antistereo && strcmp(direction, "stereo") != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: stereo_antistereo: found \"%.200s\", expected stereo or antistereo", path,
                            fs_csv_place(csv, row, (char[FS_CSV_PLACE]){0}), direction);
    }
    if (!fs_category_filter_takes(filter, category)) {
        return 0;
    }
    struct fs_crows_pair *pair = &pairs->item[pairs->count++];
    char id[24];
    snprintf(id, sizeof id, "%zu", row);
    pair->antistereo = antistereo;
    pair->id = fs_copy_text(id, strlen(id), err);
    pair->category = fs_copy_text(category, strlen(category), err);
    pair->more = fs_copy_text(more, strlen(more), err);
    pair->less = fs_copy_text(less, strlen(less), err);
    bool made = pair->id != NULL && pair->category != NULL && pair->more != NULL && pair->less != NULL;
    return made ? 0 : -1;
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
    if (rows == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found no row after the header", path);
    }
    struct fs_category_filter filter;
    pairs->item = fs_allocate(rows, sizeof *pairs->item, "CrowS-Pairs", err);
    if (pairs->item == NULL || fs_category_filter_begin(&filter, categories, err) != 0) {
        return -1;
    }
    filter.alias = "race";
    filter.alias_for = "race-color";
    for (size_t row = 0; row < rows; row++) {
        if (read_pair(csv, path, row, &columns, &filter, pairs, err) != 0) {
            fs_category_filter_drop(&filter);
            return -1;
        }
    }
    return fs_category_filter_end(&filter, path, err);
}

int fs_crows_read(const char *path, const char *const *categories, struct fs_crows_list *pairs, struct fs_error *err)
{
    *pairs = (struct fs_crows_list){0, NULL};
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

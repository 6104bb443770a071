/*
 * Layout of the group /trace/measures of a trace file, or /trace/attribution, where they are estimates: m measures of n items, c categories, L layers of the trace.
 *
 *   measure       text (m)         as in trace_measure.h
 *   total_effect  f64 (n)          TE = log P[o] - log P*[o], nats; the mean over samples where noise stood in
 *   share         f64 (m, n, L)    of TE; NaN: |TE| is too small
 *   median, low, high  f64 (m, c, L)  over a category's items, and its 95 % interval; NaN where none is left
 *   decisive      i64 (m, c)       the layer of the largest median
 *   counted       i64 (c)          items that are not left out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/values.h"
#include "stages/trace/trace_measure.h"

/* A dataset's name. */
struct name {
    char text[64];
};

static struct name name_of(const char *group, const char *part)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%s/%s", group, part);
    return name;
}

static int write_sizes(struct fs_archive *archive, struct name name, size_t dimensions, const size_t *shape,
                       const size_t *value, struct fs_error *err)
{
    size_t count = dimensions == 2 ? shape[0] * shape[1] : shape[0];
    int64_t *number = fs_allocate(count, sizeof *number, name.text, err);
    if (number == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        number[i] = (int64_t)value[i];
    }
    int status = fs_archive_write(archive, name.text, FS_ARCHIVE_I64, dimensions, shape, number, err);
    free(number);
    return status;
}

int fs_trace_shares_write(struct fs_archive *archive, const char *group, const struct fs_trace_sizes *sizes,
                          const struct fs_trace_shares *shares, struct fs_error *err)
{
    size_t m = shares->measures, by_item[] = {m, sizes->items, sizes->layers};
    size_t by_category[] = {m, sizes->categories, sizes->layers};
    const char *names[FS_TRACE_MEASURES];
    for (size_t i = 0; i < m; i++) {
        names[i] = fs_trace_measures[shares->measure[i]].name;
    }
    const struct {
        const char *name;
        const size_t *shape;
        const double *number;
        size_t dimensions;
    } parts[] = {{"total_effect", by_item + 1, shares->total_effect, 1},
                 {"share", by_item, shares->share, 3},
                 {"median", by_category, shares->median, 3},
                 {"low", by_category, shares->low, 3},
                 {"high", by_category, shares->high, 3}};
    int status = fs_archive_write_texts(archive, name_of(group, "measure").text, m, names, err);
    for (size_t i = 0; status == 0 && i < sizeof parts / sizeof *parts; i++) {
        status = fs_archive_write(archive, name_of(group, parts[i].name).text, FS_ARCHIVE_F64, parts[i].dimensions,
                                  parts[i].shape, parts[i].number, err);
    }
    if (status == 0) {
        status = write_sizes(archive, name_of(group, "decisive"), 2, by_category, shares->decisive, err);
    }
    return status == 0 ? write_sizes(archive, name_of(group, "counted"), 1, by_category + 1, shares->counted, err) : -1;
}

/* Measures that this program does not know are refused: their order is that of the numbers. */
static int read_names(const struct fs_archive *archive, const char *group, struct fs_trace_shares *shares,
                      struct fs_error *err)
{
    size_t count;
    char **name = NULL;
    if (fs_archive_read_texts(archive, name_of(group, "measure").text, &count, &name, err) != 0) {
        return -1;
    }
    int status = 0;
    if (count == 0 || count > FS_TRACE_MEASURES) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s/measure: found %zu measures, expected 1 to %d; trace again", group,
                              count, FS_TRACE_MEASURES);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        unsigned measure = 0;
        while (measure < FS_TRACE_MEASURES && strcmp(fs_trace_measures[measure].name, name[i]) != 0) {
            measure++;
        }
        if (measure == FS_TRACE_MEASURES) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s/measure: found \"%.60s\", which is no measure; trace again",
                                  group, name[i]);
        } else {
            shares->measure[i] = (enum fs_trace_measure_id)measure;
        }
    }
    free(name);
    shares->measures = status == 0 ? count : 0;
    return status;
}

static double *read_numbers(const struct fs_archive *archive, struct name name, size_t count, struct fs_error *err)
{
    double *number = fs_allocate(count, sizeof *number, name.text, err);
    if (number != NULL && fs_archive_read(archive, name.text, FS_ARCHIVE_F64, count, number, err) != 0) {
        free(number);
        return NULL;
    }
    return number;
}

/* Each at most `most`. */
static size_t *read_sizes(const struct fs_archive *archive, struct name name, size_t count, size_t most,
                          struct fs_error *err)
{
    int64_t *number = fs_allocate(count, sizeof *number, name.text, err);
    size_t *value = fs_allocate(count, sizeof *value, name.text, err);
    int status =
        number != NULL && value != NULL ? fs_archive_read(archive, name.text, FS_ARCHIVE_I64, count, number, err) : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (number[i] < 0 || (uint64_t)number[i] > most) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: element %zu is %lld, expected 0 to %zu; trace again",
                                  name.text, i, (long long)number[i], most);
        } else {
            value[i] = (size_t)number[i];
        }
    }
    free(number);
    if (status != 0) {
        free(value);
        return NULL;
    }
    return value;
}

int fs_trace_shares_read(const struct fs_archive *archive, const char *group, const struct fs_trace_sizes *sizes,
                         struct fs_trace_shares *shares, struct fs_error *err)
{
    size_t n = sizes->items, c = sizes->categories, L = sizes->layers, by_item, by_category;
    if (!fs_archive_has(archive, name_of(group, "measure").text)) {
        return 0;
    }
    if (read_names(archive, group, shares, err) != 0) {
        return -1;
    }
    size_t m = shares->measures;
    if (fs_multiply(m, n * L, &by_item) != 0 || fs_multiply(m, c * L, &by_category) != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu measures of %zu items; trace again", group, m, n);
    }
    return (shares->total_effect = read_numbers(archive, name_of(group, "total_effect"), n, err)) != NULL &&
                   (shares->share = read_numbers(archive, name_of(group, "share"), by_item, err)) != NULL &&
                   (shares->median = read_numbers(archive, name_of(group, "median"), by_category, err)) != NULL &&
                   (shares->low = read_numbers(archive, name_of(group, "low"), by_category, err)) != NULL &&
                   (shares->high = read_numbers(archive, name_of(group, "high"), by_category, err)) != NULL &&
                   (shares->decisive = read_sizes(archive, name_of(group, "decisive"), m * c, L - 1, err)) != NULL &&
                   (shares->counted = read_sizes(archive, name_of(group, "counted"), c, n, err)) != NULL
               ? 0
               : -1;
}

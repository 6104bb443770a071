/*
 * Layout of the group /trace/measures of a trace file, or /trace/attribution, where they are estimates: m measures of n
 * items, c categories, L layers of the trace.
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
#include "stages/trace/trace_numbers.h"

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
        status = fs_trace_write_sizes(archive, name_of(group, "decisive").text, 2, by_category, shares->decisive, err);
    }
    return status == 0
               ? fs_trace_write_sizes(archive, name_of(group, "counted").text, 1, by_category + 1, shares->counted, err)
               : -1;
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

static double *read_f64(const struct fs_archive *archive, const char *group, const char *part, size_t count,
                        struct fs_error *err)
{
    return fs_trace_read_numbers(archive, name_of(group, part).text, FS_ARCHIVE_F64, sizeof(double), count, err);
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
    return (shares->total_effect = read_f64(archive, group, "total_effect", n, err)) != NULL &&
                   (shares->share = read_f64(archive, group, "share", by_item, err)) != NULL &&
                   (shares->median = read_f64(archive, group, "median", by_category, err)) != NULL &&
                   (shares->low = read_f64(archive, group, "low", by_category, err)) != NULL &&
                   (shares->high = read_f64(archive, group, "high", by_category, err)) != NULL &&
                   (shares->decisive =
                        fs_trace_read_sizes(archive, name_of(group, "decisive").text, m * c, L - 1, err)) != NULL &&
                   (shares->counted = fs_trace_read_sizes(archive, name_of(group, "counted").text, c, n, err)) != NULL
               ? 0
               : -1;
}

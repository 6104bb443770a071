#include "results/skip_lines.h"

#include <math.h>
#include <string.h>

bool fs_is_first_of_suite(const struct fs_results *results, size_t i)
{
    for (size_t before = 0; before < i; before++) {
        if (strcmp(results->row[before].suite, results->row[i].suite) == 0) {
            return false;
        }
    }
    return true;
}

/* The most that any row of the suite and category leaves out. */
static size_t most_skipped(const struct fs_results *results, const char *suite, const char *category, int reason)
{
    size_t most = 0;
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        if (strcmp(row->suite, suite) == 0 && strcmp(row->category, category) == 0 && row->skipped[reason] > most) {
            most = row->skipped[reason];
        }
    }
    return most;
}

/* Whether row `i` is the first of its suite and category. */
static bool is_first_of_category(const struct fs_results *results, size_t i)
{
    const struct fs_result_row *row = &results->row[i];
    for (size_t before = 0; before < i; before++) {
        if (strcmp(results->row[before].suite, row->suite) == 0 &&
            strcmp(results->row[before].category, row->category) == 0) {
            return false;
        }
    }
    return true;
}

static size_t count_skipped(const struct fs_results *results, const char *suite, int reason)
{
    size_t all = most_skipped(results, suite, "all", reason), sum = 0;
    for (size_t i = 0; all == 0 && i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        if (strcmp(row->suite, suite) == 0 && row->skipped[reason] > 0 && is_first_of_category(results, i)) {
            sum += most_skipped(results, suite, row->category, reason);
        }
    }
    return all + sum;
}

void fs_write_skipped(FILE *stream, const struct fs_results *results, const char *suite, const char *before,
                      const char *after)
{
    bool any = false;
    for (int reason = FS_KEPT + 1; reason < FS_SKIP_COUNT; reason++) {
        size_t count = count_skipped(results, suite, reason);
        if (count > 0) {
            fprintf(stream, "%s%zu %s", any ? ", " : before, count, fs_skip_name((enum fs_skip)reason));
            any = true;
        }
    }
    if (any) {
        fputs(after, stream);
    }
}

void fs_write_first_unscored(FILE *stream, const struct fs_result_row *row, const char *before, const char *after)
{
    if (row->first_unscored > 0) {
        fprintf(stream, "%sthe first token of %zu items, which nothing stands before: the model has no begin-of-text%s",
                before, row->first_unscored, after);
    }
}

/* Whether a column has no number in the suite's rows, where the unedited model has some. */
static bool is_unread(const struct fs_results *results, const char *suite, size_t column)
{
    bool any = false;
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        if (strcmp(row->suite, suite) == 0) {
            any = any || !isnan(row->value[0].value);
            if (!isnan(row->value[column].value)) {
                return false;
            }
        }
    }
    return any;
}

void fs_write_unread(FILE *stream, const struct fs_results *results, const char *suite, const char *before,
                     const char *after)
{
    bool any = false;
    for (size_t column = 1; column < results->columns; column++) {
        if (is_unread(results, suite, column)) {
            fprintf(stream, "%s%s", any ? ", " : before, results->column[column]);
            any = true;
        }
    }
    if (any) {
        fprintf(stream, ": a decoding rule changes no state, which is what this suite reads%s", after);
    }
}

/*
 * Datasets, n settings done:
 *
 *     /tries/settings   text [n]: "ft.epochs=10"; "": the job's own
 *     /tries/value      f64 [n][5]: gap and LMS of the pairs that are not edited, each before and after, RS
 *     attributes of /tries: count (how many are asked for), rs, lms (bounds), chosen (index; -1 until all are done)
 */
#include "stages/evaluate/tries.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GROUP FS_TRIES_GROUP
#define MOST_TRIES ((int64_t)10000)

int fs_tries_create(size_t count, double rs, double lms, struct fs_tries *tries, struct fs_error *err)
{
    *tries = (struct fs_tries){.count = count, .rs = rs, .lms = lms};
    tries->settings = fs_allocate(count, sizeof *tries->settings, "settings to try", err);
    tries->value = fs_allocate(count, sizeof *tries->value, "settings to try", err);
    return tries->settings != NULL && tries->value != NULL ? 0 : -1;
}

void fs_tries_release(struct fs_tries *tries)
{
    for (size_t i = 0; tries->settings != NULL && i < tries->count; i++) {
        free(tries->settings[i]);
    }
    free(tries->settings);
    free(tries->value);
    *tries = (struct fs_tries){0};
}

int fs_tries_set(struct fs_tries *tries, size_t which, const char *settings, struct fs_error *err)
{
    free(tries->settings[which]);
    tries->settings[which] = strdup(settings);
    return tries->settings[which] != NULL ? 0 : fs_error_memory(err, strlen(settings), "settings to try");
}

static bool is_not_edited(const char *subset)
{
    return strcmp(subset, "held_out") == 0 || strcmp(subset, "validation") == 0;
}

/* Of all categories, of the pairs that are not edited; where there are none, or no pairs at all, of all items. */
static double value_of(const struct fs_results *results, const char *metric, size_t column)
{
    double value = NAN;
    for (size_t r = 0; r < results->rows; r++) {
        const struct fs_result_row *row = &results->row[r];
        if (strcmp(row->metric, metric) != 0 || strcmp(row->category, "all") != 0) {
            continue;
        }
        if (is_not_edited(row->subset)) {
            return row->value[column].value;
        }
        value = strcmp(row->subset, "all") == 0 && isnan(value) ? row->value[column].value : value;
    }
    return value;
}

void fs_tries_add(struct fs_tries *tries, const struct fs_results *results)
{
    double *value = tries->value[tries->done++];
    value[FS_TRY_GAP_BEFORE] = value_of(results, "gap", 0);
    value[FS_TRY_GAP] = value_of(results, "gap", 1);
    value[FS_TRY_LMS_BEFORE] = value_of(results, "lms.macro", 0);
    value[FS_TRY_LMS] = value_of(results, "lms.macro", 1);
    value[FS_TRY_RS] = value_of(results, "rs.top1", 1);
}

/* Points by which it misses the bounds. */
static double missed(const struct fs_tries *tries, size_t which)
{
    const double *value = tries->value[which];
    double lost = value[FS_TRY_LMS_BEFORE] - value[FS_TRY_LMS] - tries->lms, answers = tries->rs - value[FS_TRY_RS];
    return (isnan(lost) ? 0.0 : fmax(0.0, lost)) + (isnan(answers) ? 0.0 : fmax(0.0, answers));
}

bool fs_tries_keeps(const struct fs_tries *tries, size_t which)
{
    return missed(tries, which) == 0;
}

size_t fs_tries_choose(const struct fs_tries *tries)
{
    size_t best = 0;
    for (size_t i = 1; i < tries->done; i++) {
        double miss = missed(tries, i), least = missed(tries, best);
        double gap = tries->value[i][FS_TRY_GAP], smallest = tries->value[best][FS_TRY_GAP];
        bool smaller = gap < smallest || (isnan(smallest) && !isnan(gap));
        best = miss < least || (miss == least && smaller) ? i : best;
    }
    return best;
}

int fs_tries_write(struct fs_archive *archive, const struct fs_tries *tries, struct fs_error *err)
{
    const size_t shape[2] = {tries->done, FS_TRY_VALUES};
    int64_t chosen = tries->done == tries->count ? (int64_t)fs_tries_choose(tries) : -1;
    return fs_archive_write_texts(archive, GROUP "/settings", tries->done, (const char *const *)tries->settings, err) ==
                       0 &&
                   fs_archive_write(archive, GROUP "/value", FS_ARCHIVE_F64, 2, shape, tries->value, err) == 0 &&
                   fs_archive_attribute_number(archive, GROUP, "rs", tries->rs, err) == 0 &&
                   fs_archive_attribute_number(archive, GROUP, "lms", tries->lms, err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "chosen", chosen, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "count", (int64_t)tries->count, err)
               : -1;
}

int fs_tries_read(const struct fs_archive *archive, struct fs_tries *tries, struct fs_error *err)
{
    size_t dimensions, shape[4], texts = 0;
    int64_t count;
    double rs, lms;
    char **text = NULL;
    *tries = (struct fs_tries){0};
    if (fs_archive_shape(archive, GROUP "/value", &dimensions, shape, err) != 0 ||
        fs_archive_read_attribute_integer(archive, GROUP, "count", &count, err) != 0 ||
        fs_archive_read_attribute_number(archive, GROUP, "rs", &rs, err) != 0 ||
        fs_archive_read_attribute_number(archive, GROUP, "lms", &lms, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || shape[1] != FS_TRY_VALUES || count < 1 || count > MOST_TRIES || shape[0] > (size_t)count) {
        return fs_error_set(err, FS_EXIT_DATA, GROUP "/value: found another shape than tries x %d", FS_TRY_VALUES);
    }
    int status =
        fs_tries_create((size_t)count, rs, lms, tries, err) == 0 &&
                fs_archive_read(archive, GROUP "/value", FS_ARCHIVE_F64, shape[0] * shape[1], tries->value, err) == 0
            ? fs_archive_read_texts(archive, GROUP "/settings", &texts, &text, err)
            : -1;
    if (status == 0 && texts != shape[0]) {
        status = fs_error_set(err, FS_EXIT_DATA, GROUP "/settings: found %zu texts, expected %zu", texts, shape[0]);
    }
    for (size_t i = 0; status == 0 && i < texts; i++) {
        status = fs_tries_set(tries, i, text[i], err);
    }
    tries->done = shape[0];
    free(text);
    if (status != 0) {
        fs_tries_release(tries);
    }
    return status;
}

#include "results/method_differences.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/settings/settings.h"
#include "io/values.h"
#include "results/job_names.h"

const struct fs_difference_line fs_difference_lines[FS_DIFFERENCE_LINES] = {
    {"gap_edited", "gap, edited pairs", NULL, "gap", FS_OF_EDITED, true},
    {"gap_not_edited", "gap, other pairs", NULL, "gap", FS_OF_OTHERS, true},
    {"ss_edited", "SS off 50, edited pairs", NULL, "ss.macro", FS_OF_EDITED, true},
    {"ss_not_edited", "SS off 50, other pairs", NULL, "ss.macro", FS_OF_OTHERS, true},
    {"ps", "PS off 50", NULL, "ps", FS_OF_ALL, true},
    {"crows", "CrowS off 50", NULL, "crows", FS_OF_ALL, true},
    {"lms", "LMS", NULL, "lms.macro", FS_OF_ALL, false},
    {"ds", "DS", NULL, "ds", FS_OF_ALL, false},
    {"rs", "RS", NULL, "rs.top1", FS_OF_ALL, false},
    {"capability", "capability", "capability", "accuracy", FS_OF_ALL, false},
};

const char *fs_main_category(const struct fs_results *results)
{
    const char *only = NULL;
    for (size_t i = 0; i < results->rows; i++) {
        const char *category = results->row[i].category;
        bool edited = strcmp(results->row[i].suite, results->row[0].suite) == 0;
        if (edited && strcmp(category, "all") != 0) {
            if (only != NULL && strcmp(only, category) != 0) {
                return "all";
            }
            only = category;
        }
    }
    return only != NULL ? only : "all";
}

/* The row's place in the order of what a line takes: 0 is best; SIZE_MAX: it is none of it. */
static size_t fit_of(const struct fs_result_row *row, const struct fs_difference_line *line, const char *category)
{
    static const char *const edited[] = {"edited", NULL}, *const others[] = {"held_out", "validation", "all", NULL},
                             *const all[] = {"all", NULL};
    const char *const *subset = line->of == FS_OF_EDITED ? edited : line->of == FS_OF_OTHERS ? others : all;
    const char *const categories[] = {category, "all", "none", NULL};
    size_t place = 0, of_category = 0;
    if (strcmp(row->metric, line->metric) != 0 || (line->suite != NULL && strcmp(row->suite, line->suite) != 0)) {
        return SIZE_MAX;
    }
    while (subset[place] != NULL && strcmp(subset[place], row->subset) != 0) {
        place++;
    }
    while (categories[of_category] != NULL && strcmp(categories[of_category], row->category) != 0) {
        of_category++;
    }
    return subset[place] == NULL || categories[of_category] == NULL ? SIZE_MAX : 3 * of_category + place;
}

size_t fs_difference_row(const struct fs_results *results, const struct fs_difference_line *line)
{
    size_t best = SIZE_MAX, fit = SIZE_MAX;
    const char *category = fs_main_category(results);
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        size_t own = fit_of(row, line, category);
        /* the edited suite has the first rows: another one with the same metric says something else */
        bool same = best == SIZE_MAX || strcmp(results->row[best].suite, row->suite) == 0;
        if (own < fit && same) {
            best = i;
            fit = own;
        }
    }
    return best;
}

/* The number that a line of the settings has; SIZE_MAX: there is none. */
static size_t setting(const char *settings, const char *key)
{
    double value;
    struct fs_error ignored = FS_ERROR_INIT; /* the settings are a file's: anything may stand there */
    char *text = fs_job_setting(settings, key);
    bool good = text != NULL && fs_parse_integer(key, text, 0, FS_LARGEST_INTEGER, &value, &ignored) == 0;
    free(text);
    return good ? (size_t)value : SIZE_MAX;
}

/* How the evaluation's intervals were drawn; without resamples where an old file does not say it. */
static struct fs_bootstrap bootstrap_of(const struct fs_archive *archive, const char *group)
{
    enum { MOST_RESAMPLES = 1000000 }; /* of jobs/job_settings.c */
    char name[600], *settings = NULL;
    struct fs_bootstrap bootstrap = {0};
    struct fs_error ignored = FS_ERROR_INIT;
    snprintf(name, sizeof name, "%s/provenance", group);
    if (fs_archive_read_attribute_text(archive, name, "settings", &settings, &ignored) == 0) {
        size_t seed = setting(settings, "seed"), resamples = setting(settings, "evaluate.bootstrap");
        if (seed != SIZE_MAX && resamples != SIZE_MAX && resamples <= MOST_RESAMPLES) {
            bootstrap = (struct fs_bootstrap){.resamples = resamples, .seed = seed};
        }
    }
    free(settings);
    return bootstrap;
}

int fs_differences_read(const struct fs_archive *archive, const char *group, const struct fs_results *results,
                        const char *against, struct fs_differences *differences, struct fs_error *err)
{
    size_t column = 1;
    *differences = (struct fs_differences){0};
    while (against != NULL && column < results->columns && strcmp(results->column[column], against) != 0) {
        column++;
    }
    if (results->rows == 0 || results->columns < 3 || column == results->columns) {
        return 0;
    }
    const struct fs_differences_input input = {.archive = archive,
                                               .root = group,
                                               .results = results,
                                               .bootstrap = bootstrap_of(archive, group),
                                               .against = column};
    return fs_differences_make(&input, differences, err);
}

bool fs_difference_is_sure(const struct fs_paired *difference)
{
    return difference->low > 0 || difference->high < 0; /* false of NaN */
}

bool fs_difference_is_unknown(const struct fs_results *results, const struct fs_differences *differences, size_t row)
{
    bool any = false;
    for (size_t c = 1; c < results->columns; c++) {
        any = any || isfinite(fs_difference_at(differences, row, c)->difference);
    }
    return any && !differences->known[row];
}

size_t fs_differences_unknown(const struct fs_results *results, const struct fs_differences *differences)
{
    size_t unknown = 0;
    for (size_t row = 0; row < differences->rows; row++) {
        unknown += fs_difference_is_unknown(results, differences, row) ? 1 : 0;
    }
    return unknown;
}

#include "results/result_lines.h"

#include <string.h>

#include "stages/suites/suite_registry.h"

const struct fs_result_line fs_result_lines[] = {
    {"ss.macro", "edited", "SS edited", false, false},
    {"ss.macro", "held_out", "SS held-out", false, false},
    {"ss.macro", "validation", "SS validation", false, false},
    {"ss.macro", "all", "SS", true, false},
    {"gap", "edited", "gap edited", false, false},
    {"gap", "held_out", "gap held-out", false, false},
    {"gap", "validation", "gap validation", false, false},
    {"gap", "all", "gap", true, false},
    {"lms.macro", "edited", "LMS edited", false, false},
    {"lms.macro", "held_out", "LMS held-out", false, false},
    {"lms.macro", "validation", "LMS validation", false, false},
    {"lms.macro", "all", "LMS", false, false},
    {"icat.macro", "all", "ICAT", false, false},
    {"crows", "all", "CrowS", false, false},
    {"crows.likelihood_diff", "all", "CrowS diff", false, true},
    {"ps", "all", "PS", false, false},
    {"ds", "all", "DS", false, false},
    {"rs.top1", "all", "RS", false, false},
};
const size_t fs_result_line_count = sizeof fs_result_lines / sizeof fs_result_lines[0];

/* Whether "ds rs" has the beginning of `metric` up to its first dot as a word. */
static bool has_word(const char *words, const char *metric)
{
    size_t length = strcspn(metric, ".");
    for (const char *word = words; *word != '\0'; word += strcspn(word, " "), word += *word == ' ') {
        if (strcspn(word, " ") == length && strncmp(word, metric, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_line(const char *metric)
{
    for (size_t i = 0; i < fs_result_line_count; i++) {
        if (strcmp(fs_result_lines[i].metric, metric) == 0) {
            return true;
        }
    }
    return false;
}

bool fs_is_headline(const struct fs_results *results, const struct fs_result_row *row)
{
    const struct fs_result_row *first = &results->row[0]; /* of the edited suite, where there is one */
    if (strcmp(row->suite, first->suite) == 0) {
        return is_line(first->metric);
    }
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        const char *table = suite->table != NULL ? suite->table : suite->name;
        if (suite->headlines != NULL && strcmp(table, row->suite) == 0 && has_word(suite->headlines, row->metric)) {
            return true;
        }
    }
    return false;
}

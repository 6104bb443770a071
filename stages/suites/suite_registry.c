#include "stages/suites/suite_registry.h"

#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"
#include "io/console/progress.h"

/* One row a suite: its struct fs_suite_kind is fs_suite_<row>, in a file of its own. In the order of a result table. */
#define SUITES(ROW)                                                                                                    \
    ROW(crows_pairs)                                                                                                   \
    ROW(biaske_facts)                                                                                                  \
    ROW(stereoset)                                                                                                     \
    ROW(biaske)                                                                                                        \
    ROW(stereoset_intersentence)                                                                                       \
    ROW(stereoset_synonyms)                                                                                            \
    ROW(winobias)                                                                                                      \
    ROW(winogender)                                                                                                    \
    ROW(winograd)                                                                                                      \
    ROW(bec_pro)                                                                                                       \
    ROW(bbq)                                                                                                           \
    ROW(seat)                                                                                                          \
    ROW(blimp)                                                                                                         \
    ROW(lambada)                                                                                                       \
    ROW(pararel)                                                                                                       \
    ROW(counterfact)                                                                                                   \
    ROW(known_facts)                                                                                                   \
    ROW(text)

#define DECLARE(suite) extern const struct fs_suite_kind fs_suite_##suite;
#define POINT(suite) &fs_suite_##suite,
#define NAME(suite) "|" #suite

SUITES(DECLARE)
const struct fs_suite_kind *const fs_suite_kinds[] = {SUITES(POINT)};
const char fs_suite_choices[] = SUITES(NAME);
const size_t fs_suite_kind_count = sizeof fs_suite_kinds / sizeof fs_suite_kinds[0];

const struct fs_suite_kind *fs_suite_kind_find(const char *name)
{
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        if (strcmp(fs_suite_kinds[i]->name, name) == 0) {
            return fs_suite_kinds[i];
        }
    }
    return NULL;
}

const char *fs_suite_scoring(const struct fs_suite_kind *kind, enum fs_model_kind model)
{
    return model == FS_MASKED ? kind->masked : kind->causal;
}

/* What opening a suite and reading pairs do with a report. */
static int report_items(const struct fs_item_report *report, const char *path, bool strict, struct fs_error *err)
{
    if (report->unusable == 0) {
        return 0;
    }
    if (strict) {
        return fs_item_report_refuse(report, path, err);
    }
    char *text = fs_item_report_text(report, path, err);
    if (text == NULL) {
        return -1;
    }
    fs_warn("%s", text);
    free(text);
    return 0;
}

int fs_suite_open(const struct fs_suite_kind *kind, const char *path, const struct fs_suite_options *options,
                  struct fs_suite **suite, struct fs_error *err)
{
    if (kind->open(path, options, suite, err) != 0) {
        return -1;
    }
    if (*suite != NULL && report_items(&(*suite)->report, path, options->strict, err) != 0) {
        fs_suite_destroy(*suite);
        *suite = NULL;
        return -1;
    }
    return 0;
}

int fs_suite_read_pairs(const struct fs_suite_kind *kind, const char *path, const char *const *categories, bool strict,
                        struct fs_pair_list *pairs, struct fs_error *err)
{
    if (kind->read_pairs(path, categories, pairs, err) != 0) {
        return -1;
    }
    if (report_items(&pairs->report, path, strict, err) != 0) {
        fs_pair_list_release(pairs);
        return -1;
    }
    return 0;
}

bool fs_suite_takes(const struct fs_suite_options *options, const char *category)
{
    if (options->categories == NULL) {
        return true;
    }
    for (size_t i = 0; options->categories[i] != NULL; i++) {
        if (fs_same_category(options->categories[i], category)) {
            return true;
        }
    }
    return false;
}

bool fs_suite_is_none(const char *category)
{
    return strcmp(category, "none") == 0;
}

int fs_suite_keep_categories(const struct fs_suite_options *options, struct fs_pair_list *pairs, struct fs_error *err)
{
    bool *keep = fs_allocate(pairs->count, sizeof *keep, "the categories of a suite", err);
    if (keep == NULL) {
        fs_pair_list_release(pairs);
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        keep[i] = fs_suite_takes(options, pairs->item[i].category);
    }
    fs_pair_list_keep(pairs, keep);
    free(keep);
    return 0;
}

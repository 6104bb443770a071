#include "stages/suites/suite_registry.h"

#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"

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
    ROW(seat)                                                                                                          \
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

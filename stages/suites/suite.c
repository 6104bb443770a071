#include "stages/suites/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/suite_registry.h"

int fs_suite_create(struct fs_suite *suite, struct fs_error *err)
{
    size_t scores;
    if (fs_multiply(suite->items, suite->candidates * 2, &scores) != 0) {
        return fs_error_memory(err, SIZE_MAX, "a suite's scores");
    }
    suite->id = fs_allocate(suite->items, sizeof *suite->id, "a suite's items", err);
    suite->category = fs_allocate(suite->items, sizeof *suite->category, "a suite's items", err);
    suite->skip = fs_allocate(suite->items, 1, "a suite's items", err);
    suite->score = fs_allocate(scores, sizeof *suite->score, "a suite's scores", err);
    if (suite->id == NULL || suite->category == NULL || suite->skip == NULL || suite->score == NULL) {
        return -1;
    }
    for (size_t i = 0; i < scores; i++) {
        suite->score[i] = NAN;
    }
    return 0;
}

void fs_suite_destroy(struct fs_suite *suite)
{
    if (suite == NULL) {
        return;
    }
    if (suite->operations->release != NULL) {
        suite->operations->release(suite);
    }
    free(suite->id);
    free(suite->category);
    free(suite->skip);
    free(suite->score);
    free(suite);
}

int fs_suite_write(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err)
{
    char group[64], name[96];
    const size_t shape[3] = {suite->items, suite->candidates, 2};
    const struct {
        const char *name;
        size_t count;
        const char *const *text;
    } texts[] = {{"id", suite->items, suite->id},
                 {"category", suite->items, suite->category},
                 {"candidate", suite->candidates, suite->candidate}};
    snprintf(group, sizeof group, "/suites/%.40s", suite->name);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        snprintf(name, sizeof name, "%s/%s", group, texts[i].name);
        if (fs_archive_write_texts(archive, name, texts[i].count, texts[i].text, err) != 0) {
            return -1;
        }
    }
    snprintf(name, sizeof name, "%s/skip", group);
    if (fs_archive_write(archive, name, FS_ARCHIVE_U8, 1, shape, suite->skip, err) != 0) {
        return -1;
    }
    snprintf(name, sizeof name, "%s/score", group);
    if (fs_archive_write(archive, name, FS_ARCHIVE_F64, 3, shape, suite->score, err) != 0 ||
        fs_archive_attribute_text(archive, group, "variant", suite->scoring, err) != 0 ||
        fs_archive_attribute_text(archive, group, "unit", suite->unit, err) != 0) {
        return -1;
    }
    return suite->operations->write != NULL ? suite->operations->write(suite, archive, err) : 0;
}

bool fs_suite_takes(const struct fs_suite_options *options, const char *category)
{
    if (options->categories == NULL) {
        return true;
    }
    for (size_t i = 0; options->categories[i] != NULL; i++) {
        if (strcmp(options->categories[i], category) == 0) {
            return true;
        }
    }
    return false;
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

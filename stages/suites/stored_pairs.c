/* Suites of pairs as an evaluate file has them. */
#include <math.h>
#include <stdlib.h>

#include "stages/suites/pair_rows.h"
#include "stages/suites/stored_suite.h"

enum { CANDIDATES = 4 };

struct stored_pairs {
    struct fs_pair_suite scored; /* pairs: `pairs`; held_out of the base: `held_out` */
    struct fs_pair_list
        pairs; /* categories, target terms, numbers of paraphrases; the texts are the base's and `target`'s */
    char **target;
    bool *held_out; /* NULL: no split */
};

static void release(struct fs_suite *base)
{
    struct stored_pairs *suite = (struct stored_pairs *)base;
    free(suite->pairs.item); /* whose texts are not its own */
    free(suite->target);
    free(suite->held_out);
    fs_pair_suite_release(&suite->scored);
}

static const struct fs_suite_operations operations = {.add_rows = fs_pair_suite_add_rows, .release = release};

/* The fourth candidate has a score where the item has it. */
static bool has_fourth(const struct fs_suite *base, size_t item)
{
    bool has = false;
    for (size_t c = 0; c < base->columns; c++) {
        has = has || !isnan(base->score[fs_suite_at(base, item, FS_UNRELATED_COUNTERPART, c)]);
    }
    return has;
}

static int read_items(const struct fs_suite_file *file, struct stored_pairs *suite, struct fs_error *err)
{
    struct fs_suite *base = &suite->scored.base;
    const size_t shape[3] = {base->items, CANDIDATES, base->columns}, items[3] = {base->items};
    suite->target = fs_stored_texts(file, base, "target", err);
    suite->scored.log = fs_stored_read(file, base, "log", FS_ARCHIVE_F64, shape, err);
    suite->pairs.item = fs_allocate(base->items, sizeof *suite->pairs.item, "pairs", err);
    if (suite->target == NULL || suite->scored.log == NULL || suite->pairs.item == NULL) {
        return -1;
    }
    suite->pairs.count = base->items;
    for (size_t i = 0; i < base->items; i++) {
        suite->pairs.item[i] = (struct fs_pair){.category = (char *)base->category[i],
                                                .target = suite->target[i],
                                                .has_counterpart_unrelated = has_fourth(base, i)};
    }
    if (!fs_stored_has(file, base->name, "held_out")) {
        return 0;
    }
    uint8_t *held_out = fs_stored_read(file, base, "held_out", FS_ARCHIVE_U8, items, err);
    suite->held_out = held_out != NULL ? fs_allocate(base->items, sizeof *suite->held_out, "pairs", err) : NULL;
    for (size_t i = 0; suite->held_out != NULL && i < base->items; i++) {
        suite->held_out[i] = held_out[i] != 0;
    }
    free(held_out);
    suite->scored.base.held_out = suite->held_out;
    return suite->held_out != NULL ? 0 : -1;
}

/* How many paraphrases each pair has; they stand in the order of the pairs. */
static int count_paraphrases(struct stored_pairs *suite, const int64_t *pair, struct fs_error *err)
{
    for (size_t i = 0; i < suite->scored.paraphrases; i++) {
        if (pair[i] < 0 || (size_t)pair[i] >= suite->pairs.count || (i > 0 && pair[i] < pair[i - 1])) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "/suites/%s/paraphrase_pair: found %lld at %zu, expected pairs of 0 to %zu in order",
                                suite->scored.base.name, (long long)pair[i], i, suite->pairs.count - 1);
        }
        suite->pairs.item[pair[i]].paraphrases++;
    }
    return 0;
}

static int read_paraphrases(const struct fs_suite_file *file, struct stored_pairs *suite, struct fs_error *err)
{
    struct fs_suite *base = &suite->scored.base;
    if (!fs_stored_has(file, base->name, "paraphrase_pair")) {
        return 0;
    }
    if (fs_stored_count(file, base, "paraphrase_pair", &suite->scored.paraphrases, err) != 0) {
        return -1;
    }
    const size_t one[3] = {suite->scored.paraphrases}, shape[3] = {suite->scored.paraphrases, 2, base->columns};
    int64_t *pair = fs_stored_read(file, base, "paraphrase_pair", FS_ARCHIVE_I64, one, err);
    int status = pair != NULL ? count_paraphrases(suite, pair, err) : -1;
    free(pair);
    if (status != 0) {
        return -1;
    }
    suite->scored.paraphrase_log = fs_stored_read(file, base, "paraphrase_log", FS_ARCHIVE_F64, shape, err);
    suite->scored.paraphrase_skip = fs_stored_read(file, base, "paraphrase_skip", FS_ARCHIVE_U8, one, err);
    if (suite->scored.paraphrase_log == NULL || suite->scored.paraphrase_skip == NULL) {
        return -1;
    }
    return fs_stored_check_skips(file, base, "paraphrase_skip", suite->scored.paraphrase_skip,
                                 suite->scored.paraphrases, err);
}

int fs_restore_pairs(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **result,
                     struct fs_error *err)
{
    struct stored_pairs *suite = fs_allocate(1, sizeof *suite, "pairs", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    suite->scored.base = (struct fs_suite){.operations = &operations, .candidates = CANDIDATES};
    suite->scored.pairs = &suite->pairs;
    if (fs_stored_suite_read(file, kind, &suite->scored.base, err) != 0 || read_items(file, suite, err) != 0 ||
        read_paraphrases(file, suite, err) != 0) {
        fs_suite_destroy(&suite->scored.base);
        return -1;
    }
    *result = &suite->scored.base;
    return 0;
}

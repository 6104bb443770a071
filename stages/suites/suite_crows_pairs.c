/*
 * CrowS-Pairs (Nangia et al. 2020): two sentences that differ in the group words. "crows" 100 x share(P[more] >
 * P[less]), ideal 50; "crows.stereo" and "crows.antistereo" the published shares of either direction, without ties.
 * "crows.likelihood_diff" is the mean of |log P[more] - log P[less]|: lm-evaluation-harness's likelihood_diff
 * (lm_eval/tasks/crows_pairs/utils.py), where the scoring is its sum of log p, sentence.sum.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "stages/suites/selection.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_registry.h"
#include "stages/suites/suite_statements.h"

enum { MORE, LESS, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"sent_more", "sent_less"};

struct crows_pairs {
    struct fs_suite base; /* scores: fs_statement_score */
    enum fs_scoring scoring;
    struct fs_crows_list pairs;
    struct fs_statement (*statement)[CANDIDATES]; /* [pairs] */
    double *log;                                  /* [pairs][CANDIDATES][columns] fs_statement_log */
    size_t *of_direction;                         /* [pairs] clusters of the row that is being made */
};

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct crows_pairs *suite = (struct crows_pairs *)base;
    for (size_t i = 0; i < base->items; i++) {
        struct fs_statement *statement = suite->statement[i];
        fs_statement_release(&statement[MORE]);
        fs_statement_release(&statement[LESS]);
        if (base->unusable[i] != FS_KEPT) {
            fs_statement_skip(&statement[MORE], (enum fs_skip)base->unusable[i]);
            fs_statement_skip(&statement[LESS], (enum fs_skip)base->unusable[i]);
            continue;
        }
        if (fs_suite_begin_item(base, i, plan, err) != 0 ||
            fs_statement_compile_crows(plan, tokenizer, style, suite->scoring, &suite->pairs.item[i], statement, err) !=
                0) {
            return fs_error_prepend(err, "item %s", base->id[i]);
        }
        base->skip[i] = (uint8_t)(statement[MORE].skip != FS_KEPT ? statement[MORE].skip : statement[LESS].skip);
        fs_suite_note(base, i, &statement[MORE]);
        fs_suite_note(base, i, &statement[LESS]);
    }
    return 0;
}

static int allocate(struct fs_suite *base, struct fs_error *err)
{
    struct crows_pairs *suite = (struct crows_pairs *)base;
    free(suite->log);
    suite->log = fs_suite_scores(base, base->items, CANDIDATES, err);
    return suite->log != NULL ? 0 : -1;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    const struct crows_pairs *suite = (const struct crows_pairs *)base;
    (void)err;
    for (size_t i = 0; i < base->items; i++) {
        for (size_t k = 0; k < CANDIDATES; k++) {
            size_t at = fs_suite_at(base, i, k, column);
            base->score[at] = fs_statement_score(&suite->statement[i][k], values, column);
            suite->log[at] = fs_statement_log(&suite->statement[i][k], values, column);
        }
    }
    return 0;
}

/* The columns of the items whose flag is `wanted`, moved to candidates 2 and 3 of the selection, their clusters to
 * `cluster`; their number. */
static size_t take_direction(struct fs_selection *selection, size_t n, bool wanted, size_t *cluster)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (selection->flag[i] == wanted) {
            for (size_t column = 0; column < selection->columns; column++) {
                for (size_t k = 0; k < CANDIDATES; k++) {
                    fs_selected(selection, column, CANDIDATES + k)[kept] = fs_selected(selection, column, k)[i];
                }
            }
            cluster[kept++] = selection->cluster[i];
        }
    }
    return kept;
}

/* Values of the columns: of all pairs (direction 0), of stereo (1) or antistereo (2) ones. */
static int measure(struct fs_suite_rows *rows, struct fs_selection *selection, size_t n, size_t direction,
                   struct fs_error *err)
{
    const struct fs_bootstrap bootstrap = fs_value_bootstrap(rows, fs_selection_bootstrap(selection, rows));
    for (size_t column = 0; column < selection->columns; column++) {
        struct fs_crows_metrics metrics;
        if (fs_metrics_crows(n, fs_selected(selection, column, MORE), fs_selected(selection, column, LESS),
                             selection->flag, &bootstrap, &metrics, err) != 0) {
            return -1;
        }
        selection->value[column] =
            direction == 0 ? metrics.all : (direction == 1 ? metrics.stereo : metrics.antistereo);
    }
    return 0;
}

/* Items of either direction, [0] stereo: their number, and those left out by reason. */
struct directions {
    size_t count[2], skipped[2][FS_SKIP_COUNT];
};

/* Sets the flags of the kept items: antistereo. */
static struct directions count_directions(const struct crows_pairs *suite, const struct fs_selection *selection)
{
    struct directions directions = {0};
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        bool antistereo = suite->pairs.item[item].antistereo;
        uint8_t skip = suite->base.skip[item];
        directions.count[antistereo]++;
        if (skip == FS_KEPT) {
            selection->flag[kept++] = antistereo;
        } else {
            directions.skipped[antistereo][skip]++;
        }
    }
    return directions;
}

static int add_category(const struct fs_suite *base, struct fs_suite_rows *rows, const char *category,
                        struct fs_selection *selection, struct fs_error *err)
{
    static const char *const names[] = {"crows", "crows.stereo", "crows.antistereo"};
    const struct crows_pairs *suite = (const struct crows_pairs *)base;
    const struct directions directions = count_directions(suite, selection);
    size_t n = fs_gather(selection, base->score, CANDIDATES, base->skip);
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (k > 0 && directions.count[k - 1] == 0) {
            continue;
        }
        const struct fs_share_row row = {.text = {base->name, category, "all", names[k], base->scoring},
                                         .a = k == 0 ? MORE : CANDIDATES + MORE,
                                         .b = k == 0 ? LESS : CANDIDATES + LESS,
                                         .n = k == 0 ? n : take_direction(selection, n, k == 2, suite->of_direction),
                                         .without_ties = k > 0,
                                         .value = selection->value,
                                         .skipped = k == 0 ? NULL : directions.skipped[k - 1],
                                         .cluster = k == 0 ? NULL : suite->of_direction};
        if (measure(rows, selection, n, k, err) != 0 || fs_add_share_row(rows, selection, &row, err) != 0) {
            return -1;
        }
    }
    const char *const text[FS_ROW_TEXTS] = {base->name, category, "all", "crows.likelihood_diff", base->scoring};
    if (suite->log == NULL) {
        return 0; /* of a file, which has the scores alone */
    }
    return fs_add_gap_row(rows, selection, text, fs_gather(selection, suite->log, CANDIDATES, base->skip), err);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    return fs_add_category_rows(base, 2 * CANDIDATES, add_category, rows, err);
}

static int write_directions(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct crows_pairs *suite = (const struct crows_pairs *)base;
    uint8_t *antistereo = fs_allocate(base->items, 1, "directions of an archive", err);
    char *path = fs_suite_path(base, "antistereo", err);
    int status = antistereo != NULL && path != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < base->items; i++) {
        antistereo[i] = suite->pairs.item[i].antistereo ? 1 : 0;
    }
    status = status == 0 ? fs_archive_write(archive, path, FS_ARCHIVE_U8, 1, &base->items, antistereo, err) : -1;
    free(antistereo);
    free(path);
    return status;
}

static void release(struct fs_suite *base)
{
    struct crows_pairs *suite = (struct crows_pairs *)base;
    for (size_t i = 0; suite->statement != NULL && i < base->items; i++) {
        fs_statement_release(&suite->statement[i][MORE]);
        fs_statement_release(&suite->statement[i][LESS]);
    }
    free(suite->statement);
    free(suite->log);
    free(suite->of_direction);
    fs_crows_list_release(&suite->pairs);
}

static const struct fs_suite_operations operations = {.compile = compile,
                                                      .allocate = allocate,
                                                      .fold = fold,
                                                      .add_rows = add_rows,
                                                      .write = write_directions,
                                                      .release = release};

/* The pairs of the job's categories, moved to the front; the others are released. */
static void keep_categories(const struct fs_suite_options *options, struct fs_crows_list *pairs)
{
    size_t kept = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        struct fs_crows_pair *pair = &pairs->item[i];
        if (fs_suite_takes(options, pair->category)) {
            pairs->item[kept++] = *pair;
        } else {
            free(pair->id);
            free(pair->category);
            free(pair->more);
            free(pair->less);
        }
    }
    pairs->count = kept;
}

/* The next word at *at, without what is no letter or digit of ASCII at its ends (bytes above 127 are letters); *at goes
 * behind it. A length of 0 at the end of the text. "an" is "a": which of the two stands there, the next word decides. */
static struct fs_text_part next_word(const char **at)
{
    const char *begin = *at + strspn(*at, " \t\r\n"), *end = begin + strcspn(begin, " \t\r\n");
    *at = end;
    while (begin < end && (unsigned char)*begin < 128 && !isalnum((unsigned char)*begin)) {
        begin++;
    }
    while (end > begin && (unsigned char)end[-1] < 128 && !isalnum((unsigned char)end[-1])) {
        end--;
    }
    size_t length = (size_t)(end - begin);
    return (struct fs_text_part){begin, length == 2 && strncasecmp(begin, "an", 2) == 0 ? 1 : length};
}

/* By length and ASCII case-blind bytes. */
static int compare_words(struct fs_text_part one, struct fs_text_part other)
{
    int by = (one.length > other.length) - (one.length < other.length);
    return by != 0 ? by : strncasecmp(one.text, other.text, one.length);
}

/* The cluster of a pair: the first two words in which its sentences differ, whichever is whose. One where each sentence
 * is a single word, as in scripts without blanks, is by itself. */
static int set_group(struct crows_pairs *suite, size_t item, struct fs_error *err)
{
    const char *more = suite->pairs.item[item].more, *less = suite->pairs.item[item].less;
    struct fs_text_part one, other;
    bool first = true, alone = false;
    do {
        one = next_word(&more);
        other = next_word(&less);
        alone = first && *more == '\0' && *less == '\0';
        first = false;
    } while (compare_words(one, other) == 0 && (*more != '\0' || *less != '\0'));
    int order = compare_words(one, other);
    if (alone || order == 0) {
        return 0;
    }
    char *group = NULL;
    const struct fs_text_part *least = order < 0 ? &one : &other, *most = order < 0 ? &other : &one;
    int length = asprintf(&group, "%.*s/%.*s", (int)least->length, least->text, (int)most->length, most->text);
    if (length < 0) {
        return fs_error_memory(err, one.length + other.length, "the groups of a pair");
    }
    int status = fs_suite_set_cluster(&suite->base, item, group, (size_t)length, err);
    free(group);
    return status;
}

static int create(struct crows_pairs *suite, const struct fs_suite_options *options, struct fs_error *err)
{
    if (fs_scoring_parse(options->scoring, options->kind, &suite->scoring, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return -1;
    }
    suite->base.scoring = fs_scoring_name(suite->scoring);
    suite->base.items = suite->pairs.count;
    suite->statement = fs_allocate(suite->pairs.count, sizeof *suite->statement, "CrowS-Pairs", err);
    suite->of_direction = fs_allocate(suite->pairs.count, sizeof *suite->of_direction, "CrowS-Pairs", err);
    if (suite->statement == NULL || suite->of_direction == NULL || fs_suite_create(&suite->base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < suite->pairs.count; i++) {
        suite->base.id[i] = suite->pairs.item[i].id;
        suite->base.category[i] = suite->pairs.item[i].category;
        suite->base.unusable[i] = (uint8_t)suite->pairs.item[i].skip;
        if (suite->pairs.item[i].skip == FS_KEPT && set_group(suite, i, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int open_crows_pairs(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                            struct fs_error *err)
{
    *result = NULL;
    struct crows_pairs *suite = fs_allocate(1, sizeof *suite, "CrowS-Pairs", err);
    if (suite == NULL) {
        return -1;
    }
    suite->base = (struct fs_suite){.operations = &operations,
                                    .name = "crows_pairs",
                                    .unit = "score",
                                    .cluster_kind = "words that differ",
                                    .candidates = CANDIDATES,
                                    .candidate = candidates};
    int status = fs_crows_read(path, NULL, &suite->pairs, err);
    if (status == 0) {
        suite->base.report = suite->pairs.report;
        keep_categories(options, &suite->pairs);
    }
    if (status == 0 && suite->pairs.count > 0) {
        status = create(suite, options, err);
        *result = status == 0 ? &suite->base : NULL;
    }
    if (*result == NULL) {
        fs_suite_destroy(&suite->base);
    }
    return status;
}

static int read_directions(const struct fs_suite_file *file, struct crows_pairs *suite, struct fs_error *err)
{
    const size_t shape[3] = {suite->base.items};
    uint8_t *antistereo = fs_stored_read(file, &suite->base, "antistereo", FS_ARCHIVE_U8, shape, err);
    suite->pairs.item = fs_allocate(suite->base.items, sizeof *suite->pairs.item, "CrowS-Pairs", err);
    suite->of_direction = fs_allocate(suite->base.items, sizeof *suite->of_direction, "CrowS-Pairs", err);
    bool made = antistereo != NULL && suite->pairs.item != NULL && suite->of_direction != NULL;
    for (size_t i = 0; made && i < suite->base.items; i++) {
        suite->pairs.item[i].antistereo = antistereo[i] != 0;
    }
    suite->pairs.count = made ? suite->base.items : 0;
    free(antistereo);
    return made ? 0 : -1;
}

static int restore(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **result,
                   struct fs_error *err)
{
    struct crows_pairs *suite = fs_allocate(1, sizeof *suite, "CrowS-Pairs", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    suite->base = (struct fs_suite){.operations = &operations, .candidates = CANDIDATES};
    if (fs_stored_suite_read(file, kind, &suite->base, err) != 0 || read_directions(file, suite, err) != 0) {
        fs_suite_destroy(&suite->base);
        return -1;
    }
    *result = &suite->base;
    return 0;
}

const struct fs_suite_kind fs_suite_crows_pairs = {.name = "crows_pairs",
                                                   .key = "crows_pairs",
                                                   .about =
                                                       "two sentences that differ in the group, one more stereotyping",
                                                   .data = "CrowS-Pairs' csv file, measured, never trained on",
                                                   .headlines = "crows",
                                                   .scoring_key = "crows_pairs",
                                                   .masked = "pll.unmodified",
                                                   .causal = "sentence.sum",
                                                   .scorings = "pll.unmodified|pll.modified|sentence.mean|sentence.sum",
                                                   .scoring = "P[k] of CrowS-Pairs' sentences",
                                                   .compares_layers = true,
                                                   .open = open_crows_pairs,
                                                   .restore = restore};

/*
 * Pairs that are measured and never edited: StereoSet's intrasentence items where BiasKE's are edited, BiasKE's where
 * StereoSet's are, StereoSet's intersentence items (sentence given context: object.mean for causal models, pll.given
 * for masked ones), and StereoSet items with synonyms. Rows as those of edited pairs (pair_rows.h), all in subset
 * "all".
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stages/suites/pair_rows.h"
#include "stages/suites/suite_registry.h"

static const char *const candidates[] = {"stereotype", "anti-stereotype", "unrelated", "unrelated counterpart"};
enum { CANDIDATES = 4 };

struct pair_suite {
    struct fs_suite base; /* scores: fs_statement_score */
    enum fs_scoring scoring;
    struct fs_pair_list pairs;
    size_t paraphrases;
    struct fs_statement (*statement)[CANDIDATES]; /* [pairs] */
    struct fs_statement (*paraphrase)[2];         /* [paraphrases] */
    double *log;                                  /* [pairs][4][2] */
    double *paraphrase_log;                       /* [paraphrases][2][2] */
    uint8_t *paraphrase_skip;                     /* [paraphrases] */
};

static size_t candidates_of(const struct fs_pair *pair)
{
    return pair->has_counterpart_unrelated ? CANDIDATES : CANDIDATES - 1;
}

static int compile_pair(struct pair_suite *suite, size_t item, size_t *paraphrase, struct fs_plan *plan,
                        const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style, struct fs_error *err)
{
    const struct fs_pair *pair = &suite->pairs.item[item];
    for (size_t k = 0; k < candidates_of(pair); k++) {
        struct fs_statement *statement = &suite->statement[item][k];
        if (fs_statement_compile(plan, tokenizer, style, suite->scoring, &pair->statement[k], statement, err) != 0) {
            return -1;
        }
        if (suite->base.skip[item] == FS_KEPT) {
            suite->base.skip[item] = (uint8_t)statement->skip;
        }
    }
    for (size_t k = 0; k < pair->paraphrases; k++, (*paraphrase)++) {
        for (size_t side = 0; side < 2; side++) {
            struct fs_statement *statement = &suite->paraphrase[*paraphrase][side];
            if (fs_statement_compile(plan, tokenizer, style, suite->scoring, &pair->paraphrase[k][side], statement,
                                     err) != 0) {
                return -1;
            }
            if (suite->paraphrase_skip[*paraphrase] == FS_KEPT) {
                suite->paraphrase_skip[*paraphrase] = (uint8_t)statement->skip;
            }
        }
    }
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    size_t paraphrase = 0;
    for (size_t item = 0; item < base->items; item++) {
        if (compile_pair(suite, item, &paraphrase, plan, tokenizer, style, err) != 0) {
            return fs_error_prepend(err, "item %s", base->id[item]);
        }
    }
    return 0;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t model, struct fs_error *err)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    (void)err;
    for (size_t item = 0; item < base->items; item++) {
        for (size_t k = 0; k < candidates_of(&suite->pairs.item[item]); k++) {
            size_t at = fs_suite_at(base, item, k, model);
            base->score[at] = fs_statement_score(&suite->statement[item][k], values->read, model);
            suite->log[at] = fs_statement_log(&suite->statement[item][k], values->read, model);
        }
    }
    for (size_t i = 0; i < 2 * suite->paraphrases; i++) {
        suite->paraphrase_log[2 * i + model] = fs_statement_log(&suite->paraphrase[i / 2][i % 2], values->read, model);
    }
    return 0;
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct pair_suite *suite = (const struct pair_suite *)base;
    const struct fs_scored_pairs scored = {
        base->name, base->scoring,         &suite->pairs, NULL, base->score, suite->log, suite->paraphrase_log,
        base->skip, suite->paraphrase_skip};
    return fs_add_pair_rows(rows, &scored, err);
}

static void release(struct fs_suite *base)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    for (size_t i = 0; suite->statement != NULL && i < base->items * CANDIDATES; i++) {
        fs_statement_release(&suite->statement[i / CANDIDATES][i % CANDIDATES]);
    }
    for (size_t i = 0; suite->paraphrase != NULL && i < 2 * suite->paraphrases; i++) {
        fs_statement_release(&suite->paraphrase[i / 2][i % 2]);
    }
    free(suite->statement);
    free(suite->paraphrase);
    free(suite->log);
    free(suite->paraphrase_log);
    free(suite->paraphrase_skip);
    fs_pair_list_release(&suite->pairs);
}

/* paraphrase_pair (item), paraphrase_skip, paraphrase_log below the suite's group, where there are paraphrases. */
static int write_paraphrases(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct pair_suite *suite = (const struct pair_suite *)base;
    const size_t count = suite->paraphrases, shape[3] = {count, 2, 2};
    char name[3][80];
    static const char *const what[3] = {"pair", "skip", "log"};
    if (count == 0) {
        return 0;
    }
    int64_t *pair = fs_allocate(count, sizeof *pair, "paraphrases of an archive", err);
    if (pair == NULL) {
        return -1;
    }
    for (size_t i = 0, next = 0; i < base->items; i++) {
        for (size_t k = 0; k < suite->pairs.item[i].paraphrases; k++) {
            pair[next++] = (int64_t)i;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(name[i], sizeof name[i], "/suites/%.40s/paraphrase_%s", base->name, what[i]);
    }
    int status =
        fs_archive_write(archive, name[0], FS_ARCHIVE_I64, 1, shape, pair, err) == 0 &&
                fs_archive_write(archive, name[1], FS_ARCHIVE_U8, 1, shape, suite->paraphrase_skip, err) == 0 &&
                fs_archive_write(archive, name[2], FS_ARCHIVE_F64, 3, shape, suite->paraphrase_log, err) == 0
            ? 0
            : -1;
    free(pair);
    return status;
}

static const struct fs_suite_operations operations = {compile, fold, add_rows, write_paraphrases, release};

static int allocate(struct pair_suite *suite, struct fs_error *err)
{
    size_t pairs = suite->pairs.count;
    suite->base.items = pairs;
    for (size_t i = 0; i < pairs; i++) {
        suite->paraphrases += suite->pairs.item[i].paraphrases;
    }
    suite->statement = fs_allocate(pairs, sizeof *suite->statement, "statements", err);
    suite->paraphrase = fs_allocate(suite->paraphrases, sizeof *suite->paraphrase, "statements", err);
    suite->log = fs_allocate(pairs, CANDIDATES * 2 * sizeof *suite->log, "scores", err);
    suite->paraphrase_log = fs_allocate(suite->paraphrases, 4 * sizeof *suite->paraphrase_log, "scores", err);
    suite->paraphrase_skip = fs_allocate(suite->paraphrases, 1, "scores", err);
    if (suite->statement == NULL || suite->paraphrase == NULL || suite->log == NULL || suite->paraphrase_log == NULL ||
        suite->paraphrase_skip == NULL || fs_suite_create(&suite->base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < pairs; i++) {
        suite->base.id[i] = suite->pairs.item[i].id;
        suite->base.category[i] = suite->pairs.item[i].category;
    }
    for (size_t i = 0; i < pairs * CANDIDATES * 2; i++) {
        suite->log[i] = NAN; /* what is not there, and the stamped model where there is none */
    }
    for (size_t i = 0; i < suite->paraphrases * 4; i++) {
        suite->paraphrase_log[i] = NAN;
    }
    return 0;
}

/* Takes `pairs` over, also on failure. No suite where they are none. */
static int make(const char *name, const char *scoring, struct fs_pair_list *pairs,
                const struct fs_suite_options *options, struct fs_suite **result, struct fs_error *err)
{
    struct pair_suite *suite = pairs->count > 0 ? fs_allocate(1, sizeof *suite, "pairs", err) : NULL;
    *result = NULL;
    if (suite == NULL) {
        int status = pairs->count > 0 ? -1 : 0;
        fs_pair_list_release(pairs);
        return status;
    }
    suite->pairs = *pairs;
    *pairs = (struct fs_pair_list){0, NULL};
    suite->base = (struct fs_suite){
        .operations = &operations, .name = name, .unit = "score", .candidates = CANDIDATES, .candidate = candidates};
    int status = fs_scoring_parse(scoring, options->kind, &suite->scoring, err);
    if (status == 0) {
        suite->base.scoring = fs_scoring_name(suite->scoring);
        status = allocate(suite, err);
    } else {
        err->code = FS_EXIT_CONFIG;
    }
    if (status != 0) {
        fs_suite_destroy(&suite->base);
        return -1;
    }
    *result = &suite->base;
    return 0;
}

int fs_suite_stereoset(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                       struct fs_error *err)
{
    struct fs_pair_list pairs;
    return fs_stereoset_read(path, NULL, &pairs, err) == 0 && fs_suite_keep_categories(options, &pairs, err) == 0
               ? make("stereoset", options->scoring, &pairs, options, suite, err)
               : -1;
}

int fs_suite_stereoset_intersentence(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                                     struct fs_error *err)
{
    struct fs_pair_list pairs;
    const char *scoring = options->kind == FS_MASKED ? "pll.given" : "object.mean";
    return fs_stereoset_read_intersentence(path, NULL, &pairs, err) == 0 &&
                   fs_suite_keep_categories(options, &pairs, err) == 0
               ? make("stereoset_intersentence", scoring, &pairs, options, suite, err)
               : -1;
}

int fs_suite_stereoset_synonyms(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                                struct fs_error *err)
{
    struct fs_pair_list pairs;
    return fs_stereoset_read_synonyms(path, &pairs, err) == 0 && fs_suite_keep_categories(options, &pairs, err) == 0
               ? make("stereoset_synonyms", options->scoring, &pairs, options, suite, err)
               : -1;
}

int fs_suite_biaske(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                    struct fs_error *err)
{
    struct fs_pair_list pairs;
    struct fs_fact_list facts;
    if (fs_biaske_read(path, NULL, &pairs, &facts, err) != 0) {
        return -1;
    }
    fs_fact_list_release(&facts); /* the job measures them beside the edited pairs */
    return fs_suite_keep_categories(options, &pairs, err) == 0
               ? make("biaske", options->scoring, &pairs, options, suite, err)
               : -1;
}

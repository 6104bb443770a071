/*
 * Suites of pairs: StereoSet's intrasentence items, BiasKE's, StereoSet's intersentence items (sentence given context),
 * and StereoSet items with synonyms. Those that a job edits
 * have rows for the edited and the held-out ones apart; those that are only measured, in subset "all" alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/pair_rows.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_registry.h"

static const char *const candidates[] = {"stereotype", "anti-stereotype", "unrelated", "unrelated counterpart"};
enum { CANDIDATES = 4 };

struct pair_suite {
    struct fs_pair_suite scored; /* scores: fs_statement_score; pairs: `own`, or the job's edited ones */
    enum fs_scoring scoring;
    struct fs_pair_list own;
    struct fs_statement (*statement)[CANDIDATES]; /* [pairs] */
    struct fs_statement (*paraphrase)[2];         /* [paraphrases] */
};

static size_t candidates_of(const struct fs_pair *pair)
{
    return pair->has_counterpart_unrelated ? CANDIDATES : CANDIDATES - 1;
}

static int compile_pair(struct pair_suite *suite, size_t item, size_t *paraphrase, struct fs_plan *plan,
                        const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style, struct fs_error *err)
{
    const struct fs_pair *pair = &suite->scored.pairs->item[item];
    for (size_t k = 0; k < candidates_of(pair); k++) {
        struct fs_statement *statement = &suite->statement[item][k];
        fs_statement_release(statement);
        if (pair->skip != FS_KEPT) {
            fs_statement_skip(statement, pair->skip);
            continue;
        }
        if (fs_statement_compile(plan, tokenizer, style, suite->scoring, &pair->statement[k], statement, err) != 0) {
            return -1;
        }
        if (suite->scored.base.skip[item] == FS_KEPT) {
            suite->scored.base.skip[item] = (uint8_t)statement->skip;
        }
        fs_suite_note(&suite->scored.base, item, statement);
    }
    for (size_t k = 0; k < pair->paraphrases; k++, (*paraphrase)++) {
        for (size_t side = 0; side < 2; side++) {
            struct fs_statement *statement = &suite->paraphrase[*paraphrase][side];
            fs_statement_release(statement);
            if (pair->skip != FS_KEPT) {
                fs_statement_skip(statement, pair->skip);
                suite->scored.paraphrase_skip[*paraphrase] = (uint8_t)pair->skip;
                continue;
            }
            if (fs_statement_compile(plan, tokenizer, style, suite->scoring, &pair->paraphrase[k][side], statement,
                                     err) != 0) {
                return -1;
            }
            if (suite->scored.paraphrase_skip[*paraphrase] == FS_KEPT) {
                suite->scored.paraphrase_skip[*paraphrase] = (uint8_t)statement->skip;
            }
            fs_suite_note(&suite->scored.base, item, statement);
        }
    }
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    size_t paraphrase = 0;
    memset(suite->scored.paraphrase_skip, 0, suite->scored.paraphrases);
    for (size_t item = 0; item < base->items; item++) {
        if (fs_suite_begin_item(base, item, plan, err) != 0 ||
            compile_pair(suite, item, &paraphrase, plan, tokenizer, style, err) != 0) {
            return fs_error_prepend(err, "item %s", base->id[item]);
        }
    }
    return 0;
}

static int allocate_scores(struct fs_suite *base, struct fs_error *err)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    free(suite->scored.log);
    free(suite->scored.paraphrase_log);
    suite->scored.log = fs_suite_scores(base, base->items, CANDIDATES, err);
    suite->scored.paraphrase_log = fs_suite_scores(base, suite->scored.paraphrases, 2, err);
    return suite->scored.log != NULL && suite->scored.paraphrase_log != NULL ? 0 : -1;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    (void)err;
    for (size_t item = 0; item < base->items; item++) {
        for (size_t k = 0; k < candidates_of(&suite->scored.pairs->item[item]); k++) {
            size_t at = fs_suite_at(base, item, k, column);
            base->score[at] = fs_statement_score(&suite->statement[item][k], values, column);
            suite->scored.log[at] = fs_statement_log(&suite->statement[item][k], values, column);
        }
    }
    for (size_t i = 0; i < 2 * suite->scored.paraphrases; i++) {
        suite->scored.paraphrase_log[base->columns * i + column] =
            fs_statement_log(&suite->paraphrase[i / 2][i % 2], values, column);
    }
    return 0;
}

static void release(struct fs_suite *base)
{
    struct pair_suite *suite = (struct pair_suite *)base;
    for (size_t i = 0; suite->statement != NULL && i < base->items * CANDIDATES; i++) {
        fs_statement_release(&suite->statement[i / CANDIDATES][i % CANDIDATES]);
    }
    for (size_t i = 0; suite->paraphrase != NULL && i < 2 * suite->scored.paraphrases; i++) {
        fs_statement_release(&suite->paraphrase[i / 2][i % 2]);
    }
    free(suite->statement);
    free(suite->paraphrase);
    fs_pair_suite_release(&suite->scored);
    fs_pair_list_release(&suite->own);
}

/* An array that the suite writes. */
struct dataset {
    const char *name;
    enum fs_archive_type type;
    size_t dimensions;
    const size_t *shape; /* [dimensions] */
    const void *data;
};

static int write_dataset(const struct fs_suite *base, const struct dataset *dataset, struct fs_archive *archive,
                         struct fs_error *err)
{
    char *path = fs_suite_path(base, dataset->name, err);
    int status = path != NULL ? fs_archive_write(archive, path, dataset->type, dataset->dimensions, dataset->shape,
                                                 dataset->data, err)
                              : -1;
    free(path);
    return status;
}

static int write_paraphrases(const struct pair_suite *suite, struct fs_archive *archive, struct fs_error *err)
{
    const struct fs_suite *base = &suite->scored.base;
    const size_t count = suite->scored.paraphrases, shape[3] = {count, 2, base->columns};
    if (count == 0) {
        return 0;
    }
    int64_t *pair = fs_allocate(count, sizeof *pair, "paraphrases of an archive", err);
    if (pair == NULL) {
        return -1;
    }
    for (size_t i = 0, next = 0; i < base->items; i++) {
        for (size_t k = 0; k < suite->scored.pairs->item[i].paraphrases; k++) {
            pair[next++] = (int64_t)i;
        }
    }
    const struct dataset datasets[] = {
        {"paraphrase_pair", FS_ARCHIVE_I64, 1, shape, pair},
        {"paraphrase_skip", FS_ARCHIVE_U8, 1, shape, suite->scored.paraphrase_skip},
        {"paraphrase_log", FS_ARCHIVE_F64, 3, shape, suite->scored.paraphrase_log},
    };
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof datasets / sizeof *datasets; i++) {
        status = write_dataset(base, &datasets[i], archive, err);
    }
    free(pair);
    return status;
}

/* target, log; paraphrase_pair (item), paraphrase_skip, paraphrase_log where there are paraphrases. */
static int write(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct pair_suite *suite = (const struct pair_suite *)base;
    const size_t shape[3] = {base->items, CANDIDATES, base->columns};
    const struct dataset log = {"log", FS_ARCHIVE_F64, 3, shape, suite->scored.log};
    const char **target = fs_allocate(base->items, sizeof *target, "texts of an archive", err);
    char *path = fs_suite_path(base, "target", err);
    int status = target != NULL && path != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < base->items; i++) {
        target[i] = suite->scored.pairs->item[i].target;
    }
    status = status == 0 && fs_archive_write_texts(archive, path, base->items, target, err) == 0 &&
                     write_dataset(base, &log, archive, err) == 0
                 ? write_paraphrases(suite, archive, err)
                 : -1;
    free(target);
    free(path);
    return status;
}

static const struct fs_suite_operations operations = {.compile = compile,
                                                      .allocate = allocate_scores,
                                                      .fold = fold,
                                                      .add_rows = fs_pair_suite_add_rows,
                                                      .write = write,
                                                      .release = release};

static int allocate(struct pair_suite *suite, struct fs_error *err)
{
    size_t pairs = suite->scored.pairs->count;
    suite->scored.base.items = pairs;
    for (size_t i = 0; i < pairs; i++) {
        suite->scored.paraphrases += suite->scored.pairs->item[i].paraphrases;
    }
    suite->statement = fs_allocate(pairs, sizeof *suite->statement, "statements", err);
    suite->paraphrase = fs_allocate(suite->scored.paraphrases, sizeof *suite->paraphrase, "statements", err);
    suite->scored.paraphrase_skip = fs_allocate(suite->scored.paraphrases, 1, "scores", err);
    if (suite->statement == NULL || suite->paraphrase == NULL || suite->scored.paraphrase_skip == NULL ||
        fs_suite_create(&suite->scored.base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < pairs; i++) {
        suite->scored.base.id[i] = suite->scored.pairs->item[i].id;
        suite->scored.base.category[i] = suite->scored.pairs->item[i].category;
        suite->scored.base.unusable[i] = (uint8_t)suite->scored.pairs->item[i].skip;
        const char *target = suite->scored.pairs->item[i].target;
        if (fs_suite_set_cluster(&suite->scored.base, i, target, strlen(target), err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Takes `own` over, also on failure; where the options have edited pairs, those are the suite's. No suite where there are
 * no pairs. */
static int make(const char *name, const char *scoring, struct fs_pair_list *own, const struct fs_suite_options *options,
                struct fs_suite **result, struct fs_error *err)
{
    const struct fs_pair_list *pairs = options->edited != NULL ? options->edited : own;
    struct pair_suite *suite = pairs->count > 0 ? fs_allocate(1, sizeof *suite, "pairs", err) : NULL;
    *result = NULL;
    if (suite == NULL) {
        int status = pairs->count > 0 ? -1 : 0;
        fs_pair_list_release(own);
        return status;
    }
    suite->own = *own;
    *own = (struct fs_pair_list){0};
    suite->scored.pairs = options->edited != NULL ? options->edited : &suite->own;
    suite->scored.base = (struct fs_suite){.operations = &operations,
                                           .name = name,
                                           .unit = "score",
                                           .cluster_kind = "target term",
                                           .held_out = options->edited != NULL ? options->held_out : NULL,
                                           .report = suite->own.report,
                                           .candidates = CANDIDATES,
                                           .candidate = candidates};
    int status = fs_scoring_parse(scoring, options->kind, &suite->scoring, err);
    if (status == 0) {
        suite->scored.base.scoring = fs_scoring_name(suite->scoring);
        status = allocate(suite, err);
    } else {
        err->code = FS_EXIT_CONFIG;
    }
    if (status != 0) {
        fs_suite_destroy(&suite->scored.base);
        return -1;
    }
    *result = &suite->scored.base;
    return 0;
}

/* StereoSet's layout of predictions: a score of each sentence; what the edits give it stands beside. */
static void add_intrasentence(const struct fs_suite *base, const struct fs_results *results, cJSON *json)
{
    const struct pair_suite *suite = (const struct pair_suite *)base;
    cJSON *list = cJSON_AddArrayToObject(json, "intrasentence");
    for (size_t i = 0; i < base->items * (CANDIDATES - 1); i++) {
        size_t item = i / (CANDIDATES - 1), candidate = i % (CANDIDATES - 1);
        const double *score = &base->score[fs_suite_at(base, item, candidate, 0)];
        if (!isfinite(score[0])) {
            continue; /* skipped items have no score to be read elsewhere */
        }
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "id", suite->scored.pairs->item[item].statement[candidate].id);
        cJSON_AddNumberToObject(entry, "score", score[0]);
        for (size_t c = 1; c < base->columns; c++) {
            cJSON_AddItemToObject(entry, results->column[c],
                                  isfinite(score[c]) ? cJSON_CreateNumber(score[c]) : cJSON_CreateNull());
        }
        cJSON_AddItemToArray(list, entry);
    }
}

static int read_stereoset(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                          struct fs_error *err)
{
    return fs_stereoset_read(path, categories, pairs, err);
}

static int read_biaske(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                       struct fs_error *err)
{
    struct fs_fact_list facts; /* a suite of their own */
    if (fs_biaske_read(path, categories, pairs, &facts, err) != 0) {
        return -1;
    }
    fs_fact_list_release(&facts);
    return 0;
}

static int open_stereoset(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                          struct fs_error *err)
{
    struct fs_pair_list pairs = {0};
    return options->edited != NULL ||
                   (read_stereoset(path, NULL, &pairs, err) == 0 && fs_suite_keep_categories(options, &pairs, err) == 0)
               ? make("stereoset", options->scoring, &pairs, options, suite, err)
               : -1;
}

static int open_biaske(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                       struct fs_error *err)
{
    struct fs_pair_list pairs = {0};
    return options->edited != NULL ||
                   (read_biaske(path, NULL, &pairs, err) == 0 && fs_suite_keep_categories(options, &pairs, err) == 0)
               ? make("biaske", options->scoring, &pairs, options, suite, err)
               : -1;
}

static int open_stereoset_intersentence(const char *path, const struct fs_suite_options *options,
                                        struct fs_suite **suite, struct fs_error *err)
{
    struct fs_pair_list pairs;
    return fs_stereoset_read_intersentence(path, NULL, &pairs, err) == 0 &&
                   fs_suite_keep_categories(options, &pairs, err) == 0
               ? make("stereoset_intersentence", options->scoring, &pairs, options, suite, err)
               : -1;
}

static int open_stereoset_synonyms(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                                   struct fs_error *err)
{
    struct fs_pair_list pairs;
    return fs_stereoset_read_synonyms(path, &pairs, err) == 0 && fs_suite_keep_categories(options, &pairs, err) == 0
               ? make("stereoset_synonyms", options->scoring, &pairs, options, suite, err)
               : -1;
}

const struct fs_suite_kind fs_suite_stereoset = {
    .name = "stereoset",
    .key = "stereoset",
    .about = "a stereotype, an anti-stereotype and an unrelated word in one sentence",
    .data = "StereoSet's JSON file: its intrasentence items; data of a suite with pairs is needed, for those to trace, "
            "edit and measure",
    .scoring_key = "stereoset",
    .masked = "target.prob",
    .causal = "sentence.mean",
    .scorings = "target.prob|target.logprob|sentence.mean|sentence.sum|object.mean",
    .scoring = "P[k] of StereoSet's statements",
    .given_scores = true,
    .open = open_stereoset,
    .restore = fs_restore_pairs,
    .predictions = add_intrasentence,
    .read_pairs = read_stereoset};

const struct fs_suite_kind fs_suite_biaske = {
    .name = "biaske",
    .key = "biaske",
    .about = "pairs of a stereotype and its counterpart, paraphrases (PS), facts that differ between groups (DS, RS)",
    .data = "BiasKE's JSON file, or a folder of such files: pairs, with their paraphrases and facts for PS, DS and RS",
    .scoring_key = "biaske",
    .masked = "target.prob",
    .causal = "object.mean",
    .scorings = "target.prob|target.logprob|sentence.mean|sentence.sum|object.mean",
    .scoring = "P[k] of BiasKE's pairs, paraphrases and facts",
    .open = open_biaske,
    .restore = fs_restore_pairs,
    .read_pairs = read_biaske};

const struct fs_suite_kind fs_suite_stereoset_intersentence = {
    .name = "stereoset_intersentence",
    .key = "stereoset_intersentence",
    .about = "a sentence that follows a context",
    .data = "StereoSet's JSON file: its intersentence items are measured",
    .scoring_key = "stereoset_intersentence",
    .masked = "pll.given",
    .causal = "object.mean.stop",
    .scorings = "pll.given|object.mean.stop|object.mean",
    .scoring = "P[k] of a sentence given its context; object.mean.stop ends a context without a full stop with one, as "
               "StereoSet's own scorer",
    .open = open_stereoset_intersentence,
    .restore = fs_restore_pairs};

const struct fs_suite_kind fs_suite_stereoset_synonyms = {
    .name = "stereoset_synonyms",
    .key = "stereoset_synonyms",
    .about = "StereoSet with other words for the groups",
    .data = "StereoSet items with synonyms (EditBias layout), a file or folder, measured",
    .scoring_key = "stereoset",
    .masked = "target.prob",
    .causal = "sentence.mean",
    .open = open_stereoset_synonyms,
    .restore = fs_restore_pairs};

/*
 * BLiMP (Warstadt et al. 2020; alexwarstadt/blimp): pairs of sentences of which one is grammatical. A statement is a
 * sentence:
 *
 *   sentence.sum  causal  with a blank before it, as lm-evaluation-harness has it (lm_eval/tasks/blimp)
 *   pll.sum       masked  pseudo-log-likelihood (Salazar et al. 2020)
 *
 * Of each paradigm (UID) the first suite_items pairs. Rows, of category none, all 100 x share(P[good] > P[bad]), ideal 100:
 * "accuracy" over all pairs, "accuracy.macro" the mean over paradigms, then by phenomenon (linguistics_term) and by
 * paradigm. Intervals resample pairs: the paradigms are all there are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/record_items.h"
#include "stages/metrics/labels.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_parts.h"
#include "stages/suites/suite_statements.h"

enum { GOOD, BAD, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"good", "bad"};
static const char *const keys[] = {"sentence_good", "sentence_bad", NULL};

struct pair {
    char *sentence[CANDIDATES]; /* NULL where the record cannot be used */
    size_t paradigm, phenomenon, number;
    uint8_t unusable;
};

/* How items are parted: by what, into what, and the part of each. */
struct parting {
    struct fs_parts parts;
    size_t *of; /* [items] */
};

struct blimp {
    struct fs_statement_suite base;
    struct parting paradigm, phenomenon;

    /* while the data are read */
    size_t most; /* of a paradigm; 0: all */
    struct pair *pair;
    size_t pairs, room;
};

static int read_pair(struct blimp *suite, struct pair *pair, const struct fs_record *record, enum fs_skip *reason,
                     struct fs_error *err)
{
    const char *text;
    if (fs_record_name(record, "linguistics_term", &text, reason, err) != 0 ||
        fs_parts_find(&suite->phenomenon.parts, text, record, "linguistics_term", &pair->phenomenon, err) != 0) {
        return -1;
    }
    for (size_t k = 0; k < CANDIDATES; k++) {
        if (fs_record_text(record, keys[k], &text, reason, err) != 0) {
            return -1;
        }
        pair->sentence[k] = strdup(text);
        if (pair->sentence[k] == NULL) {
            return fs_error_memory(err, strlen(text), "a sentence of BLiMP");
        }
    }
    if (strcmp(pair->sentence[GOOD], pair->sentence[BAD]) == 0) {
        *reason = FS_SKIP_NO_DIFFERENCE;
        return fs_json_wrong(record->document, record->place, keys[BAD], "the text of sentence_good",
                             "another sentence", err);
    }
    return 0;
}

static int take(void *context, const struct fs_record *record, enum fs_skip *reason, struct fs_error *err)
{
    struct blimp *suite = context;
    const char *name;
    size_t paradigm;
    if (fs_grow(&suite->pair, &suite->room, suite->pairs + 1, sizeof *suite->pair, "pairs of BLiMP", err) != 0) {
        return -1;
    }
    struct pair *pair = &suite->pair[suite->pairs];
    *pair = (struct pair){.paradigm = SIZE_MAX, .phenomenon = SIZE_MAX};
    bool named = fs_record_name(record, "UID", &name, reason, err) == 0;
    if (named && fs_parts_find(&suite->paradigm.parts, name, record, "UID", &paradigm, err) != 0) {
        return -1;
    }
    if (named && suite->most > 0 && suite->paradigm.parts.items[paradigm] == suite->most) {
        return 0;
    }
    suite->pairs++;
    suite->base.suite.report.items++;
    if (named) {
        pair->paradigm = paradigm;
        pair->number = suite->paradigm.parts.items[paradigm]++;
    }
    int status = named ? read_pair(suite, pair, record, reason, err) : -1;
    pair->unusable = (uint8_t)*reason;
    return status;
}

static int set_pair(struct blimp *suite, size_t item, struct fs_error *err)
{
    const struct pair *pair = &suite->pair[item];
    struct fs_suite *base = &suite->base.suite;
    bool masked = suite->base.scoring == FS_PLL_SUM;
    const char *paradigm = pair->paradigm != SIZE_MAX ? suite->paradigm.parts.name[pair->paradigm] : "?";
    char *id;
    if (asprintf(&id, "%s/%zu", paradigm, pair->number) < 0) {
        return fs_error_memory(err, strlen(paradigm), "an id");
    }
    base->id[item] = fs_statement_suite_keep(&suite->base, id, strlen(id), err);
    free(id);
    base->category[item] = "none";
    base->unusable[item] = pair->unusable;
    suite->paradigm.of[item] = pair->paradigm;
    suite->phenomenon.of[item] = pair->phenomenon;
    int status = base->id[item] != NULL ? 0 : -1;
    for (size_t k = 0; status == 0 && pair->unusable == FS_KEPT && k < CANDIDATES; k++) {
        char *text;
        if (asprintf(&text, "%s%s", masked ? "" : " ", pair->sentence[k]) < 0) {
            return fs_error_memory(err, strlen(pair->sentence[k]), "a sentence of BLiMP");
        }
        const struct fs_candidate_text parts = {{"", 0}, {text, strlen(text)}, {"", 0}};
        status = fs_statement_suite_set(&suite->base, item, k, &parts, err);
        free(text);
    }
    return status;
}

static void release_pairs(struct blimp *suite)
{
    for (size_t i = 0; i < suite->pairs; i++) {
        free(suite->pair[i].sentence[GOOD]);
        free(suite->pair[i].sentence[BAD]);
    }
    free(suite->pair);
    suite->pair = NULL;
    suite->pairs = 0;
}

static int read_pairs(struct blimp *suite, const char *path, enum fs_scoring scoring, struct fs_error *err)
{
    static const struct fs_record_kind kind = {.keys = keys};
    struct fs_suite *base = &suite->base.suite;
    const struct fs_record_taker taker = {&kind, take, suite};
    if (fs_record_items_read(path, &taker, &base->report, err) != 0) {
        return -1;
    }
    base->items = suite->pairs;
    suite->paradigm.of = fs_allocate(base->items, sizeof *suite->paradigm.of, "BLiMP", err);
    suite->phenomenon.of = fs_allocate(base->items, sizeof *suite->phenomenon.of, "BLiMP", err);
    if (suite->paradigm.of == NULL || suite->phenomenon.of == NULL ||
        fs_statement_suite_create(&suite->base, scoring, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < base->items; i++) {
        if (set_pair(suite, i, err) != 0) {
            return -1;
        }
    }
    release_pairs(suite);
    return 0;
}

static struct fs_parting parts_of(const struct parting *parting)
{
    return (struct fs_parting){(const char *const *)parting->parts.name, parting->parts.count, parting->of};
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct blimp *suite = (const struct blimp *)base;
    const struct fs_parting paradigm = parts_of(&suite->paradigm), phenomenon = parts_of(&suite->phenomenon);
    const struct fs_suite_question question = {"accuracy", FS_QUESTION_SHARE, 100.0, fs_suite_candidate(base, GOOD),
                                               fs_suite_candidate(base, BAD)};
    return fs_suite_add(rows, base, &question, err) == 0 &&
                   fs_suite_add_macro(rows, base, &question, &paradigm, err) == 0 &&
                   fs_suite_add_parts(rows, base, &question, &phenomenon, err) == 0
               ? fs_suite_add_parts(rows, base, &question, &paradigm, err)
               : -1;
}

static void release(struct fs_suite *base)
{
    struct blimp *suite = (struct blimp *)base;
    release_pairs(suite);
    fs_parts_release(&suite->paradigm.parts);
    fs_parts_release(&suite->phenomenon.parts);
    free(suite->paradigm.of);
    free(suite->phenomenon.of);
    fs_statement_suite_release(base);
}

static const struct fs_suite_operations operations = {.answers = fs_suite_first_is_higher,
                                                      .compile = fs_statement_suite_compile,
                                                      .fold = fs_statement_suite_fold,
                                                      .add_rows = add_rows,
                                                      .release = release};

static int open_blimp(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                      struct fs_error *err)
{
    struct blimp *suite = fs_allocate(1, sizeof *suite, "BLiMP", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    suite->most = options->suite_items;
    suite->base.suite = (struct fs_suite){
        .operations = &operations, .name = "blimp", .candidates = CANDIDATES, .candidate = candidates};
    int status = read_pairs(suite, path, options->kind == FS_MASKED ? FS_PLL_SUM : FS_SENTENCE_SUM, err);
    if (status != 0) {
        fs_suite_destroy(&suite->base.suite);
        return -1;
    }
    *result = &suite->base.suite;
    return 0;
}

/* The paradigms, from the items' ids; phenomena are not in a file. */
static int find_paradigms(struct blimp *suite, char **id, struct fs_error *err)
{
    struct fs_labels labels = {0};
    struct parting *paradigm = &suite->paradigm;
    const size_t items = suite->base.suite.items;
    for (size_t i = 0; i < items; i++) {
        char *slash = strrchr(id[i], '/');
        *(slash != NULL ? slash : id[i]) = '\0';
    }
    int status = fs_labels_create((const char *const *)id, items, &labels, err);
    if (status == 0) {
        paradigm->of = labels.of;
        labels.of = NULL;
        paradigm->parts.name = fs_allocate(labels.count, sizeof *paradigm->parts.name, "BLiMP", err);
        status = paradigm->parts.name != NULL ? 0 : -1;
    }
    for (size_t i = 0; status == 0 && i < labels.count; i++) {
        paradigm->parts.name[i] = strdup(labels.name[i]);
        status = paradigm->parts.name[i] != NULL ? 0 : fs_error_memory(err, strlen(labels.name[i]), "BLiMP");
        paradigm->parts.count += status == 0 ? 1 : 0;
    }
    fs_labels_release(&labels);
    return status;
}

static int restore(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **result,
                   struct fs_error *err)
{
    struct blimp *suite = fs_allocate(1, sizeof *suite, "BLiMP", err);
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    struct fs_suite *base = &suite->base.suite;
    *base = (struct fs_suite){.operations = &operations, .candidates = CANDIDATES};
    char **id = fs_stored_suite_read(file, kind, base, err) == 0 ? fs_stored_texts(file, base, "id", err) : NULL;
    int status = id != NULL ? find_paradigms(suite, id, err) : -1;
    free(id);
    if (status != 0) {
        fs_suite_destroy(base);
        return -1;
    }
    *result = base;
    return 0;
}

const struct fs_suite_kind fs_suite_blimp = {
    .name = "blimp",
    .key = "blimp",
    .about = "grammar: the grammatical sentence of a minimal pair against the other one",
    .data = "BLiMP's folder of jsonl files, or one of them, measured",
    .open = open_blimp,
    .restore = restore};

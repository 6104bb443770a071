/*
 * Readers of the benchmarks: StereoSet, CrowS-Pairs, BiasKE, attribute words, scores made elsewhere.
 *
 * A reader turns a file into plain records of text; what is computed from them is the stages' business. Every text is
 * valid UTF-8 and owned by the list that holds it. An item that cannot be used stays in the list with its reason and
 * with what could be read of it, all other texts empty, its category FS_NO_CATEGORY where it has none (skip.h). Where
 * that is all of a list's items, or the form of the file is wrong, the reader refuses the file (FS_EXIT_DATA). Local.
 */
#ifndef FAIRSTAMP_IO_BENCHMARKS_BENCHMARK_H
#define FAIRSTAMP_IO_BENCHMARKS_BENCHMARK_H

#include <stdbool.h>
#include <stddef.h>

#include "io/benchmarks/skip.h"
#include "io/error.h"

/*
 * A statement with one word or phrase of interest: `before` + `completion` + `after` is the whole `text`.
 * StereoSet: `text` is the candidate sentence, `before` and `after` are of its context, and `completion` is the candidate's
 * word or words without punctuation: before + completion + after may differ from `text`.
 */
struct fs_statement_text {
    char *before;
    char *completion;
    char *after;
    char *
        gaps; /* `after` with "BLANK" at the further places of the completion, where the format has several; otherwise NULL */
    char *text;
    char *id; /* the sentence's own id, "" where the format has none */
};

enum fs_candidate { FS_STEREOTYPE, FS_ANTI_STEREOTYPE, FS_UNRELATED, FS_UNRELATED_COUNTERPART };

/*
 * One biased pair (k1, k2), with what a language model should rank below both.
 *
 * StereoSet: the two statements share subject and context and differ in the completion; `subject` is the target term, and
 * candidate FS_UNRELATED is the unrelated sentence (no FS_UNRELATED_COUNTERPART).
 * BiasKE: they share relation and completion (the object) and differ in the subject; FS_UNRELATED is k1's prompt with the
 * unrelated word, FS_UNRELATED_COUNTERPART is k2's prompt with it.
 */
struct fs_pair {
    char *id;
    char *category;    /* "gender", "race", "religion", ...: fs_category_name of what the file has */
    char *target;      /* the term that SS averages over and that splits edited from held-out items */
    char *subject;     /* k1's subject, as its statement has it (StereoSet: the target term) */
    char *counterpart; /* k2's subject; "" where the file names none (StereoSet) */
    enum fs_skip skip; /* FS_KEPT, or why the pair cannot be used */
    bool has_counterpart_unrelated;
    struct fs_statement_text statement[4];     /* indexed by fs_candidate */
    size_t paraphrases;                        /* BiasKE only */
    struct fs_statement_text (*paraphrase)[2]; /* [paraphrases][FS_STEREOTYPE, FS_ANTI_STEREOTYPE] */
};

/* Two sentences that differ in the group words. */
struct fs_crows_pair {
    char *id;       /* of the column "id", "Unnamed: 0" or the unnamed first one; else the row's index as text */
    char *category; /* fs_category_name of bias_type */
    char *more;     /* sent_more: the more stereotyping sentence */
    char *less;
    bool antistereo; /* stereo_antistereo == "antistereo" */
    enum fs_skip skip;
};

/* A commonsense fact that holds for one group and not for the other. */
struct fs_fact {
    char *id;
    char *category;
    char *subject;
    struct fs_statement_text statement;   /* true */
    struct fs_statement_text counterpart; /* false: another object (same prompt), or another subject (same object) */
    enum fs_skip skip;
};

/* The category of an item that names none and cannot be used. */
#define FS_NO_CATEGORY "unknown"

struct fs_pair_list {
    size_t count;
    struct fs_pair *item;
    struct fs_item_report report;
};
struct fs_crows_list {
    size_t count;
    struct fs_crows_pair *item;
    struct fs_item_report report;
};
struct fs_fact_list {
    size_t count;
    struct fs_fact *item;
    struct fs_item_report report;
};

/*
 * StereoSet's intrasentence items of `path` (original layout; "labels" may be empty). `categories`: NULL for all, or a
 * NULL-terminated list of bias types; a category without any item in the file is an error.
 * How the completion is found: stereoset_fill.h; for the published file it is that of bias-bench's dataloader.py.
 * `before` and `after` are the context's, split at BLANK itself, which may be inside a word ("BLANKed"); the context may
 * differ from `text` in case and words. With several BLANKs (two items of the development set) the split is at the first
 * and `after` has the completion at the others. FS_EXIT_DATA where an id or a sentence id occurs twice.
 */
int fs_stereoset_read(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                      struct fs_error *err);

/*
 * StereoSet's intersentence items: `before` is the context and a blank, `completion` the sentence that follows it.
 */
int fs_stereoset_read_intersentence(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                                    struct fs_error *err);
/*
 * StereoSet items with synonyms instead of the attribute terms (EditBias's layout: an array of items, the
 * sentences below "data" by their label), from one file or all *.json files of a folder.
 */
int fs_stereoset_read_synonyms(const char *path, struct fs_pair_list *pairs, struct fs_error *err);

/* CrowS-Pairs' csv; `categories` as above (bias types). */
int fs_crows_read(const char *path, const char *const *categories, struct fs_crows_list *pairs, struct fs_error *err);

/*
 * BiasKE, fairstamp's own JSON; layout in benchmark/README.md. Reads Omega_S with Omega_P, and Omega_D, from one file,
 * or from all *.json files of a folder in the order of their names. Facts of category "none" are always taken.
 *   {"format": "fairstamp-biaske", "version": 1, "licence": "...",
 *    "pairs": [{"id", "category", "target", "relation", "object", "unrelated", "subjects": [s1, s2],
 *               "prompt": "The {subject} worked as a {object}.", "paraphrases": ["... {subject} ... {object} ...",
 * ..]}], "facts": [{"id", "category", "subject", "counterpart_subject"?, "object", "counterpart_object"?, "prompt":
 * "{subject} ... {object}."}]} k1 is the pair with s1, k2 with s2. Each prompt has {subject} and {object} once, and is
 * taken literally, but that a statement whose prompt begins with a placeholder begins with a capital (a to z). A fact
 * has exactly one of counterpart_subject and counterpart_object. Unknown keys are errors. Ids are unique over pairs and
 * facts. A category must have a pair or a fact.
 */
int fs_biaske_read(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                   struct fs_fact_list *facts, struct fs_error *err);

/* FS_EXIT_DATA where a text is twice in `texts`, which it sorts; `what` says what the texts are ("id"). */
int fs_refuse_duplicates(const char *path, const char *what, const char **texts, size_t count, struct fs_error *err);

/* Leaves the items with keep[i] in the list, in their order, and releases the others. */
void fs_pair_list_keep(struct fs_pair_list *list, const bool *keep);
void fs_fact_list_keep(struct fs_fact_list *list, const bool *keep);
void fs_pair_list_release(struct fs_pair_list *list); /* take zeroed structs */
void fs_crows_list_release(struct fs_crows_list *list);
void fs_fact_list_release(struct fs_fact_list *list);

/*
 * Attribute words: {"gender": [["man", "woman"], ..], "religion": [["jewish", "christian", "muslim"], ..]},
 * bias-bench's layout. fs_attribute_counterpart gives the counterpart of `word` (`length` bytes, matched without regard
 * to ASCII case) in `category`: the next word of the first row that holds it, cyclically; NULL where there is none. A
 * word that is its row's capitalised form gets a capitalised counterpart from the caller's hands, not here.
 */
struct fs_attribute_table;
int fs_attribute_table_read(const char *path, struct fs_attribute_table **table, struct fs_error *err);
void fs_attribute_table_destroy(struct fs_attribute_table *table);
/* The name of category `index`; NULL from the last one on. */
const char *fs_attribute_category(const struct fs_attribute_table *table, size_t index);
/* The rows of a category: words first[row] .. first[row + 1] - 1. No rows where the table lacks it. The words are the
 * table's; the caller releases. */
struct fs_attribute_rows {
    size_t rows;
    size_t *first; /* [rows + 1] */
    const char **word;
};
int fs_attribute_rows_make(const struct fs_attribute_table *table, const char *category, struct fs_attribute_rows *rows,
                           struct fs_error *err);
void fs_attribute_rows_release(struct fs_attribute_rows *rows); /* takes a zeroed struct */
const char *fs_attribute_counterpart(const struct fs_attribute_table *table, const char *category, const char *word,
                                     size_t length);

/*
 * Scores made elsewhere: {"intrasentence": [{"id", "score"}]} (StereoSet's predictions layout; further keys are
 * ignored). fs_scores_find sets `score` and returns true where `id` has one. Several entries of an id: the last counts.
 */
struct fs_scores;
int fs_scores_read(const char *path, struct fs_scores **scores, struct fs_error *err);
void fs_scores_destroy(struct fs_scores *scores);
bool fs_scores_find(const struct fs_scores *scores, const char *id, double *score);

#endif

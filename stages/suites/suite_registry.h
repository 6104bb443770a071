/*
 * The registry of suites: one row a suite, in suite_registry.c, and one file. Nothing else in the program names one. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_SUITE_REGISTRY_H
#define FAIRSTAMP_STAGES_SUITES_SUITE_REGISTRY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "model/families/spec.h"
#include "stages/suites/suite.h"

struct fs_suite_options {
    enum fs_model_kind kind;
    const char *scoring;           /* P[k] where the suite has a choice, NULL elsewhere */
    const char *const *categories; /* NULL: all; suites without bias categories take no notice of it */
    uint64_t seed;
    uint64_t split_seed; /* of the facts that a validation keeps */
    size_t text_tokens;  /* suite text: most tokens that are scored */
    size_t permutations; /* suite seat: most permutations of a test */
    size_t suite_items;  /* of each part of a suite that has them, such as a paradigm of blimp, the most; 0: all */
    double fact_share;   /* suite biaske_facts: share of the facts that is taken; 1: all */
    bool strict;         /* fs_suite_open refuses data with an item that cannot be used */

    /* For the suite whose pairs are edited: these are its pairs, instead of those at `path`. All outlive the suite. */
    const struct fs_pair_list *edited; /* NULL: the suite is only measured */
    const bool *held_out;              /* [edited->count] */
};

struct fs_suite_file;
struct fs_suite_kind {
    const char *name;            /* "crows_pairs": of `score --suite`, and group of the archive */
    const char *table;           /* what its rows are called; NULL: the name */
    const char *key;             /* data.<key> of a job names its data; several rows can read the same data */
    const char *about;           /* one sentence for readers of a report */
    const char *headlines;       /* "ds rs": metrics that are read beside those of the edited pairs; NULL: none */
    const char *data;            /* what stands at data.<key>; NULL: another row of the key says it */
    const char *scoring_key;     /* scoring.<key> of a job chooses P[k]; NULL: no choice */
    const char *masked, *causal; /* the default scoring of each kind of model, where there is a choice */
    const char *scorings;        /* "a|b", all choices; NULL: another row of the scoring_key says them */
    const char *scoring;         /* what scoring.<key> is */
    bool folders;                /* the data are folders of files in the folder that the job names */
    bool masked_only;            /* a causal model cannot be scored */
    bool given_scores;    /* `metrics` can take scores of its pairs that were made elsewhere (fs_evaluate_scores) */
    bool compares_layers; /* measured at every layer of a layer sweep */
    /* `path`: a file, or a folder of files. *suite is NULL where it has no item of the job's categories. The caller
     * destroys it with fs_suite_destroy. Errors: as the readers' (FS_EXIT_NO_INPUT, FS_EXIT_DATA). */
    int (*open)(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                struct fs_error *err);
    /* Adds the scores of all columns to `json` in the layout that published scorers read; NULL: none. */
    void (*predictions)(const struct fs_suite *suite, const struct fs_results *results, cJSON *json);
    /* The suite as an evaluate file has it (stored_suite.h), for rows of other comparisons; *suite is NULL where the file
     * lacks what its rows are made of. NULL: no file has that. The caller destroys it. */
    int (*restore)(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **suite,
                   struct fs_error *err);
    /* The pairs that a job can edit; NULL: the suite has none. A category without any pair is FS_EXIT_DATA. */
    int (*read_pairs)(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                      struct fs_error *err);
};
/* [fs_suite_kind_count], in the order of their rows in a result table, the edited suite first of all. */
extern const struct fs_suite_kind *const fs_suite_kinds[];
extern const size_t fs_suite_kind_count;

/* "|crows_pairs|..." of all names, each after a bar. */
extern const char fs_suite_choices[];

/* NULL: no suite has that name. */
const struct fs_suite_kind *fs_suite_kind_find(const char *name);
/* The default scoring of a suite; NULL where it has no choice. */
const char *fs_suite_scoring(const struct fs_suite_kind *kind, enum fs_model_kind model);

/*
 * kind->open and kind->read_pairs; items that cannot be used are one warning, or with `strict` FS_EXIT_DATA. The
 * results are as theirs.
 */
int fs_suite_open(const struct fs_suite_kind *kind, const char *path, const struct fs_suite_options *options,
                  struct fs_suite **suite, struct fs_error *err);
int fs_suite_read_pairs(const struct fs_suite_kind *kind, const char *path, const char *const *categories, bool strict,
                        struct fs_pair_list *pairs, struct fs_error *err);

/* Whether the job's categories take `category`. */
bool fs_suite_takes(const struct fs_suite_options *options, const char *category);
/* Whether the category is that of items on no group. */
bool fs_suite_is_none(const char *category);
/* Leaves the pairs of the job's categories in the list; releases it on failure. */
int fs_suite_keep_categories(const struct fs_suite_options *options, struct fs_pair_list *pairs, struct fs_error *err);

#endif

/*
 * The makers of the further suites (stages/suites/suite.h). Each reads the data of a published suite and gives a suite
 * that the caller destroys with fs_suite_destroy. `path` is a file, or a folder of files, as the comment says. Errors:
 * as the readers' (FS_EXIT_NO_INPUT, FS_EXIT_DATA). Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_SUITE_REGISTRY_H
#define FAIRSTAMP_STAGES_SUITES_SUITE_REGISTRY_H

#include <stdbool.h>

#include "model/families/spec.h"
#include "stages/suites/suite.h"

struct fs_suite_options {
    enum fs_model_kind kind;
    const char *scoring;           /* P[k] where the suite has a choice, NULL elsewhere */
    const char *const *categories; /* NULL: all; suites without bias categories take no notice of it */
    uint64_t seed;
    size_t text_tokens;  /* suite text: most tokens that are scored */
    size_t permutations; /* suite seat: most permutations of a test */
};

/* Whether the job's categories take `category`. */
bool fs_suite_takes(const struct fs_suite_options *options, const char *category);

/* Leaves the pairs of the job's categories in the list; releases it on failure. */
int fs_suite_keep_categories(const struct fs_suite_options *options, struct fs_pair_list *pairs, struct fs_error *err);

/* `suite` is NULL where the suite has no item of the job's categories. */
typedef int fs_suite_maker(const char *path, const struct fs_suite_options *options, struct fs_suite **suite,
                           struct fs_error *err);

fs_suite_maker
    fs_suite_winobias; /* folder of the authors' eight files {pro,anti}_stereotyped_type{1,2}.txt.{dev,test} */
fs_suite_maker fs_suite_winogender;              /* folder with all_sentences.tsv */
fs_suite_maker fs_suite_bec_pro;                 /* BEC-Pro_EN.tsv */
fs_suite_maker fs_suite_seat;                    /* one .jsonl file, or a folder of them */
fs_suite_maker fs_suite_counterfact;             /* CounterFact in EasyEdit's layout */
fs_suite_maker fs_suite_known_facts;             /* ROME's known_1000.json */
fs_suite_maker fs_suite_text;                    /* plain text: perplexity (causal), pseudo-perplexity (masked) */
fs_suite_maker fs_suite_stereoset;               /* StereoSet's intrasentence items, measured and never edited */
fs_suite_maker fs_suite_stereoset_intersentence; /* its intersentence items */
fs_suite_maker fs_suite_stereoset_synonyms;      /* folder or file of items with attribute terms replaced by synonyms */
fs_suite_maker fs_suite_biaske;                  /* BiasKE's pairs and paraphrases, measured and never edited */

#endif

/*
 * What a BiasKE benchmark is checked for beyond what its reader refuses (io/benchmarks/biaske.c): counts a category,
 * sentences that occur twice, texts that a left-to-right model cannot tell apart, articles, objects that occur twice in
 * a text, and whether tokenizers know its words. Local.
 */
#ifndef FAIRSTAMP_PIPELINE_CHECKS_BENCHMARK_CHECK_H
#define FAIRSTAMP_PIPELINE_CHECKS_BENCHMARK_CHECK_H

#include <stdio.h>

#include "io/benchmarks/benchmark.h"

struct fs_benchmark_count {
    const char *category; /* owned by the lists; "all" last */
    size_t pairs, targets, paraphrases, facts;
    size_t fewest_paraphrases, most_paraphrases; /* of a pair */
};

/* Of subjects and objects, by one tokenizer. */
struct fs_benchmark_tokens {
    const char *tokenizer; /* its folder, owned by the caller */
    size_t texts;          /* distinct subjects and objects */
    size_t single;         /* of them one token */
    size_t most;           /* tokens of the longest */
    size_t unknown;        /* texts that hold a token it does not know */
    size_t pairs, aligned; /* pairs; those whose two statements have the same number of tokens before the object */
};

struct fs_benchmark_report {
    size_t categories;
    struct fs_benchmark_count *count; /* [categories], "all" last */
    size_t tokenizers;
    struct fs_benchmark_tokens *tokens; /* [tokenizers] */
    double overlap;                     /* mean share of words that a paraphrase has in common with its prompt */
    char *findings;                     /* one line each, "" where all is well */
    size_t errors;                      /* lines in it */
};

/* `folder` [folders]: where tokenizers are read from. The lists must outlive the report; the caller releases it. */
int fs_benchmark_check(const struct fs_pair_list *pairs, const struct fs_fact_list *facts, const char *const *folder,
                       size_t folders, struct fs_benchmark_report *report, struct fs_error *err);
void fs_benchmark_report_release(struct fs_benchmark_report *report); /* takes a zeroed struct */

#endif

/*
 * What causal tracing runs for one pair: two token sequences of one length, the subject's tokens, and the read-out.
 *
 * The subject is looked for in the text before the completion, and in a masked model's text behind it where it does not stand
 * before: the occurrence nearest to the completion counts. An occurrence is a whole word (or phrase), ASCII case disregarded,
 * with or without a plural ending ("s", "es"); a possessive's apostrophe ends the word. The pair's subject is tried
 * first, then, for pairs that name no counterpart, any word of the category's attribute table.
 *
 * The counterfactual text is the pair's own k2 prompt where the pair names a counterpart, otherwise the prompt with the
 * attribute table's next word in the place of the subject, a capital first letter and a plural ending kept. It counts
 * where it has as many tokens as the biased text and differs from it in the subject's tokens alone; elsewhere noise
 * serves.
 *
 * Local.
 */
#ifndef FAIRSTAMP_STAGES_TRACE_TRACE_ITEM_H
#define FAIRSTAMP_STAGES_TRACE_TRACE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/benchmarks/benchmark.h"
#include "stages/plan/statement.h"

struct fs_trace_item {
    enum fs_skip skip;       /* not FS_KEPT: nothing below is set */
    bool noised;             /* no counterfactual text: the subject's embeddings get noise */
    size_t length;           /* tokens */
    int32_t *biased;         /* [length]; owns the block that counterfactual lies in too */
    int32_t *counterfactual; /* [length]; `biased` again where noised */
    size_t subject_begin;    /* the subject's tokens: subject_begin .. subject_end - 1 */
    size_t subject_end;
    size_t differs; /* the first token with another embedding in the corrupted run */
    size_t read;    /* position whose output predicts the object */
    int32_t object; /* first token of the completion */
};

/* Compiles k1 of `pair`. `attributes` may be NULL. The caller releases `item`, also on failure. */
int fs_trace_item_compile(const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style,
                          const struct fs_pair *pair, const struct fs_attribute_table *attributes,
                          struct fs_trace_item *item, struct fs_error *err);
void fs_trace_item_release(struct fs_trace_item *item); /* takes a zeroed struct */

#endif

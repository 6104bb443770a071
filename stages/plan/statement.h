/*
 * P[k], the probability of a statement: compiled to reads of a plan, and folded back from their values. The scorings
 * are those of docs/scores.md:
 *
 *   target.prob     masked   the completion's sub-tokens, one masked input each: earlier sub-tokens filled in, this one
 *                            masked, later ones left out; arithmetic mean of the probabilities
 *                            (StereoSet; bias-bench stereoset.py)
 *   target.logprob  masked   the same inputs, mean of log probabilities
 *   sentence.mean   causal   2^(mean over tokens of log2 p(t_i given t_<i)); the first token from a run on the
 *                            begin-of-text token alone, the others from a run without it
 *                            (bias-bench stereoset.py, generative)
 *   sentence.sum    causal   sum of log p, begin-of-text prepended (lm-evaluation-harness)
 *   object.mean     causal   exp(mean log p) of the completion's tokens given what stands before it, begin-of-text prepended:
 *                            the causal counterpart of target.logprob, for pairs that share the object. The completion's
 *                            tokens are those of before + completion behind its longest common prefix with `before` less
 *                            its blanks at the end: the blank before a word belongs to the word's first token
 *   object.mean.stop causal  object.mean, of a context that ends: where what stands before the completion, less one blank, ends
 *                            in none of . ! ? a full stop is added (StereoSet's eval_generative_models.py)
 *   continuation.sum causal  sum of log p of the completion's tokens given what stands before it, without begin-of-text: the
 *                            tokens of before + completion behind as many as `before` less its blanks at the end has
 *                            (lm-evaluation-harness, multiple choice)
 *   A causal model without begin-of-text: sentence.* and object.mean leave out a first token that nothing stands before,
 *   and say so (first_unscored); a text of that token alone is skipped.
 *
 *   pll.given       masked   each token of the completion masked in turn, all else visible, mean log p (pseudo-log-likelihood
 *                            of a sentence given its context; fairstamp's own)
 *   pll.sum          masked   the same tokens, sum of log p (Salazar et al. 2020, where the completion is the whole text)
 *   pll.unmodified  masked   CrowS-Pairs' own: each token shared by both sentences masked in turn, sum of log p,
 *                            rounded to 3 decimals (nyu-mll/crows-pairs metric.py)
 *   pll.modified    masked   bias-bench's: each differing token masked in turn, mean log p, rounded to 3 decimals; a
 *                            pair without a differing token on one side is skipped (bias-bench crows.py)
 */
#ifndef FAIRSTAMP_STAGES_PLAN_STATEMENT_H
#define FAIRSTAMP_STAGES_PLAN_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/skip.h"
#include "model/families/spec.h"
#include "model/tokenizer/tokenizer.h"
#include "stages/plan/plan.h"

enum fs_scoring {
    FS_TARGET_PROB,
    FS_TARGET_LOGPROB,
    FS_SENTENCE_MEAN,
    FS_SENTENCE_SUM,
    FS_OBJECT_MEAN,
    FS_OBJECT_MEAN_STOP,
    FS_CONTINUATION_SUM,
    FS_PLL_GIVEN,
    FS_PLL_SUM,
    FS_PLL_UNMODIFIED,
    FS_PLL_MODIFIED,
    FS_SCORING_COUNT
};
const char *fs_scoring_name(enum fs_scoring scoring);
/* Whether the score is a probability; it is the logarithm of one, or a sum of such, elsewhere. */
bool fs_scoring_is_probability(enum fs_scoring scoring);
/* -1 with a list of the scorings that fit `kind` where `name` is unknown or does not fit. */
int fs_scoring_parse(const char *name, enum fs_model_kind kind, enum fs_scoring *scoring, struct fs_error *err);

/* How special tokens stand around a text: masked [CLS] text [SEP]; causal begin-of-text as the scoring says. */
struct fs_prompt_style {
    enum fs_model_kind kind;
    size_t max_positions;
    struct fs_special_tokens special;
    size_t usual_positions; /* fs_spec_usual_positions */
};
/*
 * How many of a causal text's `count` tokens are run: all but the last, which is predicted and never read. Where a text is
 * so long that its positions turn by its length the last is run too, so that its length is the text's.
 */
size_t fs_prompt_tokens_run(const struct fs_prompt_style *style, size_t count);
/*
 * Takes the ids from the tokenizer, begin-of-text from the config where the tokenizer names none; a causal model may have
 * none (-1). FS_EXIT_DATA where a token that a masked model needs is not to be had, or one lies outside the vocabulary.
 */
int fs_prompt_style_of(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer, struct fs_prompt_style *style,
                       struct fs_error *err);

struct fs_statement {
    enum fs_scoring scoring;
    enum fs_skip skip;
    bool first_unscored; /* the first token that the scoring asks for is left out: nothing stands before it */
    size_t count;        /* reads */
    size_t *read;        /* [count] indices into the plan, in the order in which they are summed */
};

/*
 * Compiles one statement (all scorings but pll.*, which are FS_EXIT_CONFIG). A statement that cannot be scored has
 * `skip` set and no reads.
 */
int fs_statement_compile(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                         const struct fs_prompt_style *style, enum fs_scoring scoring,
                         const struct fs_statement_text *text, struct fs_statement *statement, struct fs_error *err);
/*
 * Compiles a CrowS-Pairs item by pll.* (masked) or sentence.* (causal), else FS_EXIT_CONFIG: out[0] is sent_more,
 * out[1] sent_less. For antistereo pairs the matcher gets (less, more), as the published scorers do.
 */
int fs_statement_compile_crows(struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                               const struct fs_prompt_style *style, enum fs_scoring scoring,
                               const struct fs_crows_pair *pair, struct fs_statement out[2], struct fs_error *err);
void fs_statement_release(struct fs_statement *statement); /* takes a zeroed struct */
/* Makes it a statement that is not scored, for `reason`; it may be compiled already. */
void fs_statement_skip(struct fs_statement *statement, enum fs_skip reason);

/*
 * The published score: a probability (target.prob, sentence.mean, object.mean), otherwise a log probability. `column`
 * of the values: 0 the unedited model, above the edits. NaN for a skipped statement.
 */
double fs_statement_score(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column);
/* Natural log P[k], what gaps are made of: log of the score where that is a probability, the score itself elsewhere. */
double fs_statement_log(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column);
/* How many of its tokens, from the first on, are the most probable at their places; 0 for a skipped statement. */
size_t fs_statement_found(const struct fs_statement *statement, const struct fs_plan_values *values, size_t column);

/* `before` with the full stop of object.mean.stop; none is added to an empty one. The caller frees; NULL without memory. */
char *fs_close_context(const char *before, struct fs_error *err);

/* A sequence of tokens; not owned. */
struct fs_token_sequence {
    const int32_t *id; /* [count] */
    size_t count;
};
/* Tokens that two sequences have in common: where they stand in each, ascending. Room for min(a.count, b.count). */
struct fs_shared_tokens {
    size_t *a, *b; /* [count] */
    size_t count;
};
/*
 * Ratcliff/Obershelp matching blocks of two id sequences, as Python's difflib.SequenceMatcher(None, a, b) finds them
 * (autojunk included). The caller owns the arrays of `shared`; they and the count are set.
 */
int fs_match_tokens(struct fs_token_sequence a, struct fs_token_sequence b, struct fs_shared_tokens *shared,
                    struct fs_error *err);

#endif

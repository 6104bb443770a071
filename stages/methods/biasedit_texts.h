/*
 * The texts of BiasEdit's losses (biasedit.h): statements of pairs, compiled to units, and the losses with their gradients.
 *
 *   a = mean_i p_i,  l = mean_i log p_i     over the n reads of a statement, by the scoring of the pairs
 *   L_d = a_s (log a_s - l_a) + a_a (log a_a - l_s)          s: k1, the stereotype; a: k2
 *   L_r = mean over m of a0_m (log a0_m - l_m)                m: the unrelated statements that the pair has; 0: unedited
 *   da/dlog p_i = p_i / n,  dl/dlog p_i = 1/n
 *
 * What a unit computes of a pair does not depend on the pairs beside it: equal texts are one within a pair alone, and beginnings
 * are not shared, for each row of a text is an input of the editor. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_BIASEDIT_TEXTS_H
#define FAIRSTAMP_STAGES_METHODS_BIASEDIT_TEXTS_H

#include "io/benchmarks/benchmark.h"
#include "model/engine.h"
#include "stages/plan/statement.h"

enum { FS_BIASEDIT_STATEMENTS = 4 }; /* s, a, and two unrelated ones, as in enum fs_candidate */

/* Reads first .. of its unit: those of s, then of a, then of the unrelated ones; 0: it has none. */
struct fs_biasedit_pair {
    size_t first, count[FS_BIASEDIT_STATEMENTS];
    double kept[FS_BIASEDIT_STATEMENTS]; /* a of the unedited model, of the unrelated ones; set by fs_biasedit_keep */
};

struct fs_biasedit_unit {
    size_t sequences, tokens, rows, reads, pairs;
    int32_t *token;    /* [tokens] */
    size_t *start;     /* [sequences + 1] */
    size_t *row;       /* [rows] of the batch, ascending */
    size_t *read_row;  /* [reads] its place in `row` */
    int32_t *read;     /* [reads] its token */
    fs_real *x, *base; /* FFN input, and base (model/engine.h), at the first layer that is changed; NULL until filled */
    bool stays;        /* filled from step to step */
    struct fs_biasedit_pair *pair; /* [pairs] */
    size_t token_capacity, start_capacity, row_capacity, read_row_capacity, read_capacity, pair_capacity;
};

struct fs_biasedit_texts {
    size_t units, pairs; /* that can be scored */
    size_t most_tokens, most_rows;
    struct fs_biasedit_unit *unit; /* [units] */
    size_t capacity;
};

/* How pairs are compiled. */
struct fs_biasedit_form {
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    enum fs_scoring scoring;
    bool unrelated;     /* with the statements that L_r is of */
    size_t unit_tokens; /* a unit that has as many is closed */
};

/* FS_EXIT_CONFIG where the losses cannot be made of the scoring. */
int fs_biasedit_check(enum fs_scoring scoring, struct fs_error *err);
/* Compiles the pairs pair[count] of the list; one of which k1 or k2 cannot be scored is left out. The caller releases, also on
 * failure. */
int fs_biasedit_compile(const struct fs_biasedit_form *form, const struct fs_pair_list *list, const size_t *pair,
                        size_t count, struct fs_biasedit_texts *texts, struct fs_error *err);
void fs_biasedit_texts_release(struct fs_biasedit_texts *texts); /* takes a zeroed struct */
struct fs_batch fs_biasedit_batch(const struct fs_biasedit_unit *unit);

/* Sets `kept` of the pairs from logprob (rows,V) of the unedited model. */
void fs_biasedit_keep(struct fs_biasedit_unit *unit, size_t vocabulary, const fs_real *logprob);
/*
 * In: logprob (rows,V) of the edited model. Out: in its place the gradient of its logits, of `weight` times the sums over pairs
 * L_d + keep_weight L_r; value: these two sums, times `weight`. scratch [2 x reads].
 */
void fs_biasedit_evaluate(const struct fs_biasedit_unit *unit, size_t vocabulary, double weight, double keep_weight,
                          fs_real *logprob, double *scratch, double value[2]);

#endif

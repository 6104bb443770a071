/*
 * The exchange of a text's attribute words, as in counterfactual data augmentation (Zmigrod et al. 2019, in the form of
 * bias-bench). Words are what stands between white space; one matches an entry of the
 * table, with or without one of . , ? ! ; : behind it, and of several rows that have it the last counts, a row with a mark
 * after one without. In rows of two words each stands for the other; in longer ones a partner is drawn for each column, once
 * a line. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_WORD_SWAP_H
#define FAIRSTAMP_STAGES_METHODS_WORD_SWAP_H

#include <stddef.h>
#include <stdint.h>

#include "io/benchmarks/benchmark.h"

/* FOLD: capitals count for nothing, and the word that takes another's place gets its capital. */
enum fs_word_case { FS_CASE_FOLD, FS_CASE_EXACT };

struct fs_word_place;
struct fs_word_swap {
    struct fs_attribute_rows rows;
    struct fs_word_place *sorted; /* [words] */
    char *keys;                   /* their words, in small letters where folded */
    size_t words, columns;        /* columns: of the longest row */
    enum fs_word_case letters;
    uint64_t seed;
};

/* The words of a category; none where the table lacks it. The caller releases, also on failure. */
int fs_word_swap_make(const struct fs_attribute_table *table, const char *category, enum fs_word_case letters,
                      uint64_t seed, struct fs_word_swap *swap, struct fs_error *err);
void fs_word_swap_release(struct fs_word_swap *swap); /* takes a zeroed struct */

/* A text that grows. */
struct fs_growing_text {
    char *bytes;
    size_t used, capacity;
};

/* out: `length` bytes of valid UTF-8 with their words exchanged; `line` numbers them, for draws. `*exchanged`: how many
 * words were. */
int fs_word_swap_line(const struct fs_word_swap *swap, const char *text, size_t length, uint64_t line,
                      struct fs_growing_text *out, size_t *exchanged, struct fs_error *err);

#endif

/* Which attribute words of a category stand in a sentence; words are what stands between blanks. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_WORD_LOOKUP_H
#define FAIRSTAMP_STAGES_METHODS_WORD_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "io/benchmarks/benchmark.h"
#include "stages/methods/method.h"

struct fs_word_entry;
struct fs_word_lookup {
    struct fs_attribute_rows rows;
    size_t words; /* in the table's order, as rows.word has them */
    bool *found;  /* [words] in the sentence that was looked at last */
    struct fs_word_entry *sorted;
};

/* The caller releases, also on failure. No words where the table lacks the category. */
int fs_word_lookup_make(const struct fs_attribute_table *table, const char *category, struct fs_word_lookup *lookup,
                        struct fs_error *err);
void fs_word_lookup_release(struct fs_word_lookup *lookup); /* takes a zeroed struct */

/* Looks at `length` bytes of a sentence: sets `found`; a word that stands in several rows is found in each. Whether there
 * is any. */
bool fs_word_lookup_in(struct fs_word_lookup *lookup, const char *sentence, size_t length);

/* Whether the `length` bytes of `text` are the word. */
bool fs_is_word(const char *word, const char *text, size_t length);

/* The categories of the task, or all of its words: name [*count], of which the caller frees the list. */
int fs_list_categories(const struct fs_method_task *task, const char ***name, size_t *count, struct fs_error *err);

#endif

/*
 * The sentences of a text file, which methods learn from: UTF-8, one paragraph a line. A sentence ends behind ".", "!" or
 * "?" with the closing quotes and brackets after it, where white space and a capital letter or a digit follow; not behind
 * an initial or one of a few abbreviations. Sentences are in lower case and without white space at their ends: what is
 * counted and what the model sees. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_SENTENCES_H
#define FAIRSTAMP_STAGES_METHODS_SENTENCES_H

#include <stddef.h>

#include "io/error.h"

/* Texts, one behind the other. */
struct fs_text_list {
    char *bytes;   /* each text with a 0 behind it */
    size_t *begin; /* [count] */
    size_t count;
    size_t used, bytes_capacity, begin_capacity; /* of what is allocated */
};
static inline const char *fs_text(const struct fs_text_list *list, size_t i)
{
    return list->bytes + list->begin[i];
}
/* Adds a text of `length` bytes. */
int fs_text_list_add(struct fs_text_list *list, const char *text, size_t length, struct fs_error *err);
void fs_text_list_release(struct fs_text_list *list); /* takes a zeroed struct */

/* The sentences of the file at `path`. FS_EXIT_NO_INPUT, FS_EXIT_DATA where it is no text in UTF-8 or has no sentence. The
 * caller releases, also on failure. */
int fs_sentences_read(const char *path, struct fs_text_list *sentences, struct fs_error *err);
/* Adds those of one paragraph, `length` bytes of valid UTF-8. */
int fs_sentences_add(struct fs_text_list *sentences, const char *paragraph, size_t length, struct fs_error *err);

#endif

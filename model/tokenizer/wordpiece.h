/* WordPiece: a word is cut from the left into the longest tokens there are; one gap, and the word is unknown. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_WORDPIECE_H
#define FAIRSTAMP_MODEL_TOKENIZER_WORDPIECE_H

#include "model/tokenizer/text.h"
#include "model/tokenizer/vocabulary.h"

struct fs_wordpiece {
    const struct fs_vocabulary *vocabulary; /* not owned */
    char *prefix;                           /* of every token but the first of a word: "##"; owned */
    size_t max_characters;                  /* longer words are unknown */
    size_t max_token;                       /* bytes of the longest token */
    int32_t unknown;
};

/* Takes a copy of `prefix`; needs the vocabulary. */
int fs_wordpiece_init(struct fs_wordpiece *wordpiece, const struct fs_vocabulary *vocabulary, const char *prefix,
                      size_t max_characters, int32_t unknown, struct fs_error *err);
/* The ids of the word of `length` bytes, in an array of `*count` that the caller frees. */
int fs_wordpiece_encode(const struct fs_wordpiece *wordpiece, const unsigned char *word, size_t length, int32_t **id,
                        size_t *count, struct fs_error *err);
void fs_wordpiece_release(struct fs_wordpiece *wordpiece); /* zeroes it */

#endif

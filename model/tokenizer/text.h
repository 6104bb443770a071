/*
 * Text on its way to tokens: valid UTF-8, and for every byte the range of the source text that it stands for.
 * Normalizers and pre-tokenizers insert, drop and replace characters; the ranges keep the way back.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_TEXT_H
#define FAIRSTAMP_MODEL_TOKENIZER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

struct fs_text {
    unsigned char *data; /* [count] UTF-8 */
    size_t *begin;       /* [count] first source byte */
    size_t *end;         /* [count] one after the last source byte */
    size_t count;
    size_t capacity;
};

/* All of these start from, and grow, a zeroed struct; the owner releases it. Only out of memory fails. */
int fs_text_append(struct fs_text *text, const void *bytes, size_t length, size_t begin, size_t end,
                   struct fs_error *err); /* every byte stands for source bytes [begin, end) */
int fs_text_append_slice(struct fs_text *text, const struct fs_text *from, size_t begin, size_t end,
                         struct fs_error *err);
int fs_text_append_character(struct fs_text *text, uint32_t character, size_t begin, size_t end, struct fs_error *err);
/* Reads source bytes; each maximal ill-formed subpart becomes one U+FFFD (Unicode 15, section 3.9, U+FFFD
 * substitution). */
int fs_text_append_source(struct fs_text *text, const char *source, size_t length, struct fs_error *err);
void fs_text_release(struct fs_text *text); /* zeroes it */

/* Pieces of a text, as byte ranges of it. Zeroed at first; the owner releases it. */
struct fs_pieces {
    size_t *begin;
    size_t *end;
    size_t count;
    size_t capacity;
};
int fs_pieces_add(struct fs_pieces *pieces, size_t begin, size_t end, struct fs_error *err);
void fs_pieces_release(struct fs_pieces *pieces); /* zeroes it */

#endif

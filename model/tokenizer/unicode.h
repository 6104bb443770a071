/*
 * Classes of characters as the `tokenizers` library has them, each of the Unicode version that the library's own table
 * for it has. All local, of any code point, thread-safe.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_UNICODE_H
#define FAIRSTAMP_MODEL_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool fs_is_white_space(uint32_t character);      /* property White_Space */
bool fs_is_other(uint32_t character);            /* Cc, Cf, Co: what BertNormalizer cleans away */
bool fs_is_nonspacing_mark(uint32_t character);  /* Mn: what BertNormalizer strips */
bool fs_is_mark(uint32_t character);             /* M: what StripAccents strips */
bool fs_is_bert_punctuation(uint32_t character); /* P, and all ASCII signs */
bool fs_is_numeric(uint32_t character);          /* N */
bool fs_is_word_character(uint32_t character);   /* alphabetic, a mark, digit, connector or joiner */
/* A mark or a letter with a mapping that the normal forms do not know: it stays, and nothing moves across it. */
bool fs_is_inert(uint32_t character);
/* The small letter of a capital, else the character; U+0130 alone would have two: it is i, U+0307. */
uint32_t fs_lower(uint32_t character);
/* The number of the character's script; 0: it joins any. Kana are Han, as for UnicodeScripts. */
int fs_script(uint32_t character);
/* Whether PCRE2 may know other properties of it than Oniguruma. */
bool fs_is_newer(uint32_t character);

/* The end of the extended grapheme cluster (UAX 29) that begins at byte `begin` < `count` of valid UTF-8. */
size_t fs_grapheme_end(const unsigned char *data, size_t begin, size_t count);

#endif

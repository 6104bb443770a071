/* Tables of characters, made by scripts/unicode_table.py. Read through model/tokenizer/unicode.h. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_UNICODE_TABLE_H
#define FAIRSTAMP_MODEL_TOKENIZER_UNICODE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes of a character, 11 bits; bits 8 to 10 are an enum fs_grapheme. */
enum {
    FS_CHARACTER_SPACE = 1,
    FS_CHARACTER_OTHER = 2,
    FS_CHARACTER_NONSPACING = 4,
    FS_CHARACTER_PUNCTUATION = 8,
    FS_CHARACTER_MARK = 16,
    FS_CHARACTER_NUMERIC = 32,
    FS_CHARACTER_WORD = 64,
    FS_CHARACTER_INERT = 128,
    FS_CHARACTER_GRAPHEME = 8, /* a shift */
    FS_CHARACTER_BITS = 11
};

extern const uint32_t fs_unicode_classes[];
extern const size_t fs_unicode_classes_count;

extern const uint32_t fs_unicode_scripts[];
extern const size_t fs_unicode_scripts_count;

struct fs_lower_run {
    uint32_t first, last;
    int step, difference;
};
extern const struct fs_lower_run fs_unicode_lower[];
extern const size_t fs_unicode_lower_count;

/* Flags of a range: what Oniguruma has in these properties. */
enum { FS_NEWER_ALPHABETIC = 1, FS_NEWER_LOWERCASE = 2, FS_NEWER_UPPERCASE = 4 };
struct fs_newer_range {
    uint32_t first, last;
    char category[3];
    uint8_t flags;
    const char *script; /* "": none */
};
extern const struct fs_newer_range fs_unicode_newer[];
extern const size_t fs_unicode_newer_count;

/*
 * Whether the characters of a range have one of the properties that `key` names, with a space between: a general category
 * or its first letter, a script behind =, an alphabetic +a, small letters +l, capitals +u. Names in any case.
 */
bool fs_newer_has(const struct fs_newer_range *range, const char *key);

#endif

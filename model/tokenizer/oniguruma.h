/* Regular expressions of tokenizer.json are Oniguruma's (doc/RE, Ruby's syntax); PCRE2 runs them, spelled its way. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_ONIGURUMA_H
#define FAIRSTAMP_MODEL_TOKENIZER_ONIGURUMA_H

#include "io/error.h"

/*
 * PCRE2 has one Unicode version for all, Oniguruma another (16). FS_AS_PCRE2 takes PCRE2's properties: fast, and right
 * for all characters but those of fs_is_newer. FS_AS_ONIGURUMA names these one by one: right for all; the same text where
 * the pattern asks for no property.
 */
enum fs_properties { FS_AS_PCRE2, FS_AS_ONIGURUMA };

/*
 * Spells out for PCRE2 (UTF, UCP, MULTILINE) what it reads otherwise or not at all: the classes \s \w \h, \b, [:name:],
 * scripts in \p{...}, sets within sets and their intersections, (?m), {,n}, \v. What it reads alike stays as it is.
 * `*spelled` is freed by the caller. FS_EXIT_DATA names what cannot be spelled; `name` is the file and place.
 */
int fs_oniguruma_spell(const char *name, const char *text, enum fs_properties properties, char **spelled,
                       struct fs_error *err);

#endif

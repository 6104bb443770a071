/* Regular expressions of tokenizer.json are Oniguruma's (doc/RE, Ruby's syntax); PCRE2 runs them, spelled its way. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_ONIGURUMA_H
#define FAIRSTAMP_MODEL_TOKENIZER_ONIGURUMA_H

#include "io/error.h"

/*
 * Spells out for PCRE2 (UTF, UCP, MULTILINE) what it reads otherwise or not at all: the classes \s \w \h, \b, [:name:],
 * scripts in \p{...}, sets within sets and their intersections, (?m), {,n}, \v. What it reads alike stays as it is.
 * `*spelled` is freed by the caller. FS_EXIT_DATA names what cannot be spelled; `name` is the file and place.
 */
int fs_oniguruma_spell(const char *name, const char *text, char **spelled, struct fs_error *err);

#endif

/* A pattern to look for in text: a plain string, or a regular expression of tokenizer.json run by PCRE2. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_PATTERN_H
#define FAIRSTAMP_MODEL_TOKENIZER_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stddef.h>

#include "io/error.h"

struct fs_pattern {
    char *literal; /* NULL: use code */
    size_t length;
    pcre2_code *code;
    pcre2_code *newer; /* for texts with a character of fs_is_newer; NULL: code does */
};

/* `name` is the file and place, for errors. The owner releases the pattern. An empty pattern is an error. */
int fs_pattern_literal(struct fs_pattern *pattern, const char *name, const char *text, struct fs_error *err);
/* An expression of the `tokenizers` library, whose meaning is Oniguruma's: model/tokenizer/oniguruma.h. */
int fs_pattern_regex(struct fs_pattern *pattern, const char *name, const char *text, struct fs_error *err);
void fs_pattern_release(struct fs_pattern *pattern); /* zeroes it */

/* Looks for matches in one subject of valid UTF-8; safe from several threads, each with its own search. */
struct fs_search {
    const struct fs_pattern *pattern;
    const pcre2_code *code; /* the pattern's, for this subject */
    const unsigned char *data;
    size_t count;
    size_t from; /* where the next match is looked for */
    size_t last; /* where the last one ended, SIZE_MAX: there was none */
    pcre2_match_data *match;
};
int fs_search_begin(struct fs_search *search, const struct fs_pattern *pattern, struct fs_error *err);
void fs_search_subject(struct fs_search *search, const unsigned char *data, size_t count);
/*
 * 1 and the next match, 0 where there is none left, -1 with `err`. A match may be empty, but none that ends where the last
 * one ended: as Oniguruma's bindings search.
 */
int fs_search_next(struct fs_search *search, size_t *begin, size_t *end, struct fs_error *err);
void fs_search_end(struct fs_search *search);

#endif

#include "model/tokenizer/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/oniguruma.h"
#include "model/tokenizer/unicode.h"

int fs_pattern_literal(struct fs_pattern *pattern, const char *name, const char *text, struct fs_error *err)
{
    memset(pattern, 0, sizeof *pattern);
    pattern->length = strlen(text);
    if (pattern->length == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found an empty pattern, expected some text", name);
    }
    pattern->literal = strdup(text);
    if (pattern->literal == NULL) {
        return fs_error_memory(err, pattern->length, "a pattern");
    }
    return 0;
}

/* NULL with `err` where the expression is none. */
static pcre2_code *compile(const char *name, const char *text, const char *spelled, struct fs_error *err)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)spelled, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
    if (compiled == NULL) {
        PCRE2_UCHAR message[256] = "";
        pcre2_get_error_message(code, message, sizeof message);
        fs_error_set(err, FS_EXIT_DATA, "%s: pattern \"%.200s\": %s; expected a regular expression of PCRE2", name,
                     text, (const char *)message);
        return NULL;
    }
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* where JIT is missing, the interpreter does the same */
    return compiled;
}

int fs_pattern_regex(struct fs_pattern *pattern, const char *name, const char *text, struct fs_error *err)
{
    memset(pattern, 0, sizeof *pattern);
    size_t length = strlen(text);
    if (length == 0 || length > 16384) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found a pattern of %zu bytes, expected 1 to 16384", name, length);
    }
    char *spelled = NULL, *newer = NULL;
    int status = fs_oniguruma_spell(name, text, FS_AS_PCRE2, &spelled, err) ||
                         fs_oniguruma_spell(name, text, FS_AS_ONIGURUMA, &newer, err)
                     ? -1
                     : 0;
    if (status == 0) {
        pattern->code = compile(name, text, spelled, err);
    }
    if (pattern->code != NULL && strcmp(spelled, newer) != 0) {
        pattern->newer = compile(name, text, newer, err);
    }
    bool failed = pattern->code == NULL || (pattern->newer == NULL && strcmp(spelled, newer) != 0);
    free(spelled);
    free(newer);
    return status || failed ? -1 : 0;
}

void fs_pattern_release(struct fs_pattern *pattern)
{
    free(pattern->literal);
    pcre2_code_free(pattern->code);
    pcre2_code_free(pattern->newer);
    memset(pattern, 0, sizeof *pattern);
}

int fs_search_begin(struct fs_search *search, const struct fs_pattern *pattern, struct fs_error *err)
{
    memset(search, 0, sizeof *search);
    search->pattern = pattern;
    if (pattern->literal != NULL) {
        return 0;
    }
    search->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    return search->match != NULL ? 0 : fs_error_memory(err, 1024, "a match");
}

static bool has_newer(const unsigned char *data, size_t count)
{
    for (size_t at = 0; at < count;) {
        uint32_t character;
        if (data[at] < 0xC0) {
            at++;
            continue;
        }
        at += fs_utf8_decode(data + at, &character);
        if (fs_is_newer(character)) {
            return true;
        }
    }
    return false;
}

void fs_search_subject(struct fs_search *search, const unsigned char *data, size_t count)
{
    const struct fs_pattern *pattern = search->pattern;
    search->code = pattern->newer != NULL && has_newer(data, count) ? pattern->newer : pattern->code;
    search->data = data;
    search->count = count;
    search->from = 0;
    search->last = SIZE_MAX;
}

static int next_literal(struct fs_search *search, size_t *begin, size_t *end)
{
    const unsigned char *found = search->from < search->count
                                     ? memmem(search->data + search->from, search->count - search->from,
                                              search->pattern->literal, search->pattern->length)
                                     : NULL;
    if (found == NULL) {
        return 0;
    }
    *begin = (size_t)(found - search->data);
    *end = search->from = *begin + search->pattern->length;
    return 1;
}

int fs_search_next(struct fs_search *search, size_t *begin, size_t *end, struct fs_error *err)
{
    if (search->pattern->literal != NULL) {
        return next_literal(search, begin, end);
    }
    while (search->from <= search->count && search->count > 0) {
        int status = pcre2_match(search->code, search->data, search->count, search->from, PCRE2_NO_UTF_CHECK,
                                 search->match, NULL);
        if (status == PCRE2_ERROR_NOMATCH) {
            return 0;
        }
        if (status < 0) {
            PCRE2_UCHAR message[256] = "";
            pcre2_get_error_message(status, message, sizeof message);
            return fs_error_set(err, FS_EXIT_DATA,
                                "the tokenizer's regular expression fails on a text of %zu bytes: %s; shorten the text",
                                search->count, (const char *)message);
        }
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(search->match);
        bool moved = range[1] < search->from || range[0] > range[1]; /* \K or a look-behind can do this */
        if (!moved && (range[0] < range[1] || range[1] != search->last)) {
            *begin = range[0] < search->from ? search->from : range[0];
            *end = search->from = search->last = range[1];
            return 1;
        }
        if (search->from >= search->count) {
            return 0;
        }
        search->from += fs_utf8_length(search->data[search->from]);
    }
    return 0;
}

void fs_search_end(struct fs_search *search)
{
    pcre2_match_data_free(search->match);
    memset(search, 0, sizeof *search);
}

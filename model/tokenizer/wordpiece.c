#include "model/tokenizer/wordpiece.h"

#include <stdlib.h>
#include <string.h>

int fs_wordpiece_init(struct fs_wordpiece *wordpiece, const struct fs_vocabulary *vocabulary, const char *prefix,
                      size_t max_characters, int32_t unknown, struct fs_error *err)
{
    wordpiece->vocabulary = vocabulary;
    wordpiece->max_characters = max_characters;
    wordpiece->unknown = unknown;
    wordpiece->prefix = strdup(prefix);
    if (wordpiece->prefix == NULL) {
        return fs_error_memory(err, strlen(prefix), "a WordPiece prefix");
    }
    for (size_t id = 0; id < vocabulary->size; id++) {
        if (vocabulary->entry[id].length > wordpiece->max_token) {
            wordpiece->max_token = vocabulary->entry[id].length;
        }
    }
    return 0;
}

/* The longest token at `at`, -1 where there is none; `candidate` begins with the prefix and has room for any token. */
static int32_t longest(const struct fs_wordpiece *wordpiece, const unsigned char *word, size_t at, size_t length,
                       unsigned char *candidate, size_t prefix, size_t *end)
{
    if (prefix >= wordpiece->max_token) {
        return -1;
    }
    size_t room = wordpiece->max_token - prefix;
    *end = length - at > room ? at + room : length;
    memcpy(candidate + prefix, word + at, *end - at);
    for (;;) {
        while (*end > at && *end < length && (word[*end] & 0xC0) == 0x80) {
            --*end;
        }
        if (*end == at) {
            return -1;
        }
        int32_t id = fs_vocabulary_find(wordpiece->vocabulary, candidate, prefix + *end - at);
        if (id >= 0) {
            return id;
        }
        --*end;
    }
}

int fs_wordpiece_encode(const struct fs_wordpiece *wordpiece, const unsigned char *word, size_t length, int32_t **id,
                        size_t *count, struct fs_error *err)
{
    size_t characters = 0, prefix = strlen(wordpiece->prefix);
    for (size_t i = 0; i < length; i++) {
        characters += (word[i] & 0xC0) != 0x80;
    }
    bool unknown = characters > wordpiece->max_characters;
    *id = fs_allocate(unknown ? 1 : length + 1, sizeof **id, "the tokens of a word", err);
    unsigned char *candidate = *id != NULL ? fs_allocate(wordpiece->max_token + prefix + 1, 1, "a token", err) : NULL;
    if (candidate == NULL) {
        free(*id);
        return -1;
    }
    *count = 0;
    for (size_t at = 0, end = 0; at < length && !unknown; at = end) {
        size_t used = at == 0 ? 0 : prefix;
        memcpy(candidate, wordpiece->prefix, used);
        int32_t found = longest(wordpiece, word, at, length, candidate, used, &end);
        unknown = found < 0;
        (*id)[(*count)++] = found;
    }
    if (unknown) {
        (*id)[0] = wordpiece->unknown;
        *count = 1;
    }
    free(candidate);
    return 0;
}

void fs_wordpiece_release(struct fs_wordpiece *wordpiece)
{
    free(wordpiece->prefix);
    memset(wordpiece, 0, sizeof *wordpiece);
}

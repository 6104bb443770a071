/* Tokens by text and by id: one hash table over one arena of bytes. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_VOCABULARY_H
#define FAIRSTAMP_MODEL_TOKENIZER_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

/* No model has more: a damaged file must not make us allocate for an id of 2 thousand million. */
#define FS_VOCABULARY_LIMIT ((int64_t)1 << 22)

struct fs_vocabulary {
    unsigned char *arena;
    size_t arena_used, arena_capacity;
    struct fs_vocabulary_entry {
        size_t offset; /* in the arena */
        size_t length;
        bool present;   /* ids may have gaps, which have no text */
        bool added;     /* known as an added token alone; the model's algorithm never makes it */
    } * entry;          /* [size], by id */
    size_t size;        /* largest id + 1 */
    size_t capacity;    /* of entry */
    int32_t *slot;      /* [slots] id or -1 */
    size_t slots, used; /* slots: a power of two */
    size_t moved;       /* tokens that fs_vocabulary_put gave another id */
};

/* Adds a token. `name` is the file, for errors: an id out of range, an id or a text that is there already. */
int fs_vocabulary_add(struct fs_vocabulary *vocabulary, const char *name, const void *text, size_t length, int64_t id,
                      bool added, struct fs_error *err);
/* The same of lines in the order of their ids, where a text that is there already belongs to its last line. */
int fs_vocabulary_put(struct fs_vocabulary *vocabulary, const char *name, const void *text, size_t length, int64_t id,
                      struct fs_error *err);
/* There must be a token. */
int fs_vocabulary_complete(const struct fs_vocabulary *vocabulary, const char *name, struct fs_error *err);
/* The id of a token, -1 where there is none. fs_vocabulary_find sees only what the model's algorithm may make. */
int32_t fs_vocabulary_find(const struct fs_vocabulary *vocabulary, const void *text, size_t length);
int32_t fs_vocabulary_find_any(const struct fs_vocabulary *vocabulary, const void *text, size_t length);
int32_t fs_vocabulary_find_byte(const struct fs_vocabulary *vocabulary, unsigned char byte); /* <0xNN> */
const unsigned char *fs_vocabulary_text(const struct fs_vocabulary *vocabulary, int32_t id, size_t *length);
void fs_vocabulary_release(struct fs_vocabulary *vocabulary); /* zeroes it */

#endif

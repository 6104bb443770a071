/*
 * Compiled character maps of SentencePiece (NormalizerSpec.precompiled_charsmap; `Precompiled` in tokenizer.json): the
 * size of a trie in bytes (u32, little endian), its units (Darts-clone, u32 each), then texts, each ended by a zero
 * byte. A key of the trie has the place of its text.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_CHARSMAP_H
#define FAIRSTAMP_MODEL_TOKENIZER_CHARSMAP_H

#include "model/tokenizer/text.h"

struct fs_charsmap {
    uint32_t *unit; /* [units]; any value: every step is checked */
    size_t units;
    unsigned char *text; /* [text_size], valid UTF-8 */
    size_t text_size;
    struct fs_kept_text {
        unsigned char *text;
        size_t length;
    } * kept; /* [kept_count] texts that fs_charsmap_apply_longest leaves as they are */
    size_t kept_count, kept_capacity;
};

/* Reads `size` bytes; `name` is the file and place, for errors. `map` is zeroed before; the owner releases it. */
int fs_charsmap_read(struct fs_charsmap *map, const char *name, const unsigned char *data, size_t size,
                     struct fs_error *err);
/* The same from base64, as tokenizer.json has it. */
int fs_charsmap_read_base64(struct fs_charsmap *map, const char *name, const char *text, struct fs_error *err);
/* Adds a text to `kept`; copies it. */
int fs_charsmap_keep(struct fs_charsmap *map, const unsigned char *text, size_t length, struct fs_error *err);
void fs_charsmap_release(struct fs_charsmap *map); /* zeroes it */

/*
 * Rewrites `text` as the `tokenizers` library does: a grapheme cluster of fewer than 6 bytes becomes what its shortest
 * prefix in the map becomes; in longer ones, and where none is, each character by itself. FS_EXIT_DATA: a damaged map.
 */
int fs_charsmap_apply(const struct fs_charsmap *map, struct fs_text *text, struct fs_error *err);
/* As the SentencePiece library does: the longest kept text, else the longest prefix in the map, again and again.
 * `*blank`: each became one space. */
int fs_charsmap_apply_longest(const struct fs_charsmap *map, struct fs_text *text, bool *blank, struct fs_error *err);

#endif

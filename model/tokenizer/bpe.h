/*
 * Byte pair encoding of one word: neighbours are merged, best pair first, leftmost of equals, until none is left. A
 * heap over a linked list of symbols: n log n steps for a word of n characters.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_BPE_H
#define FAIRSTAMP_MODEL_TOKENIZER_BPE_H

#include "model/tokenizer/text.h"
#include "model/tokenizer/vocabulary.h"

/* No prefix or suffix of a symbol is longer. */
enum { FS_BPE_AFFIX = 64 };

struct fs_bpe {
    const struct fs_vocabulary *vocabulary; /* not owned */

    /* HuggingFace: a table of merges. The key is left id << 32 | right id, UINT64_MAX where a slot is free. */
    struct fs_bpe_merge {
        uint64_t key;
        uint32_t rank;
        int32_t id;
    } * merge;                       /* [merge_slots], a power of two */
    size_t merge_slots, merge_count; /* merge_slots 0: no table */

    /* SentencePiece: two neighbours merge where their joint text is a piece; the best score has rank 0. */
    uint32_t *piece_rank;  /* [vocabulary->size], UINT32_MAX: no result of a merge; NULL: use the table */
    int32_t *user_defined; /* [user_defined_count] pieces that are cut out whole before any merge */
    size_t user_defined_count;

    bool byte_level;          /* symbols are bytes in GPT-2's alphabet, else characters */
    bool byte_fallback;       /* a character without token becomes its bytes' tokens */
    int32_t byte_symbol[256]; /* byte_level: the token of each byte; byte_fallback: that of <0xNN>; -1: none */
    int32_t unknown;          /* -1: characters without token are dropped */
    bool fuse_unknown;        /* a run of unknown characters is one token */
    bool ignore_merges;       /* a word that is a token is taken whole */
    char *prefix, *suffix;    /* of the symbols that begin no word, end a word: "##", "</w>"; NULL: none; owned */
};

/* One token of a word, as a byte range of the text. */
struct fs_bpe_symbol {
    int32_t id; /* -1: no token, while SentencePiece merges */
    size_t begin, end;
    size_t previous, next; /* SIZE_MAX: none */
    bool frozen;           /* user defined: never merged */
};

/* The text of one token, as a merge names it. Not owned, and no zero byte ends it. */
struct fs_bpe_part {
    const void *text;
    size_t length;
};

/* Adds the merge of rank `rank`; the parts and their joint text must be tokens. A later merge of the same pair replaces
 * the earlier. `name` is the file, for errors: FS_EXIT_DATA where one is no token. */
int fs_bpe_add_merge(struct fs_bpe *bpe, const char *name, struct fs_bpe_part left, struct fs_bpe_part right,
                     uint32_t rank, struct fs_error *err);
/* Looks up byte_symbol; needs the vocabulary and byte_level or byte_fallback. */
void fs_bpe_find_bytes(struct fs_bpe *bpe);
/*
 * Encodes bytes [begin, end) of `text`. `*symbol` is an array of `*count` tokens that the caller frees.
 */
int fs_bpe_encode(const struct fs_bpe *bpe, const struct fs_text *text, size_t begin, size_t end,
                  struct fs_bpe_symbol **symbol, size_t *count, struct fs_error *err);
void fs_bpe_release(struct fs_bpe *bpe); /* zeroes it */

/* The byte that a character of GPT-2's alphabet (encoder.py, bytes_to_unicode) stands for; -1: none. */
int fs_character_to_byte(uint32_t character);
/* Appends the characters that stand for the bytes [begin, end) of `from`. */
int fs_append_byte_characters(struct fs_text *result, const struct fs_text *from, size_t begin, size_t end,
                              struct fs_error *err);

#endif

/*
 * Unigram language model of one word: of all ways to cut it into pieces, the one whose scores sum highest (Kudo 2018,
 * arXiv:1804.10959, Viterbi). A trie of all pieces: steps and memory grow with the word's length times the depth that
 * matches, and no piece is looked up by itself.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_UNIGRAM_H
#define FAIRSTAMP_MODEL_TOKENIZER_UNIGRAM_H

#include "model/tokenizer/bpe.h"

struct fs_unigram {
    const struct fs_vocabulary *vocabulary; /* not owned */
    double *score;                          /* [vocabulary->size], by id */
    double unknown_score;                   /* of a character where no piece of one character begins */
    int32_t unknown;                        /* -1: a text with an unknown character is an error */
    bool byte_fallback;                     /* unknown characters are their bytes' tokens, where each byte has one */
    int32_t byte_symbol[256];               /* -1: none */

    /* Single precision, and unknown characters by themselves until the end, as in the SentencePiece library. */
    bool sentencepiece;

    /* Node n has children child[n] to child[n + 1] - 1, in the order of their bytes; node 0 is the root. */
    uint32_t *child;     /* [nodes + 1] */
    int32_t *piece;      /* [nodes] the piece that ends here, -1: none */
    unsigned char *byte; /* [nodes] the last byte of the way here */
    size_t nodes;
    uint32_t first[256]; /* the root's child by its byte, 0: none */
};

/*
 * Builds the trie of the ids that `score` [vocabulary->size] has a number for: NAN leaves an id out. Takes `score` over,
 * on failure too. The caller sets the other members before, and releases.
 */
int fs_unigram_init(struct fs_unigram *unigram, const struct fs_vocabulary *vocabulary, double *score,
                    struct fs_error *err);
/*
 * Encodes bytes [begin, end) of `text`, not empty. `*symbol` is an array of `*count` tokens that the caller frees.
 * FS_EXIT_DATA: a character without piece, and no unknown token.
 */
int fs_unigram_encode(const struct fs_unigram *unigram, const struct fs_text *text, size_t begin, size_t end,
                      struct fs_bpe_symbol **symbol, size_t *count, struct fs_error *err);
void fs_unigram_release(struct fs_unigram *unigram); /* zeroes it */

#endif

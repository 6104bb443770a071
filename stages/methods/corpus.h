/*
 * The tokens of a text file that a model is trained on further: UTF-8, one paragraph a line. Lines follow each other without
 * padding, each between the special tokens of masked models, or with end-of-text behind it, and are cut into blocks of one
 * length; what is behind the last whole block is left out. With words to exchange, only lines that have some count, once for
 * each category: the line with its words exchanged, then as it is. Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_CORPUS_H
#define FAIRSTAMP_STAGES_METHODS_CORPUS_H

#include "model/families/spec.h"
#include "model/tokenizer/tokenizer.h"
#include "stages/methods/word_swap.h"

struct fs_corpus_form {
    const struct fs_tokenizer *tokenizer;
    enum fs_model_kind kind;
    const struct fs_word_swap *swap; /* [swaps] a category each */
    size_t swaps;                    /* 0: lines as they are */
    size_t block;                    /* tokens of a block, at least 2 */
    size_t most;                     /* the file is read until there are so many tokens */
};

struct fs_corpus {
    int32_t *token;
    size_t tokens, capacity;
    size_t block;     /* that of the form; of a shorter text all tokens */
    size_t blocks;    /* at least 1 */
    size_t lines;     /* that were read and have a word */
    size_t exchanged; /* lines that count, once for each category */
};

/* FS_EXIT_NO_INPUT, FS_EXIT_DATA where it is no text in UTF-8, or has not two tokens. The caller releases, also on failure. */
int fs_corpus_read(const char *path, const struct fs_corpus_form *form, struct fs_corpus *corpus, struct fs_error *err);
void fs_corpus_release(struct fs_corpus *corpus); /* takes a zeroed struct */

#endif

/*
 * Tokenizer classes of transformers that put another order of ids, and a pipeline of their own, over a Unigram model of
 * SentencePiece: XLMRobertaTokenizer and its kin. Source: the classes and converters of transformers 5.24.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_PIECE_CLASSES_H
#define FAIRSTAMP_MODEL_TOKENIZER_PIECE_CLASSES_H

#include "model/tokenizer/sentencepiece.h"
#include "model/tokenizer/tokenizer_internal.h"

struct fs_piece_class;

/* The row of a class's name, as in struct fs_tokenizer_class; NULL: none. */
const struct fs_piece_class *fs_piece_class_find(const char *name);
/*
 * Fills the tokenizer but for what fs_settings_apply does. FS_EXIT_DATA: a model with fewer pieces than the class takes
 * off, a token twice, a damaged character map, a key of tokenizer_config.json with a value of another kind.
 */
int fs_piece_class_use(const struct fs_piece_class *class, struct fs_tokenizer *tokenizer,
                       const struct fs_settings *settings, const struct fs_sentencepiece *model, const char *path,
                       struct fs_error *err);

#endif

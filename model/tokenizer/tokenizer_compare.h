/* Whether two tokenizers are one: their tokens, their special tokens, and how they encode. Local. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_COMPARE_H
#define FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_COMPARE_H

#include "model/tokenizer/tokenizer.h"

/*
 * 0 where both give the same ids: equal sizes and special tokens, every id the same text, and every such text, alone and
 * before the next one, the same encoding. FS_EXIT_DATA names the first difference.
 */
int fs_tokenizers_compare(const struct fs_tokenizer *one, const struct fs_tokenizer *other, struct fs_error *err);

#endif

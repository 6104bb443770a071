/*
 * What a class lets tokenizer_config.json change of the pipeline that tokenizer.json made: the `overrule` of the rows
 * of classes.h. Each thing that is changed is a line of the tokenizer's explanation. Local.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_OVERRULE_H
#define FAIRSTAMP_MODEL_TOKENIZER_OVERRULE_H

#include "io/error.h"

struct fs_tokenizer;
struct fs_settings;

/* do_lower_case (default true), strip_accents (as lower case), tokenize_chinese_chars (true) of a BertNormalizer that
 * is the whole normalizer. */
int fs_overrule_bert(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
/* add_prefix_space (false) of a ByteLevel that is the whole pre-tokenizer. */
int fs_overrule_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
/* add_prefix_space, where true, of each ByteLevel. */
int fs_overrule_cohere(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
/* add_prefix_space, where false: no sign of a space before the text. */
int fs_overrule_llama(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);

/* Nothing; says what transformers 4 does otherwise. For classes without an algorithm of their own. */
int fs_overrule_nothing(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);

#endif
